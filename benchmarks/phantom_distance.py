"""Kernel distance (x 1000) of phantoms of both views to real films, as a whole and taken apart.

Usage: python benchmarks/phantom_distance.py FILMS --mask PROGRAM [--spacing-mm 0.9] [--count 160] [--first-seed 1000]

FILMS is a folder of PNGs `*CC.png` and `*MLO.png`: real views at the same spacing, 8 bits, only the breast, air 0,
chest wall on the right. PROGRAM is the script that made them so; `python PROGRAM FOLDER OUT` must give phantoms the
same mask and crop, since a dim margin of skin alone moves outlines. Phantoms: film response, 230.4 x 230.4 mm, CC and
MLO in turn, densities a, b, c, d as 3:3:3:1. Features and kernel are those of `tests/measure_kernel_distance.py`.

* whole: the views;
* outlines: the breasts as flat grey shapes;
* patches: two windows of 72 mm a view that are at least 97 % breast.

Below, 10th, 50th and 90th percentile by view of height and depth in mm, area in cm2, median grey, and the grey levels
from the 5th to the 95th percentile of a view. Takes about two minutes of processor time at 0.9 mm.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measure_kernel_distance import features

from synthmammo.generators.phantom import SMALL, Phantom
from synthmammo.metrics import kernel_distance
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, View

PATCH_MM = 72.0
VIEWS = (View.CC, View.MLO)
Views = dict[str, np.ndarray]
"""`uint8 (H, W)` by file name."""


def write_phantoms(folder: Path, spacing_mm: float, first_seed: int, count: int) -> None:
    """PNGs `SEED_VIEW.png` of 8 bits."""
    host = Phantom(**{**SMALL, "spacing_mm": spacing_mm}, bits_stored=8, chest_wall="right", response="film")
    for seed in range(first_seed, first_seed + count):
        view, density = VIEWS[seed % 2], "aaabbbcccd"[seed // 2 % 10]
        names = {"key": str(seed), "shard": "-", "split": "train", "label": "normal", "host_key": None, "patient": "p"}
        numbers = {"index": seed, "host": seed, "host_seed": seed}
        row = Row(**names, **numbers, view=view, laterality=Laterality.LEFT, density=density)
        pixels = host.render([row])[0].image.astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}_{view}.png")


def masked_phantoms(program: Path, spacing_mm: float, first_seed: int, count: int) -> Views:
    """Phantoms with the mask and crop of the films."""
    with tempfile.TemporaryDirectory() as folder:
        raw, out = Path(folder) / "raw", Path(folder) / "masked"
        raw.mkdir()
        write_phantoms(raw, spacing_mm, first_seed, count)
        subprocess.run([sys.executable, str(program), str(raw), str(out)], check=True, stdout=subprocess.DEVNULL)
        return read(out)


def read(folder: Path) -> Views:
    """Every PNG of a folder."""
    return {path.stem: np.asarray(Image.open(path).convert("L")) for path in sorted(folder.glob("*.png"))}


def outlines(views: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The breasts as flat grey shapes of half the size."""
    shapes = (Image.fromarray(((pixels > 0) * 128).astype(np.uint8)) for pixels in views)
    return [np.asarray(shape.resize((shape.width // 2, shape.height // 2))) for shape in shapes]


def patches(views: Sequence[np.ndarray], side: int) -> list[np.ndarray]:
    """Two windows a view inside the breast; views too small for them give none."""
    draw, found = np.random.default_rng(0), []
    for pixels in (views[i] for i in draw.permutation(len(views))[:300]):
        places = ([draw.integers(0, max(1, extent - side)) for extent in pixels.shape] for _ in range(60))
        windows = (pixels[row : row + side, column : column + side] for row, column in places)
        inside = (w for w in windows if w.shape == (side, side) and (w > 0).mean() > 0.97)
        found += [window for window, _ in zip(inside, range(2), strict=False)]
    return found


def numbers(pixels: np.ndarray, spacing_mm: float) -> tuple[float, ...]:
    """Height, depth, area, median grey and spread of one view."""
    inside = pixels[pixels > 0]
    low, middle, high = np.percentile(inside, (5, 50, 95))
    height, width = (side * spacing_mm for side in pixels.shape)
    return height, width, inside.size * spacing_mm**2 / 100, middle, high - low


def main() -> None:
    """Prints the three distances, then the numbers of films and phantoms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--mask", type=Path, required=True, help="program that masks and crops a folder of PNGs")
    parser.add_argument("--spacing-mm", type=float, default=0.9, help="pixel spacing of the films")
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--first-seed", type=int, default=1000)
    options = parser.parse_args()
    real = read(options.films)
    made = masked_phantoms(options.mask, options.spacing_mm, options.first_seed, options.count)
    side = round(PATCH_MM / options.spacing_mm)
    for name, part in {"whole": list, "outlines": outlines, "patches": lambda views: patches(views, side)}.items():
        distance = kernel_distance(*(features(part(list(views.values()))) for views in (made, real)))
        print(f"{name:9} {1000 * distance:6.1f}  (n {len(made)}, {len(real)})")
    for view in VIEWS:
        for what, views in (("films", real), ("phantoms", made)):
            rows = [numbers(p, options.spacing_mm) for stem, p in views.items() if stem.endswith(f"{view}")]
            low, middle, high = np.percentile(rows, (10, 50, 90), axis=0)
            print(view, what, *(f"{a:.0f}, {b:.0f}, {c:.0f};" for a, b, c in zip(low, middle, high, strict=True)))


if __name__ == "__main__":
    main()
