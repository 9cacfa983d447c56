"""The objective of the contextual GAN (seed paper 2): a four-way loss, a gradient penalty, growing.

Where the paper is silent or contradicts itself:
* A real patch has no lesion channel and no untouched twin, so training shows the discriminator the combined image
  alone (`discriminator_images` 1 in the network's configuration); a filled-in twin would give itself away by its seam.
* The penalty is printed without the square, so that it could be driven to minus infinity; it is squared here. It is
  taken of the logit of "real", at real images plus noise: uniform in [0, 1] per pixel as printed, or that of DRAGAN
  (Kodali et al. 2017), half the standard deviation of the image times uniform noise, with a share drawn per image.
* For removal the roles change: contexts are patches with a lesion, "real" is healthy tissue, and the fourth answer
  stands for lesions left where they were.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from synthmammo.nets.contextual import Answer, ContextualDiscriminator, ContextualGenerator, Inserted
from synthmammo.objectives.base import Losses, Reduce, Training, average_decay, move_average


@dataclass(frozen=True)
class ContextualSettings:
    """Numbers of the objective; the defaults are the paper's, for masses.

    Attributes:
        learning_rate: Of both Adams.
        other_weight: Of the losses of benign and normal patches.
        penalty_weight: Of the gradient penalty.
        penalty_norm: Norm of the gradient that costs nothing.
        perturbation: Noise the penalty is taken at.
        generator_steps: Updates of the generator for one of the discriminator: 2 for masses.
        small_kimg: Thousands of images shown at half the size first.
        fade_steps: Steps over which the full-size blocks are then faded in.
        average_kimg: Half-life of the weight average, in thousands of images.
    """

    learning_rate: float = 1e-5
    other_weight: float = 0.2
    penalty_weight: float = 10.0
    penalty_norm: float = 1.0
    perturbation: Literal["seed", "dragan"] = "seed"
    generator_steps: int = 2
    small_kimg: float = 100.0
    fade_steps: int = 3000
    average_kimg: float = 1.0


@dataclass(frozen=True)
class ContextualBatch:
    """Patches for each role, `float32 (N, 1, S, S)` in [-1, 1].

    Attributes:
        context: Gets a lesion (or loses it).
        real: What the combined image shall look like.
        benign: What it shall not look like; None where the data has none.
        normal: Likewise: healthy tissue (for removal, tissue that still has its lesion).
    """

    context: Tensor
    real: Tensor
    benign: Tensor | None
    normal: Tensor


class ContextualObjective(Training):
    """Trains a contextual generator against its discriminator.

    Args:
        generator: To train; its configuration has `discriminator_images` 1.
        settings: Numbers of the objective.
        device: Where to train.
        reduce: Averages a tensor over processes.

    Raises:
        ValueError: The discriminator would see two images.
    """

    def __init__(
        self,
        generator: ContextualGenerator,
        settings: ContextualSettings,
        device: torch.device,
        reduce: Reduce | None = None,
    ) -> None:
        if generator.config.discriminator_images != 1:
            raise ValueError("discriminator_images: training needs 1, since real patches have no untouched twin")
        self.generator = generator.to(device)
        self.discriminator = ContextualDiscriminator(generator.config).to(device)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        networks = {"generator": self.generator, "average": self.average, "discriminator": self.discriminator}
        optimisers = {
            name: torch.optim.Adam(networks[name].parameters(), settings.learning_rate, (0.0, 0.99), eps=1e-8)
            for name in ("generator", "discriminator")
        }
        super().__init__(networks, optimisers, reduce)
        self.settings, self.steps_at_full_size = settings, 0

    @property
    def small(self) -> bool:
        """Whether training is in its first stage, at half the size."""
        return self.images_seen < self.settings.small_kimg * 1000

    @property
    def alpha(self) -> float:
        """Share of the full-size blocks."""
        fade = self.settings.fade_steps
        return 1.0 if not fade else min(1.0, self.steps_at_full_size / fade)

    def counters(self) -> dict[str, int]:
        """Also the steps since growing."""
        return super().counters() | {"steps_at_full_size": self.steps_at_full_size}

    def set_counters(self, counters: dict[str, int]) -> None:  # type: ignore[override]
        """Undo `counters`."""
        super().set_counters(counters)
        self.steps_at_full_size = int(counters["steps_at_full_size"])

    def step(self, batch: ContextualBatch, draws: torch.Generator) -> Losses:
        """One update of the discriminator and `generator_steps` of the generator."""
        if self.small:
            batch = _halved(batch)
        losses = self._update_discriminator(batch, draws)
        for _ in range(self.settings.generator_steps):
            losses |= self._update_generator(batch, draws)
        self.steps += 1
        self.steps_at_full_size += not self.small
        count = len(batch.context) * self.processes
        self.images_seen += count
        decay = average_decay(count, self.settings.average_kimg, self.images_seen, 0.1)
        move_average(self.average, self.generator, decay)
        return losses | {"alpha": 0.0 if self.small else self.alpha}

    def insert(self, context: Tensor, draws: torch.Generator, network: ContextualGenerator | None = None) -> Inserted:
        """Lesions on contexts `(N, 1, S, S)`, by the generator in training or another."""
        count = 2 * self.generator.config.blocks
        scalars = (torch.rand(len(context), count, generator=draws) * 2 - 1).to(context.device)
        made: Inserted = (network or self.generator)(context, scalars, self.alpha)
        return made

    def _update_generator(self, batch: ContextualBatch, draws: torch.Generator) -> Losses:
        made = self.insert(batch.context, draws)
        loss = self._loss(made.combined, Answer.REAL)
        self.descend("generator", loss, self.generator.parameters())
        size = made.lesion.detach().abs().mean().item()
        return {"generator": loss.item(), "lesion": size}

    def _update_discriminator(self, batch: ContextualBatch, draws: torch.Generator) -> Losses:
        with torch.no_grad():
            fake = self.insert(batch.context, draws).combined
        parts = {
            "real": self._loss(batch.real, Answer.REAL),
            "fake": self._loss(fake, Answer.FAKE),
            "normal": self.settings.other_weight * self._loss(batch.normal, Answer.NORMAL),
            "penalty": self._penalty(batch.real, draws),
        }
        if batch.benign is not None:
            parts["benign"] = self.settings.other_weight * self._loss(batch.benign, Answer.BENIGN)
        loss = torch.stack(list(parts.values())).sum()
        self.descend("discriminator", loss, self.discriminator.parameters())
        return {"discriminator": loss.item(), **{name: part.item() for name, part in parts.items()}}

    def _loss(self, images: Tensor, answer: Answer) -> Tensor:
        logits = self.discriminator(images, self.alpha)
        return F.cross_entropy(logits, torch.full((len(images),), int(answer), device=images.device))

    def _penalty(self, real: Tensor, draws: torch.Generator) -> Tensor:
        at = (real + perturbation(real, self.settings.perturbation, draws)).requires_grad_()
        logits = self.discriminator(at, self.alpha)
        (slope,) = torch.autograd.grad(logits[:, Answer.REAL].sum(), at, create_graph=True)
        norms = slope.flatten(1).norm(dim=1)
        penalty: Tensor = (norms - self.settings.penalty_norm).square().mean()
        return self.settings.penalty_weight * penalty


def perturbation(real: Tensor, kind: Literal["seed", "dragan"], draws: torch.Generator) -> Tensor:
    """The noise that the penalty is taken at, like `real`, `(N, C, H, W)`."""
    noise = torch.rand(real.shape, generator=draws).to(real.device)
    if kind == "seed":
        return noise
    share = torch.rand((len(real), 1, 1, 1), generator=draws).to(real.device)
    return share * 0.5 * real.std() * noise


def _halved(batch: ContextualBatch) -> ContextualBatch:
    benign = None if batch.benign is None else F.avg_pool2d(batch.benign, 2)
    return ContextualBatch(
        F.avg_pool2d(batch.context, 2), F.avg_pool2d(batch.real, 2), benign, F.avg_pool2d(batch.normal, 2)
    )
