"""Pictures of scenes, made as `build` makes them: through the plan of the scene's own recipe, so pixel for pixel."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.building.backgrounds import Backgrounds
from synthmammo.building.canvas import LEAST_INSIDE, Canvas, Ground
from synthmammo.building.insertion import Inserter
from synthmammo.editing.directions.file import directions_file, read_directions
from synthmammo.editing.parts.file import parts_file, read_parts
from synthmammo.editing.samples import one_grey_channel
from synthmammo.errors import GeneratorError, RecipeError
from synthmammo.exploring.scene import Lesion, Origin, Scene
from synthmammo.identity import digest
from synthmammo.mammogram.anatomy import tissue_share
from synthmammo.mammogram.anatomy.tissue import window_around
from synthmammo.mammogram.arrays import Image
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models.latents import Latents, open_model
from synthmammo.models.threads import one_thread
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from synthmammo.recipe import Recipe
from synthmammo.settings import checked

if TYPE_CHECKING:
    from synthmammo.editing.directions.fitted import Directions
    from synthmammo.editing.parts.fitted import Parts

_KEPT = 32
"""Backgrounds that are kept, of about half a megabyte each at 256 x 256."""


class NoLesion(GeneratorError):
    """A generator makes no lesion of this seed at this place; another seed may do."""


@dataclass(frozen=True)
class _Background:
    host: Sample
    ground: Ground | None
    places: NDArray[np.int64] | None


class Painter:
    """Makes the images of one model's scenes.

    Args:
        model: Name of the model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.

    Attributes:
        name: Name of the model.
        model: The model, opened.
        directions: Its directions; None where there are none beside it.
        parts: Its parts; None where there are none beside it.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2; directions or parts are of another model.
        GeneratorError: It makes colour images.
    """

    def __init__(self, model: str) -> None:
        self.name, self.model = model, open_model(model)
        one_grey_channel(self.model)
        checkpoint = self.model.checkpoint
        beside = {"directions": directions_file(checkpoint.path), "parts": parts_file(checkpoint.path)}
        there = {name: path for name, path in beside.items() if path.is_file()}
        self.directions: Directions | None = None
        self.parts: Parts | None = None
        if "directions" in there:
            self.directions = read_directions(there["directions"], checkpoint.digest)
        if "parts" in there:
            self.parts = read_parts(there["parts"], checkpoint.digest)
        self._kept: OrderedDict[str, _Background] = OrderedDict()
        self._lock = RLock()

    @property
    def layers(self) -> int:
        """Number of layers of w."""
        return int(self.model.network.config.latents)

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes, or views, that the model is conditional on; () for none."""
        return tuple(self.model.checkpoint.description.classes)

    @property
    def measured(self) -> bool:
        """Whether the size of a pixel is known, without which lesions have no size."""
        return self.model.checkpoint.description.spacing_mm is not None

    def origin(self, seed: int = 0) -> Origin:
        """A sample to begin with."""
        return Origin(seed, label=self.labels[0] if self.labels else None)

    def recipe(self, scene: Scene, name: str = "explored", latents: str | None = None) -> dict[str, Any]:
        """The keys of the recipe that makes a scene; see `Scene.recipe`."""
        return scene.recipe(self.name, self.model.checkpoint.description, name, latents)

    def paint(self, scene: Scene) -> Sample:
        """The image of a scene, with its findings.

        Raises:
            GeneratorError: A lesion cannot be put where it shall be, or an edit cannot work on the model.
            DatasetError: The file of inverted images cannot be read.
        """
        with self._lock, one_thread():
            recipe = checked(Recipe, self.recipe(scene), "explore", RecipeError)
            row = as_row(next(tables(recipe)).to_pylist()[0])
            background = self._background(scene, recipe, row)
            if not scene.lesions:
                return background.host
            return _with_lesions(scene, recipe, row, background)

    def places(self, scene: Scene) -> NDArray[np.int64] | None:
        """Number of the part at each place of a scene's background, `int64 (8, 8)`; None without parts."""
        with self._lock, one_thread():
            recipe = checked(Recipe, self.recipe(scene), "explore", RecipeError)
            row = as_row(next(tables(recipe)).to_pylist()[0])
            key, background = _key(scene), self._background(scene, recipe, row)
            if background.places is None and self.parts is not None:
                background = replace(background, places=self._parts_of(recipe, row, self.parts))
                self._kept[key] = background
            return background.places

    def _parts_of(self, recipe: Recipe, row: Row, parts: Parts) -> NDArray[np.int64]:
        import torch

        from synthmammo.editing.parts.fitted import rendered

        latents: Latents = Backgrounds(recipe).edited([row])
        synthesis = self.model.network.synthesis
        with torch.inference_mode():
            styles = latents.styles or synthesis.styles(latents.w)
            _, activation = rendered(synthesis, styles, latents.noise)
        places: NDArray[np.int64] = parts.map(activation)[0]
        return places

    def _background(self, scene: Scene, recipe: Recipe, row: Row) -> _Background:
        key = _key(scene)
        found = self._kept.get(key)
        if found is None:
            (host,) = Backgrounds(recipe)([row])
            assert isinstance(host, Sample)
            found = _Background(host, None, None)
        if found.ground is None and scene.lesions:
            found = replace(found, ground=Ground.of(found.host))
        self._kept[key] = found
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found


def _key(scene: Scene) -> str:
    origin = scene.origin
    changed = Path(origin.latents).stat().st_mtime_ns if origin.latents else 0
    return digest([repr(origin), [repr(edit) for edit in scene.edits], changed])


def _with_lesions(scene: Scene, recipe: Recipe, row: Row, background: _Background) -> Sample:
    assert background.ground is not None
    canvas, inserter = Canvas.of(background.host, background.ground), Inserter(recipe)
    for lesion, planned in zip(scene.lesions, row.lesions, strict=True):
        if inserter.put([planned], canvas, background.ground.places) is not None:
            raise _refusal(lesion, canvas)
    if scene.taken_off:
        return background.host.with_(image=inserter.removed(canvas))
    return canvas.sample()


def _refusal(lesion: Lesion, canvas: Canvas) -> GeneratorError:
    """Why a lesion could not be put on, and what to do."""
    host, where = canvas.host, f"{lesion.kind} at {lesion.site}"
    assert host.spacing_mm
    size_px = max(1, round(lesion.diameter_mm / min(host.spacing_mm)))
    if tissue_share(host.breast, window_around(*lesion.site, size_px)) < LEAST_INSIDE:
        message = f"a lesion of {lesion.diameter_mm:g} mm would hang over the skin here"
        return GeneratorError(message, where=where, hint="Take a place further inside, or a smaller lesion.")
    if any(_near(finding.box, lesion.site, size_px) for finding in canvas.findings):
        return GeneratorError("the lesion would lie on another one", where=where, hint="Take another place.")
    message = f"{lesion.generator} makes no lesion of this seed here"
    return NoLesion(message, where=where, hint="Take another sample of it, or another place.")


def _near(box: Sequence[int], site: tuple[int, int], size_px: int) -> bool:
    row0, col0, row1, col1 = box
    reach = size_px
    return row0 - reach <= site[0] < row1 + reach and col0 - reach <= site[1] < col1 + reach


def changed_pixels(before: Image, after: Image) -> int:
    """Number of pixels that differ between two images `uint16 (H, W)`."""
    return int(np.count_nonzero(before != after))
