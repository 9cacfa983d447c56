"""Directions that the latents of a StyleGAN2 can be moved along: found, measured, and written beside the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthmammo.arguments import a_function, a_model, a_number, a_path, a_real, a_seed, a_text
from synthmammo.editing.directions.file import directions_file, write_directions
from synthmammo.editing.directions.fitted import (
    COMPONENTS,
    Array,
    Directions,
    disentangled,
    fit_attribute,
    principal_components,
)
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.mammogram.attributes import OF_PATCHES, measure
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import View
from synthmammo.mammogram.terms import ATTRIBUTES
from synthmammo.models.latents import Latents, Model, one_hot
from synthmammo.progress import Progress, silent, stage

_Values = dict[str, NDArray[np.float64]]
_Table = dict[str, dict[str, float | None]]

BATCH = 4096
"""Latents mapped at a time."""

CHECKED_STRENGTH = 2.0
"""The table compares images moved by this many standard deviations to either side."""

LEAST_CORRELATION = 0.2
"""An attribute that is predicted worse than this, on images the fit had not seen, gets no direction."""

RANDOM = "random"
"""Row of the table for directions that nothing was fitted to."""

_BITS = 12


@dataclass(frozen=True)
class Fitting:
    """How directions are found.

    Attributes:
        components: Number of principal components that are kept.
        latents: Number of latents that the covariance is taken over.
        samples: Number of images on which attributes are measured; 0 fits no attribute.
        checks: Number of further images on which the fitted directions are compared with random ones.
        truncation: Truncation psi of those images; best that of the recipes the directions are for.
        seed: Random seed for drawing latents, images and random directions.
        device: Device the network runs on.
    """

    components: int
    latents: int
    samples: int
    checks: int
    truncation: float
    seed: int
    device: str


def fit_directions(
    model: str | Path,
    out: str | Path | None = None,
    *,
    components: int = COMPONENTS,
    latents: int = 50_000,
    samples: int = 400,
    checks: int = 32,
    truncation: float = 0.65,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[Path, Directions]:
    """Find the directions along which the samples of a StyleGAN2 can be moved, and write them.

    There is one direction per principal component of W, and one per attribute (breast area, density, view, ...) that
    is measured on samples.

    Args:
        model: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: File to write; None for the place beside the model where recipes look.
        components: Number of principal components to keep, at most the dimensions of W.
        latents: Number of latents that the components are computed from, at least 2.
        samples: Number of samples to draw, on which attributes are measured; 0 leaves attributes out.
        checks: Number of further samples on which the directions are tested.
        truncation: psi of these samples, at least 0; best that of the recipes the directions are for.
        seed: Random seed for drawing latents and samples.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        The file, and what is in it.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: More components are asked for than W has dimensions, or an argument makes no sense (its name
            comes first).
        OutputError: The file cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> model = "zoo/stylegan2-cbis-mass-128"
        >>> path, found = sm.fit_directions(model, "m.directions", components=3, latents=500, samples=0)
        >>> found.names
        ('component 0', 'component 1', 'component 2')
    """
    name, place = a_model(model, "model", GeneratorError), None if out is None else a_path(out, "out", OutputError)
    a_function(progress, "progress", GeneratorError)
    fitting = Fitting(
        a_number(components, "components", GeneratorError, least=1),
        a_number(latents, "latents", GeneratorError, least=2),
        a_number(samples, "samples", GeneratorError, least=0),
        a_number(checks, "checks", GeneratorError, least=0),
        a_real(truncation, "truncation", GeneratorError, least=0),
        a_seed(seed, "seed", GeneratorError),
        a_text(device, "device", GeneratorError),
    )
    return _fitted(name, fitting, place, progress)


def _fitted(model: str, fitting: Fitting, out: Path | None, progress: Progress) -> tuple[Path, Directions]:
    """The directions of a model, written, and their file."""
    stage(progress, "loading the model")
    host = StyleGAN2(model, _BITS, fitting.device)
    opened = host.model
    width = opened.network.config.w_dim
    if fitting.components > width:
        raise GeneratorError(f"{fitting.components} components asked for, its W has {width} dimensions", where=model)
    options = {name: value for name, value in asdict(fitting).items() if name != "device"}
    classes = max(1, len(opened.checkpoint.description.classes))
    stage(progress, "components of the latents")
    found = principal_components(_mapped(opened, fitting), classes, fitting.components)
    fitted = Directions(*found, facts={"fitting": options})
    stage(progress, "the first images")
    if fitting.samples:
        fitted = _measured(fitted, _Images(host, fitting, progress), fitting)
    path = out or directions_file(opened.checkpoint.path)
    return write_directions(path, fitted, opened.checkpoint.digest), fitted


def _mapped(model: Model, fitting: Fitting) -> Iterator[tuple[Array, NDArray[np.int64]]]:
    """Latents of fresh normal draws, every class as often as the others."""
    import torch

    draws = np.random.Generator(np.random.Philox(fitting.seed))
    names = model.checkpoint.description.classes
    for start in range(0, fitting.latents, BATCH):
        count = min(BATCH, fitting.latents - start)
        z = torch.from_numpy(draws.standard_normal((count, model.network.config.z_dim), np.float32))
        numbers = (start + np.arange(count)) % max(1, len(names))
        label = one_hot(model.checkpoint, [names[number] for number in numbers] if names else [], model.device)
        with torch.inference_mode():
            yield model.network.mapping(z.to(model.device), label).cpu().numpy(), numbers


class _Images:
    """Images of a model, drawn for measuring, and the attributes measured on them."""

    def __init__(self, host: StyleGAN2, fitting: Fitting, progress: Progress) -> None:
        description = host.model.checkpoint.description
        self._host, self._fitting, self._progress = host, fitting, progress
        self._classes = description.classes or ("normal",)
        self._views = [View(name) for name in self._classes] if description.makes_views else [None] * len(self._classes)
        self._done = 0
        self.names = OF_PATCHES if description.makes == "patches" else tuple(ATTRIBUTES)
        self.total = 0

    def latents(self, what: str, count: int) -> tuple[Latents, NDArray[np.int64]]:
        """Latents of `count` fresh seeds, every class as often as the others, and the class number of each."""
        seeds = draw_u64(self._fitting.seed, f"directions/{what}", np.arange(count))
        classes = np.arange(count) % len(self._classes)
        rows = tuple(self._row(i, int(seed), int(classes[i])) for i, seed in enumerate(seeds))
        return self._host.latents(rows), classes

    def _row(self, number: int, seed: int, of: int) -> Row:
        truncation, label, view = self._fitting.truncation, self._classes[of], self._views[of]
        return Row(str(number), number, "", "train", label, number, seed, None, "", truncation=truncation, view=view)

    def values(self, latents: Latents, moves: Array | None = None) -> _Values:
        """Attributes by name, `float64 (N)` each, of the images of latents, moved by `(N, w_dim)` first."""
        import torch

        size, measured = self._host.batch_size, list[dict[str, float]]()
        w = latents.w if moves is None else latents.w + torch.from_numpy(moves).to(latents.w.device)[:, None]
        for start in range(0, len(w), size):
            part = slice(start, start + size)
            samples = self._host.render(Latents(latents.rows[part], w[part]))
            measured += [measure(sample, self.names) for sample in samples]
            self._done += len(samples)
            self._progress(self._done, self.total)
        return {name: np.array([one[name] for one in measured]) for name in self.names}


def _measured(found: Directions, images: _Images, fitting: Fitting) -> Directions:
    """The directions with those of attributes, and with the tables in `facts`."""
    images.total = fitting.samples + 2 * fitting.checks * (len(images.names) + 1)
    latents, classes = images.latents("sample", fitting.samples)
    values = images.values(latents)
    coordinates = found.coordinates(latents.w.mean(1).cpu().numpy(), classes)
    fitted = {name: fit_attribute(coordinates, values[name]) for name in images.names}
    kept = {name: one for name, one in fitted.items() if one and one.correlation >= LEAST_CORRELATION}
    found = replace(found, attributes=disentangled(kept))
    spread = {name: float(np.nanstd(values[name])) for name in found.attributes}
    facts = {
        **found.facts,
        "absent": {name: one and round(one.correlation, 3) for name, one in fitted.items() if name not in kept},
        "spread": spread,
        "correlations": _correlations(coordinates, {name: values[name] for name in spread}),
        "table": _table(found, images, fitting, spread) if fitting.checks else {},
    }
    return replace(found, facts=facts)


def _correlations(coordinates: NDArray[np.float64], values: _Values) -> dict[str, list[float]]:
    """Correlation of each attribute with the coordinate along each component, over the measured images."""
    found = {}
    for name, column in values.items():
        known = np.isfinite(column)
        x, y = coordinates[known] - coordinates[known].mean(0), column[known] - column[known].mean()
        scale = np.linalg.norm(x, axis=0) * np.linalg.norm(y)
        found[name] = [round(float(r), 3) for r in (y @ x) / np.maximum(scale, 1e-12)]
    return found


def _table(found: Directions, images: _Images, fitting: Fitting, spread: dict[str, float]) -> _Table:
    """Change of every attribute, in its own standard deviations, per standard deviation along each direction.

    The row of a fitted direction is the mean over the images. The row of the random directions, one per image, is the
    root mean square: their mean is 0, and how far they stray is what a fitted direction must beat.
    """
    images.total = fitting.samples + 2 * fitting.checks * (len(spread) + 1)
    latents, _ = images.latents("check", fitting.checks)
    table: _Table = {}
    for name in (*spread, RANDOM):
        steps = _random_steps(found, fitting) if name == RANDOM else found.step(name)[None].repeat(fitting.checks, 0)
        far, near = (images.values(latents, steps * np.float32(s * CHECKED_STRENGTH)) for s in (1, -1))
        table[name] = {}
        for other, deviation in spread.items():
            change = (far[other] - near[other]) / (2 * CHECKED_STRENGTH * max(deviation, 1e-12))
            table[name][other] = _summary(change, signed=name != RANDOM)
    return table


def _summary(changes: NDArray[np.float64], *, signed: bool) -> float | None:
    """Mean, or root mean square, of those that are known; None where none is."""
    known = changes[np.isfinite(changes)]
    if not len(known):
        return None
    return round(float(known.mean() if signed else np.sqrt((known**2).mean())), 4)


def _random_steps(found: Directions, fitting: Fitting) -> Array:
    """One standard deviation along a random direction for each checked image, `float32 (N, w_dim)`."""
    from scipy.special import ndtri

    image, component = np.arange(fitting.checks)[:, None], np.arange(len(found.components))[None]
    uniform = draw_uniform(fitting.seed, "directions/random", image, component)
    normal = ndtri(np.maximum(uniform, 2.0**-54))
    return found.unwhitened(normal / np.linalg.norm(normal, axis=1, keepdims=True))
