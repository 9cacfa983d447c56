"""Processor cores that this process may use, how many of them are free now, and threads that wait without using one.

PyTorch starts a thread per core and lets those that wait spin. Where another process wants a core, or a container has a
quota, threads then wait for one that others keep busy with waiting: commands with networks took 8 to 14 times as long
as on one thread (`docs/performance.md`, "With a busy neighbour").
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path, PurePosixPath

READINGS, PAUSE_S = 5, 0.01
"""The load is the median of so many readings with pauses of so many seconds."""

_WAITING = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}
"""Variables of GNU's and of Intel's OpenMP."""


def wait_without_spinning() -> None:
    """Let the threads of networks sleep while they wait, unless the environment says otherwise.

    Libraries of threads read this once, so that it holds where PyTorch is imported later.
    """
    for name, value in _WAITING.items():
        os.environ.setdefault(name, value)


def take_large_pages() -> None:
    """Let PyTorch ask for memory in pages of 2 MB (Linux), unless the environment says otherwise.

    Filling fresh pages of 4 KB takes as long as the arithmetic of a layer's noise, bias and activation together.
    PyTorch reads this at its first tensor.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def cores(root: Path = Path("/")) -> int:
    """Number of cores that this process may use: by its affinity, and by the quota of its container.

    Args:
        root: Root of the file system that tells of quotas; another one in tests.
    """
    # Not every system tells which of its cores this process may use.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = quota(root)
    return allowed if share is None else max(1, min(allowed, ceil(share)))


def quota(root: Path = Path("/")) -> float | None:
    """Cores' worth of time that the control groups of this process grant it (Linux); None where they set no limit.

    Args:
        root: As in `cores`.
    """
    return min((limit for group in _groups(root) if (limit := _limit(group)) is not None), default=None)


def free_cores(root: Path = Path("/")) -> int:
    """Number of cores that this process may use and that no other process uses now; at least 1.

    Args:
        root: As in `cores`.
    """
    own, machine = cores(root), os.cpu_count() or 1
    free = min(own, max(own, machine) - busy_others(root))
    if quota(root) is not None:
        # The neighbours that share the quota are those that can be seen from inside.
        free = min(free, own - _visible(root))
    return max(1, free)


def busy_others(root: Path = Path("/")) -> int:
    """Number of threads of other processes that compute now, or want to.

    Args:
        root: As in `cores`.

    Returns:
        The kernel's count of running threads without this one (Linux); elsewhere the mean of the last minute.
    """
    try:
        readings = [_running(root)]
        for _ in range(READINGS - 1):
            time.sleep(PAUSE_S)
            readings.append(_running(root))
        return max(0, sorted(readings)[READINGS // 2] - 1)
    except (OSError, ValueError):
        return round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0


def _running(root: Path) -> int:
    for line in (root / "proc/stat").read_text(encoding="ascii").splitlines():
        if line.startswith("procs_running "):
            return int(line.split()[1])
    raise ValueError("the kernel does not count them")


def _visible(root: Path) -> int:
    """Number of other processes that compute, of those that a container shows."""
    running = 0
    for folder in (root / "proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1]
        except OSError:
            continue  # it has ended
        running += state == "R" and folder.name != str(os.getpid())
    return running


def _groups(root: Path) -> Iterator[Path]:
    """Folders of the control groups of this process for processor time, from its own to the outermost."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        inner = PurePosixPath(path)
        # Inside a container the path may be the host's; its outermost folder is then the container's.
        yield from (base / str(folder).lstrip("/") for folder in (inner, *inner.parents))


def _limit(group: Path) -> float | None:
    """Cores' worth of time that one group grants: version 2 has it in one file, version 1 in two."""
    try:
        if (stated := group / "cpu.max").is_file():
            granted, period = stated.read_text(encoding="ascii").split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            granted, period = ((group / name).read_text(encoding="ascii").strip() for name in names)
        return int(granted) / int(period) if granted != "max" and int(granted) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
