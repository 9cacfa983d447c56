"""What all objectives of a StyleGAN2 generator share: latents, style mixing, the weight average, variety."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synthmammo.models.nets.ops import clipped
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.models.nets.stylegan2.synthesis import ToImage
from synthmammo.training.objectives.base import (
    Batch,
    Losses,
    Reduce,
    Training,
    average_decay,
    move_average,
    one_hot_labels,
)


@dataclass(frozen=True)
class GeneratorSettings:
    """Numbers every objective of a StyleGAN2 generator has.

    Attributes:
        style_mixing: Chance that an image takes a second latent from a random layer on.
        average_kimg: Half-life of the weight average, in thousands of images.
        average_ramp: Largest half-life of the weight average, as a share of the images seen; 0 for no limit.
        clip: Whether the discriminators see what would be written, clipped to [-1, 1]; gradients pass as if it were
            not, but for those that would drive a pixel further out, which run away. For whole views: their air is -1 to
            the last pixel, which a network never meets, and by that alone a discriminator would know every generated
            image.
        precision: Type of the activations: "float32", "bfloat16" or "float16".
    """

    style_mixing: float = 0.9
    average_kimg: float = 10.0
    average_ramp: float = 0.05
    clip: bool = False
    precision: str = "float32"

    @property
    def dtype(self) -> torch.dtype | None:
        """Type of the activations; None for that of the weights."""
        return None if self.precision == "float32" else getattr(torch, self.precision)


class GeneratorTraining(Training):
    """A StyleGAN2 generator in training, with its average: the base of the objectives of a StyleGAN2.

    Args:
        generator: Generator to train.
        others: The other networks by name.
        optimisers: Optimisers by name.
        general: Numbers that every such objective has.
        reduce: Function that averages a tensor over processes; None where there is one process.
    """

    def __init__(
        self,
        generator: Generator,
        others: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        general: GeneratorSettings,
        reduce: Reduce | None = None,
    ) -> None:
        self.generator, self.general = generator, general
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)
        super().__init__({"generator": generator, "average": self.average, **others}, optimisers, reduce)

    def prepare(self, epochs: Callable[[int], Iterable[Batch]], draws: torch.Generator) -> None:
        """What must be learned of the real images before the first step; not needed before `restore`."""

    def step(self, batch: Batch, draws: torch.Generator) -> Losses:
        """Train on one batch; every random number comes from `draws`, a generator on the processor."""
        raise NotImplementedError

    def realness(self, images: Tensor, labels: Tensor) -> Tensor:
        """How real the discriminators find images, without augmentation, `float32 (N)`; they are not trained further.

        Args:
            images: Images in [-1, 1], `float32 (N, C, H, W)`. Discriminators see a batch as a whole.
            labels: Number of the class of each, `int64 (N)`; zeros for an unconditional model.
        """
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.average.mapping.w_avg.device

    def draw_labels(self, count: int, draws: torch.Generator) -> Tensor:
        """Classes with equal chance, `int64 (N)`; zeros for an unconditional model."""
        return torch.randint(max(self.generator.config.classes, 1), (count,), generator=draws).to(self.device)

    def latents(self, labels: Tensor, draws: torch.Generator) -> Tensor:
        """`(N, latents, w_dim)` of new images, some with styles of two latents (style mixing)."""
        config, count = self.generator.config, len(labels)
        label = one_hot_labels(labels, config.classes)
        both = torch.randn(2, count, config.z_dim, generator=draws).to(self.device)
        cut = torch.randint(1, config.latents, (count,), generator=draws)
        mixed = torch.rand(count, generator=draws) < self.general.style_mixing
        cut = torch.where(mixed, cut, config.latents).to(self.device)
        first: Tensor = self.generator.mapping(both[0], label)
        self.generator.mapping.track(first)
        if not self.general.style_mixing:
            return first[:, None].expand(-1, config.latents, -1)
        second = self.generator.mapping(both[1], label)
        late = torch.arange(config.latents, device=self.device) >= cut[:, None]
        return torch.where(late[:, :, None], second[:, None], first[:, None])

    def render(self, latents: Tensor, draws: torch.Generator) -> Tensor:
        """Images of latents `(N, latents, w_dim)` with new noise, `float32 (N, C, H, W)`."""
        synthesis = self.generator.synthesis
        shapes = {name: buffer.shape for name, buffer in synthesis.named_buffers()}
        noise = {
            name.removesuffix(".noise_const"): torch.randn(len(latents), 1, *shape, generator=draws).to(self.device)
            for name, shape in shapes.items()
            if name.endswith(".noise_const")
        }
        return synthesis.render(synthesis.styles(latents), noise, dtype=self.general.dtype)

    def generate(self, labels: Tensor, draws: torch.Generator) -> Tensor:
        """New images of the given classes, `float32 (N, C, H, W)`."""
        images = self.render(self.latents(labels, draws), draws)
        return clipped(images) if self.general.clip else images

    def finish(self, count: int) -> None:
        """Count the images this process saw in a step, and move the average."""
        count *= self.processes
        self.steps += 1
        self.images_seen += count
        general = self.general
        decay = average_decay(count, general.average_kimg, self.images_seen, general.average_ramp)
        move_average(self.average, self.generator, decay)

    @torch.no_grad()
    def match_contrast(self, real: Tensor, draws: torch.Generator) -> None:
        """Scale and shift what a fresh generator makes to the spread and mean of real images `(N, C, H, W)`.

        The spread is that over images, at each pixel: most of the contrast of aligned views is the same in all of them.

        Fresh weights give several times the contrast of a mammogram, which takes thousands of images to unlearn.
        """
        fake = self.generate(self.draw_labels(len(real), draws), draws)
        ratio = real.std(0).mean() / fake.std(0).mean()
        for network in (self.generator, self.average):
            layers = [layer for layer in network.synthesis.modules() if isinstance(layer, ToImage)]
            for layer in layers:
                layer.weight.mul_(ratio)
            layers[-1].bias.add_(real.mean() - fake.mean() * ratio)

    @torch.no_grad()
    def sample(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images of the averaged generator, with its fixed noise, `float32 (N, C, H, W)`."""
        label = one_hot_labels(labels.to(self.device), self.average.config.classes)
        images: Tensor = self.average(z.to(self.device), label)
        return images

    @staticmethod
    def spread(fake: Tensor, real: Tensor) -> Losses:
        """How much the images of a batch differ, generated over real; near 0 when the generator has collapsed."""
        if len(fake) < 2:
            return {}
        apart = [x.detach().float().std(0).mean().item() for x in (fake, real)]
        return {"spread": apart[0] / max(apart[1], 1e-8)}
