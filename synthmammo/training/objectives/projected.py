"""Projected discriminators (Sauer et al. 2021, "Projected GANs converge faster"), made conditional.

Real and generated images are compared in the feature space of a fixed, pretrained network. Random 1 x 1 convolutions
mix the channels of each scale and random 3 x 3 convolutions mix neighbouring scales, so that no discriminator can
dwell on a few features; a small head judges each scale, with the hinge loss. On small data this reaches a given
quality with a small fraction of the images that a discriminator trained from nothing needs.

Departures from the paper: a head sees the class, by projection (Miyato & Koyama 2018); a linear class probe, fitted to
real images once and then fixed, tells the generator how recognisable its classes are, with softened targets, so that
it need not exaggerate them; real and generated images are normalised together (the batch statistics of generated
images alone would hide that they vary less), each map carries its standard deviation over the batch, and the
generator pays for maps that vary less inside a class than real ones do: without this it settled on one picture per
class within 5,000 images; one generated batch serves both updates, which saves a third of the time.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from synthmammo.metrics import LinearProbe
from synthmammo.models.features import SCALES, Features, scale_means
from synthmammo.models.nets.ops import append_batch_deviation
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.training.objectives.adaptation import Epochs, adapt
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import Batch, Losses, Reduce
from synthmammo.training.objectives.generation import GeneratorSettings, GeneratorTraining

_MIXED = (32, 64, 128, 128)
"""Channels after mixing, at each of the four scales."""

_DEVIATION_GROUP = 8


@dataclass(frozen=True)
class ProjectedSettings:
    """Numbers of the objective.

    Attributes:
        learning_rate: Learning rate of the generator. Its weights are of unit size and scaled when used, so that the
            paper's rate for plain weights would hardly move them.
        discriminator_rate: Learning rate of the discriminators.
        betas: Decay rates of Adam's moments, for generator and discriminators.
        class_weight: Weight of the generator's class loss; 0 leaves the class probe out.
        variety_weight: Weight of the generator's loss on varying less than real images do; 0 leaves it out.
        class_smoothing: Share of the class target that is spread over all classes: 0.5 of two classes asks for a
            probability of 0.75, about what the probe gives real images.
        mixing_seed: Random seed for drawing the mixing convolutions.
        anneal_kimg: Thousands of images between which both rates fall to a tenth; None keeps them.
        adapt_kimg: Thousands of real images the extractor is first fine-tuned on to tell the classes apart; 0 leaves
            the ImageNet weights.
    """

    learning_rate: float = 1.5e-3
    discriminator_rate: float = 1e-3
    betas: tuple[float, float] = (0.0, 0.99)
    class_weight: float = 1.0
    variety_weight: float = 1.0
    class_smoothing: float = 0.5
    mixing_seed: int = 0
    anneal_kimg: tuple[float, float] | None = None
    adapt_kimg: float = 0.0


class Projection(nn.Module):
    """The fixed features, mixed across channels and scales by random convolutions that are fixed by a seed.

    Args:
        features: The extractor.
        seed: Random seed for drawing the convolutions.
    """

    def __init__(self, features: Features, seed: int = 0) -> None:
        super().__init__()
        self.features = features
        generator = torch.Generator().manual_seed(seed)

        def drawn(inputs: int, outputs: int, size: int) -> nn.Conv2d:
            conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
            with torch.no_grad():
                # Keeps the second moment, as He et al. 2015 for linear units.
                conv.weight.normal_(0, 1 / math.sqrt(inputs * size * size), generator=generator)
            return conv

        self.across_channels = nn.ModuleList(drawn(c, m, 1) for c, m in zip(SCALES, _MIXED, strict=True))
        finer = (_MIXED[0], *_MIXED[:-1])
        self.across_scales = nn.ModuleList(drawn(m, f, 3) for m, f in zip(_MIXED, finer, strict=True))
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Mixed features, and the means of the unmixed ones.

        Args:
            images: Images in [-1, 1], `(N, 1, H, W)`, H and W multiples of 32.

        Returns:
            Four maps `float32 (N, C, H / s, W / s)`, s = 4, 8, 16, 32, and `float32 (N, 496)`.
        """
        scales = self.features.scales(images)
        coarser: Tensor | None = None
        mixed: list[Tensor] = []
        for index in reversed(range(len(scales))):
            x = self.across_channels[index](scales[index])
            x = x if coarser is None else x + coarser
            mixed.insert(0, x.float())
            if index:
                x = self.across_scales[index](x)
                coarser = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return mixed, scale_means(scales)


class Head(nn.Module):
    """Judges one scale: strided convolutions down to a 32nd of the image, then one score per place.

    Args:
        channels: Number of channels in.
        halvings: Number of strided convolutions.
        classes: Number of classes of a conditional model, else 0.
    """

    def __init__(self, channels: int, halvings: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, channels = channels, channels + 1  # one more for the deviation over the batch
        for _ in range(halvings):
            width = outputs = min(2 * width, 128)
            norm = nn.BatchNorm2d(outputs, track_running_stats=False)
            layers += [spectral_norm(nn.Conv2d(channels, outputs, 4, 2, 1, bias=False)), norm, nn.LeakyReLU(0.2)]
            channels = outputs
        layers += [spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.score = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.direction = nn.Embedding(classes, channels) if classes else None

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """`(N, C, H, W)` and `int64 (N)` -> scores `(N, H', W')`."""
        x = self.body(x)
        score: Tensor = self.score(x)[:, 0]
        if self.direction is None:
            return score
        direction = self.direction(labels)
        return score + torch.einsum("nchw,nc->nhw", x, direction) / math.sqrt(x.shape[1])


class Heads(nn.Module):
    """A head for each scale of each projection.

    Args:
        classes: Number of classes of a conditional model, else 0.
        projections: Number of projections.
    """

    def __init__(self, classes: int, projections: int = 1) -> None:
        super().__init__()
        halvings = range(len(_MIXED) - 1, -1, -1)
        kinds = [(c, h) for _ in range(projections) for c, h in zip(_MIXED, halvings, strict=True)]
        self.scales = nn.ModuleList(Head(channels, count, classes) for channels, count in kinds)

    def forward(
        self, real: list[Tensor], real_labels: Tensor, fake: list[Tensor], fake_labels: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Scores of real and of generated images on every scale."""
        labels = torch.cat([real_labels, fake_labels])
        pairs = []
        for head, *maps in zip(self.scales, real, fake, strict=True):
            x = torch.cat([append_batch_deviation(part, _DEVIATION_GROUP) for part in maps])
            scores = head(x, labels)
            pairs.append((scores[: len(real_labels)], scores[len(real_labels) :]))
        return pairs


class ClassProbe(nn.Module):
    """A fixed linear classifier of the means of all scales.

    Args:
        classes: Number of classes.
    """

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        features = sum(SCALES)
        for name, shape in (("mean", (features,)), ("scale", (features,)), ("weight", (features, classes))):
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("bias", torch.zeros(classes))

    def fit(self, means: Tensor, labels: Tensor) -> None:
        """Take the weights of a logistic regression on `(N, 496)` and `int64 (N)`."""
        probe = LinearProbe.fit(means.cpu().numpy(), labels.cpu().numpy())
        for name, buffer in self.named_buffers():
            buffer.copy_(torch.from_numpy(getattr(probe, name)))

    def forward(self, means: Tensor) -> Tensor:
        """`(N, 496)` -> `(N, classes)`."""
        return (means - self.mean) / self.scale @ self.weight + self.bias


def deviation_within_classes(maps: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Standard deviation of each place and channel about the mean of its class, averaged.

    Args:
        maps: Feature maps, `(N, C, H, W)`.
        labels: Class of each image, `int64 (N)`.
        classes: Number of classes.

    Returns:
        A scalar, differentiable by the maps.
    """
    flat, belongs = maps.flatten(1), F.one_hot(labels, classes).to(maps.dtype)
    means = belongs.t() @ flat / belongs.sum(0).clamp_min(1)[:, None]
    return ((flat - means[labels]).square().mean(0) + 1e-12).sqrt().mean()


class ProjectedObjective(GeneratorTraining):
    """Trains a StyleGAN2 generator against projected discriminators.

    Args:
        generator: Generator to train.
        features: The fixed extractor.
        general: Numbers that every objective of a StyleGAN2 has.
        augmentation: Augmentation of everything the discriminators see.
        settings: Numbers of this objective.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
    """

    def __init__(
        self,
        generator: Generator,
        features: Features,
        general: GeneratorSettings,
        augmentation: Augmentation,
        settings: ProjectedSettings,
        device: torch.device,
        reduce: Reduce | None = None,
    ) -> None:
        classes = generator.config.classes
        # What scores the samples keeps its ImageNet weights: a copy is adapted, and judges beside it.
        self.adapted = copy.deepcopy(features).to(device) if classes and settings.adapt_kimg else None
        extractors = [features, self.adapted] if self.adapted else [features]
        self.projections = [Projection(f, settings.mixing_seed + n).to(device) for n, f in enumerate(extractors)]
        heads = Heads(classes, len(extractors)).to(device)
        generator = generator.to(device)
        optimisers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(generator.parameters(), settings.learning_rate, settings.betas),
            "discriminator": torch.optim.Adam(heads.parameters(), settings.discriminator_rate, settings.betas),
        }
        self.probe = ClassProbe(classes).to(device) if classes and settings.class_weight else None
        others: dict[str, nn.Module] = {"discriminator": heads} | ({"classes": self.probe} if self.probe else {})
        others |= {"extractor": self.adapted} if self.adapted else {}
        super().__init__(generator, others, optimisers, general, reduce)
        self.heads, self.augmentation, self.settings = heads, augmentation, settings

    def prepare(self, epochs: Epochs, draws: torch.Generator) -> None:
        """Adapt the extractor, match the contrast, fit the class probe to real images, augmented as in training.

        Without a class probe the first batch is enough, and no other is read.
        """
        if self.adapted:
            images, dtype = round(1000 * self.settings.adapt_kimg), self.general.dtype or torch.float32
            classes = self.generator.config.classes
            adapt(self.adapted, epochs, classes, images, self.augmentation, draws, dtype)
        batches = iter(epochs(0))
        first = next(batches)
        self.match_contrast(first.images, draws)
        if self.probe:
            self._fit_probe(self.probe, itertools.chain([first], batches), draws)

    @torch.no_grad()
    def _fit_probe(self, probe: ClassProbe, batches: Iterable[Batch], draws: torch.Generator) -> None:
        means, labels = [], []
        for batch in batches:
            means.append(self._project(self.augmentation(batch.images, draws))[1])
            labels.append(batch.labels)
        probe.fit(torch.cat(means), torch.cat(labels))

    def _project(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Maps of all projections, and the means of the last extractor, the adapted one where there is one."""
        dtype = self.general.dtype or torch.float32
        with torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32):
            parts = [projection(images) for projection in self.projections]
        return [x for mixed, _ in parts for x in mixed], parts[-1][1]

    def step(self, batch: Batch, draws: torch.Generator) -> Losses:
        """One update of the discriminators, then one of the generator on the same generated images."""
        self.anneal(self.settings.anneal_kimg)
        labels = self.draw_labels(len(batch.images), draws)
        fake = self.generate(labels, draws)
        fake_mixed, fake_means = self._project(self.augmentation(fake, draws))
        with torch.no_grad():
            real_mixed, _ = self._project(self.augmentation(batch.images, draws))
        losses = self._discriminate(real_mixed, batch.labels, [x.detach() for x in fake_mixed], labels)
        scores = self.heads(real_mixed, batch.labels, fake_mixed, labels)
        loss = torch.stack([-fake_score.mean() for _, fake_score in scores]).sum()
        losses["generator"] = loss.item()
        if self.probe:
            smoothing = self.settings.class_smoothing
            class_loss = F.cross_entropy(self.probe(fake_means), labels, label_smoothing=smoothing)
            losses["classes"] = class_loss.item()
            loss = loss + self.settings.class_weight * class_loss
        if self.settings.variety_weight:
            sameness = self._sameness(real_mixed, batch.labels, fake_mixed, labels)
            losses["sameness"] = sameness.item()
            loss = loss + self.settings.variety_weight * sameness
        self.descend("generator", loss, self.generator.parameters())
        self.finish(len(batch.images))
        return losses | self.spread(fake, batch.images)

    @torch.inference_mode()
    def realness(self, images: Tensor, labels: Tensor) -> Tensor:
        """See `GeneratorTraining`; the sum of the heads' mean scores."""
        maps, _ = self._project(images)
        heads = zip(self.heads.eval().scales, maps, strict=True)
        scores = [head(append_batch_deviation(x, _DEVIATION_GROUP), labels).mean((1, 2)) for head, x in heads]
        return torch.stack(scores).sum(0)

    def _sameness(self, real: list[Tensor], labels: Tensor, fake: list[Tensor], fake_labels: Tensor) -> Tensor:
        """Sum over the scales of the share of the real maps' deviation that generated ones lack; 0 to their number."""
        classes = max(1, self.generator.config.classes)
        # About the mean of each map: brightness varies soon enough, and would hide that all layouts are alike.
        real, fake = ([x - x.mean((2, 3), keepdim=True) for x in maps] for maps in (real, fake))
        ratios = [
            deviation_within_classes(f, fake_labels, classes) / deviation_within_classes(r, labels, classes)
            for r, f in zip(real, fake, strict=True)
            if f.shape[2] > 1
        ]
        return torch.stack([F.relu(1 - ratio) for ratio in ratios]).sum()

    def _discriminate(self, real: list[Tensor], labels: Tensor, fake: list[Tensor], fake_labels: Tensor) -> Losses:
        scores = self.heads(real, labels, fake, fake_labels)
        loss = torch.stack([F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in scores]).sum()
        self.descend("discriminator", loss, self.heads.parameters())
        sign = torch.stack([real_score.detach().sign().mean() for real_score, _ in scores]).mean()
        return {"discriminator": loss.item(), "real_sign": sign.item()}
