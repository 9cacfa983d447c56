"""What the readers of all formats share: their protocol, and the way from a row to a sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from synthmammo.errors import DatasetError
from synthmammo.mammogram import png
from synthmammo.mammogram.sample import Box, Finding, Kind, Laterality, Pathology, Sample, SpacingOrigin, View

AGAIN = "Make it again: `build --overwrite`, or ingest or cut it into a new directory."
"""What to do about a broken shard."""

SAMPLE_IMAGES = ("image", "breast", "lesions")
"""The pictures of a row that make the sample; its preview is made from the first two."""


class ShardReader(Protocol):
    """Reads one shard.

    Raises:
        DatasetError: From every method, when the file is absent, cut short, or no file of this package.
    """

    def __len__(self) -> int:
        """Number of samples."""
        ...

    @property
    def keys(self) -> list[str]:
        """Keys in the order of the file; no pixels are read."""
        ...

    @property
    def splits(self) -> list[str]:
        """Split of each sample, in the order of the file; no pixels are read."""
        ...

    def samples(self, rows: Sequence[int] | None = None) -> Iterator[Sample]:
        """Samples of some rows, in their order; of all in the order of the file."""
        ...

    def provenances(self) -> Iterator[dict[str, Any]]:
        """How each sample was made or read, in the order of the file; no pixels are decoded."""
        ...

    def sample(self, row: int) -> Sample:
        """The sample of one row; little else is read."""
        ...

    def preview(self, row: int) -> bytes:
        """The 8-bit preview of one row, a PNG file; no pixels are decoded."""
        ...


def sample_of(row: dict[str, Any], file: Path) -> Sample:
    """The sample that a row holds.

    Args:
        row: Values by the names of the Parquet columns; the label is its name, and each of `SAMPLE_IMAGES` the bytes
            of a PNG file.
        file: Path of the file that the row is from, for messages.

    Raises:
        DatasetError: A value is absent, or is not what this package writes.
    """
    try:
        return Sample(
            key=row["key"],
            image=png.decode(row["image"]).astype(np.uint16, copy=False),
            bits_stored=row["bits_stored"],
            breast=png.decode(row["breast"]).astype(np.bool_, copy=False),
            lesions=png.decode(row["lesions"]).astype(np.uint8, copy=False),
            findings=tuple(_finding(finding) for finding in row["findings"]),
            spacing_mm=tuple(row["spacing_mm"]) if row["spacing_mm"] else None,
            spacing_origin=SpacingOrigin(row["spacing_origin"]),
            view=View(row["view"]) if row["view"] else None,
            laterality=Laterality(row["laterality"]) if row["laterality"] else None,
            label=row["label"],
            split=row["split"],
            patient=row["patient"],
            provenance=json.loads(row["provenance"]),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise foreign(row.get("key"), error, file) from error


def foreign(key: object, error: Exception, file: Path) -> DatasetError:
    """The error of a sample that this package did not write, or that was damaged since."""
    return DatasetError(f"not a sample of this package ({error})", where=f"{file}, sample {key}", hint=AGAIN)


def absent(file: Path) -> DatasetError:
    """The error of a shard that is not there."""
    return DatasetError("the manifest lists it, but it is absent", where=file, hint=AGAIN)


def _finding(row: dict[str, Any]) -> Finding:
    terms = [term.partition("=") for term in row["descriptors"].split(";") if term]
    return Finding(
        kind=Kind(row["kind"]),
        pathology=Pathology(row["pathology"]),
        box=Box(*row["box"]),
        label=row["label"],
        synthetic=row["synthetic"],
        descriptors={name: value for name, _, value in terms},
    )
