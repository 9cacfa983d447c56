"""The plan as a table: its columns, how they are packed, and its rows read back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthmammo.errors import DatasetError
from synthmammo.mammogram.planned import Candidate, PlannedEdit, PlannedLesion, Row
from synthmammo.mammogram.sample import Kind, Laterality, Pathology, View

TERM_COLUMNS = ("shape", "margin", "morphology", "distribution")
"""Columns of a lesion that hold BI-RADS terms."""

CANDIDATE = pa.struct([("site", pa.float64()), ("seed", pa.uint64())])
LESION = pa.struct(
    [("spec", pa.int8()), ("kind", pa.string()), ("pathology", pa.string())]
    + [("diameter_mm", pa.float64()), ("contrast", pa.float64())]
    + [(term, pa.string()) for term in TERM_COLUMNS]
    + [("candidates", pa.list_(CANDIDATE))]
)
EDIT = pa.struct(
    [("spec", pa.int8()), ("name", pa.string()), ("value", pa.float64())]
    + [("reference_seed", pa.uint64()), ("reference_key", pa.string())]
)
SCHEMA = pa.schema(
    [("key", pa.string()), ("index", pa.int64()), ("shard", pa.string()), ("split", pa.string())]
    + [("label", pa.string()), ("role", pa.string()), ("host", pa.int64()), ("host_seed", pa.uint64())]
    + [("host_seeds", pa.list_(pa.uint64())), ("body_seed", pa.uint64()), ("host_key", pa.string())]
    + [("patient", pa.string()), ("view", pa.string()), ("laterality", pa.string())]
    + [("density", pa.string()), ("implant", pa.bool_()), ("truncation", pa.float64())]
    + [("crop", pa.list_(pa.float64(), 3)), ("edits", pa.list_(EDIT))]
    + [("lesions", pa.list_(LESION))]
)
"""Columns of the plan, which has one row per sample; `mammogram.planned.Row` says what each column means."""

# Paths in Parquet of the columns that are noise, where packing and looking for repeats cost time and find nothing, and
# of the columns that hold few different words.
_LESION_PATH = "lesions.list.element."
NOISE = ["host_seed", "host_seeds.list.element", "body_seed", "crop.list.element", "edits.list.element.value"]
NOISE += [*(_LESION_PATH + name for name in ("diameter_mm", "contrast"))]
NOISE += [f"{_LESION_PATH}candidates.list.element.{name}" for name in ("site", "seed")]
REPEATING = ["shard", "split", "label", "role", "host_key", "view", "laterality", "density"]
REPEATING += [_LESION_PATH + name for name in ("kind", "pathology", *TERM_COLUMNS)]


def read_rows(path: Path, shards: Collection[str] | None = None) -> Iterator[Row]:
    """The rows of a plan file, one row group at a time.

    Args:
        path: The file.
        shards: Names of the shards whose rows are wanted; None, the default, for all.

    Raises:
        DatasetError: The file is absent or not a plan.
    """
    wanted = None if shards is None else pa.array(list(shards), pa.string())
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            if wanted is not None and not _names_in(file, group, wanted):
                continue
            for batch in file.iter_batches(batch_size=4096, row_groups=[group]):
                kept = batch if wanted is None else batch.filter(pc.is_in(batch["shard"], wanted))
                yield from map(as_row, kept.to_pylist())


def _names_in(file: pq.ParquetFile, group: int, wanted: pa.Array) -> bool:
    """Whether a row group has a row of some shards; one column of it is read."""
    names = pc.unique(file.read_row_group(group, columns=["shard"])["shard"])
    return bool(pc.any(pc.is_in(names, wanted)).as_py())


def shard_sizes(path: Path) -> dict[str, int]:
    """Number of rows by the names of a plan's shards, in the order of their first rows; one column is read.

    Raises:
        DatasetError: The file is absent or not a plan.
    """
    sizes: dict[str, int] = {}
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            counted = pc.value_counts(file.read_row_group(group, columns=["shard"])["shard"])
            for name, number in zip(*(counted.field(place).to_pylist() for place in range(2)), strict=True):
                sizes[name] = sizes.get(name, 0) + number
    return sizes


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise DatasetError("its columns are not those of a plan", where=path)
            yield file
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DatasetError(f"the plan cannot be read ({error})", where=path) from error


def as_row(record: dict[str, Any]) -> Row:
    """A row of the plan as the generators see it, from the record that `pyarrow` reads."""
    return Row(
        **{
            **record,
            "view": View(record["view"]) if record["view"] else None,
            "laterality": Laterality(record["laterality"]) if record["laterality"] else None,
            "crop": tuple(record["crop"]) if record["crop"] else None,
            "edits": tuple(PlannedEdit(**edit) for edit in record["edits"]),
            "host_seeds": tuple(record["host_seeds"]),
            "lesions": tuple(map(as_lesion, record["lesions"])),
        }
    )


def as_lesion(record: dict[str, Any]) -> PlannedLesion:
    """One lesion of a plan record, as the generators see it."""
    return PlannedLesion(
        spec=record["spec"],
        kind=Kind(record["kind"]),
        pathology=Pathology(record["pathology"]),
        diameter_mm=record["diameter_mm"],
        contrast=record["contrast"],
        descriptors={term: record[term] for term in TERM_COLUMNS if record[term] is not None},
        candidates=tuple(Candidate(**candidate) for candidate in record["candidates"]),
    )


def numbered(prefix: str, numbers: NDArray[np.int64], width: int) -> pa.Array:
    """Numbered names such as "train-00042".

    Args:
        prefix: Beginning of every name.
        numbers: `int64 (N)`.
        width: Least number of digits, filled up with zeros.
    """
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def named(names: Sequence[str], codes: NDArray[np.int64]) -> pa.Array:
    """The name of each code, as a text array.

    Args:
        names: Names by code, from 0.
        codes: `int64 (N)`; a negative code becomes null.
    """
    return pa.array(list(names), type=pa.string()).take(pa.array(codes, mask=codes < 0))
