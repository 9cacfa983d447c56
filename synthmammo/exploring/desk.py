"""What a person may do to a model's image: every action takes a session and gives the next one, or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.errors import GeneratorError
from synthmammo.exploring.painter import NoLesion, Painter
from synthmammo.exploring.saving import QUICK, invert, inverted_origin
from synthmammo.exploring.scene import Layers, Lesion, Mix, Move, Origin, Scene, Take
from synthmammo.exploring.session import Session
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.mammogram.terms import ATTRIBUTES, TERM_SHARES, TERMS
from synthmammo.models.inverted import read_inverted
from synthmammo.models.zoo import list_models
from synthmammo.progress import Progress, silent
from synthmammo.recipe import Choice

PARAMETRIC = "parametric"
_TRIES = 16
DRAWN = "drawn"
"""In place of a BI-RADS term: the one that is usual for the pathology is drawn."""


@dataclass(frozen=True)
class Wish:
    """A lesion as it is asked for.

    Attributes:
        kind: Mass or calcification.
        pathology: Malignant or benign.
        diameter_mm: Longest extent without spicules, in millimetres.
        contrast: Peak of the lesion channel in units of [-1, 1].
        terms: BI-RADS terms by descriptor; those of another kind are left out.
        generator: "parametric", or the name of a contextual GAN.
    """

    kind: Kind = Kind.MASS
    pathology: Pathology = Pathology.MALIGNANT
    diameter_mm: float = 15.0
    contrast: float = 0.4
    terms: tuple[tuple[str, str], ...] = ()
    generator: str = PARAMETRIC

    def at(self, site: tuple[int, int], seed: int) -> Lesion:
        """The lesion at a place (row, column), with the random seed of its form."""
        terms = tuple(self._terms(seed)) if self.generator == PARAMETRIC else ()
        sizes = (round(self.diameter_mm, 3), round(self.contrast, 3))
        return Lesion(self.kind, site, seed, self.pathology, *sizes, terms, self.generator)

    def _terms(self, seed: int) -> Iterator[tuple[str, str]]:
        """Every term of the kind: the one asked for, else one drawn by its share, which depends on the seed alone."""
        asked = dict(self.terms)
        for name, shares in TERM_SHARES[self.kind, self.pathology].items():
            if asked.get(name) in TERMS[self.kind][name]:
                yield name, asked[name]
            else:
                draw = draw_uniform(seed, f"explore/{name}", np.zeros(1, np.int64))
                yield name, list(shares)[int(Choice(shares)(draw)[0])]


class Desk:
    """A model on the desk.

    Args:
        painter: Painter of the model.
        folder: Folder for what is uploaded and inverted.

    Attributes:
        painter: Painter of the model.
    """

    def __init__(self, painter: Painter, folder: Path) -> None:
        self.painter, self._folder = painter, folder

    def begin(self, seed: int = 0) -> Session:
        """A session that begins with a sample."""
        return Session.begin(Scene(self.painter.origin(seed)))

    @property
    def attributes(self) -> list[str]:
        """Names of the attributes that the model has directions for."""
        found = self.painter.directions
        return [name for name in ATTRIBUTES if found and name in found.attributes]

    @property
    def components(self) -> int:
        """Number of principal components that the model has directions for."""
        return len(self.painter.directions.components) if self.painter.directions else 0

    def generators(self, kind: Kind) -> list[str]:
        """Generators of a kind of lesion: the parametric one, and the zoo's."""
        return [PARAMETRIC, *_zoo(str(kind))]

    def sampled(
        self, session: Session, seed: int, truncation: float, label: str | None, noise: str, control: str | None = None
    ) -> Session:
        """Another sample, with the same edits and lesions.

        Args:
            session: The session.
            seed: Random seed.
            truncation: Truncation psi.
            label: Class, or view, of a conditional model.
            noise: "fixed" or "own".
            control: The slider that is moved; None where none is.
        """
        now = session.scene.origin
        origin = replace(now, seed=seed, truncation=round(truncation, 3), label=label, noise=noise)
        if seed != now.seed:
            origin = replace(origin, latents=None, key=None)
        what = f"seed {seed}" if seed != now.seed else f"truncation {origin.truncation:g}"
        return self._tried(session, what, replace(session.scene, origin=origin), control)

    def moved(self, session: Session, direction: str, strength: float, layers: Layers | None) -> Session:
        """Moved along a direction; 0 takes the move back."""
        whole = None if layers == (0, self.painter.layers) else layers
        move = Move(direction, round(strength, 3), whole)
        return self._tried(session, str(move), session.scene.edited(move), f"{move.slot}")

    def taken(self, session: Session, part: int, reference: int, strength: float) -> Session:
        """With a part of another sample."""
        take = Take(part, reference, round(strength, 3))
        return self._tried(session, str(take), session.scene.edited(take), f"{take.slot}, {reference}")

    def mixed(self, session: Session, layers: Layers, reference: int, strength: float) -> Session:
        """With layers of another sample."""
        mix = Mix(layers, reference, round(strength, 3))
        return self._tried(session, str(mix), session.scene.edited(mix), f"{mix.slot}, {reference}")

    def plain(self, session: Session) -> Session:
        """Without any edit and lesion."""
        return session.done("all edits and lesions away", session.scene.start)

    def put(self, session: Session, site: tuple[int, int], wish: Wish) -> Session:
        """With a lesion at a place (row, column).

        Raises:
            GeneratorError: No lesion can be there.
        """
        if not self.painter.measured:
            hint = "`synthmammo convert` takes spacing_mm."
            raise GeneratorError("lesions have a size, and the model's pixel spacing is unknown", hint=hint)
        return self._first(session, wish.at(site, len(session.scene.lesions)), None)

    def changed(self, session: Session, number: int, wish: Wish) -> Session:
        """With one lesion as it is asked for now, at its place and with its seed."""
        old = _lesion(session, number)
        lesion = wish.at(old.site, old.seed)
        return self._tried(session, str(lesion), session.scene.with_lesion(lesion, number), f"lesion {number}")

    def again(self, session: Session, number: int) -> Session:
        """With another sample of one lesion: what a plan would draw for its next candidate."""
        old = _lesion(session, number)
        return self._first(session, replace(old, seed=_next(old.seed)), number)

    def removed(self, session: Session, number: int) -> Session:
        """Without one lesion."""
        lesion = _lesion(session, number)
        return self._tried(session, f"without {lesion}", session.scene.without_lesion(number))

    def taken_off(self, session: Session, generator: str | None) -> Session:
        """With the lesions taken off again by a generator, which leaves its traces; None puts them on again.

        Raises:
            GeneratorError: The generator cannot take them off.
        """
        made = {lesion.generator for lesion in session.scene.lesions}
        if generator == PARAMETRIC and made - {PARAMETRIC}:
            hint = "Take zoo/contextual-removal."
            raise GeneratorError("only drawn lesions can be taken off by parametric", hint=hint)
        what = f"lesions taken off by {generator}" if generator else "lesions put on again"
        return self._tried(session, what, replace(session.scene, taken_off=generator or None))

    def removals(self) -> list[str]:
        """Generators that take lesions off."""
        return [PARAMETRIC, *_zoo("removal")]

    def inverted(
        self,
        session: Session,
        file: Path,
        options: InversionOptions = QUICK,
        *,
        assume_spacing_mm: float | None = None,
        progress: Progress = silent,
    ) -> Session:
        """With a real image in place of a sample; a file of latents gives its first image.

        Raises:
            SourceError: The file is no image.
            DatasetError: The file of latents is of another model.
        """
        origin: Origin
        if file.suffix in (".latents", ".safetensors"):
            key = next(iter(read_inverted(file, self.painter.model.checkpoint.digest).images))
            origin = inverted_origin(self.painter, f"{file}:{key}", self._folder)
        else:
            spacing = assume_spacing_mm
            origin = invert(self.painter, file, self._folder, options, assume_spacing_mm=spacing, progress=progress)
        return self._tried(session, f"the real image {origin.key}", Scene(origin))

    def part_at(self, session: Session, row: int, column: int) -> int | None:
        """Number of the part at a pixel; None without parts, or outside the image."""
        places = self.painter.places(session.scene)
        side = self.painter.model.network.config.resolution
        if places is None or not (0 <= row < side and 0 <= column < side):
            return None
        cell = side // len(places)
        return int(places[row // cell, column // cell])

    def references(self, number: int, count: int = 8) -> list[int]:
        """Random seeds of samples that parts and layers may be taken from: the `number`-th set of them."""
        return [int(seed) for seed in np.arange(number * count, (number + 1) * count) + 1]

    def _first(self, session: Session, lesion: Lesion, number: int | None) -> Session:
        """With a lesion of the first seed that gives one: a network gives none of some."""
        for _ in range(_TRIES - 1):
            try:
                return self._tried(session, str(lesion), session.scene.with_lesion(lesion, number))
            except NoLesion:
                lesion = replace(lesion, seed=_next(lesion.seed))
        return self._tried(session, str(lesion), session.scene.with_lesion(lesion, number))

    def _tried(self, session: Session, what: str, scene: Scene, control: str | None = None) -> Session:
        """After a step, once its image could be made."""
        self.painter.paint(scene)
        return session.done(what, scene, control)


def _lesion(session: Session, number: int) -> Lesion:
    if not 0 <= number < len(session.scene.lesions):
        raise GeneratorError("no lesion is chosen", hint="Click on one, or put one on first.")
    return session.scene.lesions[number]


def _next(seed: int) -> int:
    """The seed after a seed, on which nothing else depends."""
    return int(draw_u64(seed, "explore/again", 0)) % 2**32


def _zoo(makes: str) -> list[str]:
    return [model.name for model in list_models() if model.description.makes == makes]
