"""Scores: alike images score better than unlike ones, and the floor is the same again."""

import numpy as np
import torch

from synthmammo.models.features import Features
from synthmammo.training.images import ImageSet
from synthmammo.training.scores import Scorer


def image_set(count: int, seed: int = 0) -> ImageSet:
    grey = np.random.default_rng(seed).integers(0, 256, (count, 32, 32)).astype(np.uint16)
    ends = np.zeros(count, np.float32)
    labels = np.arange(count) % 2
    return ImageSet(grey, ends, ends + 255, labels, ("benign", "malignant"), 8, None, np.full(count, -1))


def test_scores_tell_alike_from_unlike():
    torch.manual_seed(0)
    extractor = Features(pretrained=False)
    held_out = image_set(12)
    scorer = Scorer(held_out, extractor)
    real = image_set(12, seed=1)
    floor = scorer.floor(real, 10)
    assert floor["images"] == 10 and floor["held_out"] == 12 and 0 <= floor["probe_auc"] <= 1
    assert floor == scorer.floor(real, 10)
    labels = torch.arange(10) % 2
    far = scorer.of(lambda which: torch.zeros(len(which), 1, 32, 32) + which[:, None, None, None] / 10, labels)
    assert far["kernel_distance_x1000"] > floor["kernel_distance_x1000"]
    assert far["frechet_distance"] > floor["frechet_distance"]


def test_one_class_has_no_probe_and_batches_do_not_matter():
    torch.manual_seed(0)
    scorer = Scorer(image_set(12), Features(pretrained=False))
    asked: list[int] = []

    def images(which: torch.Tensor) -> torch.Tensor:
        asked.append(len(which))
        return torch.sin(which.float())[:, None, None, None].expand(-1, 1, 32, 32)

    found = scorer.of(images, torch.zeros(40, dtype=torch.long))
    assert asked == [32, 8] and found["images"] == 40 and "probe_auc" not in found
