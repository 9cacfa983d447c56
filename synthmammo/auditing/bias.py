"""Whether one group of patients is served worse than the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthmammo.auditing.figure import LEAST, percentiles
from synthmammo.auditing.material import GROUPED, Material
from synthmammo.metrics import kernel_distance

_RESAMPLES = 40


def bias(made: Material, real: Material) -> dict[str, Any]:
    """Kernel distance of each group to the real images of the same group, and how much worse the worst is.

    Groups that are too small on either side are named with their sizes and have no figure.

    Args:
        made: Synthetic images.
        real: Real images.

    Returns:
        By fact: `groups`, the kernel distance x 1000 and both numbers by value; `gap`, worst minus best with interval.
    """
    return {name: found for name in GROUPED if (found := _of_fact(name, made, real))["groups"]}


def _of_fact(name: str, made: Material, real: Material) -> dict[str, Any]:
    values = sorted({*made.groups[name].tolist(), *real.groups[name].tolist()} - {"unknown"})
    groups: dict[str, Any] = {}
    draws: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
    for value in values:
        ours, theirs = (side.pooled[side.groups[name] == value] for side in (made, real))
        groups[value] = {"n": len(ours), "reference": len(theirs), "kernel_distance_x1000": None}
        if min(len(ours), len(theirs)) >= LEAST:
            groups[value]["kernel_distance_x1000"] = round(1000 * kernel_distance(ours, theirs), 3)
            draws[value] = _resampled(ours, theirs)
    return {"groups": groups, "gap": _gap(groups, draws)}


def _resampled(ours: Any, theirs: Any) -> Any:
    rng = np.random.default_rng(0)
    drawn = [
        1000 * kernel_distance(*(side[np.unique(rng.integers(len(side), size=len(side)))] for side in (ours, theirs)))
        for _ in range(_RESAMPLES)
    ]
    return np.array(drawn)


def _gap(groups: dict[str, Any], draws: dict[str, Any]) -> dict[str, Any] | None:
    if len(draws) < 2:
        return None
    distances = {value: groups[value]["kernel_distance_x1000"] for value in draws}
    worst, best = max(distances, key=distances.__getitem__), min(distances, key=distances.__getitem__)
    low, high = percentiles(draws[worst] - draws[best])
    value = distances[worst] - distances[best]
    return {"worst": worst, "best": best, "value": round(value, 3), "low": round(low, 3), "high": round(high, 3)}
