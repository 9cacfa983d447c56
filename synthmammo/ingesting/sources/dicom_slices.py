"""Tomosyntheses whose slices are single files: one slice of each series stands for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.base import PassedOver, Record, Skipped

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class _Slice(NamedTuple):
    place: tuple[float, float, str]
    record: Record


class Slices:
    """The slices that were found, by series, side and view.

    Args:
        frames: What is read of each: "central", or the number of a slice from 1; as `Accepted.frames`.
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
        place = (head.number(header, "InstanceNumber", 0), head.number(header, "SliceLocation", 0), str(record.path))
        self._series.setdefault(series, []).append(_Slice(place, record))

    def chosen(self) -> Iterator[Record | Skipped]:
        """One slice of each series, in the order in which the series were found; the others are passed over."""
        for slices in self._series.values():
            ordered = sorted(slices, key=lambda one: one.place)
            count = len(ordered)
            number = count // 2 + 1 if self._frames == "central" else self._frames
            if number > count:
                yield Skipped(ordered[0].record.path, f"has {count} slices, and frame {number} is asked for")
                continue
            for place, (_, record) in enumerate(ordered, start=1):
                if place == number:
                    yield replace(record, provenance=record.provenance | {"frame": str(number), "frames": count})
                else:
                    yield PassedOver(record.path, f"a slice of a tomosynthesis, of which slice {number} is read")
