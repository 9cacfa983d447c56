"""A manifest comes back as it was written, and equal content has equal digests; what is none of ours is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import FORMAT_VERSION, Manifest, ShardRecord, content_digest, digests, machine
from synthmammo.errors import DatasetError
from synthmammo.identity import file_digest

WHOLE = Manifest(
    kind="built",
    name="d",
    digest="0" * 64,
    options={"size": 3},
    counts={"train": {"benign": 1, "normal": 2}, "test": {"normal": 4}},
    findings={"mass": {"benign": 1}},
    shards=(ShardRecord("parquet", "train", "parquet/train-00000-of-00001.parquet", 3, 10, "1" * 64),),
    failed=({"key": "k", "reason": "r"},),
    citation="Müller et al.",
    origin="synthetic",
    made_by=({"name": "phantom", "samples": 7},),
)


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    assert WHOLE.write(tmp_path) == tmp_path / MANIFEST
    assert Manifest.read(tmp_path) == WHOLE


def test_equal_manifests_are_equal_files_whatever_the_order_of_their_names(tmp_path):
    path = WHOLE.write(tmp_path)
    before = path.read_bytes()
    replace(WHOLE, counts=dict(reversed(WHOLE.counts.items()))).write(tmp_path)
    assert path.read_bytes() == before


def test_samples_are_counted_over_splits_and_classes():
    assert WHOLE.samples == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format_version=FORMAT_VERSION + 1), "format_version"),
        (lambda content: content.pop("shards"), "not a manifest of this package"),
        (lambda content: content.update(surprise=1), "not a manifest of this package"),
        (lambda content: content["shards"][0].pop("sha256"), "not a manifest of this package"),
    ],
)
def test_what_is_no_manifest_of_this_version_is_refused_by_name(tmp_path, change, message):
    path = WHOLE.write(tmp_path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=message) as error:
        Manifest.read(tmp_path)
    assert error.value.where == path


def test_a_directory_without_one_is_unfinished(tmp_path):
    with pytest.raises(DatasetError, match="not a finished dataset"):
        Manifest.read(tmp_path)


def test_a_folders_digest_is_that_of_its_files_names_and_contents(tmp_path):
    for name in ("b", "a"):
        (tmp_path / "one").mkdir(exist_ok=True)
        (tmp_path / "one" / name).write_text(name)
    for name in ("a", "b"):
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / name).write_text(name)
    assert content_digest(tmp_path / "one") == content_digest(tmp_path / "two")
    assert digests(tmp_path, ["two", "one"]) == dict.fromkeys(("one", "two"), content_digest(tmp_path / "one"))
    (tmp_path / "two" / "a").rename(tmp_path / "two" / "c")
    assert content_digest(tmp_path / "one") != content_digest(tmp_path / "two")
    assert content_digest(tmp_path / "one" / "a") == file_digest(tmp_path / "one" / "a")


@pytest.mark.parametrize("extensions", [{}, {"found": []}, {"not found": ["AVX2"]}])
def test_a_machine_without_extensions_is_a_baseline(monkeypatch, extensions):
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": extensions})
    assert machine()["instruction_set"] == "baseline"


def test_a_machine_is_told_by_its_widest_extension(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": {"found": ["SSE41", "AVX2"]}})
    assert machine("cuda")["instruction_set"] == "AVX2"
    assert machine("cuda")["device"] == "cuda"
