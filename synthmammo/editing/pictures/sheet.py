"""Sheets of what a model makes and how it can be edited, after figures 1 to 3 of Zakka et al. 2020."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image as Picture

from synthmammo.editing.samples import Grey, Samples, grey
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.arrays import Plane
from synthmammo.mammogram.pictures import contact_sheet, difference, outlined, tinted
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from synthmammo.editing.parts.fitted import Parts
    from synthmammo.editing.parts.transfers import PartImage, PartTransfer


_TILE = (192, 192)


@dataclass(frozen=True)
class DirectionsLayout:
    """What a sheet of directions shows.

    Attributes:
        most: Standard deviations at the ends of each row.
        columns: Number of images per row, odd: the middle one is the sample itself.
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
    """What a sheet of transfers shows.

    Attributes:
        part: Number of the part.
        strength: Share of the way to the reference; the default 1 is that of the paper.
        threshold: Least contribution of a channel that is moved.
        epsilon: Budget of change outside the part, in channels of 512.
        parts: File of the parts; None for the one beside the model.
    """

    part: int
    strength: float = 1.0
    threshold: float = 0.1
    epsilon: float = 60.0
    parts: Path | None = None


def seeds_sheet(samples: Samples, names: Sequence[str], *, progress: Progress = silent) -> Picture:
    """Figure 1: samples, uncurated.

    Args:
        samples: Samples of the model.
        names: Names of the samples: seeds, or FILE:KEY.
        progress: Called with images done and images in all.

    Returns:
        A sheet about as high as wide.

    Raises:
        GeneratorError: A name is none.
    """
    tiles = []
    for done, name in enumerate(names):
        sample = samples.named(name)
        tiles.append(grey(samples.image(sample.w, sample.noise)))
        progress(done + 1, len(names))
    return contact_sheet(tiles, ceil(sqrt(len(names) * 1.6)), [name.rpartition(":")[2] for name in names], _TILE)


def directions_sheet(
    samples: Samples, name: str, rows: Sequence[str], scale: DirectionsLayout, *, progress: Progress = silent
) -> Picture:
    """Figure 2: a sample moved along directions, one per row, from -s to +s standard deviations.

    Args:
        samples: Samples of the model.
        name: The sample: a seed, or FILE:KEY.
        rows: Directions, one per row, e.g. "component 0" or "density".
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
    return contact_sheet(tiles, len(strengths), captions, _TILE)


def parts_sheet(
    samples: Samples, names: Sequence[str], file: Path | None = None, *, progress: Progress = silent
) -> Picture:
    """The parts of some samples: each sample, and below it the same with its parts in colours and their numbers.

    Args:
        samples: Samples of the model.
        names: Names of the samples: seeds, or FILE:KEY.
        file: File of the parts; None for the one beside the model.
        progress: Called with images done and images in all.

    Raises:
        CheckpointError: The file is missing or of another model.
        GeneratorError: A name is none.
    """
    import torch

    from synthmammo.editing.parts.transfers import PartImage

    found, synthesis = _read(samples, file), samples.model.network.synthesis
    plain, coloured = [], []
    for done, name in enumerate(names):
        sample = samples.named(name)
        with torch.inference_mode():
            shown = PartImage(synthesis, found, synthesis.styles(sample.w[None]), sample.noise)
        pixels = grey(_pixels(shown))
        plain.append(pixels)
        coloured.append(tinted(pixels, shown.places))
        progress(done + 1, len(names))
    captions = [name.rpartition(":")[2] for name in names]
    return contact_sheet([*plain, *coloured], len(names), [*captions, *[""] * len(names)], _TILE)


def transfers_sheet(
    samples: Samples,
    references: Sequence[str],
    targets: Sequence[str],
    transfer: Transfer,
    *,
    progress: Progress = silent,
) -> Picture:
    """Figure 3: rows of reference, target, the target with a part of the reference, and the difference.

    Args:
        samples: Samples of the model.
        references: Samples that the part is taken from, one per row: seeds, or FILE:KEY.
        targets: Samples that the part is moved to, one per row.
        transfer: What is transferred, and how.
        progress: Called with rows done and rows in all.

    Raises:
        CheckpointError: The file of parts is missing or of another model.
        GeneratorError: A name is none, there is no such part, or there are not as many targets as references.
    """
    import torch

    from synthmammo.editing.parts.transfers import PartImage

    if len(references) != len(targets):
        message = f"{len(targets)} targets for {len(references)} references, expected as many"
        raise GeneratorError(message, where="targets")
    found, synthesis = _read(samples, transfer.parts), samples.model.network.synthesis
    if not 0 <= transfer.part < len(found):
        hint = f"The model has the parts 0 to {len(found) - 1}."
        raise GeneratorError(f"no part is called '{transfer.part}'", where="cluster", hint=hint)
    queries = found.queries(transfer.part, transfer.threshold, transfer.epsilon)
    tiles, captions = [], []
    for done, pair in enumerate(zip(references, targets, strict=True)):
        reference, target = map(samples.named, pair)
        with torch.inference_mode():
            given, before = (
                PartImage(synthesis, found, synthesis.styles(one.w[None]), one.noise) for one in (reference, target)
            )
            moved = before.given(transfer.part, given.styles, queries, transfer.strength)
        row, change = _transfer_tiles(given, moved)
        tiles += row
        captions += [f"reference {reference.name}", f"target {target.name}", f"with its part {transfer.part}", change]
        progress(done + 1, len(targets))
    return contact_sheet(tiles, 4, captions, _TILE)


def _transfer_tiles(reference: PartImage, moved: PartTransfer) -> tuple[list[Grey], str]:
    """The four tiles of a row, and how local the change is in words."""
    before, after, change = _pixels(moved.before), _pixels(moved.after), moved.locality
    tiles = [
        outlined(grey(_pixels(reference)), reference.places == moved.part),
        *(grey(before), grey(after), difference(before, after)),
    ]
    return tiles, f"inside {change.inside / max(change.outside, 1e-9):.1f} x outside"


def _pixels(shown: PartImage) -> Plane:
    return np.asarray(shown.image[0].clamp(-1, 1).cpu().numpy())


def _read(samples: Samples, file: Path | None) -> Parts:
    from synthmammo.editing.parts.file import parts_file, read_parts

    checkpoint = samples.model.checkpoint
    return read_parts(file or parts_file(checkpoint.path), checkpoint.digest)
