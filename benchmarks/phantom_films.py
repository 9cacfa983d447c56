"""Measures phantoms, or a folder of real films, in the terms that phantoms of pixels version 1 were fitted in.

Usage:
    python -m benchmarks.phantom_films                         240 phantoms, film response
    python -m benchmarks.phantom_films FOLDER --spacing-mm 0.2 every PNG of a folder of 8-bit MLO films

The breast is found by the same threshold on both; pixels closer than 15 mm to its edge are left out of the percentiles.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from synthmammo.generators.phantom import Phantom
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, View

SPACING_MM = 0.4
DEPTHS_MM = (1, 2, 4, 8, 14, 24)
PERCENTILES = (5, 25, 50, 75, 95)


def phantoms(count: int, response: str) -> Iterator[tuple[NDArray, NDArray]]:
    """8-bit pixels and breasts of `count` MLO phantoms, chest wall left, in the films' share of densities."""
    phantom = Phantom(SPACING_MM, 204.8, 204.8, bits_stored=8, chest_wall="left", response=response)
    for seed in range(count):
        pixels = phantom.render([mlo_row(seed, "aaabbbcccd"[seed % 10])])[0].image.astype(np.float32)
        yield pixels, find_breast(pixels)


def mlo_row(seed: int, density: str) -> Row:
    names = {"key": str(seed), "shard": "", "split": "train", "label": "normal", "host_key": None, "patient": ""}
    numbers = {"index": seed, "host": seed, "host_seed": seed}
    return Row(**names, **numbers, view=View.MLO, laterality=Laterality.LEFT, density=density)


def films(folder: Path, spacing_mm: float) -> Iterator[tuple[NDArray, NDArray]]:
    """The same of real films, turned so that the chest wall is left and reduced to `SPACING_MM`."""
    for path in sorted(folder.glob("*.png")):
        pixels = np.asarray(Image.open(path).convert("L").reduce(max(1, round(SPACING_MM / spacing_mm))), np.float32)
        breast = find_breast(pixels)
        columns = np.flatnonzero(breast.any(0))
        if breast[:, columns[0] : columns[0] + 5].mean() < breast[:, columns[-1] - 4 : columns[-1] + 1].mean():
            pixels, breast = pixels[:, ::-1], breast[:, ::-1]
        start = np.flatnonzero(breast.any(0))[0]
        yield pixels[:, start:], breast[:, start:]


def find_breast(pixels: NDArray) -> NDArray:
    """Largest piece brighter than 18 of 255, `bool (H, W)`."""
    bright = ndimage.binary_opening(ndimage.gaussian_filter(pixels, 1) > 18, iterations=3)
    labels, count = ndimage.label(bright)
    largest = 1 + np.argmax(ndimage.sum_labels(bright, labels, range(1, count + 1)))
    return ndimage.binary_fill_holes(labels == largest)


def measure(pixels: NDArray, breast: NDArray) -> dict[str, float]:
    """Numbers of one MLO image whose chest wall is left."""
    width = breast.sum(1) * SPACING_MM
    depth = ndimage.distance_transform_edt(np.pad(breast, ((99, 99), (99, 0)), mode="edge"))[99:-99, 99:] * SPACING_MM
    inner = pixels[depth > 15] if (depth > 15).any() else pixels[breast]
    numbers = {
        "reach mm": width.max(),
        "nipple level mm": float(np.argmax(ndimage.uniform_filter1d(width, 12))) * SPACING_MM,
    }
    numbers |= {
        "width at top / reach": np.median(width[8:20]) / width.max(),
        "area cm2": width.sum() * SPACING_MM / 100,
    }
    numbers |= {f"grey p{p}": np.percentile(inner, p) for p in PERCENTILES}
    for d in DEPTHS_MM:
        rim = np.abs(depth - d) < 0.5
        numbers[f"grey at {d} mm depth"] = float(np.median(pixels[rim])) if rim.any() else np.nan
    return numbers | {"beta": spectrum_slope(pixels, depth)} | pectoral(pixels, breast)


def spectrum_slope(pixels: NDArray, depth: NDArray, side: int = 64) -> float:
    """Slope of the power spectrum between 0.1 and 1 cycle/mm, over windowed squares at least 12 mm deep."""
    window = np.outer(np.hanning(side), np.hanning(side))
    half, power = side // 2, []
    for row, column in np.argwhere(depth > 12)[:: side * 4]:
        square = np.s_[row - half : row + half, column - half : column + half]
        tile = pixels[square]
        if tile.shape == (side, side) and depth[square].min() > 5:
            power.append(np.abs(np.fft.rfft2((tile - tile.mean()) * window)) ** 2)
    if not power:
        return np.nan
    frequency = np.hypot(np.fft.fftfreq(side, SPACING_MM)[:, None], np.fft.rfftfreq(side, SPACING_MM))
    bins = np.geomspace(0.1, 1.0, 10)
    kept = [(frequency >= low) & (frequency < high) for low, high in zip(bins[:-1], bins[1:], strict=True)]
    mean = np.mean(power, 0)
    return float(-np.polyfit(*(np.log([a[k].mean() for k in kept]) for a in (frequency, mean)), 1)[0])


def pectoral(pixels: NDArray, breast: NDArray) -> dict[str, float]:
    """Width of the pectoral muscle near the top and its angle, by the steepest fall of brightness in a row."""
    smooth = ndimage.gaussian_filter(pixels, 3)
    edges = []
    for row_mm in (12, 24, 36):
        line = smooth[int(row_mm / SPACING_MM)]
        end = int(breast[int(row_mm / SPACING_MM)].sum() * 0.8)
        edges.append(5 + np.argmax(line[5 : end - 5] - line[15 : end + 5]) if end > 30 else np.nan)
    angle = np.degrees(np.arctan2(24 / SPACING_MM, edges[0] - edges[2]))
    return {"pectoral width mm": edges[0] * SPACING_MM, "pectoral angle deg": angle}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--spacing-mm", type=float, default=0.2)
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--response", default="film")
    options = parser.parse_args()
    images = films(options.folder, options.spacing_mm) if options.folder else phantoms(options.count, options.response)
    rows = [measure(*image) for image in images]
    for name in rows[0]:
        low, middle, high = np.nanpercentile([r[name] for r in rows], (10, 50, 90))
        print(f"{name:22} {middle:8.2f}   ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
