"""What the objectives of contextual GANs share: batches of roles, growing from half the size, the weight average.

For removal the roles change: contexts are patches with a lesion, "real" is healthy tissue, and "normal" stands for
lesions left where they were.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.nets.contextual import ContextualGenerator, Inserted
from synthmammo.objectives.base import Losses, Reduce, Training, average_decay, move_average


@dataclass(frozen=True)
class InsertionBatch:
    """Patches for each role, `float32` in [-1, 1].

    Attributes:
        context: `(N, 1, S, S)`, gets a lesion (or loses it).
        real: `(N, C, S, S)`: what the combined image shall look like, and for C = 2 its untouched twin behind it.
        benign: Likewise, what it shall not look like; None where the data has none.
        normal: Likewise, with nothing changed: healthy tissue (for removal, tissue that still has its lesion).
    """

    context: Tensor
    real: Tensor
    benign: Tensor | None
    normal: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> InsertionBatch:
        """The batch with every role's images changed."""
        benign = None if self.benign is None else change(self.benign)
        return InsertionBatch(change(self.context), change(self.real), benign, change(self.normal))


class InsertionTraining(Training):
    """Networks, growing and counters of an objective of contextual GANs.

    Args:
        generator: To train, on its device.
        discriminator: Its opponent.
        rates: Learning rates of generator and discriminator.
        small_kimg: Thousands of images shown at half the size first.
        fade_steps: Steps over which the full-size blocks are then faded in.
        average_kimg: Half-life of the weight average, in thousands of images.
        reduce: Averages a tensor over processes.
    """

    def __init__(
        self,
        generator: ContextualGenerator,
        discriminator: nn.Module,
        rates: tuple[float, float],
        *,
        small_kimg: float,
        fade_steps: int,
        average_kimg: float,
        reduce: Reduce | None = None,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)
        self.small_kimg, self.fade_steps, self.average_kimg = small_kimg, fade_steps, average_kimg
        networks = {"generator": generator, "average": self.average, "discriminator": discriminator}
        optimisers = {
            name: torch.optim.Adam(networks[name].parameters(), rate, (0.0, 0.99), eps=1e-8)
            for name, rate in zip(("generator", "discriminator"), rates, strict=True)
        }
        super().__init__(networks, optimisers, reduce)
        self.steps_at_full_size = 0

    @property
    def small(self) -> bool:
        """Whether training is in its first stage, at half the size."""
        return self.images_seen < self.small_kimg * 1000

    @property
    def alpha(self) -> float:
        """Share of the full-size blocks."""
        return 1.0 if not self.fade_steps else min(1.0, self.steps_at_full_size / self.fade_steps)

    @property
    def grown(self) -> bool:
        """Whether images are made as they will be once training is over: at full size, with nothing left to fade in."""
        return not self.small and self.alpha == 1

    def counters(self) -> dict[str, Any]:
        """Also the steps since growing."""
        return super().counters() | {"steps_at_full_size": self.steps_at_full_size}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Undo `counters`."""
        super().set_counters(counters)
        self.steps_at_full_size = int(counters["steps_at_full_size"])

    def step(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        """One update of each network, or as many as the objective wants."""
        count = len(batch.context) * self.processes
        losses = self.update(batch.each(_halved) if self.small else batch, draws)
        self.steps += 1
        self.steps_at_full_size += not self.small
        self.images_seen += count
        move_average(self.average, self.generator, average_decay(count, self.average_kimg, self.images_seen, 0.1))
        return losses | {"alpha": 0.0 if self.small else self.alpha}

    @abstractmethod
    def update(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        """The updates of one step, on images of the present stage's size."""

    def insert(self, context: Tensor, draws: torch.Generator, network: ContextualGenerator | None = None) -> Inserted:
        """Lesions on contexts `(N, 1, S, S)`, by the generator in training or another."""
        count = self.generator.config.scalars
        scalars = (torch.rand(len(context), count, generator=draws) * 2 - 1).to(context.device)
        made: Inserted = (network or self.generator)(context, scalars, self.alpha)
        return made


def _halved(images: Tensor) -> Tensor:
    return F.avg_pool2d(images, 2)
