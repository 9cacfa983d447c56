"""WebDataset shards, read by `webdataset` itself: its grouping of members into samples is the format's definition."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from synthmammo.dataset.readers.base import AGAIN, SAMPLE_IMAGES, absent, foreign, sample_of
from synthmammo.errors import DatasetError
from synthmammo.mammogram.sample import Sample

Members = dict[str, Any]
"""Bytes by the member's name without the key, e.g. "image.png"; the key is under "__key__"."""


class WebDatasetReader:
    """See the protocol `ShardReader`.

    Args:
        file: Path of the tar.
        samples: Number of samples it must have: a tar that was cut between two members looks whole.
    """

    def __init__(self, file: Path, samples: int) -> None:
        self._file, self._samples, self._checked = file, samples, False

    def __len__(self) -> int:
        return self._samples

    @cached_property
    def keys(self) -> list[str]:
        """Keys in the order of the tar; of the members only the records are read."""
        return [members["__key__"] for members in self._members(_is_record)]

    @cached_property
    def splits(self) -> list[str]:
        """Split of each sample, from the records."""
        return [self._record(members)["split"] for members in self._members(_is_record)]

    def samples(self, rows: Sequence[int] | None = None) -> Iterator[Sample]:
        """Samples of some rows, or of all, one in memory at a time; rows in ascending order take one pass."""
        if rows is not None and list(rows) != sorted(set(rows)):
            yield from map(self.sample, rows)
            return
        wanted = None if rows is None else set(rows)
        for row, members in enumerate(self._members()):
            if wanted is None or row in wanted:
                yield sample_of(self._row(members), self._file)

    def provenances(self) -> Iterator[dict[str, Any]]:
        """How each sample was made or read; the pictures are not decoded."""
        for members in self._members(_is_record):
            try:
                yield json.loads(self._record(members)["provenance"])
            except (TypeError, ValueError, RecursionError) as error:
                raise foreign(members["__key__"], error, self._file) from error

    def sample(self, row: int) -> Sample:
        """The sample of one row; the members of the others are skipped."""
        key = self.keys[row]
        (members,) = self._members(lambda name: name.partition(".")[0] == key, expected=1)
        return sample_of(self._row(members), self._file)

    def preview(self, row: int) -> bytes:
        """The 8-bit preview of one row, a PNG file; the other members are skipped."""
        name = f"{self.keys[row]}.preview.png"
        (members,) = self._members(lambda member: member == name, expected=1)
        found: bytes = members["preview.png"]
        return found

    def _members(self, select: Callable[[str], bool] | None = None, expected: int | None = None) -> Iterator[Members]:
        from webdataset.tariterators import group_by_keys, tar_file_expander

        number = 0
        try:
            self._check_sizes()
            with self._file.open("rb") as stream:
                source = [{"url": str(self._file), "stream": stream}]
                for members in group_by_keys(tar_file_expander(source, select_files=select)):
                    number += 1
                    yield members
        except FileNotFoundError as error:
            raise absent(self._file) from error
        except (OSError, tarfile.TarError) as error:
            raise DatasetError(f"not a whole tar ({error.args[0]})", where=self._file, hint=AGAIN) from error
        if number != (expected or self._samples):
            message = f"not a whole tar (it holds {number} samples, expected {expected or self._samples})"
            raise DatasetError(message, where=self._file, hint=AGAIN)

    def _check_sizes(self) -> None:
        """Refuse a tar that is packed, or whose members claim more bytes than it has: reading it would make them."""
        if self._checked:
            return
        with tarfile.open(self._file, "r:") as tar:  # without a suffix after the colon nothing is unpacked
            claimed = sum(member.size for member in tar)
        if claimed > self._file.stat().st_size:
            raise tarfile.ReadError(f"its members claim {claimed:,} bytes, more than the file")
        self._checked = True

    def _record(self, members: Members) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads(members["json"])
            return {"split": record["split"], "provenance": record["provenance"]}
        except (KeyError, TypeError, ValueError) as error:
            raise foreign(members["__key__"], error, self._file) from error

    def _row(self, members: Members) -> dict[str, Any]:
        try:
            row: dict[str, Any] = json.loads(members["json"])
            row |= {name: members[f"{name}.png"] for name in SAMPLE_IMAGES}
            return row | {"findings": _findings(row["regions"]), "spacing_mm": _spacing(row["spacing_mm"])}
        except (KeyError, TypeError, ValueError) as error:
            raise foreign(members["__key__"], error, self._file) from error


def _is_record(name: str) -> bool:
    return name.endswith(".json")


def _findings(regions: dict[str, list[Any]]) -> list[dict[str, Any]]:
    # Lists by name, the first region of each being the breast itself; see `Encoded.record`.
    return [dict(zip(regions, values, strict=True)) for values in zip(*regions.values(), strict=True)][1:]


def _spacing(spacing_mm: list[float]) -> list[float] | None:
    # Nothing in a record is null: an unknown spacing is 0.
    return spacing_mm if any(spacing_mm) else None
