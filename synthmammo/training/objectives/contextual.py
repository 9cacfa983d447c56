"""The objective of the contextual GAN as published (Wu et al. 2020): a four-way loss, a gradient penalty, growing.

Where the paper is silent or contradicts itself:
* A real patch has no lesion channel, and none of an archive has an untouched twin: the discriminator then sees the
  combined image alone (`discriminator_images` 1 in the network's configuration; a filled-in twin would give itself away
  by its seam). Pairs made on a phantom have true twins, and it may see both.
* The penalty is printed without the square, so that it could be driven to minus infinity; it is squared here. It is
  taken of the logit of "real", at real images plus noise: uniform in [0, 1] per pixel as printed, or that of DRAGAN
  (Kodali et al. 2017), half the standard deviation of the image times uniform noise, with a share drawn per image.

On a processor this does not get far in hours; `contextual_projected` does, and the shipped models are trained by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from synthmammo.models.nets.contextual import Answer, ContextualDiscriminator, ContextualGenerator
from synthmammo.training.objectives.base import Losses, Reduce
from synthmammo.training.objectives.insertion import InsertionBatch, InsertionTraining


@dataclass(frozen=True)
class ContextualSettings:
    """Numbers of the objective; the defaults are the paper's, for masses.

    Attributes:
        learning_rate: Learning rate of both networks.
        other_weight: Weight of the losses of benign and normal patches.
        penalty_weight: Weight of the gradient penalty.
        penalty_norm: Norm of the gradient that costs nothing.
        perturbation: Noise that the penalty is taken at: "seed" as in the paper, or "dragan".
        generator_steps: Updates of the generator per update of the discriminator; the paper has 2 for masses.
        small_kimg: Thousands of images shown at half the size first; () for none.
        fade_steps: Steps over which the full-size blocks are then faded in.
        average_kimg: Half-life of the weight average, in thousands of images.
    """

    learning_rate: float = 1e-5
    other_weight: float = 0.2
    penalty_weight: float = 10.0
    penalty_norm: float = 1.0
    perturbation: Literal["seed", "dragan"] = "seed"
    generator_steps: int = 2
    small_kimg: tuple[float, ...] = (100.0,)
    fade_steps: int = 3000
    average_kimg: float = 1.0


class ContextualObjective(InsertionTraining):
    """Trains a contextual generator against its discriminator.

    Args:
        generator: Generator to train.
        settings: Numbers of the objective.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
    """

    def __init__(
        self,
        generator: ContextualGenerator,
        settings: ContextualSettings,
        device: torch.device,
        reduce: Reduce | None = None,
    ) -> None:
        super().__init__(
            generator.to(device),
            ContextualDiscriminator(generator.config).to(device),
            (settings.learning_rate, settings.learning_rate),
            small_kimg=settings.small_kimg,
            fade_steps=settings.fade_steps,
            average_kimg=settings.average_kimg,
            reduce=reduce,
        )
        self.settings = settings

    def update(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        """One update of the discriminator and `generator_steps` of the generator."""
        losses = self._update_discriminator(batch, draws)
        for _ in range(self.settings.generator_steps):
            losses |= self._update_generator(batch, draws)
        return losses

    def _made(self, batch: InsertionBatch, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the discriminator sees of generated lesions, and the lesion channel."""
        made = self.insert(batch.context, draws)
        twins = [batch.context] if batch.real.shape[1] == 2 else []
        return torch.cat([made.combined, *twins], 1), made.lesion

    def _update_generator(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        seen, lesion = self._made(batch, draws)
        loss = self._loss(seen, Answer.REAL)
        self.descend("generator", loss, self.generator.parameters())
        return {"generator": loss.item(), "lesion": lesion.detach().abs().mean().item()}

    def _update_discriminator(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        with torch.no_grad():
            fake, _ = self._made(batch, draws)
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
