"""Parts of a model's images: found, kept beside the model, and tried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthmammo.editing.samples import one_grey_channel
from synthmammo.errors import GeneratorError
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

    samples: int = 200
    parts: int = 10
    seed: int = 0
    truncation: float = 1.0
    pairs: int = 8

    def __post_init__(self) -> None:
        for name, least in (("samples", 2), ("parts", 2), ("pairs", 1)):
            if getattr(self, name) < least:
                raise GeneratorError(f"expected {least} or more, got {getattr(self, name)}", where=name)
        if self.parts > MOST_PARTS:
            message = f"expected {MOST_PARTS} or fewer, as many as the clustered layer has places; got {self.parts}"
            raise GeneratorError(message, where="parts")


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
    model: str,
    out: Path | None = None,
    options: PartsOptions | None = None,
    *,
    device: str = "cpu",
    progress: Progress = silent,
) -> list[PartReport]:
    """Find the parts of a model's images and write them.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`; of one image channel.
        out: File to write; None for the one beside the model, where recipes look for it.
        options: How the parts are found; None for the defaults.
        device: Device the network runs on.
        progress: Called with images rendered and images in all.

    Returns:
        What was found, the largest part first.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: It makes colour images, or an option makes no sense.
        OutputError: The place cannot be written.
    """
    import torch

    from synthmammo.editing.parts.clusters import cluster_parts
    from synthmammo.editing.parts.file import parts_file, write_parts

    options = options or PartsOptions()
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
    write_parts(path, replace(parts, options=found), opened.checkpoint.digest)
    return reports


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
