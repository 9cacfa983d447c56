"""Small breasts with textures of their own, which an audit can tell apart; datasets of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import ndimage

from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.parquet import ParquetWriter
from synthmammo.mammogram.sample import Sample

SHAPE = (96, 72)


def a_breast(index: int, split: str = "train", **changes: object) -> Sample:
    """A half ellipse at the right with smooth noise in it; the same index gives the same breast."""
    rng = np.random.default_rng(index)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    reach, height = rng.uniform(0.5, 0.9) * SHAPE[1], rng.uniform(0.3, 0.45) * SHAPE[0]
    breast = ((SHAPE[1] - columns) / reach) ** 2 + ((rows - SHAPE[0] / 2) / height) ** 2 < 1
    texture = sum(weight * ndimage.gaussian_filter(rng.normal(size=SHAPE), size) for size, weight in ((1.5, 3), (4, 8)))
    image = np.where(breast, np.clip(120 + 40 * texture, 10, 250), 0).astype(np.uint16)
    content = {
        "key": f"b{index:05d}",
        "image": image,
        "bits_stored": 8,
        "breast": breast,
        "lesions": np.zeros(SHAPE, np.uint8),
        "label": "normal",
        "split": split,
        "patient": f"p{index:05d}",
        "view": ("CC", "MLO")[index % 2],
    }
    return Sample(**{**content, **changes})  # type: ignore[arg-type]


def write(folder: Path, samples: Iterable[Sample]) -> Path:
    """A dataset directory with the samples, one shard per split."""
    by_split: dict[str, list[Sample]] = {}
    for sample in samples:
        by_split.setdefault(sample.split, []).append(sample)
    labels = tuple(sorted({sample.label for kept in by_split.values() for sample in kept}))
    for split, kept in by_split.items():
        writer = ParquetWriter(folder / "parquet", f"{split}-00000", label_names=labels)
        for index, sample in enumerate(kept):
            writer.write(Encoded(sample, index))
        writer.close()
    return folder
