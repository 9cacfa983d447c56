"""Contextual GANs against projected discriminators: what a processor trains within an hour.

Departures from Wu et al. 2020, each because its own objective does not get anywhere in that time:
* The discriminator is a small head on each of four scales of a fixed, pretrained network (Sauer et al. 2021), with the
  hinge loss. The paper's third and fourth answers stay: benign and normal patches count as wrong, with a weight of 0.2.
* Where the data has the untouched twin of every real patch, the fixed network sees the paper's three channels -
  combined image, untouched image, lesion - as its three colours. A little noise on the combined image hides that grey
  levels are whole numbers and that a drawn lesion ends at exactly zero, either of which would give real ones away.
* Scalars that are only concatenated are soon ignored, as tissue alone decides. So every context of a batch is shown
  twice, with other scalars, and the generator pays where its two lesions differ less than two real ones do, or more:
  on average, and on each context where they differ less, or more, than any two real ones of the batch.
* The discriminators do not stop a generator that puts large, bright masses onto every dark tissue and faint ones onto
  all other, or no calcification here and hundreds there. So it also pays where the lesions of a batch are not spread in
  brightness, contrast and extent as the real ones of the batch are.
* Where real patches have boxes and no twins, a stand-in for each lesion (`mammogram.lesion_stand_in`) says how bright
  and how large real ones are; the fixed network then sees the combined image alone.
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

from synthmammo.models.features import Features
from synthmammo.models.nets.lesion import Inserted, LesionGenerator
from synthmammo.models.nets.ops import append_batch_deviation
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import Losses, Reduce
from synthmammo.training.objectives.insertion import InsertionBatch, InsertionTraining
from synthmammo.training.objectives.projected import Heads, Projection

_DEVIATION_GROUP = 8
_OTHERS = 4
"""Benign and normal patches are a quarter as many as real ones: they cost a pass through the fixed network."""
_COMPARED_PX = 32
"""Side at which two lesions are compared."""
_LEAST = 1e-5
"""What is added before logarithms are taken of means of lesions."""


@dataclass(frozen=True)
class ContextualProjectedSettings:
    """Numbers of the objective.

    Attributes:
        learning_rate: Learning rate of the generator.
        discriminator_rate: Learning rate of the heads.
        other_weight: Weight of the losses of benign and normal patches.
        variety_weight: Weight of the generator's loss on lesions that differ less, or more, on one context than real
            ones do; 0 leaves it out. It needs twins or boxes.
        form_weight: Weight of the generator's loss on lesions that are not spread in brightness, contrast and extent
            as real ones are; 0 leaves it out. It needs twins or boxes.
        shows: Number of times a context is in a batch. With 1 the lesions of different contexts are compared: for
            removal, where a context has one right answer.
        lesion_gain: Factor on the lesion channel before it is seen.
        noise: Standard deviation of the noise on combined images, in units of [-1, 1].
        coarse_share: Share of the batches that are blurred as if they came from coarser images.
        coarsest: Largest pixel of such an image, in pixels of the patch; its size is drawn from 1 up to it.
        small_kimg: Thousands of images shown at each smaller size first, each half of the next; () for none.
        fade_steps: Steps over which the blocks of every further size are then faded in.
        anneal_kimg: Thousands of images between which both rates fall to a tenth; None keeps them.
        average_kimg: Half-life of the weight average, in thousands of images.
        mixing_seed: Random seed for drawing the mixing convolutions.
    """

    learning_rate: float = 1e-3
    discriminator_rate: float = 1e-3
    other_weight: float = 0.2
    variety_weight: float = 1.0
    form_weight: float = 1.0
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
        generator: Generator to train.
        features: The fixed extractor.
        augmentation: Augmentation of all patches, before anything is made of them.
        settings: Numbers of the objective.
        precision: Type of the activations.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
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
        self.anneal(self.settings.anneal_kimg)
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
        apart = differences(made.lesion)
        if batch.real.shape[1] == 2:
            wanted = batch.real[:, :1] - batch.real[:, 1:]
            usual = differences(wanted)
            losses["spread"] = (apart.mean() / usual.mean().clamp_min(1e-6)).item()
            if self.settings.variety_weight:
                loss = loss + self.settings.variety_weight * variety_loss(apart, usual)
            if self.settings.form_weight:
                form = form_loss(made.lesion, wanted)
                losses["form"] = form.item()
                loss = loss + self.settings.form_weight * form
        else:
            losses["spread"] = apart.mean().item()
        self.descend("generator", loss, self.generator.parameters())
        return losses

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
        """The scores of each group on every scale, all normalised together."""
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


def differences(lesions: Tensor) -> Tensor:
    """Mean absolute differences between the lesions of the two halves of a batch: `(N, 1, S, S)` -> `(N / 2)`."""
    coarse = F.adaptive_avg_pool2d(lesions, _COMPARED_PX)
    first, second = coarse[: len(coarse) // 2], coarse[len(coarse) // 2 :]
    return (first - second).abs().mean((1, 2, 3))


def variety_loss(apart: Tensor, usual: Tensor) -> Tensor:
    """How far two lesions on one context are from differing as two real ones do; a scalar, 0 where they do.

    Args:
        apart: Differences of pairs of lesions on one context, `(N)`, as `differences` gives them.
        usual: Differences of pairs of real lesions, `(M)`.
    """
    ratio = (apart.mean() + _LEAST) / (usual.mean() + _LEAST)
    logs, known = (apart + _LEAST).log(), (usual + _LEAST).log()
    outside = F.relu(known.min() - logs) + F.relu(logs - known.max())
    return ratio.log().abs() + outside.mean()


def form_loss(lesions: Tensor, wanted: Tensor) -> Tensor:
    """How far the brightness, contrast and extent of lesions are from being spread as those of others; a scalar.

    The mean distance between the two sets' quantiles of each measure's logarithm: in one dimension the distance that a
    distribution has to be moved.

    Args:
        lesions: Generated lesion channels, `(N, 1, S, S)`.
        wanted: Real lesion channels, `(M, 1, S, S)`.
    """
    levels = torch.linspace(0, 1, min(len(lesions), len(wanted)), device=lesions.device)
    found, goal = (torch.quantile(measures(part), levels, dim=0) for part in (lesions, wanted))
    return (found - goal).abs().mean()


def measures(lesions: Tensor) -> Tensor:
    """Logarithms of the mean, the mean weighted by itself, and the root mean square distance from the centre of mass.

    Args:
        lesions: Lesion channels of either sign, `(N, 1, S, S)`.

    Returns:
        `(N, 3)`.
    """
    weight = lesions.abs()[:, 0] + _LEAST**2
    side = weight.shape[-1]
    places = (torch.arange(side, device=weight.device) + 0.5) / side
    whole = weight.sum((1, 2))
    variances = []
    for direction in (1, 2):
        along = weight.sum(direction) / whole[:, None]
        middle = (along * places).sum(1, keepdim=True)
        variances.append((along * (places - middle).square()).sum(1))
    extent = torch.stack(variances).sum(0).sqrt()
    contrast = weight.square().sum((1, 2)) / whole
    return torch.stack([weight.mean((1, 2)) + _LEAST, contrast + _LEAST, extent + _LEAST], 1).log()
