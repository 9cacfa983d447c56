"""Rows of a benchmark by subgroup of the tested images: density, view, subtlety of the finding, and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.classify.summary import MixtureSummary, summarise_classification, too_few
from synthmammo.benchmarking.pages import Section
from synthmammo.benchmarking.results import Run


class Subgroup(NamedTuple):
    """Tested images that share a property.

    Attributes:
        name: Name of the property, e.g. "density".
        value: Its value, e.g. "d".
        chosen: Which of the tested images are in it, `bool (N)`.
    """

    name: str
    value: str
    chosen: NDArray[np.bool_]


def subgroups(
    properties: Mapping[str, NDArray[np.str_]], positive: NDArray[np.bool_], patients: NDArray[np.str_]
) -> Iterator[Subgroup]:
    """The subgroups of the tested images that are large enough to say something.

    A property that no negative has is one of findings: its subgroups are its positives against all negatives.

    Args:
        properties: Values of every property, `(N)` each; empty texts where they are not known.
        positive: Whether each tested image is positive, `bool (N)`.
        patients: Patient of each tested image, `(N)`.
    """
    for name, values in properties.items():
        of_findings = not (values[~positive] != "").any()
        for value in sorted(set(values.tolist()) - {""}):
            chosen = values == value
            if of_findings:
                chosen |= ~positive
            if positive[chosen].any() and not too_few(positive[chosen], patients[chosen]):
                yield Subgroup(name, value, chosen)


def subgroup_section(
    scores: Mapping[Run, NDArray[np.float64]],
    found: Sequence[Subgroup],
    positive: NDArray[np.bool_],
    patients: NDArray[np.str_],
    *,
    resamples: int,
) -> tuple[Section, list[dict[str, Any]]]:
    """The section of a report with a row for every subgroup and mixture, and the same as values by name.

    Args:
        scores: Log-odds of the tested images by training, `(N)`: those of the mixtures that are shown.
        found: The subgroups.
        positive: Whether each tested image is positive, `bool (N)`.
        patients: Patient of each tested image, `(N)`.
        resamples: Number of resamples of the bootstrap.
    """
    header = ("subgroup", "positives", "negatives", "patients", "trained on", "AUC (95 %)", "AUC - baseline (95 %)")
    lines: list[tuple[str, ...]] = [header]
    facts: list[dict[str, Any]] = []
    for group in found:
        here, whose = positive[group.chosen], patients[group.chosen]
        part = {run: values[group.chosen] for run, values in scores.items()}
        counts = (str(int(here.sum())), str(int((~here).sum())), str(len(np.unique(whose))))
        for row in summarise_classification(part, here, whose, resamples=resamples):
            lines.append((f"{group.name} {group.value}", *counts, row.name, str(row.auc), _change(row)))
            facts.append({"subgroup": group.name, "value": group.value, "positives": int(here.sum()), **row.facts()})
    text = (
        "A description, not a test: the fewer images a subgroup has, the wider its interval, and among many subgroups "
        "some intervals leave out zero by chance. Of a property that findings alone have, the positives are compared "
        "with all negatives."
    )
    return Section("Subgroups", (text,), tuple(lines)), facts


def _change(row: MixtureSummary) -> str:
    if row.comparison is None:
        return "baseline"
    found = row.comparison.difference
    return "{:+.3f} ({:+.3f} to {:+.3f})".format(*found) if found.known else "n/a"
