"""Training a StyleGAN2, as a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthmammo.errors import TrainingError
from synthmammo.models.features import Features
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.training.config import TrainConfig, numbers
from synthmammo.training.images import ImageSet
from synthmammo.training.objectives.augment import Augmentation, oriented
from synthmammo.training.objectives.base import Batch, Reduce
from synthmammo.training.objectives.generation import GeneratorSettings, GeneratorTraining
from synthmammo.training.objectives.projected import ProjectedObjective, ProjectedSettings
from synthmammo.training.objectives.stylegan2 import LogisticObjective, LogisticSettings
from synthmammo.training.scores import Scorer, Scores
from synthmammo.training.start import begin_from
from synthmammo.training.task import SHEET_COLUMNS

_SHEET_ROWS = 4
_PREPARED = 16
"""Images per batch before training begins."""

_SCORED_FROM = 100_000
"""First seed of the images that are scored; those of the sheets begin at 0."""


class GenerationTask:
    """A StyleGAN2 and the images it is trained on.

    Args:
        config: Configuration of the run.
        images: Images to train on; their size and classes are those of the model.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
        pretrained: Whether fixed features have their ImageNet weights; False draws them at random, for tests.

    Raises:
        TrainingError: A setting is not understood.
    """

    def __init__(
        self,
        config: TrainConfig,
        images: ImageSet,
        device: torch.device,
        reduce: Reduce | None = None,
        *,
        pretrained: bool = True,
    ) -> None:
        self.config, self.images, self.device = config, images, device
        self.shape = _shape(config, images)
        torch.manual_seed(config.seed)
        self.objective = self._objective(self._generator(), reduce, pretrained)

    def _generator(self) -> Generator:
        generator = Generator(self.shape)
        if self.config.start_from:
            begin_from(self.config.start_from, generator, self.images.classes if self.shape.classes else ())
        return generator

    def _objective(self, generator: Generator, reduce: Reduce | None, pretrained: bool) -> GeneratorTraining:
        config = self.config
        general = numbers(GeneratorSettings, config.generator, "generator")
        general = replace(general, precision=config.precision)
        augmentation = numbers(Augmentation, config.augmentation, "augmentation")
        if config.objective == "logistic":
            logistic = numbers(LogisticSettings, config.settings, "settings")
            return LogisticObjective(generator, general, augmentation, logistic, self.device, reduce)
        if config.objective != "projected":
            hint = "'projected' or 'logistic'."
            raise TrainingError(f"'{config.objective}' is no objective of a stylegan2", where="objective", hint=hint)
        if self.images.resolution % 32 or self.shape.image_channels != 1:
            message = "images of one channel and at least 32 x 32 pixels are needed"
            raise TrainingError(message, where="objective 'projected'")
        settings = numbers(ProjectedSettings, config.settings, "settings")
        features = Features(pretrained=pretrained)
        return ProjectedObjective(generator, features, general, augmentation, settings, self.device, reduce)

    @property
    def _classes(self) -> int:
        return max(1, self.shape.classes)

    def prepare(self, draws: torch.Generator) -> None:
        """See `Task`."""
        self.objective.prepare(self._epoch, draws)

    def _epoch(self, number: int) -> Iterator[Batch]:
        count = len(self.images)
        order = self.images.at(number * count, count, self.config.seed)
        for which in np.array_split(order, -(-count // _PREPARED)):
            yield self._batch(which)

    def batch(self, position: int, process: int, processes: int) -> Batch:
        """See `Task`."""
        config = self.config
        which = self.images.at(position, config.batch_size, config.seed)[process::processes]
        batch = self._batch(which)
        if not config.data.orientations:
            return batch
        drawn = np.random.default_rng([config.seed, position]).integers(8, size=config.batch_size)[process::processes]
        return Batch(oriented(batch.images, torch.from_numpy(drawn)), batch.labels)

    def _batch(self, which: NDArray[np.int64]) -> Batch:
        pixels, labels = torch.from_numpy(self.images.pixels(which)), torch.from_numpy(self.images.labels[which])
        if not self.shape.classes:
            labels = torch.zeros_like(labels)  # the images' classes are none of the model's
        return Batch(pixels.to(self.device), labels.to(self.device))

    def real_sheet(self) -> Tensor:
        """Real images, class by class."""
        count = _SHEET_ROWS * SHEET_COLUMNS // self._classes
        if self.shape.classes:
            shown = [np.flatnonzero(self.images.labels == label)[:count] for label in range(self._classes)]
        else:
            shown = [np.arange(min(count, len(self.images)))]
        return torch.from_numpy(self.images.pixels(np.concatenate(shown)))

    def sheet(self) -> Tensor:
        """The same latents for every class, so that what the class changes is seen at once."""
        count = _SHEET_ROWS * SHEET_COLUMNS // self._classes
        labels = torch.arange(self._classes).repeat_interleave(count)
        return self.samples(np.arange(len(labels)) % count, labels)

    def samples(self, seeds: NDArray[np.integer], labels: Tensor) -> Tensor:
        """Images of the averaged generator, the latents drawn from each seed as the published tools draw them."""
        size = self.shape.z_dim
        z = np.concatenate([np.random.RandomState(int(seed)).randn(1, size) for seed in seeds])
        return self.objective.sample(torch.from_numpy(z).float(), labels).float().cpu()

    def floor(self, scorer: Scorer) -> Scores:
        """See `Task`."""
        return scorer.floor(self.images, self.config.score_images)

    def scores(self, scorer: Scorer) -> Scores:
        """See `Task`; classes in turn."""
        labels = torch.arange(self.config.score_images) % self._classes
        return scorer.of(lambda which: self.samples(which.numpy() + _SCORED_FROM, labels[which]), labels)

    @property
    def grown(self) -> bool:
        """See `Task`: larger layers are there from the first step on."""
        return True

    @property
    def architecture(self) -> str:
        """See `Task`."""
        return "stylegan2"

    def network(self) -> dict[str, Any]:
        """See `Task`."""
        return asdict(self.shape)


UNKNOWN_CLASS = "unknown"
"""Class of images whose archive states none."""


def _shape(config: TrainConfig, images: ImageSet) -> StyleGAN2Config:
    classes = len(images.classes) if config.conditional else 0
    if classes and UNKNOWN_CLASS in images.classes and config.data.classes is None:
        missing = int((images.labels == images.classes.index(UNKNOWN_CLASS)).sum())
        hint = "Name the classes to train on in data.classes, or set conditional to false."
        raise TrainingError(f"{missing} images have no class, which is the condition", where="conditional", hint=hint)
    content = {"resolution": images.resolution, "classes": classes, **config.network}
    if (content["resolution"], content["classes"]) != (images.resolution, classes):
        message = f"the images have a side of {images.resolution} pixels, the model {classes} classes; leave them out"
        raise TrainingError(message, where="network.resolution, network.classes")
    try:
        return numbers(StyleGAN2Config, content, "network")
    except ValueError as error:
        raise TrainingError(str(error), where="network") from None
