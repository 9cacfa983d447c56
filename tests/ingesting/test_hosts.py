"""Builds on real hosts: the dataset of hosts is made first, and what it lacks is said."""

import pytest
from PIL import Image

from synthmammo.building.assemble import Assembler
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from tests.support import tiny

LESION = {"kind": "mass", "classes": ["malignant"], "diameter_mm": [10, 14], "placement": tiny.PLACEMENT}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Four phantoms as PNG files with a table that knows neither spacing nor view."""
    folder = tmp_path_factory.mktemp("archive")
    recipe = tiny.recipe(size=4, lesions=[], classes={"normal": 1})
    rows = [as_row(record) for table in tables(recipe) for record in table.to_pylist()]
    lines = ["file,patient,label"]
    for sample in Assembler(recipe).samples(rows):
        Image.fromarray(sample.image).save(folder / f"{sample.key}.png")
        lines.append(f"{sample.key}.png,{sample.key},normal")
    (folder / "table.csv").write_text("\n".join(lines))
    return folder


def recipe(tmp_path, archive, options=None, **background):
    ingest = {"source": "folder", "path": str(archive), "options": options or {}}
    emit = {"formats": ["parquet"], "preview_px": 64}
    return tiny.write(
        tmp_path / "real.yaml",
        name="real",
        size=4,
        splits=None,
        classes={"malignant": 1},
        lesions=[LESION],
        emit=emit,
        background={"generator": "ingested", "dataset": str(tmp_path / "hosts"), "ingest": ingest, **background},
    )


def test_hosts_are_ingested_once_and_built_upon(tmp_path, archive):
    path = recipe(tmp_path, archive, assume_spacing_mm=2.0)
    first = tiny.run("build", path, "--out", tmp_path / "out", "--workers", 1)
    assert first.exit_code == 0 and "4 hosts ingested to" in first.output
    again = tiny.run("build", path, "--out", tmp_path / "again", "--workers", 1)
    assert again.exit_code == 0 and "hosts ingested" not in again.output
    assert tiny.files(tmp_path / "out") == tiny.files(tmp_path / "again")
    hosts = {sample.key: sample for sample in Dataset.open(tmp_path / "hosts")}
    for sample in Dataset.open(tmp_path / "out"):
        host = hosts[sample.provenance["host"]["key"]]
        assert (sample.split, sample.patient) == (host.split, host.patient)
        changed = sample.image != host.image
        assert changed.any() and not changed[~host.breast].any()
        assert str(sample.spacing_origin) == "assumed"
    assert "**assumed**" in (tmp_path / "out" / "README.md").read_text()
    assert tiny.run("verify", tmp_path / "out", "--pixels", 4).exit_code == 0


def test_other_hosts_are_another_dataset(tmp_path, archive):
    path = recipe(tmp_path, archive, assume_spacing_mm=2.0)
    assert tiny.run("build", path, "--out", tmp_path / "out", "--workers", 1).exit_code == 0
    manifest = Manifest.read(tmp_path / "hosts")
    text = (tmp_path / "hosts" / "manifest.json").read_text()
    (tmp_path / "hosts" / "manifest.json").write_text(text.replace(manifest.digest, "0" * 64))
    again = tiny.run("build", path, "--out", tmp_path / "out", "--workers", 1)
    assert again.exit_code == 1 and "made from something else" in again.output


def test_unknown_spacing_is_a_message_also_from_another_process(tmp_path, archive):
    result = tiny.run("build", recipe(tmp_path, archive), "--out", tmp_path / "out", "--workers", 2)
    assert result.exit_code == 1
    assert "spacing is unknown" in result.output and "assume_spacing_mm" in result.output


def test_a_format_that_needs_more_than_the_hosts_know(tmp_path, archive):
    path = recipe(tmp_path, archive, assume_spacing_mm=2.0)
    setting = "emit.formats=[parquet, dicom]"
    result = tiny.run("build", path, "--out", tmp_path / "out", "--workers", 1, "--set", setting)
    assert result.exit_code == 1 and "DICOM" in result.output and "Leave DICOM out" in result.output
    assert not [path for path in (tmp_path / "out").rglob("*") if "partial" in path.name]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"assume_spacing": 2.0}, "Did you mean 'assume_spacing_mm'?"), ({"geometry": "round"}, "geometry")],
)
def test_options_of_ingest_are_checked_by_name(tmp_path, archive, options, says):
    result = tiny.run("build", recipe(tmp_path, archive, options), "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 1 and "background.ingest.options" in result.output and says in result.output


def test_an_archive_that_is_not_there(tmp_path):
    result = tiny.run("build", recipe(tmp_path, tmp_path / "none"), "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 1 and "none" in result.output and not (tmp_path / "out").exists()
