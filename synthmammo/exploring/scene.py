"""What the explorer shows of a model: a sample, its edits and its lesions, as values; and the recipe that makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from synthmammo.errors import GeneratorError
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.models.file import Description
from synthmammo.recipe.lesions import MOST_LESIONS

BITS_STORED = 12
"""Bit depth of the explorer's images."""

Layers = tuple[int, int]
"""First layer of w, and the one after the last."""


@dataclass(frozen=True)
class Origin:
    """The sample before anything is done to it.

    Attributes:
        seed: Random seed.
        truncation: Truncation psi; 1 truncates nothing.
        label: Class, or view, of a conditional model; None for one without classes.
        noise: "fixed" for the model's one set of noise maps, "own" for maps drawn from the seed.
        latents: File of inverted images of which `key` is one; None for a sample of a seed.
        key: Key of the inverted image; None for a sample of a seed.
    """

    seed: int = 0
    truncation: float = 0.65
    label: str | None = None
    noise: str = "own"
    latents: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Move:
    """A move along a direction.

    Attributes:
        direction: An attribute, e.g. "density", or "component 7".
        strength: Length in standard deviations of the latents.
        layers: Layers that move; None for all.
    """

    direction: str
    strength: float
    layers: Layers | None = None

    @property
    def slot(self) -> tuple[object, ...]:
        """What another edit must have in common with this one to take its place."""
        return ("move", self.direction, self.layers)

    def entry(self) -> dict[str, Any]:
        """Its entry under `edits` in a recipe."""
        return {"direction": self.direction, "strength": self.strength, **_stated(self.layers)}

    def __str__(self) -> str:
        return f"{self.direction} {self.strength:+.2f} sd{_words(self.layers)}"


@dataclass(frozen=True)
class Take:
    """A part that is taken from another sample.

    Attributes:
        part: Number of the part.
        reference: Random seed of the other sample.
        strength: Share of the way to it, 0 to 1.
        layers: Layers that change; None for all.
    """

    part: int
    reference: int
    strength: float = 1.0
    layers: Layers | None = None

    @property
    def slot(self) -> tuple[object, ...]:
        """See `Move.slot`."""
        return ("take", self.part)

    def entry(self) -> dict[str, Any]:
        """See `Move.entry`."""
        entry = {"part": str(self.part), "reference": {"seeds": [self.reference]}, "strength": self.strength}
        return {**entry, **_stated(self.layers)}

    def __str__(self) -> str:
        return f"part {self.part} of seed {self.reference}, {self.strength:.0%}{_words(self.layers)}"


@dataclass(frozen=True)
class Mix:
    """Layers that are taken from another sample.

    Attributes:
        layers: Layers that are taken.
        reference: Random seed of the other sample.
        strength: Share of the way to it, 0 to 1.
    """

    layers: Layers
    reference: int
    strength: float = 1.0

    @property
    def slot(self) -> tuple[object, ...]:
        """See `Move.slot`."""
        return ("mix",)

    def entry(self) -> dict[str, Any]:
        """See `Move.entry`."""
        return {"mixing": list(self.layers), "reference": {"seeds": [self.reference]}, "strength": self.strength}

    def __str__(self) -> str:
        return f"mixed with seed {self.reference}, {self.strength:.0%}{_words(self.layers)}"


Edit = Move | Take | Mix


@dataclass(frozen=True)
class Lesion:
    """A lesion at a place.

    Attributes:
        kind: Mass or calcification.
        site: Centre (row, column) in pixels of the image.
        seed: Random seed of its form.
        pathology: Malignant or benign.
        diameter_mm: Longest extent without spicules, in millimetres.
        contrast: Peak of the lesion channel in units of [-1, 1].
        terms: BI-RADS terms by descriptor; a network chooses by itself.
        generator: "parametric", or the name of a contextual GAN.
    """

    kind: Kind
    site: tuple[int, int]
    seed: int = 0
    pathology: Pathology = Pathology.MALIGNANT
    diameter_mm: float = 15.0
    contrast: float = 0.4
    terms: tuple[tuple[str, str], ...] = ()
    generator: str = "parametric"

    def entry(self, label: str) -> dict[str, Any]:
        """Its entry under `lesions` in a recipe, for images of a class."""
        return {
            "kind": str(self.kind),
            "classes": [label],
            "pathology": str(self.pathology),
            "generator": self.generator,
            "seed": self.seed,
            "diameter_mm": self.diameter_mm,
            "contrast": self.contrast,
            **({"descriptors": {name: {term: 1.0} for name, term in self.terms}} if self.terms else {}),
            # Its place is stated, so that only its form could be tried again, and that is stated too.
            "placement": {"site": list(self.site), "candidates": 1},
            **_small(self),
        }

    def __str__(self) -> str:
        made = f"{self.diameter_mm:g} mm" if self.generator == "parametric" else self.generator.rpartition("/")[2]
        return f"{self.pathology} {self.kind}, {made}, at ({self.site[0]}, {self.site[1]})"


@dataclass(frozen=True)
class Scene:
    """What is shown.

    Attributes:
        origin: The sample that everything is done to.
        edits: Edits, in the order in which they are done.
        lesions: Lesions, in the order in which they are put on.
        taken_off: Generator that takes the lesions off again; None leaves them on.
    """

    origin: Origin = Origin()
    edits: tuple[Edit, ...] = ()
    lesions: tuple[Lesion, ...] = ()
    taken_off: str | None = None

    @property
    def start(self) -> Scene:
        """The same sample with nothing done to it."""
        return Scene(self.origin)

    def edited(self, edit: Edit) -> Scene:
        """With an edit in the place of the one it replaces, else behind the others; one of strength 0 is dropped."""
        kept = _replaced(self.edits, edit, edit.slot, bool(edit.strength))
        return replace(self, edits=kept)

    def strength(self, slot: tuple[object, ...]) -> float:
        """Strength of the edit in a slot; 0 where there is none."""
        return next((edit.strength for edit in self.edits if edit.slot == slot), 0.0)

    def with_lesion(self, lesion: Lesion, number: int | None = None) -> Scene:
        """With one more lesion, or with one in the place of another.

        Raises:
            GeneratorError: There are too many.
        """
        if number is not None:
            others = [lesion if place == number else other for place, other in enumerate(self.lesions)]
            return replace(self, lesions=tuple(others))
        if len(self.lesions) >= MOST_LESIONS:
            raise GeneratorError(f"{MOST_LESIONS} lesions are on it", hint="Remove one first.")
        return replace(self, lesions=(*self.lesions, lesion))

    def without_lesion(self, number: int) -> Scene:
        """Without one lesion; the others stay as they are."""
        left = tuple(lesion for place, lesion in enumerate(self.lesions) if place != number)
        return replace(self, lesions=left, taken_off=self.taken_off if left else None)

    def recipe(
        self, model: str, description: Description, name: str = "explored", latents: str | None = None
    ) -> dict[str, Any]:
        """The keys of the recipe that makes this one image.

        Args:
            model: Name of the model.
            description: What the model's file says of it.
            name: Name of the dataset.
            latents: File of inverted images in place of the origin's; None for that one.
        """
        label = self._label(description)
        origin = self.origin
        background: dict[str, Any] = {"generator": "stylegan2", "model": model, "truncation": origin.truncation}
        if origin.latents:
            background |= {"latents": latents or origin.latents}
        else:
            background |= {"noise": origin.noise, "seeds": [origin.seed]}
        if origin.label and description.makes_views:
            background |= {"views": {origin.label: 1.0}}
        elif origin.label:
            background |= {"conditional": True}
        return {
            "version": 1,
            "name": name,
            "description": f"One image that was made in the explorer: {'; '.join(self.words()) or 'a sample'}.",
            "seed": 0,
            "size": 1,
            "classes": {label: 1.0},
            **({} if origin.latents else {"splits": {"train": 1.0}}),
            "background": background,
            **({"edits": [edit.entry() for edit in self.edits]} if self.edits else {}),
            **({"lesions": [lesion.entry(label) for lesion in self.lesions]} if self.lesions else {}),
            **({"removal": {"generator": self.taken_off, "classes": [label]}} if self.taken_off else {}),
            "emit": {"formats": ["webdataset", "parquet"], "bits_stored": BITS_STORED},
        }

    def words(self) -> Iterator[str]:
        """What was done, in words."""
        yield from map(str, self.edits)
        yield from map(str, self.lesions)
        if self.taken_off:
            yield "lesions taken off again"

    def _label(self, description: Description) -> str:
        if self.origin.label and not description.makes_views:
            return self.origin.label
        if not self.lesions:
            return "normal"
        malignant = any(lesion.pathology is Pathology.MALIGNANT for lesion in self.lesions)
        return str(Pathology.MALIGNANT if malignant else Pathology.BENIGN)


Slotted = TypeVar("Slotted", bound=Edit)


def _replaced(edits: tuple[Edit, ...], edit: Edit, slot: tuple[object, ...], keep: bool) -> tuple[Edit, ...]:
    if all(other.slot != slot for other in edits):
        return (*edits, edit) if keep else edits
    return tuple(edit if other.slot == slot else other for other in edits if other.slot != slot or keep)


def _stated(layers: Layers | None) -> dict[str, Any]:
    return {"layers": list(layers)} if layers else {}


def _words(layers: Layers | None) -> str:
    return f", layers {layers[0]} to {layers[1] - 1}" if layers else ""


def _small(lesion: Lesion) -> dict[str, Any]:
    """The least area of a network's lesion: a tenth of the patch, as in the paper, discards half of them."""
    return {} if lesion.generator == "parametric" or lesion.kind is not Kind.MASS else {"post": {"minimum_area": 0.03}}
