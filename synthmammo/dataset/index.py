"""The index of a dataset: one row per sample, what a reader needs to choose among them without their pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.outlines import mask_runs
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.mammogram.columns import RECORDED, recorded
from synthmammo.mammogram.sample import Box, Sample

if TYPE_CHECKING:
    import pyarrow as pa

IndexRow = dict[str, Any]
"""One row of `index.parquet`: values by the names of the columns in `index_schema`."""


def index_schema() -> pa.Schema:
    """Schema of `index.parquet`."""
    import pyarrow as pa

    types = {"text": pa.string(), "texts": pa.list_(pa.string()), "number": pa.float64(), "boolean": pa.bool_()}
    texts = ("key", "split", "label", "patient", "view", "laterality", "density", "spacing_origin")
    maker = pa.struct([(name, pa.string()) for name in ("name", "version", "weights")])
    finding = pa.struct(
        [(name, pa.string()) for name in ("kind", "pathology")]
        + [("synthetic", pa.bool_()), ("label", pa.uint8()), ("box", pa.list_(pa.int32(), 4))]
    )
    return pa.schema(
        [(name, pa.string()) for name in texts]
        + [("height", pa.int32()), ("width", pa.int32()), ("bits_stored", pa.uint8())]
        + [("spacing_mm", pa.list_(pa.float64(), 2)), ("breast_box", pa.list_(pa.int32(), 4))]
        + [
            ("breast_share", pa.float32()),
            ("findings", pa.list_(finding)),
            ("unlocated", pa.list_(pa.string())),
            ("attempts", pa.list_(pa.uint8())),
            ("host_attempt", pa.uint8()),
            ("edits", pa.list_(pa.string())),
            *((name, pa.string()) for name in ("origin", "source_type", "stated_by")),
            ("made_by", pa.list_(maker)),
        ]
        + [(name, types[column.kind]) for name, column in RECORDED.items()]
    )


def index_row(sample: Sample) -> IndexRow:
    """The row of one sample in `index.parquet`.

    Its provenance gives density, attempts and edits, where it has them, and that of its background what is `RECORDED`.
    The findings also have `runs`, their masks for label files, which the index does not keep; see `mask_runs`.
    """
    history, making, runs = sample.history, sample.making, mask_runs(sample)
    breast_box = Box.around(sample.breast)
    return {
        "key": sample.key,
        "split": sample.split,
        "label": sample.label,
        "patient": sample.patient,
        "view": sample.view,
        "laterality": sample.laterality,
        "density": history.density,
        "spacing_origin": str(sample.spacing_origin),
        "height": sample.shape[0],
        "width": sample.shape[1],
        "bits_stored": sample.bits_stored,
        "spacing_mm": list(sample.spacing_mm) if sample.spacing_mm else None,
        "breast_box": list(breast_box) if breast_box else None,
        "breast_share": float(sample.breast.mean()),
        "findings": [
            {
                "kind": str(finding.kind),
                "pathology": str(finding.pathology),
                "synthetic": finding.synthetic,
                "label": finding.label,
                "box": list(finding.box),
                "runs": runs.get(finding.label, []),
            }
            for finding in sample.findings
        ],
        "unlocated": list(sample.unlocated),
        "attempts": history.attempts,
        "host_attempt": history.host.attempt if history.host else None,
        "edits": history.edits,
        **recorded(history.background.record),
        "origin": str(making.origin),
        "source_type": str(making.source_type),
        "stated_by": str(making.stated_by),
        "made_by": [maker.record() for maker in making.makers],
    }


def write_index(directory: Path, rows: Iterable[IndexRow]) -> Path:
    """Write `index.parquet`, sorted by key; returns its path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["key"]), schema=index_schema())
    path = directory / INDEX
    with writing(path) as partial:
        pq.write_table(table, partial, compression="zstd")
    return path


def read_index(directory: Path) -> pa.Table:
    """Read `index.parquet` of a dataset directory; columns that it lacks are null.

    Raises:
        DatasetError: It is absent or unreadable.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = directory / INDEX
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        hint = "Is the path right? `synthmammo verify` tells what else is missing."
        raise DatasetError("the index of samples is missing", where=path, hint=hint) from error
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"the index of samples cannot be read ({error})", where=path) from error
    for column in index_schema():
        if column.name not in table.column_names:  # the version that made it did not have it yet
            table = table.append_column(column, pa.nulls(table.num_rows, column.type))
    return table


def count(rows: Sequence[IndexRow]) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Count index rows: samples by split and label, findings by kind and pathology."""
    samples = Counter((row["split"], row["label"]) for row in rows)
    findings = Counter((f["kind"], f["pathology"]) for row in rows for f in row["findings"])
    return _nested(samples), _nested(findings)


def _nested(pairs: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (outer, inner), number in sorted(pairs.items()):
        nested.setdefault(str(outer), {})[str(inner)] = number
    return nested
