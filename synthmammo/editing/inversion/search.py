"""The search for the latents of an image, by gradient descent.

Abdal, Qin and Wonka 2019 ("Image2StyleGAN"): the latents are optimised until perceptual features and pixels of the
rendered image meet those of the given one, first one w for all layers (W), which stays where the model's images are,
then one w per layer (W+), which follows the image closer and is edited less reliably. The schedule and the noise maps,
fitted too but kept free of structure, are those of Karras et al. 2020 (StyleGAN2), appendix D. The perceptual features
are those of EfficientNet-Lite0 (`features`), normalised and compared at four scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.models.features import Features
from synthmammo.models.inverted import IN_W, IN_W_PLUS, START
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.progress import Progress, silent

LARGEST_PX = 256
"""Images are reduced to this side for the perceptual features, as in the papers."""

_SMALLEST_NOISE = 8
_EPSILON = 1e-8


@dataclass(frozen=True)
class Inversion:
    """An image as latents.

    Attributes:
        w: Latents, `float32 (latents, w_dim)`.
        noise: Noise maps by layer, `float32 (1, H, W)`; empty where the model's own are used.
        image: Image that the latents render, clipped to [-1, 1], `float32 (1, H, W)`.
        errors: Errors by phase, a name in `models.inverted.PHASES`: `rmse` of the pixels in units of [-1, 1],
            `psnr_db`, `perceptual`.
    """

    w: Tensor
    noise: dict[str, Tensor]
    image: Tensor
    errors: dict[str, dict[str, float]] = field(default_factory=dict)


def search_latents(
    network: Generator,
    target: Tensor,
    features: Features,
    options: InversionOptions,
    *,
    label: Tensor | None = None,
    progress: Progress = silent,
) -> Inversion:
    """Find the latents of an image.

    Args:
        network: The model, of one image channel; its weights are not changed.
        target: The image, `float32 (1, R, R)` in [-1, 1], R the model's resolution, on the device of the model.
        features: Extractor of perceptual features, on the device of the model.
        options: Numbers of the search.
        label: Class of the starts of a conditional model, one-hot `(1, classes)`; None for an unconditional one.
        progress: Called with steps done and steps in all.

    Returns:
        The latents and how near they come.

    Raises:
        ValueError: The image has another shape.
    """
    side = network.config.resolution
    if target.shape != (1, side, side):
        raise ValueError(f"target: expected (1, {side}, {side}), got {tuple(target.shape)}")
    search = _Search(network, target[None], features, options, progress)
    w, deviation = _start(search, label)
    search.measure(START, w)
    if options.w_steps:
        w = search.phase(w, options.w_steps, options.w_rate, deviation)
        search.measure(IN_W, w)
    w = w.expand(network.config.latents, -1)
    if options.plus_steps:
        w = search.phase(w, options.plus_steps, options.plus_rate, 0.0)
        search.measure(IN_W_PLUS, w)
    noise = {name: plane.detach()[0].clone() for name, plane in search.noise.items()} if options.fit_noise else {}
    return Inversion(w.detach().clone(), noise, search.render(w).detach()[0].clamp(-1, 1), search.errors)


def perceptual_maps(image: Tensor, features: Features) -> list[Tensor]:
    """What the perceptual distance compares: features at four scales, of unit length at every place.

    Args:
        image: Images `(N, 1, R, R)` in [-1, 1].
        features: Extractor of perceptual features.

    Returns:
        Four maps, `(N, C, H, W)`.
    """
    side = image.shape[-1]
    wanted = min(max(side, 32), LARGEST_PX)
    if side > wanted:
        image = F.adaptive_avg_pool2d(image, wanted)
    elif side < wanted:
        image = F.interpolate(image, size=wanted)
    return [scale / (scale.square().sum(1, keepdim=True) + _EPSILON).sqrt() for scale in features.scales(image)]


def perceptual_distance(maps: list[Tensor], others: list[Tensor]) -> Tensor:
    """Mean squared distance of the maps of `perceptual_maps`, averaged over the scales, `(N)`; at most 4."""
    pairs = zip(maps, others, strict=True)
    return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).mean(0)


def structure(noise: Tensor) -> Tensor:
    """How much neighbouring pixels of a noise map have in common, over all scales (Karras et al. 2020, appendix D).

    Args:
        noise: Noise map, `(1, 1, R, R)`.

    Returns:
        A scalar: the squared correlations of each pixel with its right and its lower neighbour, wrapping around, at
        the map's resolution and at every half of it down to 8.
    """
    total = noise.new_zeros(())
    while True:
        for axis in (2, 3):
            total = total + (noise * noise.roll(1, axis)).mean().square()
        if noise.shape[-1] <= _SMALLEST_NOISE:
            return total
        noise = F.avg_pool2d(noise, 2) * 2  # keeps the variance of white noise


class _Search:
    """The optimisation's state: noise maps, the target's features, what was reached."""

    def __init__(
        self, network: Generator, target: Tensor, features: Features, options: InversionOptions, progress: Progress
    ) -> None:
        self.network, self.target, self.features = network, target, features
        self.options, self.progress = options, progress
        self.errors: dict[str, dict[str, float]] = {}
        synthesis = network.synthesis
        convolutions = [name for name in synthesis.layers if not name.endswith("torgb")]
        self.noise = {name: synthesis.get_buffer(f"{name}.noise_const")[None, None].clone() for name in convolutions}
        self._wanted = perceptual_maps(target, features)
        self._generator = torch.Generator().manual_seed(options.seed)
        self._done = 0

    def render(self, w: Tensor) -> Tensor:
        """`(latents or 1, w_dim)` -> `(1, 1, R, R)`."""
        whole = w.expand(self.network.config.latents, -1)[None]
        image: Tensor = self.network.synthesis(whole, self.noise)
        return image

    def distances(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Perceptual distance, and mean squared difference, of images `(N, 1, R, R)` to the target, `(N)` each."""
        maps = perceptual_maps(image, self.features)
        wanted = [scale.expand(len(image), -1, -1, -1) for scale in self._wanted]
        return perceptual_distance(maps, wanted), (image - self.target).square().mean((1, 2, 3))

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers, the same on every device."""
        return torch.randn(shape, generator=self._generator).to(self.target.device)

    @torch.no_grad()
    def measure(self, phase: str, w: Tensor) -> None:
        """Record how near an image comes."""
        perceptual, squared = self.distances(self.render(w).clamp(-1, 1))
        rmse = math.sqrt(float(squared))
        errors = {"rmse": rmse, "psnr_db": 20 * math.log10(2 / max(rmse, 1e-9)), "perceptual": float(perceptual)}
        self.errors[phase] = {name: round(value, 6) for name, value in errors.items()}

    def phase(self, start: Tensor, steps: int, rate: float, disturbance: float) -> Tensor:
        """Optimise from `start`, `(latents or 1, w_dim)`; disturbances of w shrink to none over three quarters."""
        w = start.detach().clone().requires_grad_()
        planes = list(self.noise.values()) if self.options.fit_noise else []
        for plane in planes:
            plane.requires_grad_()
        optimiser = torch.optim.Adam([w, *planes], lr=rate, betas=(0.9, 0.999))
        for step in range(steps):
            share = step / steps
            for group in optimiser.param_groups:
                group["lr"] = rate * _ramp(share)
            spread = disturbance * max(0.0, 1 - share / 0.75) ** 2
            tried = w + self.normal(*w.shape) * spread if spread else w
            loss = self._loss(tried)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            self._whiten(planes)
            self._done += 1
            self.progress(self._done, self.options.steps)
        for plane in planes:
            plane.requires_grad_(False)
        return w.detach()

    def _loss(self, w: Tensor) -> Tensor:
        options = self.options
        perceptual, squared = self.distances(self.render(w))
        loss = options.perceptual_weight * perceptual.sum() + options.pixel_weight * squared.sum()
        if options.fit_noise:
            maps = [plane for plane in self.noise.values() if plane.shape[-1] >= _SMALLEST_NOISE]
            loss = loss + options.noise_weight * torch.stack([structure(plane) for plane in maps]).sum()
        return loss

    @torch.no_grad()
    def _whiten(self, planes: list[Tensor]) -> None:
        """Give every map the mean 0 and the mean square 1 that the model was trained with."""
        for plane in planes:
            plane.sub_(plane.mean())
            plane.mul_(plane.square().mean().clamp_min(_EPSILON).rsqrt())


def _ramp(share: float) -> float:
    """The learning rate's factor: up over the first 5 %, down over the last 25 %, as in StyleGAN2's projector."""
    down = min(1.0, (1 - share) / 0.25)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, (share + 1e-3) / 0.05)


@torch.no_grad()
def _start(search: _Search, label: Tensor | None) -> tuple[Tensor, float]:
    """The nearest of some samples and the average, `(1, w_dim)`, and a twentieth of the spread of W."""
    network, options = search.network, search.options
    many = search.normal(1000, network.config.z_dim)
    spread = network.mapping(many, label.expand(1000, -1) if label is not None else None)
    mean = spread.mean(0, keepdim=True)
    deviation = 0.05 * float((spread - mean).square().sum(1).mean().sqrt())
    tried = torch.cat([mean, network.mapping.truncated(spread[: max(options.starts, 1) - 1], 0.7)])
    distances = [sum(search.distances(search.render(w[None]))) for w in tried]
    best = min(range(len(tried)), key=lambda number: float(distances[number]))
    return tried[best : best + 1], deviation / math.sqrt(network.config.w_dim)
