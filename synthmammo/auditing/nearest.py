"""The training image that each sample of an audited dataset is most like, by instrument, as a table on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import DatasetError
from synthmammo.files import writing

if TYPE_CHECKING:
    from synthmammo.auditing.memorisation import Verdict

NEAREST = "nearest.parquet"


def write_nearest(
    verdicts: Sequence[Verdict], keys: NDArray[np.generic], training_keys: NDArray[np.generic], out: Path
) -> Path:
    """Write the table: key, instrument, training_key, likeness, threshold.

    Args:
        verdicts: What each instrument found.
        keys: Keys of the samples, `(N)`.
        training_keys: Keys of the training images, `(M)`.
        out: Directory of the audit.

    Returns:
        Path of the table, sorted by key and then in the order of the instruments.

    Raises:
        OutputError: The directory cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "key": str(keys[place]),
            "instrument": verdict.instrument,
            "training_key": str(training_keys[verdict.nearest.number[place]]),
            "likeness": float(verdict.nearest.likeness[place]),
            "threshold": float(verdict.threshold),
        }
        for place in np.argsort(keys, kind="stable")
        for verdict in verdicts
    ]
    texts, numbers = ("key", "instrument", "training_key"), ("likeness", "threshold")
    schema = pa.schema([*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers)])
    path = out / NEAREST
    with writing(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), partial, compression="zstd")
    return path


def nearest_of(out: Path, key: str) -> list[dict[str, Any]]:
    """The rows of one sample, in the order of the instruments; empty where the audit kept no table.

    Args:
        out: Directory of the audit.
        key: Key of the sample.

    Raises:
        DatasetError: The table cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = out / NEAREST
    if not path.is_file():
        return []
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, filters=[("key", "=", key)]).to_pylist()
        return rows
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"cannot be read ({error})", where=path, hint="Run the audit again.") from error
