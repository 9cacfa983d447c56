"""The one protocol of backgrounds: whoever makes them, the rest of the package knows them through it alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from synthmammo.errors import GeneratorError, nearest
from synthmammo.extending import BACKGROUNDS, find, plugin
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Input, Inputs, Locate
from synthmammo.recipe.backgrounds import BackgroundSection
from synthmammo.recipe.fields import RecipeFields
from synthmammo.recipe.sections import names_of

if TYPE_CHECKING:
    import pyarrow as pa

HOST_COLUMNS = ("key", "patient", "split", "view", "laterality", "density")
"""Columns of the table of hosts that are there already."""


@dataclass(frozen=True)
class Extent:
    """How large images are; None for what is not known yet.

    Attributes:
        name: What they are, for messages: "the phantoms".
        height_px: Height in pixels, the mean where images differ.
        width_px: Width in pixels, the mean where images differ.
        spacing_mm: Finest pixel spacing in millimetres.
        side_mm: Shorter side of the largest image in millimetres; no breast is wider.
    """

    name: str
    height_px: float
    width_px: float
    spacing_mm: float | None = None
    side_mm: float | None = None


@dataclass(frozen=True)
class Lack:
    """What images lack that a DICOM mammogram requires: spacing, view, laterality.

    Attributes:
        what: What is lacking, as the end of a sentence.
        hint: What to state instead; empty where nothing helps but to leave DICOM out.
    """

    what: str
    hint: str = ""


class BackgroundKind:
    """A kind of backgrounds. A plug-in derives from it, states `protocol` and `section`, and opens its host.

    The other methods have answers that suit a generator that reads no files and makes every image from its seed.
    """

    protocol: ClassVar[int]
    """Version of this protocol that the class was written for, which is 1."""
    section: ClassVar[type[BackgroundSection]]
    """Model of the keys that a recipe has under `background`."""

    def inputs(self, recipe: RecipeFields, locate: Locate) -> Iterable[Input]:
        """What it reads beside the recipe.

        Args:
            recipe: The checked recipe.
            locate: Finds the file of a model by its name and field; None where it shall not be looked for.

        Raises:
            GeneratorError: Something is not there; names the field.
        """
        return ()

    def check(self, recipe: RecipeFields, inputs: Inputs) -> None:
        """Refuse what the recipe may say and the inputs cannot do.

        Raises:
            GeneratorError: They contradict each other.
        """

    def hosts(self, recipe: RecipeFields) -> pa.Table | None:
        """The images that are there already, with the text columns `HOST_COLUMNS`; None where seeds make them.

        Raises:
            DatasetError: They are absent, or none of them can be used.
        """
        return None

    def lacks(self, recipe: RecipeFields) -> Lack | None:
        """What the images lack for DICOM; None where they lack nothing, or where it is not known yet."""
        shown = recipe.shown
        if shown.view and shown.laterality:
            return None
        hint = "Choose a generator that has both, or leave DICOM out:"
        return Lack(f"those of '{recipe.background.generator}' have no {'laterality' if shown.view else 'view'}", hint)

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent | None:
        """How large the images are; None where it is not known yet."""
        return None

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:
        """The generator, ready to make images.

        Args:
            recipe: The checked recipe.
            inputs: What `inputs` found; what is missing is looked for.
            device: Device of its network, where it has one; "cpu" by default.

        Raises:
            GeneratorError: It lacks its model, or cannot do what the recipe asks.
        """
        raise NotImplementedError


KINDS = {
    "phantom": "synthmammo.generators.backgrounds.phantom:PhantomKind",
    "ingested": "synthmammo.generators.backgrounds.ingested:IngestedKind",
    "stylegan2": "synthmammo.generators.backgrounds.stylegan2:StyleGAN2Kind",
    "diffusion": "synthmammo.generators.backgrounds.diffusion:DiffusionKind",
}
"""This package's own kinds of backgrounds; those of plug-ins stand beside them."""


def background_kind(name: str, where: str = "background.generator") -> BackgroundKind:
    """A kind of backgrounds by the name of its generator, imported only now.

    Args:
        name: Name of the generator.
        where: Field that has the name, for messages.

    Raises:
        GeneratorError: There is no such generator, or the plug-in that brings it cannot be used.
    """
    found: type[BackgroundKind] | None = find(BACKGROUNDS, name, KINDS, GeneratorError, where)
    if found is None:
        hint = nearest(name, names_of(BACKGROUNDS, KINDS))
        raise GeneratorError(f"no generator is called '{name}'", where=where, hint=hint)
    return found()


def brought_by(name: str) -> dict[str, str]:
    """What a provenance says of the package that brings a generator; nothing of this package's own."""
    found = plugin(BACKGROUNDS, name, KINDS)
    return found.record() if found else {}
