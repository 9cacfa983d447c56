import os
import re
import signal
import tarfile
import time
from pathlib import Path

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset.card import card
from synthmammo.dataset.layout import PLAN, STATE
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from tests.support import tiny
from tests.support.small_builds import FIRST_SHARD, SMALL, crash, made, names, partial

MASS, CALCIFICATION = tiny.TINY["lesions"]


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, bytes]:
    """The files of an undisturbed build of `SMALL`."""
    return tiny.files(made(tmp_path_factory.mktemp("small") / "out", **SMALL))


# equal bytes


def test_two_workers_make_the_same_bytes_as_one(built, tmp_path):
    out = made(tmp_path / "another_name", workers=2)
    card(out)
    assert tiny.files(out) == tiny.files(built)


def test_progress_counts_every_sample_once(tmp_path):
    counted = []
    result = make_dataset(tiny.recipe(**SMALL), tmp_path / "out", engine=Local(1), advance=counted.append)
    assert (sum(counted), result.made) == (4, 4)
    assert set(result.seconds) == {"generate", "compose", "encode and write"}
    counted.clear()
    again = make_dataset(tiny.recipe(**SMALL), tmp_path / "out", engine=Local(1), advance=counted.append)
    assert (sum(counted), again.made) == (4, 0)


def test_what_the_directory_holds(built):
    manifest = Manifest.read(built)
    tops = {name.partition("/")[0] for name in names(built)}
    assert tops == {"README.md", "recipe.yaml", "plan.parquet", "index.parquet", "manifest.json", "skipped.jsonl"} | {
        "croissant.json",
        "provenance.json",
        "figures",
        "webdataset",
        "parquet",
        "dicom",
    }
    assert manifest.samples == 12 and not manifest.failed
    counted = {split: sum(labels.values()) for split, labels in manifest.counts.items()}
    assert counted == {"train": 6, "validation": 3, "test": 3}
    for shard in manifest.shards:
        assert f"{shard.split}-" in shard.name and "-of-" in shard.name and (built / shard.name).exists()


def test_boxes_and_masks_agree_in_every_sample(built):
    import numpy as np

    from synthmammo.mammogram.sample import Box

    found = 0
    for sample in Dataset.open(built):
        assert not (sample.lesions.astype(bool) & ~sample.breast).any()
        assert set(np.unique(sample.lesions)) - {0} == {finding.label for finding in sample.findings}
        for finding in sample.findings:
            assert Box.around(sample.lesions == finding.label) == finding.box
        found += len(sample.findings)
        assert (sample.label == "normal") == (not sample.findings)
    assert found == 12


def test_a_crash_at_any_moment_is_continued_to_the_same_bytes(tmp_path, small):
    recipe, after = tiny.recipe(**SMALL), 0
    while crash(recipe, out := tmp_path / str(after), after):
        make_dataset(recipe, out, engine=Local(1))
        assert tiny.files(out) == small, f"after {after} files"
        after += 4
    assert after >= 15


def test_finished_shards_are_not_made_again(tmp_path, small):
    recipe, out = tiny.recipe(**SMALL), tmp_path / "out"
    assert crash(recipe, out, after=FIRST_SHARD)
    written = {path: path.stat().st_mtime_ns for path in out.glob("[!.]*/train-00000*")}
    assert len(written) == 3
    result = make_dataset(recipe, out, engine=Local(1))
    assert result.made == 2
    kept = {path.with_name(f"train-00000{path.suffix}"): path for path in out.glob("[!.]*/train-00000-of-00002*")}
    assert {old: new.stat().st_mtime_ns for old, new in kept.items()} == written
    assert tiny.files(out) == small


def test_a_shard_whose_file_was_lost_is_made_again(tmp_path, small):
    recipe, out = tiny.recipe(**SMALL), tmp_path / "out"
    assert crash(recipe, out, after=FIRST_SHARD)
    (out / "webdataset" / "train-00000.tar").write_bytes(b"cut short")
    assert make_dataset(recipe, out, engine=Local(1)).made == 4
    assert tiny.files(out) == small


def wait_for(condition, process, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


LONG = {"size": 24}


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> dict[str, bytes]:
    out = made(tmp_path_factory.mktemp("long") / "out", **LONG)
    card(out)
    return tiny.files(out)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(tmp_path, workers, long):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    command = ("build", recipe, "--out", out, "--workers", workers)
    process = tiny.start(*command)
    wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors and "Traceback" not in errors and "KeyboardInterrupt" not in errors
    assert "finishing the shard; Ctrl-C again to stop at once\n" in errors
    assert "kept, and the same command goes on from there" in errors
    assert not partial(out) and not (out / "manifest.json").exists()
    for path in (out / "webdataset").glob("*.tar"):
        with tarfile.open(path) as tar:
            assert len(tar.getnames()) == 15
    again = tiny.run(*command)
    assert again.exit_code == 0 and "24 samples" in again.output
    made = re.search(r"24 samples, (\d+) of them made now", again.output)
    assert made and int(made[1]) < 24, "some were kept"
    assert tiny.files(out) == long


def test_ctrl_c_while_the_workers_start(tmp_path):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 2)
    wait_for((out / PLAN).is_file, process)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors and not partial(out)


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"spawn_main" in command:
            found.append(int(entry.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")


@needs_proc
@pytest.mark.slow
def test_killed_with_its_workers_going_it_is_continued(tmp_path, long):
    """Workers of a killed parent must end too: they would write into the files of the next run."""
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 2)
    wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < end, "the workers live on"
        time.sleep(0.02)
    assert len(workers) == 2
    assert tiny.run("build", recipe, "--out", out, "--workers", 1).exit_code == 0
    assert tiny.files(out) == long


@needs_proc
@pytest.mark.slow
def test_a_killed_worker_gives_a_message_and_the_same_command_goes_on(tmp_path):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 2)
    wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process ended unexpectedly" in errors and "out of memory" in errors and "Traceback" not in errors
    assert tiny.run("build", recipe, "--out", out, "--workers", 1).exit_code == 0
    assert not partial(out)


def test_two_builds_in_one_folder_do_not_mix(tmp_path):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 1)
    try:
        wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
        second = tiny.run("build", recipe, "--out", out, "--workers", 1)
        assert second.exit_code == 1 and "another process is making this dataset now" in second.output
    finally:
        process.kill()
        process.communicate()
