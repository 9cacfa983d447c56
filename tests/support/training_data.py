"""Tiny datasets to train on: blobs whose class is seen at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.parquet import ParquetWriter
from synthmammo.training.config import TrainConfig
from tests.support.example_samples import a_sample

STYLEGAN2: dict[str, Any] = {
    "model": "stylegan2",
    "name": "tiny",
    "conditional": True,
    "network": {"z_dim": 8, "w_dim": 8, "mapping_layers": 1, "channel_base": 128, "channel_max": 8},
    "settings": {"class_weight": 1.0},
    "batch_size": 4,
    "total_kimg": 0.08,
    "tick_kimg": 0.02,
    "score_ticks": 2,
    "score_images": 8,
}
CONTEXTUAL: dict[str, Any] = {
    "model": "contextual",
    "name": "tiny",
    "objective": "contextual",
    "makes": "mass",
    "data": {"roles": {"context": "normal", "real": "malignant", "benign": "benign", "normal": "normal"}},
    "network": {"channels": [4, 6, 8], "discriminator_channels": [4, 6, 8], "attention_size": 8, "border_px": 2},
    "settings": {"learning_rate": 1e-4, "small_kimg": [0.02], "fade_steps": 8},
    "batch_size": 4,
    "total_kimg": 0.08,
    "tick_kimg": 0.02,
    "score_ticks": 2,
    "score_images": 8,
}
INSERTION: dict[str, Any] = CONTEXTUAL | {
    "objective": "projected",
    "network": {"channels": [4, 4, 6, 8], "attention_size": 8, "border_px": 2, "noise_sizes": [8]}
    | {"discriminator_channels": [4, 4, 4, 4], "discriminator_images": 1},
    "settings": {"small_kimg": [0.02], "fade_steps": 8, "coarse_share": 0.5},
}
COMODULATED: dict[str, Any] = INSERTION | {
    "network": {"preset": "comodulated", "channel_base": 256, "channel_max": 8, "z_dim": 4, "w_dim": 6}
    | {"attention_size": 8, "border_px": 2, "noise_sizes": [8]},
    "settings": {"small_kimg": [], "fade_steps": 8},
}


def config(base: dict[str, Any], **changes: Any) -> TrainConfig:
    """A configuration with some keys replaced."""
    return TrainConfig.model_validate({**base, **changes})


def image(label: str, index: int, side: int) -> np.ndarray:
    """Noise, with a broad blob for benign and a narrow bright one for malignant, `uint16`, 8 bits."""
    rng = np.random.default_rng(index)
    rows, columns = np.mgrid[:side, :side] / side - rng.uniform(0.4, 0.6, (2, 1, 1))
    height, width = {"normal": (0, 1), "unknown": (0, 1), "benign": (50, 0.25), "malignant": (110, 0.1)}[label]
    blob = height * np.exp(-(rows**2 + columns**2) / (2 * width**2))
    return np.clip(90 + blob + rng.normal(0, 12, (side, side)), 0, 255).astype(np.uint16)


def write(
    folder: Path,
    labels: Sequence[str] = ("benign", "malignant"),
    sides: Sequence[int] = (32,),
    counts: dict[str, int] | None = None,
    views: Sequence[str | None] = ("MLO",),
    lesions: int = 0,
) -> Path:
    """A dataset directory with images of every label in each split.

    Args:
        folder: To write into.
        labels: Classes of the dataset.
        sides: Sizes of the images, in turn.
        counts: Images by split.
        views: Views of the images, in turn.
        lesions: Boxes of findings of every image that is not normal.
    """
    for split, number in (counts or {"train": 40, "validation": 12}).items():
        writer = ParquetWriter(folder / "parquet", f"{split}-00000", label_names=labels)
        for index in range(number):
            side, label = sides[index % len(sides)], labels[index % len(labels)]
            sample = a_sample(index, shape=(side, side), bits_stored=8, lesions=0 if label == "normal" else lesions)
            view = views[index % len(views)]
            pixels = image(label, index + 1000 * len(split), side)
            writer.write(
                Encoded(sample.with_(image=pixels, label=label, split=split, key=f"{split}{index}", view=view), index)
            )
        writer.close()
    return folder
