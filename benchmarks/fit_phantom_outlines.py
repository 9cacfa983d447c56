"""Fits the outlines of phantoms to real films; prints the numbers of `synthmammo/generators/phantom/shapes.py`.

Usage: python -m benchmarks.fit_phantom_outlines DATASET

DATASET holds films as `benchmarks.phantom_distance` wants them; its split "train" is fitted to. A breast is the largest
piece left by an opening of 5 mm, so that strips and labels at its rim go. Its profile is sampled at twelve
heights above the nipple (the middle of what is within 1.5 % of the widest) and twelve below. Views whose profile jumps
(tape, a fold seen as a step) are left out, and so are the 3 % farthest from the rest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.phantom_distance import films
from synthmammo.dataset.reader import Dataset

HALF, MODES = 12, 7
SCALE = np.array([1.0] * (2 * HALF) + [2.0, 0.5])  # of widths, nipple and logarithm of the height in the components


def profile(breast: NDArray, spacing_mm: float) -> tuple[NDArray, float, float]:
    """Widths over the reach at 401 heights, the reach and the height in millimetres."""
    reach_px, columns = round(5.4 / spacing_mm), breast.shape[1]
    padded = np.pad(breast, ((0, 0), (0, 2 * reach_px)), "edge")
    opened = ndimage.binary_opening(padded, iterations=reach_px)[:, :columns]
    pieces, count = ndimage.label(opened)
    largest = pieces == 1 + np.argmax(ndimage.sum_labels(opened, pieces, range(1, count + 1)))
    rows = np.flatnonzero(largest.any(1))
    largest = largest[rows[0] : rows[-1] + 1]
    width = ndimage.median_filter((columns - np.argmax(largest, 1)) * spacing_mm, 7)
    at = (np.arange(len(width)) + 0.5) / len(width)
    line = np.interp(np.linspace(0, 1, 401), at, ndimage.gaussian_filter1d(width, 1.5))
    return line / line.max(), float(line.max()), len(width) * spacing_mm


def sampled(line: NDArray, height_mm: float) -> NDArray | None:
    """Widths above and below the nipple, the nipple's share of the height, logarithm of the height; None: not used."""
    smooth, places = ndimage.gaussian_filter1d(line, 4), np.linspace(0, 1, 401)
    nipple = float(places[smooth > 0.985 * smooth.max()].mean())
    jump = np.abs(line[12:] - line[:-12])[20:-40].max()
    if not 0.3 < nipple < 0.85 or jump > 0.45 or height_mm < 110:
        return None
    half = (np.arange(HALF) + 0.5) / HALF
    widths = np.interp(np.concatenate([nipple * half, nipple + (1 - nipple) * half]), places, line)
    return np.concatenate([widths, [nipple, np.log(height_mm)]])


def fit(rows: NDArray, reach_mm: NDArray) -> dict[str, NDArray]:
    """`reach`, `mean`, `slope` and `modes` of `Shapes`."""
    size = np.log(reach_mm)
    deviations = (size - size.mean()) / size.std()
    mean = rows.mean(0)
    slope = (deviations[:, None] * (rows - mean)).mean(0)
    rest = (rows - mean - deviations[:, None] * slope) * SCALE
    far = (rest**2).sum(1)
    rest = rest[far < np.quantile(far, 0.97)]
    _, strength, directions = np.linalg.svd(rest, full_matrices=False)
    modes = strength[:MODES, None] / np.sqrt(len(rest)) * directions[:MODES] / SCALE
    return {"reach": np.array([size.mean(), size.std()]), "mean": mean, "slope": slope, "modes": modes}


def main() -> None:
    """Print the numbers of both projections."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    real, spacing_mm = films(Dataset.open(parser.parse_args().dataset), "train")
    for view in ("CC", "MLO"):
        chosen = [pixels for key, pixels in real.items() if key.endswith(f"_{view}")]
        lines = [profile(pixels > 0, spacing_mm) for pixels in chosen]
        used = [(found, reach) for line, reach, height in lines if (found := sampled(line, height)) is not None]
        print(f"# {view}: {len(used)} of {len(chosen)} views")
        for name, values in fit(np.array([u[0] for u in used]), np.array([u[1] for u in used])).items():
            print(name, np.array2string(values, precision=3, separator=", ", max_line_width=118, suppress_small=True))


if __name__ == "__main__":
    main()
