"""Batches and objectives that are small."""

from dataclasses import replace

import torch

from synthmammo.models.features import Features
from synthmammo.models.nets.contextual import ContextualConfig, ContextualGenerator
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.contextual_projected import (
    ContextualProjectedObjective,
    ContextualProjectedSettings,
)
from synthmammo.training.objectives.insertion import InsertionBatch

CPU = torch.device("cpu")


STILL = Augmentation(flips=False, turns=False, shift=0, brightness=0, contrast=0)


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 4, side: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, side, side, generator=source(seed)) * 2 - 1


def beside(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return torch.cat([first, second], 1)


INSERTION = ContextualConfig(64, (4, 6, 8, 8), (4, 4, 4, 4), 16, 2, 2, (8,))


def insertion(images_seen: int = 2, **changes: object) -> ContextualProjectedObjective:
    torch.manual_seed(0)
    shape = replace(INSERTION, discriminator_images=images_seen)
    settings = ContextualProjectedSettings(**{"small_kimg": (), "fade_steps": 0, **changes})
    features = Features(pretrained=False)
    return ContextualProjectedObjective(ContextualGenerator(shape), features, STILL, settings, torch.float32, CPU)


def pairs(count: int = 4) -> InsertionBatch:
    tissue = images(count, 64) * 0.3
    lesion = torch.zeros_like(tissue)
    lesion[: count // 2, :, 20:30, 20:30] = 0.5
    lesion[count // 2 :, :, 30:40, 25:45] = 0.3
    return InsertionBatch(tissue, beside(tissue + lesion, tissue), None, beside(tissue, tissue))
