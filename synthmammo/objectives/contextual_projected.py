"""Contextual GANs against projected discriminators: what a processor trains within an hour.

Departures from seed paper 2, each because its own objective does not get anywhere in that time:
* The discriminator is a small head on each of four scales of a fixed, pretrained network (Sauer et al. 2021), with the
  hinge loss. The paper's third and fourth answers stay: benign and normal patches count as wrong, with a weight of 0.2.
* Where the data has the untouched twin of every real patch, the fixed network sees the paper's three channels -
  combined image, untouched image, lesion - as its three colours. A little noise on the combined image hides that grey
  levels are whole numbers and that a drawn lesion ends at exactly zero, either of which would give real ones away.
* Scalars that are only concatenated are soon ignored, as tissue alone decides. So every context of a batch is shown
  twice, with other scalars, and the generator pays where its two lesions differ less than two real ones do, or more:
  without the latter some contexts got no calcification and others hundreds.
* Both learning rates are a hundred times the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import exp, log
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from synthmammo.features import Features
from synthmammo.nets.contextual import Inserted
from synthmammo.nets.ops import append_batch_deviation
from synthmammo.objectives.augment import Augmentation
from synthmammo.objectives.base import Losses, Reduce, annealed
from synthmammo.objectives.insertion import InsertionBatch, InsertionTraining, LesionGenerator
from synthmammo.objectives.projected import Heads, Projection

_DEVIATION_GROUP = 8
_OTHERS = 4
"""Benign and normal patches are a quarter as many as real ones: they cost a pass through the fixed network."""
_LEAST_SPREAD = 0.01
_COMPARED_PX = 32
"""Side at which two lesions are compared."""
_PROFILE_PX = 8
"""Side at which average lesions are compared."""


@dataclass(frozen=True)
class ContextualProjectedSettings:
    """Numbers of the objective.

    Attributes:
        learning_rate: Of the generator's Adam.
        discriminator_rate: Of the heads' Adam.
        other_weight: Of the losses of benign and normal patches.
        variety_weight: Of the generator's loss on lesions that differ less, or more, on one context than real ones do:
            the absolute logarithm of the ratio; 0 leaves it out.
        profile_weight: Of the generator's loss on an average lesion that is not the real ones': the mean absolute
            difference on a coarse grid over the real mean; 0 leaves it out. Both need twins.
        shows: How often a context is in a batch. With 1 the lesions of different contexts are compared: for removal,
            where a context has one right answer.
        lesion_gain: Factor on the lesion channel before it is seen.
        noise: Standard deviation of the noise on combined images, in units of [-1, 1].
        coarse_share: Share of the batches that are blurred as if they came from coarser images.
        coarsest: Pixel of the coarsest such image, in pixels of the patch; drawn from 1 up to it.
        small_kimg: Thousands of images shown at each smaller size first, each half of the next; () for none.
        fade_steps: Steps over which the blocks of every further size are then faded in.
        anneal_kimg: Thousands of images between which both rates fall to a tenth; None keeps them.
        average_kimg: Half-life of the weight average, in thousands of images.
        mixing_seed: Of the random mixing convolutions.
    """

    learning_rate: float = 1e-3
    discriminator_rate: float = 1e-3
    other_weight: float = 0.2
    variety_weight: float = 1.0
    profile_weight: float = 4.0
    shows: Literal[1, 2] = 2
    lesion_gain: float = 2.0
    noise: float = 0.01
    coarse_share: float = 0.0
    coarsest: float = 4.5
    small_kimg: tuple[float, ...] = (12.0,)
    fade_steps: int = 100
    anneal_kimg: tuple[float, float] | None = None
    average_kimg: float = 0.5
    mixing_seed: int = 0


class ContextualProjectedObjective(InsertionTraining):
    """Trains a contextual generator against projected discriminators.

    Args:
        generator: To train.
        features: The fixed extractor.
        augmentation: Of all patches, before anything is made of them.
        settings: Numbers of the objective.
        precision: Of the activations.
        device: Where to train.
        reduce: Averages a tensor over processes.
    """

    def __init__(
        self,
        generator: LesionGenerator,
        features: Features,
        augmentation: Augmentation,
        settings: ContextualProjectedSettings,
        precision: torch.dtype,
        device: torch.device,
        reduce: Reduce | None = None,
    ) -> None:
        self.heads = Heads(0).to(device)
        super().__init__(
            generator.to(device),
            self.heads,
            (settings.learning_rate, settings.discriminator_rate),
            small_kimg=settings.small_kimg,
            fade_steps=settings.fade_steps,
            average_kimg=settings.average_kimg,
            reduce=reduce,
        )
        self.projection = Projection(features, settings.mixing_seed).to(device)
        self.augmentation, self.settings, self.precision = augmentation, settings, precision
        self.twins = generator.config.discriminator_images == 2

    def insert(self, context: Tensor, draws: torch.Generator, network: LesionGenerator | None = None) -> Inserted:
        """As the base, in the objective's precision."""
        with torch.autocast(context.device.type, self.precision, enabled=self.precision != torch.float32):
            made = super().insert(context, draws, network)
        return Inserted(made.lesion.float(), made.combined.float())

    def update(self, batch: InsertionBatch, draws: torch.Generator) -> Losses:
        """One update of the heads, then one of the generator, on the same generated lesions."""
        self.scale_rates(annealed(self.images_seen, self.settings.anneal_kimg))
        batch = batch.each(partial(self.augmentation, draws=draws)).each(self._coarser(draws))
        shows = self.settings.shows
        context = batch.context[: len(batch.context) // shows].repeat(shows, 1, 1, 1)
        made = self.insert(context, draws)
        fake = self._seen(torch.cat([made.combined, context], 1), draws)
        with torch.no_grad():
            real = self._seen(batch.real, draws)
            few = max(1, len(batch.real) // _OTHERS)
            wrong = [self._seen(images[:few], draws) for images in (batch.benign, batch.normal) if images is not None]
        losses = self._discriminate(real, [x.detach() for x in fake], wrong)
        scores = self._scores(real, fake, *wrong)
        loss = torch.stack([-parts[1].mean() for parts in scores]).sum()
        losses |= {"generator": loss.item(), "lesion": made.lesion.detach().abs().mean().item()}
        spread = difference(made.lesion)
        if self.twins:
            wanted = batch.real[:, :1] - batch.real[:, 1:]
            spread = spread / difference(wanted).clamp_min(1e-6)
            if self.settings.variety_weight:
                loss = loss + self.settings.variety_weight * spread.clamp_min(_LEAST_SPREAD).log().abs()
            profile = profile_error(made.lesion, wanted)
            losses["profile"] = profile.item()
            loss = loss + self.settings.profile_weight * profile
        self.descend("generator", loss, self.generator.parameters())
        return losses | {"spread": spread.item()}

    def _discriminate(self, real: list[Tensor], fake: list[Tensor], wrong: list[list[Tensor]]) -> Losses:
        losses = []
        weights = [1.0, *[self.settings.other_weight] * len(wrong)]
        scores = self._scores(real, fake, *wrong)
        for real_score, *others in scores:
            losses.append(F.relu(1 - real_score).mean())
            losses += [weight * F.relu(1 + other).mean() for weight, other in zip(weights, others, strict=True)]
        loss = torch.stack(losses).sum()
        self.descend("discriminator", loss, self.heads.parameters())
        sign = torch.stack([parts[0].detach().sign().mean() for parts in scores]).mean()
        return {"discriminator": loss.item(), "real_sign": sign.item()}

    def _scores(self, *groups: list[Tensor]) -> list[tuple[Tensor, ...]]:
        """Of every scale the scores of each group, all normalised together."""
        found = []
        for head, *maps in zip(self.heads.scales, *groups, strict=True):
            x = torch.cat([append_batch_deviation(part, _DEVIATION_GROUP) for part in maps])
            labels = torch.zeros(len(x), dtype=torch.long, device=x.device)
            found.append(torch.split(head(x, labels), [len(part) for part in maps]))
        return found

    def _seen(self, images: Tensor, draws: torch.Generator) -> list[Tensor]:
        """Mixed features of what the discriminator sees: one channel, or three where there are twins."""
        noise = torch.randn(images[:, :1].shape, generator=draws).to(images.device)
        combined = images[:, :1] + self.settings.noise * noise
        if self.twins:
            untouched = images[:, 1:]
            combined = torch.cat([combined, untouched, self.settings.lesion_gain * (combined - untouched)], 1)
        with torch.autocast(images.device.type, self.precision, enabled=self.precision != torch.float32):
            mixed: list[Tensor] = self.projection(combined)[0]
        return mixed

    def _coarser(self, draws: torch.Generator) -> Callable[[Tensor], Tensor]:
        """What makes all images of a batch look as if they were enlarged from coarser ones; most often nothing."""
        chance, size = torch.rand(2, generator=draws).tolist()
        if chance >= self.settings.coarse_share:
            return lambda images: images
        side = round(self.generator.config.size / exp(size * log(self.settings.coarsest)))

        def coarser(images: Tensor) -> Tensor:
            if side >= images.shape[-1]:
                return images
            small = F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
            return F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False)

        return coarser


def difference(lesions: Tensor) -> Tensor:
    """Mean absolute difference between the lesions of the two halves of a batch, `(N, 1, S, S)`; a scalar."""
    coarse = F.adaptive_avg_pool2d(lesions, _COMPARED_PX)
    first, second = coarse[: len(coarse) // 2], coarse[len(coarse) // 2 :]
    return (first - second).abs().mean()


def profile_error(lesions: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference between two average lesions, over the second's mean; a scalar.

    Args:
        lesions: `(N, 1, S, S)`, of one sign.
        wanted: `(M, 1, S, S)`.
    """
    average, goal = (F.adaptive_avg_pool2d(part, _PROFILE_PX).mean(0) for part in (lesions, wanted))
    return (average - goal).abs().mean() / goal.abs().mean().clamp_min(1e-6)
