"""Lesions that an inpainting pipeline paints, and tissue that it paints over lesions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from synthmammo.generators.base import Lesion
from synthmammo.generators.inputs import Input, Inputs, Locate
from synthmammo.generators.lesions.base import LesionKind
from synthmammo.generators.pipeline_input import pipeline_input
from synthmammo.recipe.diffusion import DiffusionLesion, DiffusionRemoval
from synthmammo.recipe.lesions import LesionSpec, Removal


class DiffusionKind(LesionKind):
    """Lesions that an inpainting pipeline of diffusers paints into tissue, and tissue that it paints over lesions."""

    protocol = 1
    section = DiffusionLesion
    removal_section = DiffusionRemoval

    def inputs(self, stated: LesionSpec | Removal, where: str, locate: Locate) -> Iterable[Input]:  # noqa: D102
        name = cast(DiffusionLesion | DiffusionRemoval, stated).model
        return pipeline_input(name, where.replace("generator", "model"), locate)

    def open(self, stated: LesionSpec, inputs: Inputs, device: str = "cpu") -> Lesion:  # noqa: D102, the protocol's
        return _opened(cast(DiffusionLesion, stated), inputs, device)

    def open_removal(self, stated: Removal, inputs: Inputs, device: str = "cpu") -> Lesion:  # noqa: D102
        return _opened(cast(DiffusionRemoval, stated), inputs, device)


def _opened(stated: DiffusionLesion | DiffusionRemoval, inputs: Inputs, device: str) -> Lesion:
    from synthmammo.generators.diffusion import Inpainting

    found = inputs.get(stated.model)
    return Inpainting(stated, found.path if found else None, found.digest if found else None, device)
