"""Training a network that adds fine structure, as a task: real patches, and the same averaged down."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthmammo.errors import TrainingError
from synthmammo.models.features import Features
from synthmammo.models.nets.detail import DetailConfig, DetailGenerator, averaged
from synthmammo.training.config import TrainConfig, numbers
from synthmammo.training.images import ImageSet
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import PRECISIONS, Reduce
from synthmammo.training.objectives.detail import DetailObjective, DetailSettings
from synthmammo.training.scores import Scorer, Scores
from synthmammo.training.start import begin_detail_from
from synthmammo.training.task import SHEET_COLUMNS

_AUGMENTATION = {"flips": True, "turns": True, "shift": 0.0, "brightness": 0.0, "contrast": 0.0, "noise": 0.0}
"""Unless the configuration says otherwise: what is fine is right at any orientation, and not at any contrast."""


class DetailTask:
    """A network that adds fine structure, the patches that it learns from, and held-out ones.

    Args:
        config: Configuration of the run.
        images: Patches to train on, at the fine spacing.
        held_out: Patches that training never sees, which are averaged down, refined and scored; None takes those to
            train on.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
        pretrained: Whether fixed features have their ImageNet weights; False draws them at random, for tests.

    Raises:
        TrainingError: A setting is not understood, or the patches are too small.
    """

    def __init__(
        self,
        config: TrainConfig,
        images: ImageSet,
        held_out: ImageSet | None,
        device: torch.device,
        reduce: Reduce | None = None,
        *,
        pretrained: bool = True,
    ) -> None:
        self.config, self.images, self.device = config, images, device
        self.shown = held_out or images
        self.shape = _shape(config, images)
        torch.manual_seed(config.seed)
        generator = DetailGenerator(self.shape)
        if config.start_from:
            begin_detail_from(config.start_from, generator)
        augmentation = numbers(Augmentation, {**_AUGMENTATION, **config.augmentation}, "augmentation")
        settings = numbers(DetailSettings, config.settings, "settings")
        features, precision = Features(pretrained=pretrained), PRECISIONS[config.precision]
        self.objective = DetailObjective(generator, features, augmentation, settings, precision, device, reduce)

    def prepare(self, draws: torch.Generator) -> None:
        """Nothing is learned before the first step."""

    def batch(self, position: int, process: int, processes: int) -> Tensor:
        """See `Task`."""
        which = self.images.at(position, self.config.batch_size, self.config.seed)[process::processes]
        return torch.from_numpy(self.images.pixels(which)).to(self.device)

    def real_sheet(self) -> Tensor:
        """Held-out patches, which the sheets have averaged down and refined again."""
        return torch.from_numpy(self.shown.pixels(np.arange(min(SHEET_COLUMNS, len(self.shown)))))

    def sheet(self) -> Tensor:
        """Rows of coarse patches, fine ones, fine ones of other noise, and the real ones."""
        real = self.real_sheet()
        coarse = averaged(real, self.shape.factor)
        large = torch.nn.functional.interpolate(coarse, real.shape[2:], mode="nearest")
        rows = (large, self._refined(coarse, 0), self._refined(coarse, 1), real)
        blank = real.new_full((SHEET_COLUMNS - len(real), *real.shape[1:]), -1.0)
        return torch.cat([torch.cat([row, blank]) for row in rows])

    @torch.no_grad()
    def _refined(self, coarse: Tensor, seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        fine = self.objective.refine(coarse.to(self.device), draws, self.objective.average)
        return fine.clamp(-1, 1).cpu()

    def floor(self, scorer: Scorer) -> Scores:
        """See `Task`."""
        return scorer.floor(self.images, self.config.score_images)

    def scores(self, scorer: Scorer) -> Scores:
        """See `Task`: training patches, averaged down and refined, against held-out ones.

        Those of other patients, as the held-out ones themselves would keep their places and be near whatever is done.
        """

        def images(which: Tensor) -> Tensor:
            real = torch.from_numpy(self.images.pixels(which.numpy() % len(self.images)))
            return self._refined(averaged(real, self.shape.factor), int(which[0]) + 1)

        return scorer.of(images, torch.zeros(self.config.score_images, dtype=torch.long))

    @property
    def grown(self) -> bool:
        """See `Task`: there is one size."""
        return True

    @property
    def architecture(self) -> str:
        """See `Task`."""
        return "detail"

    def network(self) -> dict[str, Any]:
        """See `Task`."""
        return asdict(self.shape)


def _shape(config: TrainConfig, images: ImageSet) -> DetailConfig:
    if config.objective != "projected" or config.conditional:
        raise TrainingError("a detail network is trained unconditionally with 'projected'", where="objective")
    if images.resolution % 64:
        raise TrainingError("patches of at least 64 x 64 pixels are needed", where="data")
    try:
        return numbers(DetailConfig, config.network, "network")
    except ValueError as error:
        raise TrainingError(str(error), where="network") from None
