"""Exams as a workstation hangs them, from the DICOM files alone, with the segments of the SEG objects outlined.

Usage: python -m tools.exam_sheet DATASET OUT.jpg [COUNT]

docs/how_to/dicom.md shows the first two patients of `synthmammo build recipes/screening_exams.yaml --size 8`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image as Pictures
from pydicom import dcmread
from scipy import ndimage

from synthmammo.mammogram.pictures import PATHOLOGY_COLOURS
from synthmammo.mammogram.sample import Pathology

HANGING = ("RCC", "LCC", "RMLO", "LMLO")
TILE_PX = (225, 300)


def tile(path: Path) -> np.ndarray:
    """`uint8 (H, W, 3)`: the image in its own window, its segments outlined in the colour of their pathology."""
    image = dcmread(path)
    low = image.WindowCenter - image.WindowWidth / 2
    shown = np.clip((image.pixel_array - low) / image.WindowWidth, 0, 1)
    rgb = np.repeat((shown * 255).astype(np.uint8)[..., None], 3, 2)
    beside = path.with_suffix(".seg.dcm")
    if beside.exists():
        seg = dcmread(beside)
        frames = seg.pixel_array.reshape(-1, *shown.shape)
        for segment, frame in zip(seg.SegmentSequence, frames, strict=True):
            far, near = (ndimage.binary_dilation(frame > 0, iterations=pixels) for pixels in (24, 14))
            rgb[far & ~near] = PATHOLOGY_COLOURS[Pathology(segment.SegmentLabel.split()[0])]
    return np.asarray(Pictures.fromarray(rgb).resize(TILE_PX, Pictures.Resampling.BOX))


def main(dataset: str, out: str, count: str = "2") -> None:
    """Draw the first patients, one in a row."""
    exams: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in sorted(Path(dataset).glob("dicom/*/*.dcm")):
        header = dcmread(path, stop_before_pixels=True)
        if header.Modality == "MG":
            exams[header.PatientID][header.ImageLaterality + header.ViewPosition] = path
    rows = [np.hstack([tile(exams[patient][name]) for name in HANGING]) for patient in sorted(exams)[: int(count)]]
    Pictures.fromarray(np.vstack(rows)).save(out, quality=85)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
