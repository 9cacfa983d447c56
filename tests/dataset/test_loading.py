"""The card says for each format of a dataset, and for no other, how it is loaded; its programs are programs."""

import ast
import re
from dataclasses import replace

import pytest

from synthmammo.dataset.loading import filled_text, loading
from synthmammo.dataset.manifest import Manifest, ShardRecord


def with_shards(*formats, shards=1, options=None, files=()):
    records = tuple(
        ShardRecord(name, "test", f"{name}/test-{number:05d}", 1, 1, "0")
        for name in formats
        for number in range(shards)
    )
    counts = {"test": {"normal": shards}}
    return Manifest("built", "d", "0", options or {}, counts, shards=records, files=dict.fromkeys(files, "0"))


TITLES = {"parquet": "**datasets**", "webdataset": "**webdataset**", "dicom": "**pydicom**"}


@pytest.mark.parametrize("formats", [("parquet",), ("webdataset",), ("dicom",), ("webdataset", "dicom")])
def test_each_format_of_the_dataset_and_no_other_is_told(formats):
    told = loading(with_shards(*formats))
    assert {name for name, title in TITLES.items() if title in told} == set(formats)


@pytest.mark.parametrize("findings", [[], ["segmentation"]])
def test_programs_are_valid_and_load_a_split_that_the_dataset_has(findings):
    options = {"emit": {"formats": {"dicom": {"findings": findings}}}}
    told = loading(with_shards(*TITLES, options=options))
    programs = re.findall(r"```python\n(.*?)```", told, re.DOTALL)
    assert len(programs) == 3
    for program in programs:
        ast.parse(program)
        assert "test" in program and "train" not in program
    assert ("KEY.seg.dcm" in told) is bool(findings)
    assert ('path.suffixes != [".dcm"]' in told) is bool(findings), "other objects lie beside the images"


@pytest.mark.parametrize(("shards", "name"), [(1, "test-00000-of-00001"), (12, "test-{00000..00011}-of-00012")])
def test_the_tars_are_named_as_they_are(shards, name):
    assert f'"DIR/webdataset/{name}.tar"' in loading(with_shards("webdataset", shards=shards))


def test_label_files_are_told_where_they_are():
    files = ("coco/test.json", "yolo/data.yaml", "croissant.json")
    assert all(word in loading(with_shards("webdataset", files=files)) for word in ("COCO", "YOLO", "mlcroissant"))
    assert "YOLO" not in loading(with_shards("parquet", files=files)), "they are labels of the previews in the tars"
    assert "$split-*.tar" in loading(with_shards("webdataset", files=files)), "a variable of the shell stays one"


def test_an_empty_dataset_has_nothing_to_load():
    assert loading(replace(with_shards("parquet"), counts={})) == "There is nothing to load."


def test_a_text_wants_all_of_its_values():
    with pytest.raises(KeyError, match="split"):
        filled_text("datasets")
