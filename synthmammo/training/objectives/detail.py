"""Fine structure for coarse images, against projected discriminators.

Every real image gives a pair, the image and the same averaged down, so that training is paired and stable. The
discriminators see fine image, enlarged coarse image and their difference as the three colours of a fixed network, and
so judge whether the detail is right for what is under it. Two losses hold it in place: averaged down, the fine image is
the coarse one, and pixel by pixel it is near the real one; the second is weak, as it asks for the mean of all possible
details, which is none.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from synthmammo.models.features import Features
from synthmammo.models.nets.detail import DetailGenerator, averaged, enlarged
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import Losses, Reduce, Training, average_decay, move_average
from synthmammo.training.objectives.projected import Heads, Projection

_RAMP = 0.1


@dataclass(frozen=True)
class DetailSettings:
    """Numbers of the objective.

    Attributes:
        learning_rate: Learning rate of the generator.
        discriminator_rate: Learning rate of the heads.
        coarse_weight: Weight of the mean absolute difference between coarse image and fine image averaged down.
        pixel_weight: Weight of the mean absolute difference between fine image and real image.
        detail_gain: Factor on the difference of fine and enlarged image before it is seen.
        noise: Standard deviation of the noise on what is seen, in units of [-1, 1], which hides that grey levels of
            real images are whole numbers.
        anneal_kimg: Thousands of images between which both rates fall to a tenth; None keeps them.
        average_kimg: Half-life of the weight average, in thousands of images.
        mixing_seed: Random seed for drawing the mixing convolutions.
    """

    learning_rate: float = 5e-4
    discriminator_rate: float = 5e-4
    coarse_weight: float = 20.0
    pixel_weight: float = 5.0
    detail_gain: float = 4.0
    noise: float = 0.005
    anneal_kimg: tuple[float, float] | None = None
    average_kimg: float = 1.0
    mixing_seed: int = 0


class DetailObjective(Training):
    """Trains a `DetailGenerator`.

    Args:
        generator: Generator to train.
        features: The fixed extractor.
        augmentation: Augmentation of the fine images, before anything is made of them.
        settings: Numbers of the objective.
        precision: Type of the activations.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
    """

    def __init__(
        self,
        generator: DetailGenerator,
        features: Features,
        augmentation: Augmentation,
        settings: DetailSettings,
        precision: torch.dtype,
        device: torch.device,
        reduce: Reduce | None = None,
    ) -> None:
        self.generator, self.heads = generator.to(device), Heads(0).to(device)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        networks = {"generator": self.generator, "average": self.average, "discriminator": self.heads}
        rates = {"generator": settings.learning_rate, "discriminator": settings.discriminator_rate}
        optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(networks[name].parameters(), rate, (0.0, 0.99)) for name, rate in rates.items()
        }
        super().__init__(networks, optimisers, reduce)
        self.projection = Projection(features, settings.mixing_seed).to(device)
        self.augmentation, self.settings, self.precision = augmentation, settings, precision

    def refine(self, coarse: Tensor, draws: torch.Generator, network: DetailGenerator | None = None) -> Tensor:
        """Fine images of coarse ones `(N, 1, H, W)`, by the generator in training or another."""
        factor = self.generator.config.factor
        shape = (len(coarse), 1, *(factor * side for side in coarse.shape[2:]))
        noise = torch.randn(shape, generator=draws).to(coarse.device)
        with torch.autocast(coarse.device.type, self.precision, enabled=self.precision != torch.float32):
            fine: Tensor = (network or self.generator)(coarse, noise)
        return fine.float()

    def step(self, batch: Tensor, draws: torch.Generator) -> Losses:
        """One update of the heads, then one of the generator, on the same fine images.

        Args:
            batch: Real fine images in [-1, 1], `float32 (N, 1, S, S)`.
            draws: Source of every random number.
        """
        self.anneal(self.settings.anneal_kimg)
        factor = self.generator.config.factor
        real = self.augmentation(batch, draws)
        coarse = averaged(real, factor)
        fine = self.refine(coarse, draws)
        seen = self._seen(fine, coarse, draws)
        with torch.no_grad():
            known = self._seen(real, coarse, draws)
        losses = self._discriminate(known, [x.detach() for x in seen])
        loss = self._fooled(known, seen)
        apart, kept = (fine - real).abs().mean(), (averaged(fine, factor) - coarse).abs().mean()
        losses |= {"generator": loss.item(), "apart": apart.item(), "kept": kept.item()}
        losses["detail"] = _share_of_detail(fine.detach(), real, factor)
        loss = loss + self.settings.pixel_weight * apart + self.settings.coarse_weight * kept
        self.descend("generator", loss, self.generator.parameters())
        self._count(len(batch))
        return losses

    def _discriminate(self, real: list[Tensor], fake: list[Tensor]) -> Losses:
        labels = torch.zeros(len(real[0]), dtype=torch.long, device=real[0].device)
        pairs = self.heads(real, labels, fake, labels)
        loss = torch.stack([F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in pairs]).sum()
        self.descend("discriminator", loss, self.heads.parameters())
        sign = torch.stack([r.detach().sign().mean() for r, _ in pairs]).mean()
        return {"discriminator": loss.item(), "real_sign": sign.item()}

    def _fooled(self, real: list[Tensor], fake: list[Tensor]) -> Tensor:
        labels = torch.zeros(len(real[0]), dtype=torch.long, device=real[0].device)
        return torch.stack([-score.mean() for _, score in self.heads(real, labels, fake, labels)]).sum()

    def _seen(self, fine: Tensor, coarse: Tensor, draws: torch.Generator) -> list[Tensor]:
        """Mixed features of fine image, enlarged coarse image and their difference."""
        fine = fine + self.settings.noise * torch.randn(fine.shape, generator=draws).to(fine.device)
        under = enlarged(coarse, self.generator.config.factor)
        colours = torch.cat([fine, under, self.settings.detail_gain * (fine - under)], 1)
        with torch.autocast(fine.device.type, self.precision, enabled=self.precision != torch.float32):
            mixed: list[Tensor] = self.projection(colours)[0]
        return mixed

    def _count(self, images: int) -> None:
        self.steps += 1
        self.images_seen += images * self.processes
        decay = average_decay(images * self.processes, self.settings.average_kimg, self.images_seen, _RAMP)
        move_average(self.average, self.generator, decay)


def _share_of_detail(fine: Tensor, real: Tensor, factor: int) -> float:
    """Standard deviation of what averaging takes away, over that of the real images: 1 is as much detail."""
    found, wanted = (image - enlarged(averaged(image, factor), factor) for image in (fine, real))
    return float(found.std() / wanted.std().clamp_min(1e-6))
