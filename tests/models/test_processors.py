"""Cores by affinity, quota and load; and that threads which wait sleep."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthmammo.models import processors


def machine(folder: Path, running: int = 1, group: str = "0::/", **files: str) -> Path:
    """A root of a file system that tells of a load and of control groups."""
    for name, text in {
        "proc/self/cgroup": group + "\n",
        "proc/stat": f"cpu 1 2 3\nprocs_running {running}\nprocs_blocked 0\n",
        **files,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(processors, "PAUSE_S", 0)


VERSION_2 = "sys/fs/cgroup/cpu.max"
VERSION_1 = "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "sys/fs/cgroup/cpu/cpu.cfs_period_us"


@pytest.mark.parametrize(("stated", "expected"), [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2)])
def test_cores_of_a_container(stated: str, expected: int, tmp_path: Path) -> None:
    assert processors.cores(machine(tmp_path, **{VERSION_2: stated})) == expected


def test_cores_of_a_container_of_the_older_kind(tmp_path: Path) -> None:
    files = dict(zip(VERSION_1, ("50000", "100000"), strict=True))
    assert processors.cores(machine(tmp_path, group="3:cpuacct,cpu:/docker/ab\n0::/", **files)) == 1
    (tmp_path / VERSION_1[0]).write_text("-1")
    assert processors.cores(tmp_path) == 8


def test_the_strictest_of_nested_groups_counts(tmp_path: Path) -> None:
    inner = {"sys/fs/cgroup/a/b/cpu.max": "max 100000", "sys/fs/cgroup/a/cpu.max": "300000 100000"}
    assert processors.quota(machine(tmp_path, group="0::/a/b", **inner)) == 3


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert processors.quota(tmp_path) is None and processors.cores(tmp_path) == 8


@pytest.mark.parametrize(("running", "free"), [(1, 8), (2, 7), (8, 1), (30, 1)])
def test_cores_that_others_use_are_not_free(running: int, free: int, tmp_path: Path) -> None:
    assert processors.free_cores(machine(tmp_path, running)) == free


def test_a_quota_is_shared_with_those_inside(tmp_path: Path) -> None:
    stat = "{} (a name) of two) {} 1 1"
    files = {f"proc/{number}/stat": stat.format(number, state) for number, state in ((7, "R"), (8, "S"))}
    files[f"proc/{os.getpid()}/stat"] = stat.format(os.getpid(), "R")
    root = machine(tmp_path, running=3, **{VERSION_2: "400000 100000"}, **files)
    assert processors.free_cores(root) == 3, "four less the one that computes, which is not this process"


def test_a_machine_that_does_not_tell_has_its_mean_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (2.6, 9.0, 9.0))
    assert processors.busy_others(tmp_path) == 3


@pytest.mark.parametrize("stated", [None, "active"])
def test_threads_that_wait_sleep_unless_somebody_said_otherwise(stated: str | None) -> None:
    """The library of threads itself tells which policy it found as PyTorch was imported."""
    environment = {name: value for name, value in os.environ.items() if name not in processors._WAITING}
    environment |= {"OMP_DISPLAY_ENV": "true"} | ({"OMP_WAIT_POLICY": stated} if stated else {})
    code = "import synthmammo, torch; torch.ones(1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    if "OMP_WAIT_POLICY" not in done.stderr:
        pytest.skip("this PyTorch has another library of threads than GNU's")
    assert f"OMP_WAIT_POLICY = '{(stated or 'passive').upper()}'" in done.stderr


@pytest.mark.parametrize(("stated", "taken"), [(None, "1"), ("0", "0")])
def test_large_pages_are_taken_unless_somebody_said_otherwise(
    stated: str | None, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    if stated:
        monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", stated)
    processors.take_large_pages()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == taken
