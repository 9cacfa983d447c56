"""How large a dataset becomes and how long it takes: pixels from the recipe, bytes and time as measured here.

Every build notes what it took, in `rates.json` of the folder SYNTHMAMMO_CACHE, by default ~/.cache/synthmammo. A plan
reads the note of the last build with the same kinds of background and lesions, the same formats and about the same
size, trials of fewer samples left out. What was never measured here is not guessed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthmammo.errors import SynthmammoError
from synthmammo.files import writing
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.generators.inputs import Inputs, located_if_here
from synthmammo.identity import digest
from synthmammo.recipe import Recipe

CACHE = "SYNTHMAMMO_CACHE"
"""Environment variable with the folder of what was measured on this machine."""


MOST_SCALED = 4
"""How many times as many pixels, or as few, a measurement is still scaled to: half of the time of small images does not
depend on their size."""

ENOUGH = 20
"""Number of samples from which a new measurement takes the place of any other."""


@dataclass(frozen=True)
class Rate:
    """What a build took.

    Attributes:
        seconds: Processor time per sample, in seconds.
        bytes: Bytes per sample, of all formats.
        pixels: Pixels of a background.
        samples: Number of samples that were measured.
        name: Name of the dataset.
    """

    seconds: float
    bytes: float
    pixels: float
    samples: int
    name: str


@dataclass(frozen=True)
class Estimate:
    """What a recipe will take; None for what is not known.

    Attributes:
        height: Height of an image in pixels; of real mammograms the mean.
        width: Width of an image in pixels; of real mammograms the mean.
        bytes: Bytes of all formats.
        seconds: Time in seconds on `workers` processes.
        workers: Number of processes.
        rate: Measurement that bytes and time follow from.
    """

    height: float | None
    width: float | None
    bytes: float | None
    seconds: float | None
    workers: int
    rate: Rate | None

    def facts(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return asdict(self)


def estimate(recipe: Recipe, workers: int) -> Estimate:
    """What the dataset of a recipe will take, by what its kind took on this machine.

    Args:
        recipe: The checked recipe.
        workers: Number of processes.
    """
    size = background_size(recipe)
    emitted = (recipe.patch.size_px, recipe.patch.size_px) if recipe.patch else size
    height, width = emitted if emitted else (None, None)
    rate = _noted(recipe)
    larger = size[0] * size[1] / rate.pixels if rate and size else 0.0
    if rate is None or not 1 / MOST_SCALED <= larger <= MOST_SCALED:
        return Estimate(height, width, None, None, workers, None)
    bytes_ = recipe.size * rate.bytes * (1 if recipe.patch else larger)
    return Estimate(height, width, bytes_, recipe.size * rate.seconds * larger / workers, workers, rate)


def background_size(recipe: Recipe, inputs: Inputs | None = None) -> tuple[float, float] | None:
    """Height and width of the backgrounds in pixels, of real ones the means; None where it is not known yet.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read; None, the default, to look for it.
    """
    kind = kind_of(recipe)
    with suppress(SynthmammoError):  # a model or a dataset that is not there yet
        found = Inputs(kind.inputs(recipe, located_if_here)) if inputs is None else inputs
        extent = kind.extent(recipe, found)
        return (extent.height_px, extent.width_px) if extent else None
    return None


def note_rate(
    recipe: Recipe, *, seconds: Mapping[str, float], samples: int, bytes_: int, inputs: Inputs | None = None
) -> None:
    """Note what a build took; a place that cannot be written is no matter.

    Args:
        recipe: The recipe that was built.
        seconds: Processor time by activity, in seconds, of all its samples.
        samples: Number of samples.
        bytes_: Bytes of all formats.
        inputs: What its generators read; None, the default, to look for it.
    """
    size = background_size(recipe, inputs)
    if not samples or not sum(seconds.values()) or size is None:
        return
    before = _noted(recipe)
    alike = before is not None and 1 / MOST_SCALED <= size[0] * size[1] / before.pixels <= MOST_SCALED
    if before is not None and alike and samples < min(before.samples, ENOUGH):
        return  # a trial of two samples says less
    rate = Rate(sum(seconds.values()) / samples, bytes_ / samples, size[0] * size[1], samples, recipe.name)
    with suppress(OSError, SynthmammoError), writing(_file()) as partial:
        notes = {**_notes(), _kind(recipe): asdict(rate)}
        partial.write_text(json.dumps(notes, indent=1, sort_keys=True), encoding="utf-8")


def _noted(recipe: Recipe) -> Rate | None:
    found = _notes().get(_kind(recipe))
    try:
        return Rate(**found) if found else None
    except TypeError:  # the note of another release
        return None


def _notes() -> dict[str, Any]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file() -> Path:
    return cache_folder() / "rates.json"


def cache_folder() -> Path:
    """Folder of what was measured on this machine: SYNTHMAMMO_CACHE, by default ~/.cache/synthmammo."""
    stated = os.environ.get(CACHE)
    return Path(stated) if stated else Path.home() / ".cache" / "synthmammo"


def _kind(recipe: Recipe) -> str:
    """Digest of what decides how long a pixel takes and how many bytes it has."""
    background = recipe.background
    lesions = [(spec.kind, spec.generator, spec.classes) for spec in recipe.lesions]
    deciding = {
        "background": (
            background.generator,
            background.network,
            background.refined_by,
            background.samples_per_host,
        ),
        "lesions": [[str(part) for part in lesion] for lesion in lesions],
        "classes": dict(recipe.classes),
        "edits": len(recipe.edits),
        "pair": recipe.pair,
        "removal": recipe.removal.generator if recipe.removal else None,
        "patch": recipe.patch.size_px if recipe.patch else None,
        "formats": recipe.emit.formats.chosen(),
    }
    return digest(deciding)[:16]
