import hashlib
import json

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset import statements as facts
from synthmammo.dataset.croissant import croissant
from synthmammo.dataset.index import read_index
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.parquet import features
from tests.support import elsewhere, tiny


def described(directory):
    return json.loads((directory / "croissant.json").read_text())


def test_every_file_is_listed_with_its_digest(built):
    listed = {one["@id"]: one["sha256"] for one in described(built)["distribution"] if one["@type"] == "cr:FileObject"}
    there = {str(path.relative_to(built)) for path in built.rglob("*") if path.is_file()}
    own = {"README.md", "manifest.json", "croissant.json", "figures/samples.png"}
    assert set(listed) == {name for name in there if not name.startswith("dicom/")} - own
    for name, sha256 in listed.items():
        assert hashlib.sha256((built / name).read_bytes()).hexdigest() == sha256


def test_it_is_part_of_the_content(built):
    assert {"croissant.json", "provenance.json"} <= set(Manifest.read(built).files)


def test_every_column_is_a_field_with_a_description(built):
    (samples,) = (one for one in described(built)["recordSet"] if one["@id"] == "samples")
    assert [one["@id"] for one in samples["field"]] == [f"samples/{name}" for name in features(["normal"])]
    for one in samples["field"]:
        assert all(each["description"] for each in [one, *one.get("subField", [])])


CHECK = """
import json, logging
import numpy as np
import mlcroissant

dataset = mlcroissant.Dataset(DIR + "/croissant.json")
issues = dataset.metadata.ctx.issues
print(json.dumps([sorted(issues.errors), sorted(str(warning) for warning in issues.warnings)]))
assert dataset.metadata.data_biases and dataset.metadata.personal_sensitive_information
assert dataset.metadata.data_collection and dataset.metadata.data_use_cases and dataset.metadata.data_limitations
assert dataset.metadata.data_social_impact
records = list(dataset.records("samples"))
assert [each["splits/name"] for each in dataset.records("splits")] == ["train", "validation", "test"]
for record in records:
    assert record["samples/image"].mode == "I;16"
    for finding in record["samples/findings"]:
        row0, col0, row1, col1 = map(int, finding["samples/findings/box"])
        inside = np.nonzero(np.asarray(record["samples/lesions"]) == finding["samples/findings/label"])
        assert (inside[0].min(), inside[1].min(), inside[0].max() + 1, inside[1].max() + 1) == (row0, col0, row1, col1)
print(json.dumps(sorted(record["samples/key"].decode() for record in records)))
"""


def test_mlcroissant_finds_no_error_and_reads_the_samples(built, tmp_path):
    pytest.importorskip("mlcroissant", reason="mlcroissant is not installed; it comes with [dev]")
    issues, keys = elsewhere.run(f"DIR = {str(built)!r}\n" + CHECK, tmp_path).splitlines()
    errors, warnings = json.loads(issues)
    assert errors == []
    # What only a publisher knows; everything else that is recommended is there.
    assert all(any(word in warning for word in ("citeAs", "datePublished", "version")) for warning in warnings)
    assert json.loads(keys) == sorted(row["key"] for row in read_index(built).to_pylist())


def manifest(**changes):
    facts = {"kind": "built", "name": "n", "digest": "d", "options": {"background": {"generator": "phantom"}}}
    return Manifest(**{**facts, "origin": "synthetic", **changes})


def test_models_are_named_with_what_they_were_trained_on():
    models = {"zoo/m": {"makes": "mammograms", "training_data": {"name": "films", "digest": "abc"}}}
    content = croissant(manifest(options={"background": {"generator": "stylegan2"}}, models=models), [], [])
    assert "`films` (digest `abc`)" in content["rai:dataCollection"]
    (persons,) = content["rai:personalSensitiveInformation"]
    assert "remembered" in persons
    unknown = croissant(manifest(models={"zoo/m": {"training_data": {}}}), [], [])
    assert "data that its file does not name" in unknown["rai:dataCollection"]


@pytest.mark.parametrize("kind", ["ingested", "patches"])
def test_real_images_are_never_called_synthetic(kind):
    content = croissant(manifest(kind=kind, options={"source": "dicom"}, origin="real"), [], [])
    assert "synthetic data" not in content["keywords"]
    said = {"ingested": "Some pixels are of real people", "patches": "Cut from another dataset"}[kind]
    assert content["rai:personalSensitiveInformation"][0].startswith(said)
    assert facts.holds_real_images(manifest(kind=kind, origin="real"))


def test_real_hosts_are_said_to_be_real():
    options = {"background": {"generator": "ingested"}}
    hosts = manifest(options=options, sources={"datasets/films": "abc"}, origin="mixed")
    assert "real mammograms from `datasets/films`" in croissant(hosts, [], [])["rai:dataCollection"]


def test_inverted_images_are_treated_as_those_of_people():
    options = {"background": {"generator": "stylegan2", "latents": "films.safetensors"}}
    inverted = manifest(options=options, origin="mixed")
    assert facts.holds_real_images(inverted) and not facts.holds_real_images(manifest())
    assert "treat them as those" in croissant(inverted, [], [])["rai:personalSensitiveInformation"][0]


def test_a_dataset_without_parquet_has_no_records(tmp_path):
    make_dataset(tiny.recipe(size=3, emit={"formats": ["webdataset"], "preview_px": 64}), tmp_path, engine=Local(1))
    content = described(tmp_path)
    assert "recordSet" not in content and any(one["@id"].endswith(".tar") for one in content["distribution"])
