"""The plan of the patches to cut: the lesions and healthy images of a dataset, and a table with every random draw.

Draws are counter-based (`identity.draw_uniform`) in the number of a patch within its class and split, so that asking
for more patches leaves the earlier ones as they were. The rows are sorted by image, and each row group of the table is
a shard: an image is read once, for all of its patches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthmammo.errors import DatasetError, RecipeError, nearest
from synthmammo.files import writing
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.mammogram.sample import SPLITS
from synthmammo.patching.options import NORMAL, PatchOptions
from synthmammo.patching.survey import Cell, Survey, Target, draw_of

ORIENTATIONS = 8
"""A square can be flipped and turned into eight positions."""

_MAX_NAME, _MAX_LABEL = 24, 36
_DRAWS = ("site", "row", "column", "scale")


@dataclass(frozen=True)
class WindowDraw:
    """The draws of one window that is tried.

    Attributes:
        site: Draw in [0, 1) that picks a pixel of the lesion, or the place of a normal patch.
        row: Draw in [0, 1) of the lesion's offset along rows; 0.5 is none.
        column: Draw in [0, 1) of the lesion's offset along columns; 0.5 is none.
        scale: Factor of the resizing; a window of `size_px / scale` becomes `size_px`.
    """

    site: float
    row: float
    column: float
    scale: float


@dataclass(frozen=True)
class PatchRow:
    """One patch to be cut.

    Attributes:
        key: Unique name without dots or slashes.
        index: Place in the dataset, from 0.
        shard: Name of its shard.
        split: Split of its patient.
        label: Class of the patch.
        target: Target that it is cut from.
        flip: Whether it is flipped left to right.
        turns: Number of quarter turns against the clock after that.
        candidates: Draws of the windows, in the order in which they are tried.
    """

    key: str
    index: int
    shard: str
    split: str
    label: str
    target: Target
    flip: bool
    turns: int
    candidates: tuple[WindowDraw, ...]


def sizes(found: Survey, options: PatchOptions) -> dict[Cell, int]:
    """Number of patches of every class in every split.

    Args:
        found: What there is to cut from.
        options: Options of the patches.

    Raises:
        RecipeError: A count names a class or a split that the dataset does not have.
        DatasetError: There is nothing to cut.
    """
    known = {name for split, label in found.cells for name in (label, f"{split}/{label}")}
    for name in options.counts:
        if name not in known:
            raise RecipeError(f"no patches can be '{name}'", where="counts", hint=nearest(name, known))
    lesions: dict[str, int] = defaultdict(int)
    result: dict[Cell, int] = {}
    for (split, label), targets in sorted(found.cells.items(), key=lambda cell: cell[0][1] == NORMAL):
        # What is taken whole looks the same every time, but for its orientation.
        repeats = 1 if all(target.whole for target in targets) else options.per_lesion
        number = len(targets) * repeats
        if label == NORMAL and lesions[split]:
            number = lesions[split]
        for wanted in (options.per_class, options.counts.get(label), options.counts.get(f"{split}/{label}")):
            number = number if wanted is None else wanted
        lesions[split] += number
        result[split, label] = number
    if not sum(result.values()):
        raise DatasetError("no patch can be cut from its images", hint="It needs healthy images, or findings.")
    return result


def repetitions(found: Survey, numbers: Mapping[Cell, int], options: PatchOptions) -> list[str]:
    """Notes where more patches are asked for than whole images have orientations.

    Args:
        found: What there is to cut from.
        numbers: Number of patches by split and class.
        options: Options of the patches.
    """
    distinct = ORIENTATIONS if options.augment else 1
    return [
        f"{split} has {len(targets)} images of '{label}' that are patches already: some of {numbers[split, label]} "
        "patches are equal"
        for (split, label), targets in found.cells.items()
        if all(target.whole for target in targets) and numbers[split, label] > distinct * len(targets)
    ]


def write_patches_plan(found: Survey, numbers: Mapping[Cell, int], name: str, options: PatchOptions, path: Path) -> int:
    """Draw every patch and write the table, one row group per shard.

    Args:
        found: What there is to cut from.
        numbers: Number of patches by split and class.
        name: Name of the dataset; keys begin with it.
        options: Options of the patches.
        path: Path of the Parquet file, which is written whole or not at all.

    Returns:
        Number of shards.

    Raises:
        OutputError: The file cannot be written.
    """
    shards = 0
    with writing(path) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        first = 0
        for split in SPLITS:
            cells = [cell for cell in numbers if cell[0] == split and numbers[cell]]
            order = _ordered(found, {cell: numbers[cell] for cell in cells}, options)
            for number, start in enumerate(range(0, len(order), options.shard_size)):
                part = order[start : start + options.shard_size]
                table = _table(found, cells, part, name, options)
                table = table.append_column("shard", pa.array([f"{split}-{number:05d}"] * len(part)))
                table = table.append_column("index", pa.array(np.arange(first, first + len(part))))
                writer.write_table(table.select(SCHEMA.names), row_group_size=options.shard_size)
                first, shards = first + len(part), shards + 1
    return shards


def _ordered(found: Survey, numbers: Mapping[Cell, int], options: PatchOptions) -> NDArray[np.int64]:
    """`int64 (patches, 2)`: number of the cell and of the patch in it, the patches of an image together."""
    places: dict[str, int] = {}
    parts = []
    for number, (cell, count) in enumerate(numbers.items()):
        draws = [_image_draw(places, target.source, options.seed) for target in found.cells[cell]]
        members = np.arange(count)
        image = np.array(draws, np.uint64)[members % len(draws)]
        parts.append((image, np.full(count, number), members))
    if not parts:
        return np.empty((0, 2), np.int64)
    image, cell_number, members = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.lexsort((members, cell_number, image))
    return np.stack([cell_number[order], members[order]], axis=1)


def _image_draw(places: dict[str, int], source: str, seed: int) -> int:
    if source not in places:
        places[source] = draw_of(seed, "image", source)
    return places[source]


_CANDIDATE = pa.struct([(name, pa.float64()) for name in _DRAWS])
SCHEMA = pa.schema(
    [("key", pa.string()), ("index", pa.int64()), ("shard", pa.string()), ("split", pa.string())]
    + [("label", pa.string()), ("patient", pa.string()), ("source", pa.string()), ("finding", pa.int32())]
    + [("whole", pa.bool_()), ("flip", pa.bool_()), ("turns", pa.int8()), ("candidates", pa.list_(_CANDIDATE))]
)
"""Columns of the plan: one row per patch, one row group per shard."""


def _table(
    found: Survey, cells: Sequence[Cell], order: NDArray[np.int64], name: str, options: PatchOptions
) -> pa.Table:
    """The rows of one shard, without its name."""
    rows: list[dict[str, Any]] = [{}] * len(order)
    draws = np.empty((len(_DRAWS), len(order), options.candidates))
    for number, cell in enumerate(cells):
        chosen = np.flatnonzero(order[:, 0] == number)
        members = order[chosen, 1]
        draws[:, chosen] = _window_draws(cell, members, options)
        for place, row in zip(chosen.tolist(), _rows(cell, members, found.cells[cell], name, options), strict=True):
            rows[place] = row
    table = pa.Table.from_pylist(rows, pa.schema([f for f in SCHEMA if f.name not in _ADDED]))
    structs = pa.StructArray.from_arrays([pa.array(draw.ravel()) for draw in draws], _DRAWS)
    offsets = pa.array(np.arange(len(order) + 1, dtype=np.int32) * options.candidates)
    return table.append_column("candidates", pa.ListArray.from_arrays(offsets, structs))


def _window_draws(cell: Cell, members: NDArray[np.int64], options: PatchOptions) -> NDArray[np.float64]:
    """`float64 (draws, patches, candidates)`: the draws of the windows of some patches of a cell."""
    split, label = cell
    tries = np.arange(options.candidates)
    draws = np.stack(
        [draw_uniform(options.seed, f"{split}/{label}/{draw}", members[:, None], tries) for draw in _DRAWS]
    )
    low, high = options.resizing
    draws[_DRAWS.index("scale")] = low + draws[_DRAWS.index("scale")] * (high - low)
    return draws


def _rows(
    cell: Cell, members: NDArray[np.int64], targets: Sequence[Target], name: str, options: PatchOptions
) -> Iterator[dict[str, Any]]:
    """The rows of some patches of a cell, without their windows."""
    (split, label), stem = cell, _slug(name)[:_MAX_NAME]
    for member, orientation in zip(members.tolist(), _orientations(cell, members, len(targets), options), strict=True):
        yield vars(targets[member % len(targets)]) | {
            "key": f"{stem}-{_slug(label)[:_MAX_LABEL]}-{split}-{member:07d}",
            "split": split,
            "label": label,
            "flip": orientation >= 4,
            "turns": orientation % 4,
        }


def _orientations(cell: Cell, members: NDArray[np.int64], targets: int, options: PatchOptions) -> list[int]:
    """The orientation of each patch; the next patch of a target has the next one, so that the first eight differ."""
    if not options.augment:
        return [0] * len(members)
    split, label = cell
    begin = draw_u64(options.seed, f"{split}/{label}/orientation", members % targets).astype(np.int64)
    orientations: list[int] = ((begin + members // targets) % ORIENTATIONS).tolist()
    return orientations


_ADDED = ("index", "shard", "candidates")


def _slug(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)


def read_shard(path: Path, number: int) -> tuple[PatchRow, ...]:
    """Read the rows of one shard of a plan.

    Args:
        path: Path of the plan.
        number: Number of the shard, from 0.
    """
    rows = pq.ParquetFile(path).read_row_group(number, use_threads=False).to_pylist()
    return tuple(_row(row) for row in rows)


def _row(row: dict[str, Any]) -> PatchRow:
    target = Target(*(row.pop(name) for name in ("source", "patient", "finding", "whole")))
    candidates = tuple(WindowDraw(**candidate) for candidate in row.pop("candidates"))
    return PatchRow(**row, target=target, candidates=candidates)
