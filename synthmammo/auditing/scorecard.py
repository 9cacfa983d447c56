"""The scorecard of Zamzmi et al. 2025, filled from what an audit measured; what was not measured says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_ASSESSED = "not assessed"


def scorecard(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """One row per criterion: its name, what it asks, and what was found.

    Args:
        record: Blocks of an audit.
    """
    realism, diversity = record["realism"], record["diversity"]
    answers = {
        "congruence": _numbers(realism, "kernel_distance_x1000", "two_sample_auc"),
        "coverage": _numbers(realism, "recall", "coverage"),
        "constraint": _constraint(record["mammography"]),
        "completeness": _lacking(diversity["attributes_covered"]),
        "compliance": _compliance(record),
        "comprehension": _comprehension(record.get("dataset", {}).get("stated", {})),
        "consistency": _gaps(record["bias"]),
    }
    return [{"criterion": name, "asks": ASKED[name], "found": found} for name, found in answers.items()]


ASKED = {
    "congruence": "Are the images distributed as real ones are?",
    "coverage": "Do they vary as real ones do?",
    "constraint": "Do they keep to anatomy and acquisition?",
    "completeness": "Are all groups and findings there?",
    "compliance": "Does the data keep to privacy and law?",
    "comprehension": "Can its making be understood from its files?",
    "consistency": "Are all groups served equally well?",
}
"""What each criterion asks, in the order of the card."""


def _numbers(figures: Mapping[str, Any], *names: str) -> str:
    found = []
    for name in names:
        figure = figures[name]
        found.append(
            f"{name.replace('_', ' ')} {_number(figure['value'])} (real against real {_number(figure['floor'])})"
        )
    return ", ".join(found)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3g}"


def _compliance(record: Mapping[str, Any]) -> str:
    terms = record.get("dataset", {}).get("terms")
    return f"{record['memorised']['verdict']}; licences of what it was made from: {terms or 'unknown'}"


def _comprehension(stated: Mapping[str, bool]) -> str:
    if not stated:
        return NOT_ASSESSED
    missing = [name for name, there in stated.items() if not there]
    known = f"{len(stated) - len(missing)} of {len(stated)} facts of its making are stated"
    return known + (f"; not stated: {', '.join(missing)}" if missing else "")


def _constraint(measured: Mapping[str, Any]) -> str:
    if not measured:
        return NOT_ASSESSED
    worst = max(measured, key=lambda name: float(measured[name]["apart"]))
    return f"of {len(measured)} statistics {worst} is farthest from real images, by {measured[worst]['apart']:.2f} of 1"


def _lacking(covered: Mapping[str, Any]) -> str:
    missing = [f"{name} {', '.join(found['lacking'])}" for name, found in covered.items() if found["lacking"]]
    return f"lacking: {'; '.join(missing)}" if missing else "every value that real images have is there"


def _gaps(found: Mapping[str, Any]) -> str:
    gaps = {name: block["gap"] for name, block in found.items() if block["gap"]}
    if not gaps:
        return NOT_ASSESSED
    name = max(gaps, key=lambda fact: float(gaps[fact]["value"]))
    gap = gaps[name]
    return f"largest gap: {name} {gap['worst']} against {gap['best']}, {gap['value']:.1f} in kernel distance x 1000"
