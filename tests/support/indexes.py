"""Indexes of datasets that were never made, as large as one likes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthmammo.dataset.index import index_schema
from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.manifest import Manifest, machine


def write(path: Path, samples: int) -> Path:
    """A dataset directory with a manifest and the index of so many samples; there are no shards."""
    rng, places = np.random.default_rng(5), np.arange(samples)
    schema = index_schema()
    words = {
        "split": np.array(["train", "validation", "test"])[places % 3],
        "label": np.array(["normal", "benign", "malignant"])[places // 3 % 3],
        "view": np.array(["CC", "MLO"])[places % 2],
        "laterality": np.array(["L", "R"])[places // 2 % 2],
        "density": np.array(list("abcd"))[rng.integers(0, 4, samples)],
    }
    columns = {name: pa.array(value.tolist(), pa.string()) for name, value in words.items()}
    columns["key"] = pa.array([f"large-{place:07}" for place in places])
    columns["kvp"] = pa.array(rng.uniform(25, 35, samples))
    finding = {"kind": "mass", "pathology": "malignant", "synthetic": True, "label": 1, "box": [1, 2, 30, 40]}
    found = [[finding | {"pathology": label}] if label != "normal" else [] for label in words["label"].tolist()]
    columns["findings"] = pa.array(found, schema.field("findings").type)
    arrays = [columns.get(field.name, pa.nulls(samples, field.type)) for field in schema]
    path.mkdir(parents=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path / INDEX, compression="zstd")
    counts = {"train": {"normal": samples}}
    Manifest(kind="built", name="large", digest="0" * 64, options={}, machine=machine(), counts=counts).write(path)
    return path
