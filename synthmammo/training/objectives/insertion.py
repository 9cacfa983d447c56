"""What the objectives of contextual GANs share: batches of roles, growing from smaller patches, the weight average.

For removal the roles change: contexts are patches with a lesion, "real" is healthy tissue, and "normal" stands for
lesions left where they were.
"""

from __future__ import annotations

import copy
import itertools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.models.nets.lesion import Inserted, LesionGenerator
from synthmammo.training.objectives.base import Losses, Reduce, Training, average_decay, move_average


@dataclass(frozen=True)
class InsertionBatch:
    """Patches for each role, `float32` in [-1, 1].

    Attributes:
        context: Patches that get a lesion (or lose it), `(N, 1, S, S)`.
        real: Patches that the combined image shall look like, `(N, C, S, S)`; for C = 2 with their untouched twins,
            or what is left of them without a stand-in for the lesion, as second channel.
        benign: Patches that it shall not look like, `(N, C, S, S)`; None where the data has none.
        normal: Patches where nothing was changed, `(N, C, S, S)`: healthy tissue (for removal, tissue that still has
            its lesion).
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
        generator: Generator to train, on its device.
        discriminator: Discriminator that it is trained against.
        rates: Learning rates of generator and discriminator.
        small_kimg: Thousands of images shown at each smaller size first, each half of the next: (30, 20) of a model
            for 256 pixels is 30 of 64 pixels and 20 of 128.
        fade_steps: Steps over which the blocks of every further size are then faded in.
        average_kimg: Half-life of the weight average, in thousands of images.
        reduce: Function that averages a tensor over processes; None where there is one process.

    Raises:
        ValueError: The generator takes no patches as small as that.
    """

    def __init__(
        self,
        generator: LesionGenerator,
        discriminator: nn.Module,
        rates: tuple[float, float],
        *,
        small_kimg: tuple[float, ...],
        fade_steps: int,
        average_kimg: float,
        reduce: Reduce | None = None,
    ) -> None:
        first, smallest = generator.config.size >> len(small_kimg), generator.config.smallest_size
        if small_kimg and first < smallest:
            raise ValueError(f"small_kimg: training would begin at {first} pixels, the least are {smallest}")
        self.generator, self.discriminator = generator, discriminator
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)
        self.small_kimg, self.fade_steps, self.average_kimg = small_kimg, fade_steps, average_kimg
        networks = {"generator": generator, "average": self.average, "discriminator": discriminator}
        optimisers = {
            name: torch.optim.Adam(networks[name].parameters(), rate, (0.0, 0.99), eps=1e-8)
            for name, rate in zip(("generator", "discriminator"), rates, strict=True)
        }
        super().__init__(networks, optimisers, reduce)
        self.steps_at_size = 0

    @property
    def stage(self) -> int:
        """How often the images have doubled in size so far."""
        until = itertools.accumulate(1000 * kimg for kimg in self.small_kimg)
        return sum(self.images_seen >= count for count in until)

    @property
    def side(self) -> int:
        """Side of the images of the present stage."""
        return self.generator.config.size >> (len(self.small_kimg) - self.stage)

    @property
    def alpha(self) -> float:
        """Share of the present size's blocks; in the first stage there is nothing to fade in."""
        return min(1.0, self.steps_at_size / self.fade_steps) if self.stage and self.fade_steps else 1.0

    @property
    def grown(self) -> bool:
        """Whether images are made as they will be once training is over: at full size, with nothing left to fade in."""
        return self.stage == len(self.small_kimg) and self.alpha == 1

    def fitted(self, images: Tensor) -> Tensor:
        """Images of the full size `(N, C, S, S)`, averaged down to that of the present stage."""
        return F.avg_pool2d(images, self.generator.config.size // self.side)

    def counters(self) -> dict[str, Any]:
        """Also the steps since growing."""
        return super().counters() | {"steps_at_size": self.steps_at_size}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Undo `counters`."""
        super().set_counters(counters)
        self.steps_at_size = int(counters["steps_at_size"])

    def step(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        """One update of each network, or as many as the objective wants."""
        count, stage = len(batch.context) * self.processes, self.stage
        losses = self.update(batch.each(self.fitted), draws) | {"side": float(self.side), "alpha": self.alpha}
        self.steps += 1
        self.images_seen += count
        self.steps_at_size = self.steps_at_size + 1 if self.stage == stage else 0
        move_average(self.average, self.generator, average_decay(count, self.average_kimg, self.images_seen, 0.1))
        return losses

    @abstractmethod
    def update(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        """The updates of one step, on images of the present stage's size."""

    def insert(self, context: Tensor, draws: torch.Generator, network: LesionGenerator | None = None) -> Inserted:
        """Lesions on contexts `(N, 1, S, S)`, by the generator in training or another."""
        count = self.generator.config.scalars
        scalars = (torch.rand(len(context), count, generator=draws) * 2 - 1).to(context.device)
        made: Inserted = (network or self.generator)(context, scalars, self.alpha)
        return made
