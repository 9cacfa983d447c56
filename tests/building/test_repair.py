"""What is damaged is made again to the same bytes, and nothing else is touched."""

import errno
import json
import shutil
from pathlib import Path

import pytest

import synthmammo
from synthmammo.building.build import make_dataset
from synthmammo.building.repair import repair
from synthmammo.dataset.card import card
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError, OutputError
from tests.support import tiny

LABELLED = {"emit": {"shard_size": 3, "preview_px": 64, "labels": ["coco", "yolo"]}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "tiny"
    make_dataset(tiny.recipe(**LABELLED), out, engine=Local(1))
    card(out)
    return out


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def changed(path: Path) -> None:
    if path.is_dir():
        path = next(path.iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


SHARDS = [
    "webdataset/train-00000-of-00002.tar",
    "parquet/test-00000-of-00001.parquet",
    "dicom/validation-00000-of-00001",
]
FILES = ["recipe.yaml", "plan.parquet", "skipped.jsonl", "provenance.json", "croissant.json", "index.parquet"]
LABELS = ["coco/train.json", "yolo/data.yaml", "yolo/labels/test"]


@pytest.mark.parametrize("damage", [removed, changed])
@pytest.mark.parametrize("name", SHARDS)
def test_a_shard_comes_back_to_the_same_bytes(name, damage, copy, whole):
    damage(copy / name)
    seen = []
    done = repair(copy, progress=lambda *counts: seen.append(counts))
    assert (done.repaired, done.problems) == ([name], [])
    assert tiny.files(copy) == tiny.files(whole)
    assert seen == [(1, 3), (2, 3), (3, 3)], "only the samples of that shard are made"


@pytest.mark.parametrize("name", [*FILES, *LABELS])
def test_a_file_comes_back_to_the_same_bytes(name, copy, whole):
    removed(copy / name)
    assert repair(copy).repaired == [name]
    assert tiny.files(copy) == tiny.files(whole)


def test_everything_but_the_manifest_comes_back(copy, whole):
    for path in list(copy.iterdir()):
        if path.name not in ("manifest.json", "README.md", "figures"):
            removed(path)
    done = repair(copy)
    assert not done.problems and len(done.repaired) == len(Manifest.read(copy).shards) + len(Manifest.read(copy).files)
    assert tiny.files(copy) == tiny.files(whole)


def test_two_workers_too(copy, whole):
    for name in SHARDS:
        removed(copy / name)
    assert sorted(repair(copy, workers=2).repaired) == sorted(SHARDS)
    assert tiny.files(copy) == tiny.files(whole)


def test_shards_without_samples_do_not_shift_the_others(tmp_path):
    """Failed rows leave no sample, and a shard of such rows leaves no file."""
    quality = {"minimum_breast_share": 0.40}
    out = tmp_path / "out"
    changes = {"emit": {"shard_size": 1, "preview_px": 64, "formats": ["parquet"]}, "quality": quality}
    built = make_dataset(tiny.recipe(**changes), out, engine=Local(1))
    assert 0 < len(built.manifest.failed) < 12, "the test needs shards of both sorts"
    before = tiny.files(out)
    shutil.rmtree(out / "parquet")
    repair(out)
    assert tiny.files(out) == before


def test_a_sound_dataset_is_left_alone(copy, whole):
    assert not repair(copy).repaired
    assert tiny.files(copy) == tiny.files(whole)


def test_what_does_not_belong_is_left_and_named(copy):
    shutil.copy(copy / SHARDS[1], copy / "parquet" / "stray.parquet")
    removed(copy / SHARDS[1])
    done = repair(copy)
    assert done.repaired == [SHARDS[1]]
    assert done.problems == ["parquet/stray.parquet: does not belong to the dataset"]


def test_other_bytes_do_not_take_the_place(copy):
    """As on another platform: what was made is not what the manifest states."""
    content = json.loads((copy / "manifest.json").read_text())
    for shard in content["shards"]:
        shard["sha256"] = "0" * 64
    content["machine"] = {"processor": "abacus"}
    (copy / "manifest.json").write_text(json.dumps(content))
    before = tiny.files(copy)
    with pytest.raises(DatasetError, match="its bytes are not those of the dataset") as caught:
        repair(copy)
    assert "abacus" in str(caught.value)
    assert tiny.files(copy) == before


def test_a_full_disk_is_one_message_about_the_dataset(copy, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    removed(copy / SHARDS[1])
    monkeypatch.setattr("synthmammo.files.os.fsync", full)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)") as caught:
        repair(copy)
    assert caught.value.where == copy and "Free some space" in str(caught.value)
    assert not list(copy.glob(".repair-*"))


def test_a_recipe_that_is_lost(copy):
    """The card has it too; without it the order of its keys is nowhere, which decides the draws."""
    removed(copy / "recipe.yaml")
    removed(copy / "README.md")
    with pytest.raises(DatasetError, match=r"recipe.yaml: the recipe was changed, and stands nowhere else"):
        repair(copy)


def test_a_model_that_is_another_now(copy):
    content = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**content, "sources": {"zoo/old": "0" * 64}}))
    removed(copy / SHARDS[1])
    with pytest.raises(DatasetError, match="'zoo/old' is not the one that the dataset was made from"):
        repair(copy)


def test_only_what_was_built(copy):
    content = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**content, "kind": "ingested"}))
    removed(copy / SHARDS[1])
    with pytest.raises(DatasetError, match="was not built from a recipe"):
        repair(copy)


def test_commands(copy):
    removed(copy / SHARDS[0])
    verified = tiny.run("verify", copy, "--pixels", 2)
    assert verified.exit_code == 1
    assert "note: no sample was made again to compare its pixels, since the dataset is not whole" in verified.output
    assert f"`synthmammo repair {copy}` makes again" in verified.output
    with pytest.raises(OutputError, match=rf"synthmammo repair {copy}"):
        make_dataset(tiny.recipe(**LABELLED), copy, engine=Local(1))
    repaired = tiny.run("repair", copy, "--workers", 1)
    assert repaired.exit_code == 0
    assert repaired.output.endswith(f"made again: {SHARDS[0]}\n{copy}: sound\n")
    assert "nothing to repair" in tiny.run("repair", copy).output
    assert "2 samples made again" in tiny.run("verify", copy, "--pixels", 2).output
    assert synthmammo.repair(copy).problems == []
