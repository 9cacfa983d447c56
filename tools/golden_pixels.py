"""Golden values that hold on one instruction set and its libraries: pixels of everything that makes or changes them.

Each entry has the SHA-256 of the values, for machines like the one that recorded it, and for all others a probe: 32
rows and 32 columns of the values as grey levels, with the mean and standard deviation of all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydicom import dcmread

from synthmammo.building.assemble import Assembler
from synthmammo.building.compose import softened
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.dicom import objects
from synthmammo.generators.base import Context, LesionChannel
from synthmammo.generators.contextual import Contextual, ContextualRemoval
from synthmammo.generators.parametric import Parametric
from synthmammo.generators.phantom import Phantom
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.planned import PlannedLesion, Row
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, Sample, View
from synthmammo.mammogram.terms import TERMS
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from synthmammo.recipe import Recipe, load_recipe
from tools.versionless import without_identity

GRID = 32
"""Rows and columns that are probed."""

Values = NDArray[np.generic]

_TOP = 4095
_RECIPES = Path(__file__).parents[1] / "recipes"
_MODEL = "zoo/stylegan2-phantom-256"
_COMPOSED: dict[str, Any] = {
    "version": 1,
    "name": "golden",
    "description": "A drawn lesion of each kind on a coarse phantom, and the same image after they were taken off.",
    "seed": 20200430,
    "size": 4,
    "classes": {"malignant": 1},
    "splits": {"train": 1},
    "background": {"generator": "phantom", "spacing_mm": 0.8, "height_mm": 200, "width_mm": 160},
    "lesions": [
        {"kind": "mass", "classes": ["malignant"], "diameter_mm": [20, 24]},
        {"kind": "calcification", "classes": ["malignant"], "diameter_mm": [16, 20]},
    ],
    "pair": "removed",
    "removal": {"generator": "parametric"},
}
_CONTEXTUAL = _COMPOSED | {
    "seed": 2,
    "description": "Lesions of a contextual GAN, resampled from its grid to the image's.",
    "background": {"generator": "phantom", "spacing_mm": 0.4},
    "lesions": [{"kind": "mass", "classes": ["malignant"], "generator": "zoo/contextual-mass"}],
    "pair": None,
    "removal": None,
}


def pixel_entries() -> dict[str, dict[str, Any]]:
    """All of them by name, as JSON has them; made with one thread, as the workers of a build have."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {name: entry(*made) for made_of in _MAKERS for name, made in made_of()}
    finally:
        torch.set_num_threads(threads)


def entry(values: Values, levels: NDArray[np.integer[Any]], *more: bytes) -> dict[str, Any]:
    """What is recorded of one array.

    Args:
        values: Array whose bytes the digest is of.
        levels: The same as grey levels, `(H, W)`.
        more: Further bytes that go into the digest, such as those of masks.
    """
    hashed = hashlib.sha256(np.ascontiguousarray(values).tobytes())
    for part in more:
        hashed.update(part)
    rows, columns = (np.arange(GRID) * (side - 1) // (GRID - 1) for side in levels.shape)
    return {
        "sha256": hashed.hexdigest(),
        "shape": list(levels.shape),
        "mean": round(float(levels.mean()), 3),
        "deviation": round(float(levels.std()), 3),
        "probe": [" ".join(map(str, line)) for line in levels[np.ix_(rows, columns)].tolist()],
    }


Made = tuple[Any, ...]


def _of(sample: Sample) -> Made:
    return sample.image, sample.image, sample.breast.tobytes(), sample.lesions.tobytes()


def _channel(made: LesionChannel) -> Made:
    mask = np.zeros(0, np.bool_) if made.mask is None else made.mask
    return made.channel, _grey(made.channel), mask.tobytes()


def _grey(plane: NDArray[np.float32]) -> NDArray[np.int64]:
    """Values in [-1, 1] as grey levels of 12 bits."""
    return np.rint((np.clip(plane, -1, 1).astype(np.float64) + 1) * (_TOP / 2)).astype(np.int64)


def _row(**changes: Any) -> Row:
    plain: dict[str, Any] = {"key": "golden", "index": 0, "shard": "train-00000", "split": "train", "label": "normal"}
    return Row(**{**plain, "host": 0, "host_seed": 20200430, "host_key": None, "patient": "P1", **changes})


def _phantoms() -> Iterator[tuple[str, Made]]:
    film = Phantom(spacing_mm=0.6, response="film")
    yield "phantom, film", _of(film.render([_row(view=View.MLO, laterality=Laterality.LEFT, density="c")])[0])
    digital = Phantom(spacing_mm=0.6, response="digital", bits_stored=14)
    row = _row(view=View.CC, laterality=Laterality.RIGHT, density="b", implant=True, body_seed=7)
    yield "phantom, digital with implant", _of(digital.render([row])[0])


def _tissue(size: int, spacing_mm: float) -> Context:
    """Made-up tissue that every machine makes alike: a slope with a coarse texture, some of it already white."""
    rows, columns = np.mgrid[:size, :size]
    slope, texture = (2 * rows + columns) * 128 // size, 200 * ((rows // 9 * 5 + columns // 7 * 3) % 5)
    levels = slope + texture + (rows * 7 + columns * 13) % 32
    pixels = np.minimum(levels.astype(np.float32) / np.float32(512) - np.float32(0.9), np.float32(1))
    return Context(pixels, np.ones((size, size), np.bool_), spacing_mm)


def _drawn() -> Iterator[tuple[str, Made]]:
    generator = Parametric()
    for kind, pathology, diameter_mm, spacing_mm in (
        (Kind.MASS, Pathology.BENIGN, 12.0, 0.3),
        (Kind.CALCIFICATION, Pathology.MALIGNANT, 8.0, 0.1),
    ):
        (first, firsts), (second, seconds) = TERMS[kind].items()
        for number, word in enumerate((*seconds, *firsts)[: len(seconds)]):
            terms = {first: firsts[number % len(firsts)], second: word}
            lesion = PlannedLesion(kind, pathology, diameter_mm, 0.4, terms, ())
            size = int(np.ceil(generator.field_mm(lesion) / spacing_mm)) + 1
            made = generator(_tissue(size, spacing_mm), lesion, 20200430 + number)
            yield f"drawn {kind}, {terms[first]}, {word}", _channel(made)


def _contextual() -> Iterator[tuple[str, Made]]:
    for generator_of, model, kind in (
        (Contextual, "zoo/contextual-mass", Kind.MASS),
        (Contextual, "zoo/contextual-calcification", Kind.CALCIFICATION),
        (ContextualRemoval, "zoo/contextual-removal", Kind.MASS),
    ):
        generator = generator_of(model)
        assert generator.spacing_mm
        tissue = _tissue(256, generator.spacing_mm)
        lesion = PlannedLesion(kind, Pathology.MALIGNANT, 10.0, 0.3, {}, ())
        yield f"contextual, {model}", _channel(generator(tissue, lesion, 20200430))


def _stylegan2() -> Iterator[tuple[str, Made]]:
    host = StyleGAN2(model=_MODEL, bits_stored=12, noise="own")
    latents = host.latents([_row(host_seed=number, truncation=0.65) for number in range(host.batch_size)])
    yield "stylegan2", _of(host.render(latents)[0])
    for name in ("edited_density_sweep", "local_transfer"):
        recipe = load_recipe(_RECIPES / f"{name}.yaml")
        rows = [row for row in _planned(recipe) if row.edits]
        yield f"stylegan2, {name}", _of(_sample(recipe, rows[:1])[0])


def _planned(recipe: Recipe) -> list[Row]:
    return [as_row(record) for table in tables(recipe) for record in table.to_pylist()]


def _sample(recipe: Recipe, rows: list[Row]) -> list[Sample]:
    made = list(Assembler(recipe).samples(rows))
    assert all(isinstance(one, Sample) for one in made), made
    return [one for one in made if isinstance(one, Sample)]


@cache
def _pair() -> tuple[Sample, Sample]:
    """One image with each kind of lesion, and the same after they were taken off."""
    recipe = Recipe.model_validate(_COMPOSED)
    lesion, removed = _sample(recipe, _planned(recipe)[:2])
    return lesion, removed


def _composed() -> Iterator[tuple[str, Made]]:
    for name, sample in zip(("composed", "composed and taken off"), _pair(), strict=True):
        yield name, _of(sample)
    yield from _lesions("composed", _pair()[0])
    recipe = Recipe.model_validate(_CONTEXTUAL)
    sample = _sample(recipe, _planned(recipe)[:1])[0]
    yield "composed contextual", _of(sample)
    yield from _lesions("composed contextual", sample)
    square = np.zeros((48, 48), np.bool_)
    square[18:30, 20:27] = True
    edge = softened(square, 4.0, 2.5)
    yield "softened edge", (edge, _grey(edge))


def _lesions(name: str, sample: Sample) -> Iterator[tuple[str, Made]]:
    for finding in sample.findings:
        piece = sample.image[_around(finding.box).slices]
        yield f"{name}, around lesion {finding.label}", (piece, piece)


def _around(box: Box) -> Box:
    return Box(max(0, box.row0 - 8), max(0, box.col0 - 8), box.row1 + 8, box.col1 + 8)


def _dicom() -> Iterator[tuple[str, Made]]:
    made = objects(Encoded(_pair()[0], 0), "golden", findings=["segmentation", "report"])
    for ending, data in made.items():
        plain = without_identity(data)
        one = dcmread(BytesIO(plain))
        planes = one.pixel_array if "PixelData" in one else np.zeros((1, 1), np.int64)
        yield f"DICOM, {ending}", (np.frombuffer(plain, np.uint8), planes.reshape(-1, planes.shape[-1]))


_MAKERS = (_phantoms, _drawn, _contextual, _stylegan2, _composed, _dicom)
