"""The golden values, which the tests compare with: what the package draws, names and paints.

Usage: python -m tools.golden --write    (`make golden`; tests/test_golden.py fails where they are stale)

A change of golden values is a change of the data that users make: raise the pixels version
(`synthmammo._version.PIXELS_VERSION`) with it, and say in "Changes" what moved.

`tests/golden/exact.json` holds what is the same on every machine. `tests/golden/pixels-*.json` hold pixels, a file per
instruction set and versions of the libraries, as equal bytes are promised for the same of these. On a machine that has
a file, digests must be equal. On any other, the probed pixels must lie within one grey level of the file that is
nearest in its platform, all but one in a thousand, and mean and standard deviation within half a level.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported, as sums may depend on the number of threads

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import synthmammo
from synthmammo.dataset.manifest import machine
from tools.golden_exact import exact_values, plans
from tools.golden_pixels import pixel_entries

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
EXACT = "exact.json"
GREY_LEVELS, SHARE, MOMENTS = 1, 0.999, 0.5
"""On other machines: the largest difference of a probed pixel, the share within it, and of mean and deviation."""

_LIBRARIES = ("numpy", "scipy", "scikit-image", "pydicom", "highdicom")

Values = dict[str, Any]


def platform() -> dict[str, str]:
    """The instruction set of this machine and the versions of the libraries that pixels go through."""
    torch_runs = {"torch": str(torch.__version__), "torch_instruction_set": torch.backends.cpu.get_cpu_capability()}
    return machine() | torch_runs | {name: version(name) for name in _LIBRARIES}


@cache
def exact() -> Values:
    """What is the same on every machine, made now."""
    with TemporaryDirectory() as work:
        return _pixels_version() | exact_values(Path(work))


@cache
def pixels() -> Values:
    """What holds on this platform, made now: digests of the plans to the last bit, and pixels."""
    with TemporaryDirectory() as work:
        bits = {name: hashlib.sha256(repr(table.to_pylist()).encode()).hexdigest() for name, table in plans(Path(work))}
    return _pixels_version() | {"platform": platform(), "plans": bits, "entries": pixel_entries()}


def _pixels_version() -> Values:
    # An editable install of another checkout would answer for a module that this one lacks.
    if not (Path(synthmammo.__file__).parent / "_version.py").is_file():
        return {}
    number = getattr(import_module("synthmammo._version"), "PIXELS_VERSION", None)
    return {} if number is None else {"pixels_version": number}


def file_of(where: Mapping[str, str]) -> str:
    """Name of the file of a platform."""
    text = json.dumps(dict(where), sort_keys=True)
    short = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"pixels-{where['processor']}-{where['instruction_set']}-{short}.json"


def recorded(name: str, folder: Path = GOLDEN) -> Values:
    """The content of a file of golden values."""
    content: Values = json.loads((folder / name).read_text(encoding="utf-8"))
    return content


def nearest(where: Mapping[str, str], folder: Path = GOLDEN) -> Values:
    """The recorded pixels of a platform, or of the one that shares most with it."""
    found = [recorded(path.name, folder) for path in sorted(folder.glob("pixels-*.json"))]
    if not found:
        raise FileNotFoundError(f"{folder}: no pixels-*.json, expected one or more; `make golden` writes it")
    return max(found, key=lambda one: len(one["platform"].items() & where.items()))


def changed(before: Values, now: Values) -> list[str]:
    """Differences of pixels from the recorded ones, a sentence each, by the rule of this module.

    Args:
        before: What was recorded, of the same platform or of another.
        now: What is made now.
    """
    if (old := before.get("pixels_version")) != (new := now.get("pixels_version")):
        return [f"pixels_version is {new}, the golden values are of {old}: run `make golden`"]
    same = before["platform"] == now["platform"]
    problems = [f"{name}: is recorded or made, not both" for name in before["entries"].keys() ^ now["entries"].keys()]
    if same and before["plans"] != now["plans"]:
        named = [name for name in now["plans"] if before["plans"].get(name) != now["plans"][name]]
        problems.append(f"plans of {', '.join(named) or 'recipes that are gone'}: other values than recorded")
    for name in sorted(before["entries"].keys() & now["entries"].keys()):
        problems += [f"{name}: {what}" for what in _changed(before["entries"][name], now["entries"][name], same)]
    return problems


def _changed(before: Values, now: Values, same_platform: bool) -> list[str]:
    if same_platform and before["sha256"] == now["sha256"]:
        return []
    if before["shape"] != now["shape"]:
        return [f"shape {now['shape']}, recorded {before['shape']}"]
    apart = np.abs(_probe(before) - _probe(now))
    within = float((apart <= GREY_LEVELS).mean())
    seen = f"probed pixels differ by up to {apart.max()} grey levels, {1 - within:.2%} by more than {GREY_LEVELS}"
    if same_platform:
        return [f"other bytes than recorded on this platform; {seen}"]
    moved = [f"{name} {now[name]}, recorded {before[name]}" for name in ("mean", "deviation")]
    moved = [text for text, name in zip(moved, ("mean", "deviation"), strict=True) if _far(before, now, name)]
    return moved + ([seen] if within < SHARE else [])


def _far(before: Values, now: Values, name: str) -> bool:
    return abs(float(before[name]) - float(now[name])) > MOMENTS


def _probe(entry: Values) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([line.split() for line in entry["probe"]], np.int64)


def write(folder: Path = GOLDEN) -> list[str]:
    """Write the golden values of this machine; remove the pixels of other platforms that are no longer true.

    Returns:
        Names of the files written or removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now, name = pixels(), file_of(platform())
    before = recorded(name, folder) if (folder / name).is_file() else None
    others = [path for path in sorted(folder.glob("pixels-*.json")) if path.name != name]
    stale = [path for path in others if (before != now if before else changed(recorded(path.name, folder), now))]
    for path in stale:
        path.unlink()
    for file, content in ((EXACT, exact()), (name, now)):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / file).write_text(text + "\n", encoding="utf-8")
    return [EXACT, name, *(f"{path.name} (removed)" for path in stale)]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    print("\n".join(write()))
