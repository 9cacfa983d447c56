"""Projected against logistic objective of StyleGAN2, equal processor time; the numbers of docs/explanation/training.md.

Usage: python -m benchmarks.objectives DATASET [--minutes 2] [--side 64] [--images 128]

DATASET: patches, CBIS-DDSM's here; averaged down to the side. The same small generator, augmentation and batches of 16
for both, one thread each, side by side; the logistic one with R1 and without path lengths, which cost time. Four times
over the minutes, the kernel distance x 1000 of so many samples to the validation split. Scoring is not counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import process_time

import torch

from synthmammo.models.features import Features
from synthmammo.training.config import TrainConfig
from synthmammo.training.generation import GenerationTask
from synthmammo.training.images import load_images
from synthmammo.training.scores import Scorer

CONFIG = {
    "model": "stylegan2",
    "name": "compared",
    "seed": 1,
    "network": {"z_dim": 128, "w_dim": 256, "mapping_layers": 4, "channel_base": 2048, "channel_max": 256},
    "generator": {"style_mixing": 0.3, "average_kimg": 1.0, "average_ramp": 0.1},
    "augmentation": {"flips": True, "turns": False, "shift": 0.125, "brightness": 0.15, "contrast": 0.3},
    "batch_size": 16,
    "precision": "bfloat16",
}
SETTINGS = {
    "projected": {},
    "logistic": {"gamma": 0.1, "augment_start": 1.0, "augment_target": None, "path_weight": 0.0},
}
SCORINGS = 4


def curve(objective: str, given: argparse.Namespace) -> Iterator[str]:
    """Train, and say after each quarter of the time where it is."""
    config = TrainConfig.model_validate(
        {**CONFIG, "objective": objective, "settings": SETTINGS[objective], "score_images": given.images}
    )
    task = GenerationTask(config, load_images(given.dataset, "train").smaller(given.side), torch.device("cpu"))
    scorer = Scorer(load_images(given.dataset, "validation").smaller(given.side), Features())
    draws = torch.Generator().manual_seed(config.seed)
    task.prepare(draws)
    yield f"{objective:10} real training images in place of samples: {task.floor(scorer)['kernel_distance_x1000']:.1f}"
    for quarter in range(1, SCORINGS + 1):
        until = process_time() + given.minutes * 60 / SCORINGS
        while process_time() < until:
            task.objective.step(task.batch(task.objective.images_seen, 0, 1), draws)
        distance = task.scores(scorer)["kernel_distance_x1000"]
        seconds, kimg = quarter * given.minutes * 60 / SCORINGS, task.objective.images_seen / 1000
        yield f"{objective:10} {seconds:5.0f} s {kimg:6.2f} kimg {distance:8.1f}"


def show(given: argparse.Namespace, objective: str) -> None:
    """Print a curve as it comes."""
    torch.set_num_threads(1)
    for line in curve(objective, given):
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--images", type=int, default=128)
    given = parser.parse_args()
    with get_context("spawn").Pool(len(SETTINGS)) as pool:
        pool.map(partial(show, given), SETTINGS)


if __name__ == "__main__":
    main()
