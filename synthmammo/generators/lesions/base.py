"""The one protocol of lesions: whoever makes them, the rest of the package knows them through it alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from synthmammo.errors import GeneratorError, nearest
from synthmammo.extending import LESIONS, find, plugin
from synthmammo.generators.base import Lesion
from synthmammo.generators.inputs import Input, Inputs, Locate
from synthmammo.models.names import is_model
from synthmammo.recipe.lesions import LesionSpec, Removal
from synthmammo.recipe.sections import names_of

_CONTEXTUAL = "contextual"


class LesionKind:
    """A kind of lesions. A plug-in derives from it, states `protocol` and `section`, and opens its generator.

    Where it also takes lesions off it states `removal_section`, and opens that too.
    """

    protocol: ClassVar[int]
    """Version of this protocol that the class was written for, which is 1."""
    section: ClassVar[type[LesionSpec]] = LesionSpec
    """Model of the keys that a recipe has in an entry under `lesions`."""
    removal_section: ClassVar[type[Removal] | None] = None
    """Model of the keys that a recipe has under `removal`; None where it takes no lesions off."""

    def inputs(self, stated: LesionSpec | Removal, where: str, locate: Locate) -> Iterable[Input]:
        """What it reads beside the recipe.

        Args:
            stated: The recipe's entry, or its `removal`.
            where: Field of the recipe that names the generator.
            locate: Finds the file of a model by its name and field; None where it shall not be looked for.

        Raises:
            GeneratorError: Something is not there; names the field.
        """
        return ()

    def open(self, stated: LesionSpec, inputs: Inputs, device: str = "cpu") -> Lesion:
        """The generator, ready to put lesions on.

        Args:
            stated: The recipe's entry.
            inputs: What `inputs` found; what is missing is looked for.
            device: Device of its network, where it has one; "cpu" by default.

        Raises:
            GeneratorError: It lacks its model, or cannot do what the entry asks.
        """
        raise NotImplementedError

    def open_removal(self, stated: Removal, inputs: Inputs, device: str = "cpu") -> Lesion:
        """The generator, ready to take lesions off; arguments and errors are those of `open`."""
        raise GeneratorError("takes no lesions off", where=f"removal.generator: {stated.generator}")


KINDS = {
    "parametric": "synthmammo.generators.lesions.parametric:ParametricKind",
    _CONTEXTUAL: "synthmammo.generators.lesions.contextual:ContextualKind",
    "diffusion": "synthmammo.generators.lesions.diffusion:DiffusionKind",
}
"""This package's own kinds of lesions; those of plug-ins stand beside them."""


def lesion_kind(name: str, where: str) -> LesionKind:
    """A kind of lesions by the name of its generator, imported only now.

    A contextual GAN is named by its model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.

    Args:
        name: Name of the generator, or of a contextual GAN's model.
        where: Field or option that has the name, for messages.

    Raises:
        GeneratorError: There is no such generator, or the plug-in that brings it cannot be used.
    """
    if name == _CONTEXTUAL:
        hint = "Name its model: zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION."
        raise GeneratorError("a contextual GAN is named by its model", where=where, hint=hint)
    known = _CONTEXTUAL if is_model(name) else name
    found: type[LesionKind] | None = find(LESIONS, known, KINDS, GeneratorError, where)
    if found is None:
        hint = nearest(name, names_of(LESIONS, KINDS))
        raise GeneratorError(f"no generator is called '{name}'", where=where, hint=hint)
    return found()


def brought_by(name: str) -> dict[str, str]:
    """What a provenance says of the package that brings a generator; nothing of this package's own and of models."""
    found = None if is_model(name) else plugin(LESIONS, name, KINDS)
    return found.record() if found else {}
