"""Whether an image looks as a recipe requires: a pure function of its pixels."""

from __future__ import annotations

from synthmammo.mammogram.attributes import measure
from synthmammo.mammogram.sample import Sample
from synthmammo.recipe.backgrounds import Requirement


def unmet(sample: Sample, requirement: Requirement) -> str | None:
    """What an image lacks, with the value that was found; None where it has everything.

    Args:
        sample: The image with the mask of its breast.
        requirement: The recipe's requirement.
    """
    wanted = _intervals(requirement)
    found = measure(sample, tuple(wanted))
    for name, (low, high) in wanted.items():
        # A value that could not be measured is in no interval.
        if not low <= found[name] <= high:
            return f"{name} is {round(found[name], 3):g}, expected {low:g} to {high:g}"
    return None


def _intervals(requirement: Requirement) -> dict[str, tuple[float, float]]:
    """Smallest and largest value that each required attribute may have."""
    sure = requirement.confidence
    wanted = dict(requirement.within)
    for name, present in (("view", requirement.view and requirement.view == "MLO"), ("implant", requirement.implant)):
        if present is not None:
            wanted[name] = (sure, 1.0) if present else (0.0, 1 - sure)
    return wanted
