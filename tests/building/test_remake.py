import json
import shutil
import tarfile
from dataclasses import replace
from importlib.metadata import version

import pytest

from synthmammo._version import PIXELS_VERSION
from synthmammo.building.build import make_dataset
from synthmammo.building.remake import regenerate, same_platform
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError, OutputError
from tests.support import tiny

KEY = "tiny-0000005"


def test_the_files_are_those_of_the_dataset_byte_for_byte(built, tmp_path):
    again = regenerate(built, KEY, tmp_path)
    paths, compared = again.files, again.compared
    assert compared.equal_bytes and compared.largest_difference == 0
    found = {}
    for tar in (built / "webdataset").glob("*.tar"):
        with tarfile.open(tar) as members:
            found |= {one.name: members.extractfile(one).read() for one in members if one.name.startswith(KEY)}
    found |= {path.name: path.read_bytes() for path in (built / "dicom").glob(f"*/{KEY}.*")}
    assert {path.name for path in paths} == set(found)
    for path in paths:
        if path.suffix in (".png", ".dcm"):
            assert path.read_bytes() == found[path.name]
        else:
            assert json.loads(path.read_text()) == json.loads(found[path.name])


@pytest.mark.parametrize(
    "changes",
    [
        {"background": {**tiny.TINY["background"], "samples_per_host": 3}},
        {
            "classes": {"malignant": 1},
            "lesions": [{**tiny.TINY["lesions"][0], "classes": ["malignant"]}],
            "pair": "removed",
            "removal": {"generator": "parametric"},
        },
        {
            "background": {**tiny.TINY["background"], "exam": "four views"},
            "emit": {"formats": {"parquet": {}, "dicom": {"findings": ["segmentation", "report"]}}},
        },
        {
            "patch": {"size_px": 32, "offset_px": 8},
            "emit": {"formats": ["parquet"]},
            "background": {**tiny.TINY["background"], "samples_per_host": 4},
        },
    ],
    ids=["several a host", "pairs", "exams", "patches"],
)
def test_any_sample_alone_is_what_it_was_among_the_others(tmp_path, changes):
    make_dataset(tiny.recipe(**changes), tmp_path / "out", engine=Local(1))
    for key in Dataset.open(tmp_path / "out").keys[1::4]:
        assert regenerate(tmp_path / "out", key, tmp_path).compared.equal_bytes, key


def test_a_changed_pixel_is_told(built, tmp_path):
    changed = shutil.copytree(built, tmp_path / "changed")
    other = tmp_path / "other"
    make_dataset(tiny.recipe(seed=12), other, engine=Local(1))
    shutil.rmtree(changed / "parquet")
    shutil.copytree(other / "parquet", changed / "parquet")
    result = tiny.run("regenerate", changed, KEY, "--out", tmp_path / "again")
    assert "it differs from the dataset's by up to" in result.output


def test_a_changed_dicom_file_is_told(built, tmp_path):
    changed = shutil.copytree(built, tmp_path / "changed")
    (path,) = (changed / "dicom").glob(f"*/{KEY}.dcm")
    path.write_bytes(path.read_bytes()[:-2] + b"xx")
    result = tiny.run("regenerate", changed, KEY, "--out", tmp_path / "again")
    assert result.exit_code == 1
    assert "its pixels are the dataset's, but not all of its files are" in result.output


def test_unknown_keys_are_answered_with_the_nearest(built, tmp_path):
    with pytest.raises(DatasetError, match=r"(?s)no sample has the key 'tiny-000005'.*Did you mean 'tiny-0000005'"):
        regenerate(built, "tiny-000005", tmp_path)


@pytest.mark.parametrize("name", ["plan.parquet", "recipe.yaml", "parquet"])
@pytest.mark.parametrize("how", ["gone", "broken"])
def test_a_dataset_that_lacks_what_is_needed(built, tmp_path, name, how):
    copy = shutil.copytree(built, tmp_path / "copy")
    if (copy / name).is_dir():
        shutil.rmtree(copy / name)
    else:
        (copy / name).unlink()
    if how == "broken":
        (copy / name).write_text("- nothing of the sort")
    result = tiny.run("regenerate", copy, KEY, "--out", tmp_path / "again")
    assert result.exit_code == 1 and "error: " in result.output and name in result.output


def test_a_row_that_failed_is_told_with_its_reason(tmp_path):
    recipe = tiny.recipe(
        size=9, splits={"train": 1}, quality={"minimum_breast_share": 0.45}, emit={"formats": ["parquet"]}
    )
    failed = make_dataset(recipe, tmp_path / "out", engine=Local(1)).manifest.failed[0]
    with pytest.raises(DatasetError, match=r"could not be made when the dataset was built: breast is .* expected 45"):
        regenerate(tmp_path / "out", failed["key"], tmp_path)


def test_only_built_datasets(tmp_path):
    Manifest("ingested", "real", "d", {}).write(tmp_path)
    with pytest.raises(DatasetError, match="not built from a recipe"):
        regenerate(tmp_path, KEY, tmp_path)


def test_a_place_that_cannot_be_written(built, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        regenerate(built, KEY, tmp_path / "file")


def test_platforms_are_compared_by_what_equal_bytes_need(built):
    manifest = Manifest.read(built)
    assert same_platform(manifest) == []
    other = replace(manifest, versions=manifest.versions | {"numpy": "1.0"})
    assert same_platform(other) == [f"numpy 1.0 there, {manifest.versions['numpy']} here"]
    elsewhere = replace(manifest, versions=manifest.versions | {"torch": "2.0", "isal": "absent"})
    isal, torch = manifest.versions["isal"], version("torch")
    assert same_platform(elsewhere) == [f"isal absent there, {isal} here", f"torch 2.0 there, {torch} here"]


def test_another_pixels_version_is_told_first(built):
    older = replace(Manifest.read(built), pixels_version=0)
    assert same_platform(older) == [f"pixels version 0 there, {PIXELS_VERSION} here"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"versions": {"numpy": "1.0"}}, "numpy 1.0 there"),
        ({"pixels_version": 77}, f"pixels version 77 there, {PIXELS_VERSION} here"),
    ],
)
def test_commands_say_what_differs(built, tmp_path, changes, says):
    copy = shutil.copytree(built, tmp_path / "copy")
    content = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(content | changes))
    for arguments in (("regenerate", copy, KEY, "--out", tmp_path), ("verify", copy, "--pixels", 1)):
        output = tiny.run(*arguments).output
        assert "note: this is not the platform it was made on" in output and says in output
