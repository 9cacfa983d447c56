"""Whether simulated readers come out at their skill, and how often 95 % intervals hold the truth.

    python -m benchmarks.study_coverage [--studies 500] [--readers 4] [--resamples 500] [--seed 0]

Each study has 52 real and 48 generated cases that all readers see alike in part (a weight of 0.3 of the variance). Two
readers of fixed skill (AUC 0.55 and 0.8) are asked for each reader's own interval. For the intervals over readers and
cases, readers are drawn from a population whose areas are normal around 0.7 with a standard deviation of 0.12, cut to
0.4 to 0.95; the truth is the mean area of that population.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthmammo.metrics.curves import delong_interval
from synthmammo.studying.obuchowski import read_by_several
from synthmammo.studying.scoring import resampled_mean
from synthmammo.studying.simulation import ratings
from synthmammo.studying.studies import SKILLS

POSITIVE = np.arange(100) >= 52
SPREAD, CENTRE = 0.12, 0.7
"""Skills of the population: a normal distribution of areas, cut to 0.4 to 0.95."""


def population(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    low, high = (0.4 - CENTRE) / SPREAD, (0.95 - CENTRE) / SPREAD
    return np.asarray(stats.truncnorm.rvs(low, high, loc=CENTRE, scale=SPREAD, size=size, random_state=rng))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("studies", 500), ("readers", 4), ("resamples", 500), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    low, high = (0.4 - CENTRE) / SPREAD, (0.95 - CENTRE) / SPREAD
    truth = float(stats.truncnorm.mean(low, high, loc=CENTRE, scale=SPREAD))
    areas: dict[float, list[float]] = {skill: [] for skill in SKILLS}
    held: dict[str, list[bool]] = {f"DeLong, reader of {skill:g}": [] for skill in SKILLS}
    held |= {"Obuchowski-Rockette, Hillis": [], "bootstrap over readers and cases": []}
    widths: dict[str, list[float]] = {name: [] for name in held}
    for study in range(given.studies):
        shared = rng.normal(size=len(POSITIVE))
        for skill in SKILLS:
            found = delong_interval(POSITIVE, ratings(skill, POSITIVE, rng, shared))
            areas[skill].append(found.estimate)
            note(held, widths, f"DeLong, reader of {skill:g}", found, skill)
        read = np.stack([ratings(skill, POSITIVE, rng, shared) for skill in population(given.readers, rng)]).astype(
            float
        )
        note(held, widths, "Obuchowski-Rockette, Hillis", read_by_several(POSITIVE, read).mean, truth)
        drawn = resampled_mean(POSITIVE, read, resamples=given.resamples, seed=study)
        note(held, widths, "bootstrap over readers and cases", drawn, truth)
    for skill, values in areas.items():
        error = np.std(values, ddof=1) / len(values) ** 0.5
        print(
            f"reader of {skill:g}: mean AUC {np.mean(values):.4f}, standard error {error:.4f}, {given.studies} studies"
        )
    print(f"population of mean {truth:.4f}, {given.readers} readers per study")
    for name, hits in held.items():
        print(
            f"{name}: {np.mean(hits):.1%} of the 95 % intervals hold the truth; mean width {np.mean(widths[name]):.3f}"
        )


def note(
    held: dict[str, list[bool]],
    widths: dict[str, list[float]],
    name: str,
    found: tuple[float, float, float],
    truth: float,
) -> None:
    held[name].append(found[1] <= truth <= found[2])
    widths[name].append(found[2] - found[1])


if __name__ == "__main__":
    main()
