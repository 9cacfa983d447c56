"""Two checkouts' builds are equal but for versions, or said to differ: on datasets of a second, see tools/."""

import json
import shutil
from pathlib import Path

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset import libraries
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers import dicom, dicom_findings, dicom_modules
from tests.support import tiny
from tools import compare_builds

VERSION = "9.9.9"
FINDINGS = {"dicom": {"findings": ["segmentation", "report"]}, "parquet": {}, "webdataset": {}}


def made(folder):
    recipe = tiny.recipe(size=6, emit={"shard_size": 3, "preview_px": 64, "formats": FINDINGS})
    make_dataset(recipe, folder / "tiny", engine=Local(1))
    return compare_builds.digests_of(folder)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    return tmp_path_factory.mktemp("compared") / "datasets"


@pytest.fixture(scope="module")
def first(datasets):
    return made(datasets)


def test_what_is_made_twice_is_equal(first, tmp_path):
    assert first and list(compare_builds.differences(first, made(tmp_path))) == []


def test_another_version_is_all_that_differs(first, tmp_path, monkeypatch):
    for module in (libraries, dicom, dicom_findings, dicom_modules):
        monkeypatch.setattr(module, "__version__", VERSION)
    found = list(compare_builds.differences(first, made(tmp_path)))
    assert [sentence for allowed, sentence in found if not allowed] == []
    named = {sentence.partition(":")[0].partition("/")[2] for _, sentence in found}
    assert {"manifest.json", "croissant.json", "provenance.json"} < named
    assert all(name.endswith((".dcm", ".json", ".md")) for name in named)
    assert sum(name.endswith(".dcm") for name in named) == sum(name.endswith(".dcm") for name in first)


@pytest.mark.parametrize("ending", [".dcm", ".seg.dcm", ".tar", "plan.parquet", "manifest.json"])
def test_one_changed_value_is_a_difference(first, datasets, tmp_path, ending):
    copy = tmp_path / "datasets"
    shutil.copytree(datasets, copy)
    name = sorted(name for name in first if name.endswith(ending))[0]
    data = (copy / name).read_bytes()
    if ending == "manifest.json":
        content = json.loads(data)
        content["counts"]["train"]["benign"] += 1
        (copy / name).write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    else:
        (copy / name).write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    found = list(compare_builds.differences(first, compare_builds.digests_of(copy)))
    assert any(not allowed and sentence.startswith(f"{name}: differs (") for allowed, sentence in found)


def test_a_file_more_or_less_is_a_difference():
    one = {"bytes": "a", "content": "b"}
    found = list(compare_builds.differences({"x/plan.parquet": one}, {"x/index.parquet": one}))
    assert found == [(False, "x/index.parquet: only in the second"), (False, "x/plan.parquet: only in the first")]


def test_the_exit_status_says_whether_versions_are_all(tmp_path, capsys):
    one, other = tmp_path / "a.json", tmp_path / "b.json"
    one.write_text(json.dumps({"x/a.dcm": {"bytes": "1", "content": "1"}}))
    other.write_text(json.dumps({"x/a.dcm": {"bytes": "2", "content": "1"}}))
    assert compare_builds.compare(one, other)
    assert "0 files equal, 1 but for versions, 0 different" in capsys.readouterr().out
    other.write_text(json.dumps({"x/a.dcm": {"bytes": "2", "content": "2"}}))
    assert not compare_builds.compare(one, other)
    assert "0 files equal, 0 but for versions, 1 different" in capsys.readouterr().out


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine").touch()
    with pytest.raises(SystemExit, match="is not empty"):
        compare_builds.make(tmp_path, tmp_path / "work")


def test_every_recipe_that_is_built_is_there():
    recipes = Path(compare_builds.__file__).parents[1] / "recipes"
    assert all((recipes / f"{name}.yaml").is_file() for name in compare_builds.BUILDS)
