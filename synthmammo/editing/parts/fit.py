"""VERB parts: the parts of a model's images are found, kept beside the model, and tried out."""

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
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.editing.parts.fitted import Parts


_BATCH = 4


@dataclass(frozen=True)
class PartsOptions:
    """How parts are found.

    Attributes:
        samples: Images whose activations are clustered; of every class of a conditional model alike.
        parts: Number of clusters.
        seed: Of the images and of the first centroids.
        truncation: psi of the images.
        pairs: Pairs of images on which every part is then transferred, to report how local that is.
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


@dataclass(frozen=True)
class PartReport:
    """One part and how local its transfer is; means over the pairs.

    Attributes:
        part: Its number.
        area: Share of the image it covers.
        brightness: Mean inside, in [-1, 1].
        row: Of its centre, from 0 at the top to 1.
        column: Of its centre, from 0 at the left to 1.
        inside: Mean absolute change inside the part (of target or result), in units of [-1, 1].
        outside: The same outside it.
        ratio: Of the two.
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
        options: How.
        device: Where the network runs.
        progress: Called with images rendered and images in all.

    Returns:
        What was found, the largest part first.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: It makes colour images, or an option makes no sense.
        OutputError: The place cannot be written.
    """
    import torch

    from synthmammo.editing.parts.clusters import fit
    from synthmammo.editing.parts.file import parts_file, write_parts

    options = options or PartsOptions()
    opened = open_model(model, device)
    one_grey_channel(opened)
    w = torch.split(_latents(opened, options, "parts", options.samples), _BATCH)
    fitted, tried = 2 * options.samples, options.pairs * 2 * options.parts

    def fitting(done: int, total: int) -> None:
        progress(fitted * done // total, fitted + tried)

    parts = fit(opened.network.synthesis, w, seed=options.seed, count=options.parts, progress=fitting)
    reports = measure(opened, parts, options, lambda done: progress(fitted + done, fitted + tried))
    found = {**asdict(options), "reports": [asdict(report) for report in reports]}
    path = out or parts_file(opened.checkpoint.path)
    write_parts(path, replace(parts, options=found), opened.checkpoint.digest)
    return reports


def measure(
    model: Model, parts: Parts, options: PartsOptions, progress: Callable[[int], None] = lambda done: None
) -> list[PartReport]:
    """Transfer every part between pairs of images, and as many random channels for comparison."""
    import torch

    from synthmammo.editing.parts.fitted import Locality, locality, rendered, transfer

    synthesis = model.network.synthesis
    changes: list[list[tuple[Locality, Locality]]] = [[] for _ in range(len(parts))]
    done = 0
    targets, references = (_latents(model, options, f"parts/{what}", options.pairs) for what in ("target", "reference"))
    with torch.inference_mode():
        for pair in range(options.pairs):
            styles = synthesis.styles(targets[pair : pair + 1])
            reference = synthesis.styles(references[pair : pair + 1])
            before, activation = rendered(synthesis, styles)
            place = parts.map(activation)[0]
            for part in range(len(parts)):
                both = []
                queries = parts.queries(part)
                for q in (queries, _shuffled(queries, options.seed + pair)):
                    after, activation = rendered(synthesis, transfer(styles, reference, q))
                    inside = (place == part) | (parts.map(activation)[0] == part)
                    both.append(locality(before[0], after[0], inside))
                changes[part].append((both[0], both[1]))
                progress(done := done + 2)
    return [_report(parts, part, found) for part, found in enumerate(changes)]


def _report(parts: Parts, part: int, found: Sequence[tuple[object, object]]) -> PartReport:
    means = [
        [float(np.mean([getattr(pair[which], name) for pair in found])) for name in ("inside", "outside")]
        for which in (0, 1)
    ]
    (inside, outside), (random_inside, random_outside) = means
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


def _shuffled(queries: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    generator = np.random.default_rng(seed)
    return {name: q[generator.permutation(len(q))] for name, q in queries.items()}


def _latents(model: Model, options: PartsOptions, what: str, count: int) -> Tensor:
    seeds = [int(seed) for seed in draw_u64(options.seed, what, np.arange(count)) >> np.uint64(32)]
    classes = model.checkpoint.description.classes or ("",)
    labels = [classes[number % len(classes)] for number in range(count)]
    return model.w(seeds, labels, [options.truncation] * count)
