"""The published objective of StyleGAN2 (Karras et al. 2020), with adaptive augmentation (StyleGAN2-ADA).

Non-saturating logistic loss; R1 penalty on real images and path-length regularisation of the generator, each done
every few steps only ("lazy"), times the interval; the augmentation's probability follows how sure the discriminator is
of real images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from synthmammo.models.nets.stylegan2 import Discriminator, Generator
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import Batch, Losses, Reduce, one_hot_labels
from synthmammo.training.objectives.generation import GeneratorSettings, GeneratorTraining

_PATH_DECAY = 0.01
_ADJUST_STEPS = 4


@dataclass(frozen=True)
class LogisticSettings:
    """Numbers of the objective; the defaults are configuration F.

    Attributes:
        learning_rate: Learning rate of both networks, before the correction for lazy regularisation.
        gamma: Weight of R1. What suits grows with the square of the side and falls with the batch: 0.0002 side^2 / N
            is where to begin, a factor of 4 to either side is worth a trial.
        penalty_steps: Steps between two R1 penalties.
        path_weight: Weight of path-length regularisation; 0 leaves it out.
        path_steps: Steps between two path-length regularisations.
        path_shrink: Factor by which the batch of a path-length regularisation is smaller.
        augment_target: Mean sign of the real images' scores that the augmentation's probability steers to; None keeps
            the probability at `augment_start`.
        augment_kimg: Thousands of images in which the probability can go from 0 to 1.
        augment_start: Probability of the augmentation at the start.
    """

    learning_rate: float = 0.002
    gamma: float = 10.0
    penalty_steps: int = 16
    path_weight: float = 2.0
    path_steps: int = 4
    path_shrink: int = 2
    augment_target: float | None = 0.6
    augment_kimg: float = 500.0
    augment_start: float = 0.0


class LogisticObjective(GeneratorTraining):
    """Trains a StyleGAN2 generator against a discriminator of its own.

    Args:
        generator: Generator to train.
        general: Numbers that every objective of a StyleGAN2 has.
        augmentation: Augmentation of everything the discriminator sees.
        settings: Numbers of this objective.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
    """

    def __init__(
        self,
        generator: Generator,
        general: GeneratorSettings,
        augmentation: Augmentation,
        settings: LogisticSettings,
        device: torch.device,
        reduce: Reduce | None = None,
    ) -> None:
        generator, self.discriminator = generator.to(device), Discriminator(generator.config).to(device)
        path_steps = settings.path_steps if settings.path_weight else 0
        optimisers = {
            "generator": _lazy_adam(generator, settings.learning_rate, path_steps),
            "discriminator": _lazy_adam(self.discriminator, settings.learning_rate, settings.penalty_steps),
        }
        super().__init__(generator, {"discriminator": self.discriminator}, optimisers, general, reduce)
        self.augmentation, self.settings = augmentation, settings
        self.probability = settings.augment_start
        self.path_mean = torch.zeros((), device=device)
        self._signs: list[float] = []

    def counters(self) -> dict[str, Any]:
        """Also the augmentation's probability and the mean path length."""
        more = {"probability": self.probability, "path_mean": self.path_mean, "signs": list(self._signs)}
        return super().counters() | more

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Undo `counters`."""
        super().set_counters(counters)
        self.probability, self._signs = float(counters["probability"]), list(counters["signs"])
        self.path_mean = counters["path_mean"].to(self.device)

    def step(self, batch: Batch, draws: torch.Generator) -> Losses:
        """Generator, its path lengths, discriminator, R1, average, augmentation: in the published order."""
        settings, count = self.settings, len(batch.images)
        losses = self._update_generator(count, draws)
        if settings.path_weight and self.steps % settings.path_steps == 0:
            losses |= self._regularise_paths(max(1, count // settings.path_shrink), draws)
        losses |= self._update_discriminator(batch, draws)
        if self.steps % settings.penalty_steps == 0:
            losses |= self._penalise(batch, draws)
        self.finish(count)
        self._adjust(losses["real_sign"], count * self.processes)
        return losses | {"augment_probability": self.probability}

    @torch.inference_mode()
    def realness(self, images: Tensor, labels: Tensor) -> Tensor:
        """See `GeneratorTraining`."""
        label = one_hot_labels(labels, self.generator.config.classes)
        scores: Tensor = self.discriminator.eval()(images, label, dtype=self.general.dtype)
        return scores[:, 0].float()

    def _judge(self, images: Tensor, labels: Tensor, draws: torch.Generator) -> Tensor:
        augmented = self.augmentation(images, draws, self.probability)
        label = one_hot_labels(labels, self.generator.config.classes)
        scores: Tensor = self.discriminator(augmented, label, dtype=self.general.dtype)
        return scores

    def _update_generator(self, count: int, draws: torch.Generator) -> Losses:
        labels = self.draw_labels(count, draws)
        loss = F.softplus(-self._judge(self.generate(labels, draws), labels, draws)).mean()
        self.descend("generator", loss, self.generator.parameters())
        return {"generator": loss.item()}

    def _regularise_paths(self, count: int, draws: torch.Generator) -> Losses:
        latents = self.latents(self.draw_labels(count, draws), draws)
        images = self.render(latents, draws)
        noise = torch.randn(images.shape, generator=draws).to(images.device)
        weighted = (images * noise).sum() / math.sqrt(images.shape[2] * images.shape[3])
        (slope,) = torch.autograd.grad(weighted, latents, create_graph=True)
        lengths = slope.square().sum(2).mean(1).sqrt()
        mean = self.path_mean.lerp(lengths.mean().detach(), _PATH_DECAY)
        self.path_mean = self.reduce(mean) if self.reduce else mean
        loss = (lengths - self.path_mean).square().mean()
        weight = self.settings.path_weight * self.settings.path_steps
        self.descend("generator", loss * weight, self.generator.parameters())
        return {"path_penalty": loss.item(), "path_length": self.path_mean.item()}

    def _update_discriminator(self, batch: Batch, draws: torch.Generator) -> Losses:
        labels = self.draw_labels(len(batch.images), draws)
        with torch.no_grad():
            fake = self.generate(labels, draws)
        fake_scores, real_scores = self._judge(fake, labels, draws), self._judge(batch.images, batch.labels, draws)
        loss = F.softplus(fake_scores).mean() + F.softplus(-real_scores).mean()
        self.descend("discriminator", loss, self.discriminator.parameters())
        sign = real_scores.detach().sign().mean()
        sign = self.reduce(sign) if self.reduce else sign
        return {"discriminator": loss.item(), "real_sign": sign.item(), **self.spread(fake, batch.images)}

    def _penalise(self, batch: Batch, draws: torch.Generator) -> Losses:
        images = batch.images.detach().requires_grad_()
        scores = self._judge(images, batch.labels, draws)
        (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        penalty = slope.square().sum((1, 2, 3)).mean()
        weight = self.settings.gamma / 2 * self.settings.penalty_steps
        self.descend("discriminator", penalty * weight, self.discriminator.parameters())
        return {"r1": penalty.item()}

    def _adjust(self, sign: float, count: int) -> None:
        if self.settings.augment_target is None:
            return
        self._signs.append(sign)
        if len(self._signs) == _ADJUST_STEPS:
            surer = sum(self._signs) / _ADJUST_STEPS > self.settings.augment_target
            move = count * _ADJUST_STEPS / (self.settings.augment_kimg * 1000)
            self.probability = min(1.0, max(0.0, self.probability + (move if surer else -move)))
            self._signs = []


def _lazy_adam(network: torch.nn.Module, learning_rate: float, interval: int) -> torch.optim.Adam:
    # A regularised step every `interval` steps is one more update: rate and memory shrink to make up for it.
    ratio = interval / (interval + 1) if interval else 1.0
    betas = (0.0, 0.99**ratio)
    return torch.optim.Adam(network.parameters(), learning_rate * ratio, betas, eps=1e-8)
