"""A reader of archives that is called `arrays`: NumPy files in a folder, one per image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Picture, Record, Skipped, existing_folder


class Arrays:
    """Reads KEY.npy files of 12-bit images, of as many patients as there are files."""

    protocol = 1
    licence = "other: that of whoever made the arrays"
    citation = ""
    vocabulary: Mapping[str, Mapping[str, str]] = {}

    def __init__(self, path: str | Path) -> None:
        self.folder = existing_folder(path)
        self.notes: list[str] = []

    def records(self) -> Iterator[Record | Skipped]:
        """One record per file, in the order of their names."""
        for path in sorted(self.folder.glob("*.npy")):
            yield Record(path, key=path.stem, patient=path.stem, label="normal")

    def read(self, record: Record) -> Picture:
        """The pixels of one file."""
        try:
            image = np.load(record.path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot be read ({error})", where=record.path) from error
        if image.ndim != 2 or image.dtype != np.uint16 or image.max(initial=0) > 4095:
            raise SourceError("expected uint16 (H, W) of 12 bits", where=record.path)
        return Picture(image, 12, (), np.zeros(image.shape, np.uint8))
