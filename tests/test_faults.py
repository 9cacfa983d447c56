"""The script that counts faults finds what is wrong, and nothing where nothing is."""

import random
import time
from pathlib import Path

import pytest

import synthmammo
from benchmarks import faults
from tests.support import tiny


@pytest.fixture
def recipe():
    return tiny.recipe(size=4, emit={"shard_size": 1, "preview_px": 64, "formats": ["parquet"]}, splits={"train": 1})


def test_killed_builds_are_gone_on_with_to_the_same_bytes(recipe, tmp_path):
    work = faults.Work(lambda out: synthmammo.build(recipe, out))
    done = faults.killed(work, 4, tmp_path, random.Random(0))
    assert done.kills >= 4 and not done.differed


def test_work_that_does_not_go_on_to_the_same_bytes_is_told(tmp_path):
    def careless(out: Path) -> None:
        out.mkdir(exist_ok=True)
        with (out / "log").open("a") as file:
            for line in range(20):
                file.write(f"{line}\n")
                file.flush()
                time.sleep(0.01)

    done = faults.killed(faults.Work(careless), 3, tmp_path, random.Random(1))
    assert done.differed


def test_work_that_fails_is_no_kill(tmp_path):
    def fail(out: Path) -> None:
        raise ValueError

    with pytest.raises(RuntimeError, match="ended with 1"):
        faults.in_fork(fail, tmp_path)


def test_a_full_disk_and_a_folder_that_cannot_be_written(tmp_path):
    for name in ("disk", "folder"):
        (tmp_path / name).mkdir()
    assert faults.full_disk(tmp_path / "disk", random.Random(0), times=2) == 2
    assert faults.read_only(tmp_path / "folder") == 1


@pytest.mark.slow
def test_a_damaged_shard_two_builds_and_a_killed_worker(tmp_path):
    for run in (faults.damaged, faults.two_builds, faults.killed_worker):
        (tmp_path / run.__name__).mkdir()
        assert run(tmp_path / run.__name__) >= 1
