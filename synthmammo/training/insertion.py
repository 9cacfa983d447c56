"""Training a contextual GAN, as a task: masses, calcifications, or removal, by the roles the classes get."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from synthmammo.errors import TrainingError, nearest
from synthmammo.models.features import Features
from synthmammo.models.nets.comodulated import ComodulatedConfig, ComodulatedGenerator
from synthmammo.models.nets.contextual import PRESETS, ContextualConfig, ContextualGenerator
from synthmammo.models.nets.lesion import LesionGenerator
from synthmammo.training.config import Role, TrainConfig, numbers
from synthmammo.training.images import ImageSet
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.base import PRECISIONS, Reduce
from synthmammo.training.objectives.contextual import ContextualObjective, ContextualSettings
from synthmammo.training.objectives.contextual_projected import (
    ContextualProjectedObjective,
    ContextualProjectedSettings,
)
from synthmammo.training.objectives.insertion import InsertionBatch, InsertionTraining
from synthmammo.training.scores import Scorer, Scores
from synthmammo.training.start import begin_lesions_from
from synthmammo.training.task import SHEET_COLUMNS

_COMODULATED = "comodulated"
"""The preset of `nets.comodulated`, and its architecture in a model's description."""

Lesions = TypeVar("Lesions", bound=LesionGenerator)

_ORDER: tuple[Role, ...] = ("context", "real", "benign", "normal")
_AUGMENTATION = {"flips": True, "turns": True, "shift": 0.0, "brightness": 0.0, "contrast": 0.0}
"""Unless the configuration says otherwise: a lesion stays in the middle and keeps its contrast."""


class InsertionTask:
    """A contextual GAN, the patches of each role, and held-out contexts.

    Args:
        config: Configuration of the run; its `data.roles` say which class plays which role.
        images: Patches to train on.
        held_out: Patches that training never sees, whose contexts are shown and scored; None takes those to train on.
        device: Device to train on.
        reduce: Function that averages a tensor over processes; None where there is one process.
        pretrained: Whether fixed features have their ImageNet weights; False draws them at random, for tests.

    Raises:
        TrainingError: A setting is not understood, or a role has no class of the data.
        DatasetError: The discriminator is to see untouched twins, and a real patch has none.
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
        self.config, self.device = config, device
        self.shape = _shape(config, images)
        self.roles = {role: _of_role(images, config, role) for role in _ORDER if config.data.roles.get(role)}
        for role in ("context", "real", "normal"):
            if role not in self.roles:
                hint = "E.g. data.roles: {context: normal, real: malignant, benign: benign, normal: normal}."
                raise TrainingError(f"the role '{role}' has no class", where="data.roles", hint=hint)
        self.twins = self._twins(images)
        self.contexts = _of_role(held_out, config, "context") if held_out else self.roles["context"]
        torch.manual_seed(config.seed)
        try:
            self.objective = self._objective(reduce, pretrained)
        except ValueError as error:
            raise TrainingError(str(error), where="network") from None

    def _twins(self, images: ImageSet) -> dict[Role, ImageSet]:
        """What the real patches of some roles are without their lesions; nothing where that is not known."""
        config = self.config
        if config.data.lesions == "boxes":
            if self.shape.discriminator_images == 2 or config.objective == "contextual":
                message = "boxes are for objective: projected with a discriminator that sees one image"
                hint = "Set network.discriminator_images to 1, or data.lesions to pairs."
                raise TrainingError(message, where="data.lesions", hint=hint)
            return {"real": images.without_lesions(*_names(config, "real"))}
        if self.shape.discriminator_images == 1:
            return {}
        # What is "normal" is its own twin: nothing was changed.
        changed = self.roles.keys() - {"context", "normal"}
        return {role: images.twins_of(*_names(config, role)) for role in changed} | {"normal": self.roles["normal"]}

    def _objective(self, reduce: Reduce | None, pretrained: bool) -> InsertionTraining:
        config = self.config
        if config.objective == "contextual":
            if not isinstance(self.shape, ContextualConfig):
                hint = "Its discriminator is the U-Net's encoder: take another network.preset, or objective: projected."
                raise TrainingError("a co-modulated generator has none", where="objective 'contextual'", hint=hint)
            published = numbers(ContextualSettings, config.settings, "settings")
            return ContextualObjective(self._begun(ContextualGenerator(self.shape)), published, self.device, reduce)
        if config.objective != "projected":
            message = f"'{config.objective}' is no objective of a contextual GAN"
            raise TrainingError(message, where="objective", hint="'projected' or 'contextual'.")
        if self.shape.size % 64:
            raise TrainingError("patches of at least 64 x 64 pixels are needed", where="objective 'projected'")
        settings = numbers(ContextualProjectedSettings, config.settings, "settings")
        augmentation = numbers(Augmentation, {**_AUGMENTATION, **config.augmentation}, "augmentation")
        precision, features = PRECISIONS[config.precision], Features(pretrained=pretrained)
        generator: LesionGenerator
        if isinstance(self.shape, ContextualConfig):
            generator = self._begun(ContextualGenerator(self.shape))
        else:
            generator = self._begun(ComodulatedGenerator(self.shape))
        return ContextualProjectedObjective(generator, features, augmentation, settings, precision, self.device, reduce)

    def _begun(self, generator: Lesions) -> Lesions:
        """The generator with the weights of the model that training begins from, if any."""
        if self.config.start_from:
            begin_lesions_from(self.config.start_from, generator)
        return generator

    def prepare(self, draws: torch.Generator) -> None:
        """Nothing is learned before the first step."""

    def batch(self, position: int, process: int, processes: int) -> InsertionBatch:
        """See `Task`; each role goes through its own patches."""
        found: dict[Role, Tensor] = {}
        for number, (role, images) in enumerate(self.roles.items()):
            seed = self.config.seed * len(_ORDER) + number
            which = images.at(position, self.config.batch_size, seed)[process::processes]
            seen = [part.pixels(which) for part in (images, self.twins.get(role)) if part is not None]
            found[role] = torch.from_numpy(np.concatenate(seen, 1)).to(self.device)
        return InsertionBatch(found["context"], found["real"], found.get("benign"), found["normal"])

    def real_sheet(self) -> Tensor:
        """Real patches of the class that is to be made."""
        real = self.roles["real"]
        return torch.from_numpy(real.pixels(np.arange(min(3 * SHEET_COLUMNS, len(real)))))

    def sheet(self) -> Tensor:
        """Rows of held-out contexts, lesion channels, combined images, and lesion channels of other scalars."""
        shown = np.arange(min(SHEET_COLUMNS, len(self.contexts)))
        contexts = self.objective.fitted(torch.from_numpy(self.contexts.pixels(shown)))
        made, other = (self._insert(contexts, seed) for seed in (0, 1))
        blank = contexts.new_full((SHEET_COLUMNS - len(contexts), *contexts.shape[1:]), -1.0)
        rows = (contexts, made.lesion, made.combined, other.lesion)
        return torch.cat([torch.cat([row, blank]) for row in rows])

    @torch.no_grad()
    def _insert(self, contexts: Tensor, seed: int) -> Any:
        draws = torch.Generator().manual_seed(seed)
        made = self.objective.insert(contexts.to(self.device), draws, self.objective.average)
        return type(made)(*(part.float().cpu() for part in made))

    def floor(self, scorer: Scorer) -> Scores:
        """See `Task`."""
        return scorer.floor(self.roles["real"], self.config.score_images)

    def scores(self, scorer: Scorer) -> Scores:
        """See `Task`: combined images on held-out contexts, taken in turn, against held-out real patches."""

        def images(which: Tensor) -> Tensor:
            contexts = torch.from_numpy(self.contexts.pixels(which.numpy() % len(self.contexts)))
            made = self._insert(self.objective.fitted(contexts), int(which[0]) + 1).combined
            return torch.nn.functional.interpolate(made, contexts.shape[2:], mode="nearest")

        return scorer.of(images, torch.zeros(self.config.score_images, dtype=torch.long))

    @property
    def grown(self) -> bool:
        """See `Task`."""
        return self.objective.grown

    @property
    def architecture(self) -> str:
        """See `Task`."""
        return "contextual" if isinstance(self.shape, ContextualConfig) else _COMODULATED

    def network(self) -> dict[str, Any]:
        """See `Task`."""
        return asdict(self.shape)


def _shape(config: TrainConfig, images: ImageSet) -> ContextualConfig | ComodulatedConfig:
    content = dict(config.network)
    preset = content.pop("preset", None)
    if preset not in (None, _COMODULATED, *PRESETS):
        hint = nearest(str(preset), (*PRESETS, _COMODULATED))
        raise TrainingError(f"no preset is called '{preset}'", where="network.preset", hint=hint)
    kind: type[ContextualConfig | ComodulatedConfig]
    kind = ComodulatedConfig if preset == _COMODULATED else ContextualConfig
    base = asdict(PRESETS[preset]) if preset in PRESETS else {}
    content = base | {"size": images.resolution, "discriminator_images": 1} | content
    try:
        shape = numbers(kind, content, "network")
    except ValueError as error:
        raise TrainingError(str(error), where="network") from None
    if shape.size != images.resolution:
        message = f"the model is for {shape.size} pixels, the patches have a side of {images.resolution}"
        raise TrainingError(message, where="network.size")
    return shape


def _names(config: TrainConfig, role: Role) -> tuple[str, ...]:
    names = config.data.roles[role]
    return (names,) if isinstance(names, str) else names


def _of_role(images: ImageSet, config: TrainConfig, role: Role) -> ImageSet:
    names = _names(config, role)
    for name in names:
        if name not in images.classes:
            hint = nearest(name, images.classes)
            raise TrainingError(f"no class is called '{name}'", where=f"data.roles.{role}", hint=hint)
    return images.of_class(*names)


def real_class(images: ImageSet, config: TrainConfig) -> ImageSet:
    """The images that play the role "real"."""
    return _of_role(images, config, "real")
