"""Parts of a model's images: found, kept beside the model, and tried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthmammo.arguments import a_function, a_model, a_number, a_path, a_real, a_seed, a_text, wrong
from synthmammo.editing.samples import one_grey_channel
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.identity import draw_u64
from synthmammo.models.latents import Model, open_model
from synthmammo.progress import Progress, Steps, silent, stage

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.editing.parts.fitted import Locality, Parts


_BATCH = 4


MOST_PARTS = 64
"""Places of the 8 x 8 layer whose activations are clustered: no image shows more parts."""


@dataclass(frozen=True)
class PartsOptions:
    """How parts are found.

    Attributes:
        samples: Number of images whose activations are clustered; as many of every class of a conditional model.
        parts: Number of clusters.
        seed: Random seed for drawing the images and the initial centroids.
        truncation: Truncation psi of the images.
        pairs: Number of pairs of images on which every part is then transferred, to report how local that is.
    """

    samples: int
    parts: int
    seed: int
    truncation: float
    pairs: int


@dataclass(frozen=True)
class PartReport:
    """One part and how local its transfer is; means over the pairs.

    Attributes:
        part: Number of the part.
        area: Share of the image that the part covers.
        brightness: Mean of the image inside the part, in [-1, 1].
        row: Row of the part's centre, from 0 at the top to 1.
        column: Column of the part's centre, from 0 at the left to 1.
        inside: Mean absolute change inside the part (as it was before or is after), in units of [-1, 1].
        outside: Mean absolute change outside the part.
        ratio: Change inside over change outside.
        random_ratio: The same ratio where as many other channels, drawn at random, are moved.
    """

    part: int
    area: float
    brightness: float
    row: float
    column: float
    inside: float
    outside: float
    ratio: float
    random_ratio: float


def fit_parts(
    model: str | Path,
    out: str | Path | None = None,
    *,
    samples: int = 200,
    clusters: int = 10,
    seed: int = 0,
    truncation: float = 1.0,
    pairs: int = 8,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[Path, list[PartReport]]:
    """Find the parts of a StyleGAN2's images, for local edits, and write them.

    The activations of an early layer are clustered. Each part is then taken from one sample to another, on some pairs,
    to report how local that is.

    Args:
        model: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION; of one image channel.
        out: File to write; None for the one beside the model, where recipes look for it.
        samples: Number of samples to draw, whose activations are clustered; at least 2.
        clusters: Number of parts to find, 2 to 64.
        seed: Random seed for drawing the samples and the initial centroids.
        truncation: psi of the samples, at least 0; 1 leaves them as they are.
        pairs: Number of pairs of samples to try each part on, at least 1.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        The file, and what was found, the largest part first.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: It makes colour images, or an argument makes no sense (its name comes first).
        OutputError: The place cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> model = "zoo/stylegan2-cbis-mass-128"
        >>> path, found = sm.fit_parts(model, "m.parts", samples=4, clusters=2, pairs=1)
        >>> [report.part for report in found]
        [0, 1]
    """
    name, place = a_model(model, "model", GeneratorError), None if out is None else a_path(out, "out", OutputError)
    a_function(progress, "progress", GeneratorError)
    if a_number(clusters, "clusters", GeneratorError, least=2) > MOST_PARTS:
        hint = "The clustered layer has no more places than that."
        raise wrong("clusters", f"a whole number of 2 to {MOST_PARTS}", clusters, GeneratorError, hint)
    options = PartsOptions(
        a_number(samples, "samples", GeneratorError, least=2),
        clusters,
        a_seed(seed, "seed", GeneratorError),
        a_real(truncation, "truncation", GeneratorError, least=0),
        a_number(pairs, "pairs", GeneratorError, least=1),
    )
    return _fitted(name, place, options, a_text(device, "device", GeneratorError), progress)


def _fitted(
    model: str, out: Path | None, options: PartsOptions, device: str, progress: Progress
) -> tuple[Path, list[PartReport]]:
    """The parts of a model, written: their file, and what was found."""
    import torch

    from synthmammo.editing.parts.clusters import cluster_parts
    from synthmammo.editing.parts.file import parts_file, write_parts

    stage(progress, "loading the model")
    opened = open_model(model, device)
    one_grey_channel(opened)
    w = torch.split(_latents(opened, options, "parts", options.samples), _BATCH)
    fitted, tried = 2 * options.samples, options.pairs * 2 * options.parts

    def fitting(done: int, total: int | None) -> None:
        progress(fitted * done // (total or 1), fitted + tried)

    parts = cluster_parts(opened.network.synthesis, w, seed=options.seed, count=options.parts, progress=fitting)
    steps = Steps(progress, fitted + tried)
    steps.done = fitted
    reports = measure_transfers(opened, parts, options, steps)
    found = {**asdict(options), "reports": [asdict(report) for report in reports]}
    path = out or parts_file(opened.checkpoint.path)
    return write_parts(path, replace(parts, options=found), opened.checkpoint.digest), reports


def measure_transfers(
    model: Model, parts: Parts, options: PartsOptions, advance: Callable[[int], None]
) -> list[PartReport]:
    """Transfer every part between pairs of images, and as many random channels for comparison.

    Args:
        model: The model.
        parts: Its parts.
        options: How many pairs, and from which seed.
        advance: Called with the number of images just rendered.
    """
    import torch

    from synthmammo.editing.parts.transfers import PartImage

    synthesis = model.network.synthesis
    changes: list[list[tuple[Locality, Locality]]] = [[] for _ in range(len(parts))]
    targets, references = (_latents(model, options, f"parts/{what}", options.pairs) for what in ("target", "reference"))
    with torch.inference_mode():
        for pair in range(options.pairs):
            target = PartImage(synthesis, parts, synthesis.styles(targets[pair : pair + 1]))
            reference = synthesis.styles(references[pair : pair + 1])
            for part, found in enumerate(changes):
                queries = parts.queries(part)
                shuffled = _shuffled(queries, options.seed + pair)
                own, random = (target.given(part, reference, q).locality for q in (queries, shuffled))
                found.append((own, random))
                advance(2)
    return [_report(parts, part, found) for part, found in enumerate(changes)]


def _report(parts: Parts, part: int, found: Sequence[tuple[Locality, Locality]]) -> PartReport:
    inside, outside = _mean_changes([own for own, _ in found])
    random_inside, random_outside = _mean_changes([random for _, random in found])
    return PartReport(
        part=part,
        area=round(float(parts.shares[part]), 4),
        brightness=round(float(parts.brightness[part]), 3),
        row=round(float(parts.centres[part, 0]), 3),
        column=round(float(parts.centres[part, 1]), 3),
        inside=round(inside, 4),
        outside=round(outside, 4),
        ratio=round(inside / max(outside, 1e-9), 2),
        random_ratio=round(random_inside / max(random_outside, 1e-9), 2),
    )


def _mean_changes(found: Sequence[Locality]) -> tuple[float, float]:
    """Mean changes inside and outside."""
    return float(np.mean([one.inside for one in found])), float(np.mean([one.outside for one in found]))


def _shuffled(queries: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    generator = np.random.default_rng(seed)
    return {name: q[generator.permutation(len(q))] for name, q in queries.items()}


def _latents(model: Model, options: PartsOptions, what: str, count: int) -> Tensor:
    seeds = [int(seed) for seed in draw_u64(options.seed, what, np.arange(count)) >> np.uint64(32)]
    classes = model.checkpoint.description.classes or ("",)
    labels = [classes[number % len(classes)] for number in range(count)]
    return model.w(seeds, labels, [options.truncation] * count)
