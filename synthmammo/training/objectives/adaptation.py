"""Fine-tuning of the fixed extractor on the classes of the training images, before the discriminators use it.

ImageNet's features tell dogs apart; what makes a mass suspicious is a faint part of them. A few thousand patches of
fine-tuning move that part to the front, and a generator that must match such features in each class carries the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn
from torch.nn import functional as F

from synthmammo.models.features import SCALES, Features, scale_means
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import Batch

Epochs = Callable[[int], Iterable[Batch]]
"""The real images in the order of the epoch of a number."""

_RATE = 3e-4
_SMOOTHING = 0.1
_LARGEST_GRADIENT = 1.0


def adapt(
    features: Features,
    epochs: Epochs,
    classes: int,
    images: int,
    augmentation: Augmentation,
    draws: torch.Generator,
    dtype: torch.dtype,
) -> None:
    """Train the extractor, in place, to tell the classes apart by the means of its four scales.

    Args:
        features: Extractor to fine-tune; fixed again afterwards.
        epochs: The real images.
        classes: Number of classes, at least 2.
        images: Number of images to show; the learning rate rises over the first tenth and falls to 0 at the end.
        augmentation: Augmentation of the images.
        draws: Source of the augmentation's draws.
        dtype: Type of the activations.
    """
    head = nn.Linear(sum(SCALES), classes).to(features.mean.device)
    nn.init.zeros_(head.weight)
    features.requires_grad_(True)
    trained = [*features.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(trained, _RATE)
    schedule: torch.optim.lr_scheduler.OneCycleLR | None = None
    for batch in _shown(epochs, images):
        if schedule is None:
            steps = -(-images // len(batch.images)) + 1
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps, pct_start=0.1)
        with torch.autocast(batch.images.device.type, dtype, enabled=dtype != torch.float32):
            scales = features.scales(augmentation(batch.images, draws))
        loss = F.cross_entropy(head(scale_means(scales)), batch.labels, label_smoothing=_SMOOTHING)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
    features.requires_grad_(False)


def _shown(epochs: Epochs, images: int) -> Iterator[Batch]:
    seen, epoch = 0, 0
    while seen < images:
        for batch in epochs(epoch):
            yield batch
            seen += len(batch.images)
            if seen >= images:
                return
        epoch += 1
