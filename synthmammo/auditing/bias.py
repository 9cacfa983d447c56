"""Whether one group of patients is served worse than the others."""

from __future__ import annotations

from typing import Any

from synthmammo.auditing.figure import LEAST, Figure
from synthmammo.auditing.material import GROUPED, Material
from synthmammo.auditing.realism import kernel_figure


def bias(made: Material, real: Material) -> dict[str, Any]:
    """Kernel distance of each group to the real images of the same group, and how much worse the worst is.

    Groups that are too small on either side are named with their sizes and have no figure.

    Args:
        made: Synthetic images.
        real: Real images.

    Returns:
        By fact: `groups`, the kernel distance x 1000 with its interval and both numbers by value; `gap`, worst minus
        best with interval.
    """
    return {name: found for name in GROUPED if (found := _of_fact(name, made, real))["groups"]}


def _of_fact(name: str, made: Material, real: Material) -> dict[str, Any]:
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
            }
    return {"groups": groups, "gap": _gap(figures)}


def _gap(figures: dict[str, Figure]) -> dict[str, Any] | None:
    """Worst minus best; the groups are of different images, so their deviations add up in squares."""
    if len(figures) < 2:
        return None
    worst, best = (choose(figures, key=lambda value: figures[value].value) for choose in (max, min))
    value = figures[worst].value - figures[best].value
    reach = sum(((figures[name].high - figures[name].low) / 2) ** 2 for name in (worst, best)) ** 0.5
    ends = {"value": value, "low": value - reach, "high": value + reach}
    return {"worst": worst, "best": best} | {name: round(number, 3) for name, number in ends.items()}
