"""Further sections of a report of detectors: a second test set, and subgroups of the tested images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthmammo.benchmarking.detect.detect import Detected
from synthmammo.benchmarking.detect.summary import NAMES, RowSummary, summarise_detection, table_of
from synthmammo.benchmarking.pages import Section
from synthmammo.metrics.detection import Truth

Facts = tuple[dict[str, Any], ...]

LEAST_LESIONS = 5
"""Subgroups with fewer lesions are left out: their sensitivities would be fifths at best."""


def external_section(detected: Detected) -> tuple[list[Section], Facts]:
    """The main table once more, on the second test set; nothing where there is none."""
    films = detected.external
    if films is None:
        return [], ()
    rows = summarise_detection(detected.external_marks, films.truths, films.patients)
    lesions = sum(len(truth.lesions) for truth in films.truths)
    text = f"The same detectors on {lesions} lesions on {len(films)} images of {films.where.name}, another source" + (
        ", the mean over the detectors of all folds." if detected.config.folds else "."
    )
    section = Section(f"On {films.where.name}", (text,), tuple(table_of(rows)))
    return [section], tuple(row.facts() for row in rows)


def subgroup_section(detected: Detected, truths: Sequence[Truth]) -> tuple[list[Section], Facts]:
    """A row for every subgroup of the tested images and every row of the benchmark.

    Args:
        detected: The finished benchmark.
        truths: Lesions of the tested images.
    """
    counted = ("lesions", "images", "patients")
    lines: list[tuple[str, ...]] = [
        ("subgroup", *counted, "trained on", "mean sensitivity (95 %)", "mean - real (95 %)")
    ]
    facts: list[dict[str, Any]] = []
    everyone = detected.real.patients[detected.tested]
    for name, of_all in detected.real.properties.items():
        values = of_all[detected.tested]
        for value in sorted(set(values.tolist()) - {""}):
            which = np.flatnonzero(values == value)
            here, patients = [truths[number] for number in which.tolist()], everyone[which]
            lesions = sum(len(truth.lesions) for truth in here)
            if lesions < LEAST_LESIONS or len(np.unique(patients)) < 2:
                continue
            marks = {row: [found[number] for number in which] for row, found in detected.marks.items()}
            counts = (str(lesions), str(len(which)), str(len(np.unique(patients))))
            for row in summarise_detection(marks, here, patients):
                lines.append((f"{name} {value}", *counts, *_cells(row)))
                facts.append({"subgroup": name, "value": value, "lesions": lesions, **row.facts()})
    text = (
        "A description, not a test: the fewer lesions a subgroup has, the wider its interval, and among many subgroups "
        "some intervals leave out zero by chance."
    )
    return ([Section("Subgroups", (text,), tuple(lines))], tuple(facts)) if facts else ([], ())


def _cells(row: RowSummary) -> tuple[str, ...]:
    return NAMES[row.name], str(row.mean_sensitivity), str(row.difference) if row.difference else ""
