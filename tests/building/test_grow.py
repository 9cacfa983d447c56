"""A finished dataset grows; what it has stays byte for byte, and a break leaves it whole."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

import synthmammo
from synthmammo.building import grow as growing
from synthmammo.dataset.layout import beside
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import OutputError
from tests.support import tiny

LABELLED = {"emit": {"shard_size": 3, "preview_px": 64, "labels": ["coco", "yolo"]}}
NO_DICOM = {"emit": {"shard_size": 3, "preview_px": 64, "formats": ["webdataset", "parquet"], "labels": ["coco"]}}


def shards(directory: Path) -> dict[str, bytes]:
    """The shards by format and place, whatever their names end in."""
    return {
        f"{name.partition('-of-')[0]}{name.partition('-of-')[2][5:]}": content
        for name, content in tiny.files(directory).items()
        if "-of-" in name
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("small") / "tiny"
    synthmammo.build(tiny.recipe(**NO_DICOM), out)
    return out


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("large") / "tiny"
    synthmammo.build(tiny.recipe(**NO_DICOM), out, size=21)
    return out


@pytest.fixture
def copy(small, tmp_path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "tiny"))


def test_a_grown_dataset_is_that_of_a_single_build(copy, small, large):
    made = synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)
    assert len(made) == 21 and 0 < made.made < 21
    assert tiny.files(copy) == tiny.files(large)
    assert not synthmammo.verify(copy, pixels=2).problems
    full = {name: content for name, content in shards(small).items() if shards(copy).get(name) == content}
    assert len(full) >= 4
    assert not beside(copy).exists()


def test_only_what_is_new_is_made(copy, monkeypatch):
    names = []
    make = growing.make_shard

    def noted(*given, **more):
        names.append(given[3].name)
        return make(*given, **more)

    monkeypatch.setattr(growing, "make_shard", noted)
    synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=15)
    assert "train-00000" not in names and "validation-00000" not in names and names


def test_dicom_keeps_its_uids_and_can_be_made_again(tmp_path):
    out = tmp_path / "tiny"
    synthmammo.build(tiny.recipe(**LABELLED), out)
    before = {path.name: path.read_bytes() for path in out.glob("dicom/train-00000*/*.dcm")}
    digest = Manifest.read(out).digest
    synthmammo.build(tiny.recipe(**LABELLED), out, size=18)
    assert {path.name: path.read_bytes() for path in out.glob("dicom/train-00000*/*.dcm")} == before
    assert Manifest.read(out).uids == digest != Manifest.read(out).digest
    found = synthmammo.verify(out, pixels=18)
    assert not found.problems and all(one.equal_bytes for one in found.remade)
    shutil.rmtree(next(out.glob("dicom/train-00001*")))
    assert synthmammo.repair(out).problems == []
    synthmammo.build(tiny.recipe(**LABELLED), out, size=21)
    assert Manifest.read(out).uids == digest


def test_failed_samples_grow_too(tmp_path):
    changes = NO_DICOM | {"quality": {"minimum_breast_share": 0.35}}
    for out, sizes in ((tmp_path / "a" / "tiny", (12, 24)), (tmp_path / "b" / "tiny", (24,))):
        for size in sizes:
            made = synthmammo.build(tiny.recipe(**changes), out, size=size)
    assert made.manifest.failed
    assert tiny.files(tmp_path / "a" / "tiny") == tiny.files(tmp_path / "b" / "tiny")


def test_a_break_leaves_the_old_dataset_whole_and_the_same_call_goes_on(copy, small, large):
    before = tiny.files(copy)

    def interrupt(done, total):
        if done >= 19:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21, progress=interrupt)
    assert tiny.files(copy) == before and beside(copy).is_dir()
    assert "grows" in tiny.run("status", copy).stdout
    made = synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)
    assert made.made < 9 and tiny.files(copy) == tiny.files(large)


@pytest.mark.parametrize("step", ["before the exchange", "between the renames", "after the exchange"])
def test_a_break_near_the_end(copy, large, monkeypatch, step):
    (copy / "note.txt").write_text("mine")
    (copy / "quality.json").write_text("{}")

    def stop(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "before the exchange":
            patched.setattr(growing, "_exchange", stop)
        elif step == "after the exchange":
            patched.setattr(growing, "_bring", stop)
        else:
            patched.setattr(growing, "_exchanged", lambda *paths: False)
            rename = Path.rename
            cut = beside(copy).name
            patched.setattr(Path, "rename", lambda self, to: stop() if self.name == cut else rename(self, to))
        with pytest.raises(KeyboardInterrupt):
            synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)
    synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)
    found = tiny.files(copy)
    assert found.pop("note.txt") == b"mine" and found.pop("quality-of-12.json") == b"{}"
    assert found == tiny.files(large)
    assert [path.name for path in copy.parent.iterdir()] == ["tiny"]


def test_without_an_exchange_in_one_step(copy, large, monkeypatch):
    monkeypatch.setattr(growing, "_exchanged", lambda *paths: False)
    synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)
    assert tiny.files(copy) == tiny.files(large)


@pytest.mark.slow
def test_killed_at_any_moment(copy, small, large, tmp_path):
    recipe = tiny.write(tmp_path / "t.yaml", **NO_DICOM)
    whole = [tiny.files(small), tiny.files(large)]
    for number in range(8):
        running = tiny.start("build", recipe, "--size", 21, "--workers", 1, "--out", copy)
        time.sleep(1.5 + 0.4 * number)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        assert not synthmammo.verify(copy).problems
    synthmammo.build(recipe, copy, size=21)
    assert tiny.files(copy) == whole[1]


def test_a_smaller_size_another_recipe_and_other_versions_are_refused(copy, monkeypatch):
    with pytest.raises(OutputError, match=r"recipe.size: 12 before, 9 now"):
        synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=9)
    with pytest.raises(OutputError, match=r"recipe.seed: 11 before, 12 now"):
        synthmammo.build(tiny.recipe(**NO_DICOM, seed=12), copy, size=21)
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy": "', '"numpy": "0.'))
    with pytest.raises(OutputError, match=r"other versions(.|\n)*numpy"):
        synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)


def test_a_damaged_dataset_is_repaired_first(copy):
    next((copy / "webdataset").iterdir()).write_bytes(b"")
    with pytest.raises(OutputError, match=r"synthmammo repair"):
        synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21)


def test_overwrite_takes_what_was_begun_along(copy, large):
    def interrupt(done, total):
        if done >= 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21, progress=interrupt)
    synthmammo.build(tiny.recipe(**NO_DICOM), copy, size=21, overwrite=True)
    assert not beside(copy).exists() and tiny.files(copy) == tiny.files(large)
