"""Tomosyntheses whose slices are single files: one slice of each series stands for it, or the brightest of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.base import PassedOver, Record, Skipped
from synthmammo.ingesting.sources.dicom_frames import MAXIMUM
from synthmammo.mammogram.sample import Image

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class _Slice(NamedTuple):
    place: tuple[float, float, str]
    record: Record


class Slices:
    """The slices that were found, by series, side and view.

    Args:
        frames: What is read of each: "central", the number of a slice from 1, or "maximum" for the brightest value of
            all slices; as `Accepted.frames`.
    """

    def __init__(self, frames: Any) -> None:
        self._frames = frames
        self._series: dict[tuple[Any, ...], list[_Slice]] = {}

    def add(self, header: Dataset, record: Record) -> None:
        """Take one slice.

        Args:
            header: Header of its file.
            record: Its record.
        """
        names = ("StudyInstanceUID", "SeriesInstanceUID")
        series = (*(head.text(header, name) for name in names), record.laterality, head.view_name(header))
        place = (
            head.number_value(header, "InstanceNumber", 0),
            head.number_value(header, "SliceLocation", 0),
            str(record.path),
        )
        self._series.setdefault(series, []).append(_Slice(place, record))

    def chosen(self) -> Iterator[Record | Skipped]:
        """One record of each series, in the order they were found in; slices that are not read are passed over."""
        for slices in self._series.values():
            ordered = sorted(slices, key=lambda one: one.place)
            count = len(ordered)
            if self._frames == MAXIMUM:
                record, paths = ordered[count // 2].record, tuple(one.record.path for one in ordered)
                facts = record.provenance | {"frame": MAXIMUM, "frames": count}
                yield replace(record, provenance=facts, slices=paths)
                continue
            number = count // 2 + 1 if self._frames == "central" else self._frames
            if number > count:
                yield Skipped(ordered[0].record.path, f"has {count} slices, and frame {number} is asked for")
                continue
            for place, (_, record) in enumerate(ordered, start=1):
                if place == number:
                    yield replace(record, provenance=record.provenance | {"frame": str(number), "frames": count})
                else:
                    yield PassedOver(record.path, f"a slice of a tomosynthesis, of which slice {number} is read")


def brightest(
    paths: Sequence[Path], read: Callable[[Path], tuple[Image, int, dict[str, Any]]]
) -> tuple[Image, int, dict[str, Any]]:
    """The brightest value of all slices, file by file in flat memory.

    Args:
        paths: Files of one slice each.
        read: Reader of one file, as `read_dicom_pixels`.

    Returns:
        As `read` of one file.

    Raises:
        SourceError: A file is damaged, or a slice has another size or other grey levels than the first.
    """
    image, bits, notes = read(paths[0])
    for path in paths[1:]:
        other, other_bits, other_notes = read(path)
        # Where black lies is told by `inverted_at`; see `dicom_pixels`.
        first, second = notes.get("inverted_at"), other_notes.get("inverted_at")
        if (other.shape, other_bits, second) != (image.shape, bits, first):
            message = (
                f"a slice of {other.shape[0]} x {other.shape[1]} pixels and {other_bits} bits differs from the first"
            )
            hint = f"Expected what {paths[0].name} has; --frames central reads one slice of each series."
            raise SourceError(message, where=path, hint=hint)
        np.maximum(image, other, out=image)
    return image, bits, notes
