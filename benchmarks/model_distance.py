"""Measure a StyleGAN2 model against held-out real images; the numbers of the model cards.

Usage: python -m benchmarks.model_distance MODEL DATASET [--images N] [--truncation PSI] [--out MODEL_WITH_NUMBERS]

Prints kernel and Frechet distance to the validation split and, of a model of two classes, the area under the ROC curve
there of a linear classifier that was fitted to the model's samples alone, beside the same numbers of as many real
training images.
`--out` writes the model again in half precision with the numbers in its description.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from synthmammo.models import file as checkpoints
from synthmammo.models.features import EXTRACTOR, Features
from synthmammo.training.images import load_images
from synthmammo.training.scores import Scorer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--truncation", type=float, default=1.0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    checkpoint = checkpoints.load(given.model)
    described = checkpoint.description
    generator = checkpoint.generator_of("stylegan2")
    side, classes = described.config["resolution"], described.classes or None
    known = "views" if described.makes_views else "labels"
    train, held_out = (
        load_images(given.dataset, split, described.scale, classes, classes_are=known).smaller(side)
        for split in ("train", "validation")
    )
    scorer = Scorer(held_out, Features())
    count = len(described.classes)
    labels = torch.arange(given.images) % max(1, count)

    @torch.inference_mode()
    def images(which: torch.Tensor) -> torch.Tensor:
        size = described.config["z_dim"]
        z = np.concatenate([np.random.RandomState(int(seed)).randn(1, size) for seed in which])
        label = torch.eye(count)[labels[which]] if count else None
        return generator(torch.from_numpy(z).float(), label, psi=given.truncation)

    measured = {
        "extractor": EXTRACTOR,
        "split": "validation",
        "truncation": given.truncation,
        "model": scorer.of(images, labels),
        "real": scorer.floor(train, given.images),
    }
    print(json.dumps(measured, indent=2))
    if given.out:
        description = replace(described, metrics=measured)
        checkpoints.save_model(given.out, {"generator": generator}, description, torch.float16)


if __name__ == "__main__":
    main()
