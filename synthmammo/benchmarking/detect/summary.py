"""What the detectors of a benchmark found, together: sensitivities with intervals by patients, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.detect.config import RowName
from synthmammo.metrics import Interval, bootstrap, interval
from synthmammo.metrics.detection import RATES, Froc, Marks, Precision, Truth, chance_sensitivities

NAMES: dict[RowName, str] = {"real": "real alone", "synthetic": "synthetic alone", "both": "real and synthetic"}
GRID = (0.0625, 0.125, *RATES, 4.0)
"""Rates at which the figure shows intervals."""

SIGNIFICANT = 0.05
SWAPS = 200
RESAMPLES = 2000


@dataclass(frozen=True)
class RowSummary:
    """All seeds of one row, all folds together.

    Attributes:
        name: Name of the row, which says what was trained on.
        frocs: FROC curves, one per seed.
        sensitivities: Sensitivity at each rate of `GRID`, mean over the seeds; interval by patients.
        mean_sensitivity: Mean sensitivity over `RATES`.
        average_precision: Average precision, mAP@0.5.
        difference: Mean sensitivity less that of real images alone; None where there is nothing to compare.
        chance: Mean sensitivity on the lesions of other images, on average.
        chance_p: Share of swaps of the lesions that reach this row's mean sensitivity.
    """

    name: RowName
    frocs: tuple[Froc, ...]
    sensitivities: tuple[Interval, ...]
    mean_sensitivity: Interval
    average_precision: Interval
    difference: Interval | None
    chance: float
    chance_p: float

    @property
    def stated(self) -> tuple[Interval, ...]:
        """Sensitivities at `RATES`."""
        return tuple(self.sensitivities[GRID.index(rate)] for rate in RATES)

    def facts(self) -> dict[str, Any]:
        """Its numbers as JSON-able values; intervals are estimate, low, high."""
        return {
            "trained_on": self.name,
            "sensitivities": {f"{rate:g}": list(found) for rate, found in zip(RATES, self.stated, strict=True)},
            "mean_sensitivity": list(self.mean_sensitivity),
            "average_precision": list(self.average_precision),
            "mean_less_real": list(self.difference) if self.difference else None,
            "chance": self.chance,
            "chance_p": self.chance_p,
        }

    @property
    def found_something(self) -> bool:
        """Whether the marks know more than where lesions usually lie."""
        return self.chance_p <= SIGNIFICANT


def summarise_detection(
    marks: dict[tuple[RowName, int], list[Marks]],
    truths: Sequence[Truth],
    patients: NDArray[np.str_],
    *,
    resamples: int = RESAMPLES,
    swaps: int = SWAPS,
) -> list[RowSummary]:
    """The rows of a benchmark, on the same resamples of patients.

    Args:
        marks: Marks on the tested images, by row and seed.
        truths: Lesions of the tested images.
        patients: Patient of each tested image, `(N)`.
        resamples: Number of resamples of the bootstrap.
        swaps: Number of times the lesions are swapped between images, for chance.
    """
    names = list(dict.fromkeys(name for name, _ in marks))
    judged = {name: _Judged.of([m for (row, _), m in marks.items() if row == name], truths) for name in names}

    def values(images: NDArray[np.intp] | None) -> NDArray[np.float64]:
        return np.concatenate([judged[name].values(images) for name in names])

    here = dict(zip(names, np.split(values(None), len(names)), strict=True))
    drawn = np.split(bootstrap(values, patients, resamples=resamples), len(names), axis=1)
    resampled = dict(zip(names, drawn, strict=True))
    rows = []
    for name in names:
        *curve, mean, precision = map(interval, here[name], resampled[name].T)
        difference = None
        if "real" in names and name != "real":
            apart = resampled[name][:, _MEAN] - resampled["real"][:, _MEAN]
            difference = interval(here[name][_MEAN] - here["real"][_MEAN], apart)
        chance = judged[name].chance(truths, swaps)
        p = (1 + int((chance >= mean.estimate).sum())) / (1 + swaps)
        frocs = tuple(judged[name].frocs)
        rows.append(RowSummary(name, frocs, tuple(curve), mean, precision, difference, float(chance.mean()), float(p)))
    return rows


_MEAN = -2
"""Place of the mean sensitivity among the values of a row."""


class _Judged(NamedTuple):
    """The marks of one row, by seed, held against the lesions."""

    marks: list[list[Marks]]
    frocs: list[Froc]
    precisions: list[Precision]

    @classmethod
    def of(cls, marks: list[list[Marks]], truths: Sequence[Truth]) -> _Judged:
        return cls(marks, [Froc.of(m, truths) for m in marks], [Precision.of(m, truths) for m in marks])

    def values(self, images: NDArray[np.intp] | None) -> NDArray[np.float64]:
        """Sensitivities at `GRID`, their mean at `RATES`, and the average precision: means over the seeds."""
        curve = np.mean([froc.sensitivities(GRID, images) for froc in self.frocs], 0)
        precision = np.mean([found.average(images) for found in self.precisions])
        return np.array([*curve, np.mean(curve[[GRID.index(rate) for rate in RATES]]), precision])

    def chance(self, truths: Sequence[Truth], swaps: int) -> NDArray[np.float64]:
        """Mean sensitivity on the lesions of other images, by swap; mean over the seeds."""
        found = [chance_sensitivities(m, truths, swaps=swaps).mean(1) for m in self.marks]
        return np.asarray(np.mean(found, 0))


def table_of(rows: Sequence[RowSummary]) -> list[tuple[str, ...]]:
    """Header and rows of the main table, as text."""
    rates = [f"sensitivity at {rate:g}" for rate in RATES]
    table: list[tuple[str, ...]] = [
        ("trained on", *rates, "mean of the four (95 %)", "mAP@0.5 (95 %)", "mean by chance", "p", "mean - real (95 %)")
    ]
    for row in rows:
        found = [_brief(sensitivity) for sensitivity in row.stated]
        chance = f"{row.chance:.2f}", f"{row.chance_p:.3f}" + ("" if row.found_something else ": no result")
        cells = (*found, str(row.mean_sensitivity), str(row.average_precision), *chance)
        table.append((NAMES[row.name], *cells, str(row.difference) if row.difference else ""))
    return table


def _brief(found: Interval) -> str:
    return f"{found.estimate:.2f} ({f'{found.low:.2f}-{found.high:.2f}' if found.known else 'n/a'})"
