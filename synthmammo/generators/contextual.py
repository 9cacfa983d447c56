"""Lesions from a trained contextual GAN, put onto tissue or taken off it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError
from synthmammo.generators.base import Context, LesionChannel, Question
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.terms import TERMS
from synthmammo.models import devices
from synthmammo.models.file import Checkpoint, load
from synthmammo.models.names import locate_model

REMOVAL = "removal"
UNKNOWN = "unknown"


class Contextual:
    """Puts the lesions of one model onto tissue; see the protocol `Lesion`.

    The network itself chooses size, contrast and form, from the tissue and the seed: what the plan says about them is
    not followed, and the BI-RADS terms of the result are unknown.

    Args:
        model: Name of the model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        spacing_mm: Millimetres per pixel to work at; by default those that the model was trained at.
        device: Device of the network; "cpu" by default.
        path: File of the model where it is known; by default it is looked for.

    Raises:
        CheckpointError: There is no such model, or it is no contextual GAN.
        GeneratorError: It takes lesions off, or its spacing is neither known nor given.
    """

    def __init__(
        self, model: str, spacing_mm: float | None = None, device: str = "cpu", path: Path | None = None
    ) -> None:
        path = path or locate_model(model)
        self.checkpoint, self.network = _opened(str(path), path.stat().st_mtime_ns, device)
        self.model, self.device, self.makes = model, device, self.checkpoint.description.makes
        self._check_purpose()
        spacing_mm = spacing_mm or self.checkpoint.description.spacing_mm
        if spacing_mm is None:
            hint = "State spacing_mm beside the generator in the recipe."
            raise GeneratorError("the spacing the model was trained at is unknown", where=model, hint=hint)
        self.spacing_mm: float | None = spacing_mm
        self._field_mm: float = spacing_mm * self.network.config.size

    @property
    def facts(self) -> dict[str, Any]:
        """What a provenance says of it beside its name."""
        return {"weights": self.checkpoint.digest}

    def _check_purpose(self) -> None:
        if self.makes == REMOVAL:
            raise GeneratorError("takes lesions off, it does not put them on", where=self.model)

    def field_mm(self, lesion: PlannedLesion) -> float:
        """Side of the square context, in millimetres: the network's patch, whatever the lesion.

        Raises:
            GeneratorError: The model makes another kind of lesion.
        """
        if self.makes not in (REMOVAL, str(lesion.kind)):
            raise GeneratorError(f"makes a {self.makes}, a {lesion.kind} was planned", where=self.model)
        return self._field_mm

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The network's lesion channel.

        Args:
            context: Tissue, a square of `field_mm` per side.
            lesion: Planned lesion, of the kind that the model makes.
            seed: Random seed for drawing the network's input scalars.

        Returns:
            `float32 (N, N)` channel, 0 on the border and outside the breast; the extent is to be found by threshold.

        Raises:
            GeneratorError: The model makes another kind, or the context does not have the network's size.
        """
        return self.answers([Question(context, lesion, seed)])[0]

    def answers(self, questions: Sequence[Question]) -> list[LesionChannel]:
        """The network's lesion channels of several contexts, made together; each as that of a call.

        Raises:
            GeneratorError: As a call.
        """
        import torch

        tissue = np.concatenate([self._tissue(one) for one in questions])
        scalars = np.concatenate([self._scalars(one.seed) for one in questions])
        with torch.inference_mode():
            made = self.network(devices.up(tissue, self.device), devices.up(scalars, self.device))
        channels = devices.down(made.lesion[:, 0])
        return [
            LesionChannel(
                (channel * one.context.breast).astype(np.float32), None, dict.fromkeys(TERMS[one.lesion.kind], UNKNOWN)
            )
            for channel, one in zip(channels, questions, strict=True)
        ]

    def _tissue(self, question: Question) -> NDArray[np.float32]:
        self.field_mm(question.lesion)
        size, pixels = self.network.config.size, question.context.pixels
        if pixels.shape != (size, size):
            message = f"a context of {pixels.shape} pixels was given, the network takes ({size}, {size})"
            raise GeneratorError(message, where=self.model)
        return np.clip(pixels, -1, 1)[None, None]

    def _scalars(self, seed: int) -> NDArray[np.float32]:
        return np.random.default_rng(seed).uniform(-1, 1, (1, self.network.config.scalars)).astype(np.float32)


class ContextualRemoval(Contextual):
    """Takes lesions off, with a model that was trained to remove them; its channel is mostly negative.

    The context has the lesion in it. Arguments and errors are those of `Contextual`.
    """

    def _check_purpose(self) -> None:
        if self.makes != REMOVAL:
            raise GeneratorError(f"makes a {self.makes}, it does not take lesions off", where=self.model)


@lru_cache(maxsize=4)
def _opened(path: str, changed: int, device: str) -> tuple[Checkpoint, Any]:
    checkpoint = load(path)
    return checkpoint, checkpoint.generator_of("contextual", "comodulated", device=device)
