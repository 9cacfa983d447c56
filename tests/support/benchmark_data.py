"""Tiny sides of a benchmark: blobs whose class is seen at a glance, two images a patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthmammo.benchmarking.classify.config import ClassifyConfig
from synthmammo.benchmarking.classify.images import LabelledImages
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.parquet import ParquetWriter
from tests.support import training_data
from tests.support.example_samples import a_sample

LABELS = ("benign", "malignant")


def write(
    folder: Path, *, prefix: str = "p", side: int = 32, bits: int = 8, counts: dict[str, int] | None = None
) -> Path:
    """A dataset directory without manifest: images of both classes in each split, two of a patient."""
    for split, number in (counts or {"train": 40, "test": 24}).items():
        writer = ParquetWriter(folder / "parquet", f"{split}-00000", label_names=LABELS)
        for index in range(number):
            label = LABELS[index // 2 % 2]
            sample = a_sample(index, shape=(side, side), bits_stored=bits, lesions=0)
            pixels = training_data.image(label, index + 1000 * len(split) + len(prefix), side)
            facts = {
                "label": label,
                "split": split,
                "patient": f"{prefix}-{split}-{index // 2}",
                "key": f"{split}{index}",
            }
            writer.write(Encoded(sample.with_(image=pixels, **facts), index))
        writer.close()
    return folder


def images(patients: list[str], labels: list[str], splits: list[str] | None = None, side: int = 8) -> LabelledImages:
    """Noise images of given patients and classes."""
    count = len(patients)
    grey = np.random.default_rng(0).integers(0, 255, (count, side, side), np.uint8)
    columns = ([f"k{i}" for i in range(count)], labels, splits or ["train"] * count, patients)
    return LabelledImages(Path("given"), grey, 8, *(np.array(column, np.str_) for column in columns), digest="d" * 64)


def config(**changes: object) -> ClassifyConfig:
    """A benchmark of a second: an untrained network, frozen."""
    base = {
        "weights": "none",
        "mode": "frozen",
        "augment": False,
        "samples": 640,
        "evaluate_every": 160,
        "decay_every": 160,
    }
    return ClassifyConfig.model_validate({**base, "penalty": 0.01, "ratios": (0, 50), "seeds": 2, **changes})
