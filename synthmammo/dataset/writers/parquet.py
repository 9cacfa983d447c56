"""Parquet with the feature types of Hugging Face `datasets` in its metadata, so that images arrive as images.

One table of features is the source of three views: the Arrow schema, the metadata in every file, and the block
`dataset_info.features` in the header of the dataset's card. `datasets` makes the last, once per dataset; the first two
are made here, since every process of a build needs them and importing `datasets` takes a second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthmammo.dataset.manifest import ShardRecord
from synthmammo.dataset.writers.base import Encoded, descriptor_text, split_of_shard
from synthmammo.errors import OutputError, nearest
from synthmammo.files import PartialFile
from synthmammo.identity import canonical_json
from synthmammo.mammogram.sample import Finding

IMAGE_COLUMNS = ("image", "preview", "lesions", "breast")
"""Columns that hold PNG files."""

ROW_GROUP_BYTES = 16 << 20
"""Most bytes of a row group, about: small enough that fetching one sample by its key reads little else."""

ROW_GROUP_ROWS = 100
"""Most rows of a row group; the Hub's viewer shows 100 rows per page."""

Feature = dict[str, Any]


def _value(dtype: str) -> Feature:
    return {"dtype": dtype, "_type": "Value"}


def _list(feature: Feature, length: int = -1) -> Feature:
    size = {} if length < 0 else {"length": length}
    return {"feature": feature, **size, "_type": "List"}


def features(label_names: Sequence[str]) -> dict[str, Feature]:
    """The columns and their types, as `datasets.Features` are written in a Parquet file's metadata.

    Args:
        label_names: Classes in the order of their numbers.
    """
    finding = {
        "kind": _value("string"),
        "pathology": _value("string"),
        "synthetic": _value("bool"),
        "label": _value("int32"),
        "box": _list(_value("int32"), 4),
        "descriptors": _value("string"),
    }
    return {
        "key": _value("string"),
        **{name: {"_type": "Image"} for name in IMAGE_COLUMNS},
        "label": {"names": list(label_names), "_type": "ClassLabel"},
        "split": _value("string"),
        "patient": _value("string"),
        "view": _value("string"),
        "laterality": _value("string"),
        "bits_stored": _value("int32"),
        "spacing_mm": _list(_value("float64")),
        "spacing_origin": _value("string"),
        "origin": _value("string"),
        "findings": _list(finding),
        "index": _value("int64"),
        "unlocated": _value("string"),
        "provenance": _value("string"),
    }


def schema(label_names: Sequence[str]) -> pa.Schema:
    """The Arrow schema, with the features in its metadata."""
    columns = features(label_names)
    metadata = json.dumps({"info": {"features": columns}}, separators=(",", ":"))
    return pa.schema([(name, _arrow(feature)) for name, feature in columns.items()], {"huggingface": metadata})


def features_yaml(label_names: Sequence[str]) -> list[dict[str, Any]]:
    """The block `dataset_info.features` of a card's YAML header, as `datasets` writes it.

    Args:
        label_names: Classes in the order of their numbers.
    """
    from datasets import DatasetInfo, Features
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    data = DatasetCardData()
    info = DatasetInfo(features=Features.from_dict(features(label_names)))
    DatasetInfosDict(default=info).to_dataset_card_data(data)
    block: list[dict[str, Any]] = data["dataset_info"]["features"]
    return block


def _arrow(feature: Feature) -> pa.DataType:
    match feature.get("_type"):
        case "Image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        case "ClassLabel":
            return pa.int64()
        case "List":
            return pa.list_(_arrow(feature["feature"]), feature.get("length", -1))
        case "Value":
            return pa.type_for_alias(feature["dtype"])
        case _:
            return pa.struct([(name, _arrow(part)) for name, part in feature.items()])


class ParquetWriter:
    """One Parquet file of samples.

    Rows are flushed in groups of at most `ROW_GROUP_ROWS` rows and about `ROW_GROUP_BYTES`, so that memory stays flat
    and a reader fetches one sample by reading one group.

    Args:
        folder: Folder of the format in the dataset.
        shard: Name of the shard; the file is `folder/SHARD.parquet`.
        label_names: Classes in the order of their numbers.

    Raises:
        OutputError: The place cannot be written, or a sample's label is not among the names.
    """

    def __init__(self, folder: Path, shard: str, *, label_names: Sequence[str]) -> None:
        self._split, self._schema = split_of_shard(shard), schema(label_names)
        self._numbers = {name: number for number, name in enumerate(label_names)}
        self._rows: list[dict[str, Any]] = []
        self._rows_bytes = self._samples = 0
        self._output = PartialFile(folder / f"{shard}.parquet")
        flat = [name for name, feature in features(label_names).items() if feature["_type"] == "Value"]
        with self._output.guard() as file:
            self._parquet = pq.ParquetWriter(
                file,
                self._schema,
                # PNG is compressed already, and the smallest and largest PNG of a group are of no use to a reader.
                compression=dict.fromkeys(flat, "zstd"),
                write_statistics=flat,
                use_dictionary=["split", "view", "laterality", "spacing_origin", "origin"],
            )

    def write(self, encoded: Encoded) -> None:
        """Add one sample."""
        row = self._row(encoded)
        self._rows.append(row)
        self._samples += 1
        self._rows_bytes += sum(len(row[name]["bytes"]) for name in IMAGE_COLUMNS)
        if self._rows_bytes >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self._flush()

    def _row(self, encoded: Encoded) -> dict[str, Any]:
        sample = encoded.sample
        if sample.label not in self._numbers:
            message = f"label '{sample.label}' is not among the dataset's classes"
            raise OutputError(message, where=sample.key, hint=nearest(sample.label, self._numbers))
        parts = {name: getattr(encoded, f"{name}_png") for name in IMAGE_COLUMNS}
        return {
            "key": sample.key,
            **{name: {"bytes": data, "path": f"{sample.key}.{name}.png"} for name, data in parts.items()},
            "label": self._numbers[sample.label],
            "split": sample.split,
            "patient": sample.patient,
            "view": sample.view,
            "laterality": sample.laterality,
            "bits_stored": sample.bits_stored,
            "spacing_mm": sample.spacing_mm,
            "spacing_origin": sample.spacing_origin,
            "origin": sample.origin,
            "findings": [_finding(finding) for finding in sample.findings],
            "index": encoded.index,
            "unlocated": "; ".join(encoded.sample.unlocated),
            "provenance": canonical_json(sample.provenance).decode(),
        }

    def _flush(self) -> None:
        if not self._rows:
            return
        table = pa.Table.from_pylist(self._rows, schema=self._schema)
        self._rows, self._rows_bytes = [], 0
        with self._output.guard():
            self._parquet.write_table(table, row_group_size=ROW_GROUP_ROWS)

    def close(self) -> ShardRecord:
        """Make the file durable and give it its final name."""
        self._flush()
        with self._output.guard():
            self._parquet.close()
        size, sha256 = self._output.commit()
        path = self._output.path
        return ShardRecord("parquet", self._split, f"{path.parent.name}/{path.name}", self._samples, size, sha256)

    def abort(self) -> None:
        """Remove what was written."""
        self._rows = []
        self._parquet.is_open = False  # or its finaliser writes a footer into the closed file
        self._output.discard()


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "pathology": finding.pathology,
        "synthetic": finding.synthetic,
        "label": finding.label,
        "box": list(finding.box),
        "descriptors": descriptor_text(finding),
    }
