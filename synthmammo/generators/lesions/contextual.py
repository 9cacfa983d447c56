"""Lesions of a trained contextual GAN, which is named by its model."""

from __future__ import annotations

from collections.abc import Iterable

from synthmammo.generators.base import Lesion
from synthmammo.generators.inputs import Input, Inputs, Locate, model_input
from synthmammo.generators.lesions.base import LesionKind
from synthmammo.recipe.lesions import LesionSpec, Removal


class ContextualKind(LesionKind):
    """Lesions that a network puts onto tissue, or takes off."""

    protocol = 1
    removal_section = Removal

    def inputs(self, stated: LesionSpec | Removal, where: str, locate: Locate) -> Iterable[Input]:  # noqa: D102
        return model_input(stated.generator, where, locate)

    def open(self, stated: LesionSpec, inputs: Inputs, device: str = "cpu") -> Lesion:  # noqa: D102, the protocol's
        from synthmammo.generators.contextual import Contextual

        return Contextual(stated.generator, stated.spacing_mm, device, inputs.path(stated.generator))

    def open_removal(self, stated: Removal, inputs: Inputs, device: str = "cpu") -> Lesion:  # noqa: D102
        from synthmammo.generators.contextual import ContextualRemoval

        return ContextualRemoval(stated.generator, None, device, inputs.path(stated.generator))
