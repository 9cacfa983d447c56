r"""Measure lesions on patches of film: are they as bright, as large and as visible as real ones?

Usage: python -m benchmarks.lesion_measures REAL [--made NAME=DATASET ...] [--train N] [--sheet PICTURE]

REAL is a dataset of patches with the classes normal, benign and malignant and the splits train and validation, cut by
`synthmammo patches` from real views. DATASET is one of the same size whose lesions were put onto real normal patches.
Printed for the real patches of validation and for every DATASET:

* AUC of a linear classifier of real patches with a mass against real normal ones, fitted to N of `train`, for patches
  with a mass against the real normal ones of validation;
* kernel distance x 1000 of the patches with a mass to the real ones of validation; the floor is real ones of train;
* 10th percentile, median and 90th of the longest side in mm and of the contrast of box against surroundings, in units
  of [-1, 1].

The features are those of EfficientNet-Lite0 at the patches' own resolution: means of four scales for the classifier and
the mean of the last map for the kernel distance, as in the kernel distances of whole views.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import relu6

from synthmammo.dataset.index import read_index
from synthmammo.dataset.reader import Dataset
from synthmammo.mammogram import png
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.lesion_stand_in import contrast_of
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.pictures import contact_sheet
from synthmammo.mammogram.sample import Sample
from synthmammo.metrics import LinearProbe, auc
from synthmammo.metrics.distances import kernel_distance
from synthmammo.models.features import Features, scale_means

SHEET_COLUMNS = 10


class Seen(NamedTuple):
    """What the fixed network sees of some patches.

    Attributes:
        scales: Means of four scales, `float32 (N, 496)`.
        pooled: Pooled features, `float32 (N, 1280)`.
    """

    scales: NDArray[np.float32]
    pooled: NDArray[np.float32]


def drawn(folder: Path, split: str | None, masses: bool, most: int, seed: int = 0) -> list[Sample]:
    """So many patches of a split, drawn; those with a finding or those without."""
    rows = read_index(folder).to_pylist()
    keys = [
        row["key"] for row in rows if split in (None, row["split"]) and bool(row["findings"]) == masses and _known(row)
    ]
    chosen = np.random.default_rng(seed).permutation(len(keys))[:most]
    dataset = Dataset.open(folder)
    return [dataset.sample(keys[number]) for number in sorted(chosen)]


def _known(row: dict[str, object]) -> bool:
    return row["label"] in ("normal", "benign", "malignant")


@torch.inference_mode()
def seen(samples: Sequence[Sample], network: Features) -> Seen:
    """Features of patches, their full range of grey levels as [-1, 1]."""
    scales, pooled = [], []
    for part in np.array_split(np.arange(len(samples)), max(1, len(samples) // 32)):
        images = [samples[number].image / (2 ** samples[number].bits_stored - 1) * 2 - 1 for number in part]
        batch = torch.from_numpy(np.stack(images).astype(np.float32)[:, None])
        maps = network.scales(batch)
        scales.append(scale_means(maps).numpy())
        pooled.append(relu6(network.head(maps[-1])).mean((2, 3)).numpy())  # as `Features.last`, in the same pass
    return Seen(np.concatenate(scales), np.concatenate(pooled))


def form(samples: Sequence[Sample]) -> str:
    """Longest side and contrast of the first lesion of each patch, as text."""
    sizes, contrasts = [], []
    for sample in samples:
        finding, spacing = sample.findings[0], sample.spacing_mm
        assert spacing
        sizes.append(max(finding.box.height * spacing[0], finding.box.width * spacing[1]))
        known = sample.history.intensity
        ends = Intensity(*known) if known else Intensity.of(sample.image, sample.breast)
        contrasts.append(contrast_of(ends.units(sample.image, 4.0), finding.box))
    return f"{_spread(sizes, 1)} mm, contrast {_spread(contrasts, 2)}"


def _spread(values: Sequence[float], digits: int) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in np.percentile(values, (10, 50, 90)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--made", action="append", default=[], metavar="NAME=DATASET")
    parser.add_argument("--train", type=int, default=500)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    network = Features()
    train = [drawn(given.real, "train", masses, given.train) for masses in (False, True)]
    taught = [seen(part, network) for part in train]
    labels = np.repeat([0, 1], [len(part) for part in train])
    probe = LinearProbe.fit(np.concatenate([part.scales for part in taught]), labels)
    sides = {"real": drawn(given.real, "validation", True, given.most)}
    for text in given.made:
        name, folder = text.split("=", 1)
        sides[name] = drawn(Path(folder), None, True, given.most)
    normal, held_out = (seen(drawn(given.real, "validation", masses, given.most), network) for masses in (False, True))
    print(f"kernel distance, floor (real ones of train): {_distance(taught[1], held_out):.1f}")
    print(f"kernel distance, normal patches: {_distance(normal, held_out):.1f}")
    for name, samples in sides.items():
        found = seen(samples, network)
        logits = probe.logits(np.concatenate([normal.scales, found.scales]))
        area = auc(logits[:, 1] - logits[:, 0], np.arange(len(logits)) >= len(normal.scales))
        apart = "" if name == "real" else f"kernel distance {_distance(found, held_out):.1f}, "
        print(f"{name}: n {len(samples)}, AUC {area:.3f}, {apart}{form(samples)}", flush=True)
    if given.sheet:
        tiles = [np.uint8(s.image >> (s.bits_stored - 8)) for part in sides.values() for s in part[:SHEET_COLUMNS]]
        made = [s.making for part in sides.values() for s in part[:SHEET_COLUMNS]]
        png.save(contact_sheet(tiles, SHEET_COLUMNS, tile_px=(128, 128)), given.sheet, picture_packet(made))


def _distance(first: Seen, second: Seen) -> float:
    return 1000 * kernel_distance(first.pooled.astype(np.float64), second.pooled.astype(np.float64))


if __name__ == "__main__":
    main()
