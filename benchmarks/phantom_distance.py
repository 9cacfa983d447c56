"""Kernel distance (x 1000) of phantoms of both views to real films, as a whole and taken apart.

Usage: python -m benchmarks.phantom_distance DATASET [--count 160] [--first-seed 1000]

DATASET holds films masked by `synthmammo ingest cbis_ddsm_views VIEWS --out DATASET --set breast_only=true --set
spacing_mm=0.9`; its split "validation" is compared with. Phantoms get the same mask and crop, since a dim margin of
skin alone moves outlines: film response, 230.4 x 230.4 mm, CC and MLO in turn, densities a, b, c, d as 3:3:3:1.
Features and kernel are those of `benchmarks.kernel_distance`.

* whole: the views;
* outlines: the breasts as flat grey shapes;
* patches: two windows of 72 mm per view that are at least 97 % breast.

Below, 10th, 50th and 90th percentile by view of height and depth in mm, area in cm2, median grey, and the grey levels
from the 5th to the 95th percentile of a view. It takes about two minutes of processor time at 0.9 mm.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.kernel_distance import features
from synthmammo.dataset.reader import Dataset
from synthmammo.generators.phantom import SMALL, Phantom
from synthmammo.ingesting.sources.film_breast import cut_breast
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, View
from synthmammo.metrics import kernel_distance

PATCH_MM = 72.0
VIEWS = (View.CC, View.MLO)
Views = dict[str, np.ndarray]
"""`uint8 (H, W)` by file name."""


def phantoms(spacing_mm: float, first_seed: int, count: int) -> Views:
    """Phantoms of 8 bits with the mask and crop of the films."""
    host = Phantom(**{**SMALL, "spacing_mm": spacing_mm}, bits_stored=8, chest_wall="right", response="film")
    made = {}
    for seed in range(first_seed, first_seed + count):
        view, density = VIEWS[seed % 2], "aaabbbcccd"[seed // 2 % 10]
        names = {"key": str(seed), "shard": "-", "split": "train", "label": "normal", "host_key": None, "patient": "p"}
        numbers = {"index": seed, "host": seed, "host_seed": seed}
        row = Row(**names, **numbers, view=view, laterality=Laterality.LEFT, density=density)
        found = cut_breast(host.render([row])[0].image.astype(np.uint8))
        if found is not None:
            made[f"{seed}_{view}"] = found.pixels
    return made


def films(dataset: Dataset, split: str) -> tuple[Views, float]:
    """The films of a split by key and view, and their pixel spacing in millimetres."""
    read = list(dataset.samples(split))
    spacings = {sample.spacing_mm for sample in read}
    if len(spacings) != 1 or None in spacings:
        raise SystemExit(f"{dataset.path}: films of one spacing are needed, see --help; found {len(spacings)} spacings")
    return {f"{sample.key}_{sample.view}": sample.image.astype(np.uint8) for sample in read}, spacings.pop()[0]


def outlines(views: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The breasts as flat grey shapes of half the size."""
    shapes = (Image.fromarray(((pixels > 0) * 128).astype(np.uint8)) for pixels in views)
    return [np.asarray(shape.resize((shape.width // 2, shape.height // 2))) for shape in shapes]


def patches(views: Sequence[np.ndarray], side: int) -> list[np.ndarray]:
    """Two windows per view inside the breast; views too small for them give none."""
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
    """Print the three distances, then the numbers of films and phantoms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--count", type=int, default=160, help="number of phantoms")
    parser.add_argument("--first-seed", type=int, default=1000)
    options = parser.parse_args()
    real, spacing_mm = films(Dataset.open(options.dataset), "validation")
    made = phantoms(spacing_mm, options.first_seed, options.count)
    side = round(PATCH_MM / spacing_mm)
    for name, part in {"whole": list, "outlines": outlines, "patches": lambda views: patches(views, side)}.items():
        distance = kernel_distance(*(features(part(list(views.values()))) for views in (made, real)))
        print(f"{name:9} {1000 * distance:6.1f}  (n {len(made)}, {len(real)})")
    for view in VIEWS:
        for what, views in (("films", real), ("phantoms", made)):
            rows = [numbers(p, spacing_mm) for stem, p in views.items() if stem.endswith(f"{view}")]
            low, middle, high = np.percentile(rows, (10, 50, 90), axis=0)
            print(view, what, *(f"{a:.0f}, {b:.0f}, {c:.0f};" for a, b, c in zip(low, middle, high, strict=True)))


if __name__ == "__main__":
    main()
