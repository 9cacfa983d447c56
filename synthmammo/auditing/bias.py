"""Whether one group of patients is served worse than the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.figure import LEAST, Figure
from synthmammo.auditing.material import GROUPED, Material
from synthmammo.auditing.memorisation import share
from synthmammo.auditing.realism import kernel_figure
from synthmammo.metrics import overlap


def bias(made: Material, real: Material, flagged: NDArray[np.bool_]) -> dict[str, Any]:
    """Figures of each group against the real images of the same group, and how much worse the worst is.

    Groups that are too small on either side are named with their sizes and have no figure.

    Args:
        made: Synthetic images.
        real: Real images.
        flagged: Which synthetic images look like training images, `(N)`.

    Returns:
        By fact: `groups`, by value both numbers, the kernel distance x 1000 with its interval, precision, recall, and
        the share that is memorised; `gap`, worst minus best kernel distance with interval.
    """
    return {name: found for name in GROUPED if (found := _of_fact(name, made, real, flagged))["groups"]}


def _of_fact(name: str, made: Material, real: Material, flagged: NDArray[np.bool_]) -> dict[str, Any]:
    values = sorted({*made.groups[name].tolist(), *real.groups[name].tolist()} - {"unknown"})
    groups: dict[str, Any] = {}
    figures: dict[str, Figure] = {}
    for value in values:
        ours, theirs = (side.taken(side.groups[name] == value) for side in (made, real))
        groups[value] = {"n": len(ours), "reference": len(theirs), "kernel_distance_x1000": None}
        if min(len(ours), len(theirs)) >= LEAST:
            figures[value] = found = kernel_figure(ours, theirs)
            shown = found.record()
            groups[value] |= {
                "kernel_distance_x1000": shown["value"],
                "low": shown["low"],
                "high": shown["high"],
            } | _more(ours, theirs, flagged[made.groups[name] == value])
    return {"groups": groups, "gap": _gap(figures)}


def _more(ours: Material, theirs: Material, flagged: NDArray[np.bool_]) -> dict[str, Any]:
    both = overlap(theirs.pooled, ours.pooled)
    more = {"precision": both.precision, "recall": both.recall}
    shared = share(flagged, ours.patients)
    ends = {"share": shared.estimate, "low": shared.low, "high": shared.high}
    return {name: round(value, 4) for name, value in more.items()} | {
        "memorised": {name: round(value, 6) for name, value in ends.items()}
    }


def _gap(figures: dict[str, Figure]) -> dict[str, Any] | None:
    """Worst minus best; the groups are of different images, so their deviations add up in squares."""
    if len(figures) < 2:
        return None
    worst, best = (choose(figures, key=lambda value: figures[value].value) for choose in (max, min))
    value = figures[worst].value - figures[best].value
    reach = sum(((figures[name].high - figures[name].low) / 2) ** 2 for name in (worst, best)) ** 0.5
    ends = {"value": value, "low": value - reach, "high": value + reach}
    return {"worst": worst, "best": best} | {name: round(number, 3) for name, number in ends.items()}
