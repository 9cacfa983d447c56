"""VERB sheet: pictures of what a model makes and how it can be edited, after figures 1 to 3 of Zakka et al. 2020."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from PIL.Image import Image as Picture

from synthmammo.editing.samples import Samples, grey
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.pictures import difference, outlined, sheet, tinted
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from synthmammo.editing.parts.fitted import Parts


_TILE = (192, 192)


@dataclass(frozen=True)
class Scale:
    """What a sheet of directions shows.

    Attributes:
        most: Standard deviations at the ends of each row.
        columns: Images a row, an odd number: the middle one is the sample itself.
        layers: First layer that moves, and the one after the last; None for all.
        directions: File of the directions; None for the one beside the model.
    """

    most: float = 2.0
    columns: int = 7
    layers: tuple[int, int] | None = None
    directions: Path | None = None

    def __post_init__(self) -> None:
        if self.columns < 3 or self.columns % 2 == 0:
            raise GeneratorError(f"expected an odd number from 3 on, got {self.columns}", where="columns")


@dataclass(frozen=True)
class Transfer:
    """What a local sheet shows.

    Attributes:
        part: Number of the part.
        strength: 1 is the paper's.
        threshold: Least contribution of a channel that is moved.
        epsilon: Budget of change outside the part, in channels of 512.
        parts: File of the parts; None for the one beside the model.
    """

    part: int
    strength: float = 1.0
    threshold: float = 0.1
    epsilon: float = 60.0
    parts: Path | None = None


def seeds(samples: Samples, names: Sequence[str], *, progress: Progress = silent) -> Picture:
    """Figure 1: samples, uncurated.

    Args:
        samples: Of the model.
        names: Seeds, or FILE:KEY.
        progress: Called with images done and images in all.

    Returns:
        A sheet, nearly as high as wide.

    Raises:
        GeneratorError: A name is none.
    """
    tiles = []
    for done, name in enumerate(names):
        sample = samples.named(name)
        tiles.append(grey(samples.image(sample.w, sample.noise)))
        progress(done + 1, len(names))
    return sheet(tiles, ceil(sqrt(len(names) * 1.6)), [name.rpartition(":")[2] for name in names], _TILE)


def directions(
    samples: Samples, name: str, rows: Sequence[str], scale: Scale, *, progress: Progress = silent
) -> Picture:
    """Figure 2: a sample moved along directions, one a row, from -s to +s standard deviations.

    Args:
        samples: Of the model.
        name: The sample: a seed, or FILE:KEY.
        rows: Directions, e.g. "component 0" or "density".
        scale: How far, in how many steps, on which layers.
        progress: Called with images done and images in all.

    Raises:
        CheckpointError: The file of directions is missing or of another model.
        GeneratorError: A name is none, or the layers are not the model's.
    """
    sample = samples.named(name)
    moves = [samples.step(direction, scale.directions, scale.layers) for direction in rows]
    half = scale.columns // 2
    strengths = [scale.most * number / half for number in range(-half, half + 1)]
    tiles, captions = [], []
    for direction, move in zip(rows, moves, strict=True):
        for strength in strengths:
            tiles.append(grey(samples.image(sample.w + strength * move, sample.noise)))
            captions.append(f"{direction}: {strength:+.2f}" if strength else f"{direction}: 0")
            progress(len(tiles), len(rows) * len(strengths))
    return sheet(tiles, len(strengths), captions, _TILE)


def parts(samples: Samples, names: Sequence[str], file: Path | None = None, *, progress: Progress = silent) -> Picture:
    """The parts of some samples: each sample, and below it the same with its parts in colours and their numbers.

    Args:
        samples: Of the model.
        names: Seeds, or FILE:KEY.
        file: Of the parts; None for the one beside the model.
        progress: Called with images done and images in all.

    Raises:
        CheckpointError: The file is missing or of another model.
        GeneratorError: A name is none.
    """
    import torch

    from synthmammo.editing.parts.fitted import rendered

    found, synthesis = _read(samples, file), samples.model.network.synthesis
    plain, coloured = [], []
    for done, name in enumerate(names):
        sample = samples.named(name)
        with torch.inference_mode():
            image, activation = rendered(synthesis, synthesis.styles(sample.w[None]), sample.noise)
        pixels = grey(image[0, 0].clamp(-1, 1).cpu().numpy())
        place = found.map(activation)[0]
        plain.append(pixels)
        coloured.append(tinted(pixels, place))
        progress(done + 1, len(names))
    captions = [name.rpartition(":")[2] for name in names]
    return sheet([*plain, *coloured], len(names), [*captions, *[""] * len(names)], _TILE)


def local(
    samples: Samples,
    references: Sequence[str],
    targets: Sequence[str],
    transfer: Transfer,
    *,
    progress: Progress = silent,
) -> Picture:
    """Figure 3: rows of reference, target, the target with a part of the reference, and the difference.

    Args:
        samples: Of the model.
        references: One for each row: seeds, or FILE:KEY.
        targets: As many.
        transfer: What is transferred, and how.
        progress: Called with rows done and rows in all.

    Raises:
        CheckpointError: The file of parts is missing or of another model.
        GeneratorError: A name is none, there is no such part, or there are not as many targets as references.
    """
    import torch

    from synthmammo.editing.parts.fitted import locality, rendered
    from synthmammo.editing.parts.fitted import transfer as moved

    if len(references) != len(targets):
        message = f"{len(targets)} targets for {len(references)} references, expected as many"
        raise GeneratorError(message, where="targets")
    found, synthesis = _read(samples, transfer.parts), samples.model.network.synthesis
    if not 0 <= transfer.part < len(found):
        hint = f"The model has the parts 0 to {len(found) - 1}."
        raise GeneratorError(f"no part is called '{transfer.part}'", where="part", hint=hint)
    queries = found.queries(transfer.part, transfer.threshold, transfer.epsilon)
    tiles, captions = [], []
    for done, pair in enumerate(zip(references, targets, strict=True)):
        reference, target = map(samples.named, pair)
        with torch.inference_mode():
            own, other = synthesis.styles(target.w[None]), synthesis.styles(reference.w[None])
            given, shown = rendered(synthesis, other, reference.noise)
            before, old = rendered(synthesis, own, target.noise)
            after, new = rendered(synthesis, moved(own, other, queries, transfer.strength), target.noise)
        inside = (found.map(old)[0] == transfer.part) | (found.map(new)[0] == transfer.part)
        change = locality(before[0], after[0], inside)
        planes = [image[0, 0].clamp(-1, 1).cpu().numpy() for image in (given, before, after)]
        place = found.map(shown)[0] == transfer.part
        tiles += [outlined(grey(planes[0]), place), *map(grey, planes[1:]), difference(planes[1], planes[2])]
        times = change.inside / max(change.outside, 1e-9)
        captions += [
            f"reference {reference.name}",
            f"target {target.name}",
            f"with its part {transfer.part}",
            f"inside {times:.1f} x outside",
        ]
        progress(done + 1, len(targets))
    return sheet(tiles, 4, captions, _TILE)


def _read(samples: Samples, file: Path | None) -> Parts:
    from synthmammo.editing.parts.file import parts_file, read_parts

    checkpoint = samples.model.checkpoint
    return read_parts(file or parts_file(checkpoint.path), checkpoint.digest)
