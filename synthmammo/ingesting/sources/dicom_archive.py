"""What readers of archives have in common whose tables or data list DICOM files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.archive_files import is_there, open_archive
from synthmammo.ingesting.sources.base import Picture, Record
from synthmammo.ingesting.sources.dicom_facts import header_facts
from synthmammo.ingesting.sources.dicom_frames import frames_of
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.mammogram.sample import Laterality

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class DicomArchive:
    """A folder of DICOM files with annotations of their own; a reader adds `records`, `licence` and `citation`.

    Args:
        path: Folder of the archive, or a zip archive of it.
        frames: Treatment of multi-frame objects such as tomosyntheses: "refuse", the default, "central" and a number
            from 1 read that frame, "maximum" the brightest value of all frames.

    Raises:
        SourceError: The folder is missing, or the setting is not known.
    """

    def __init__(self, path: str | Path, *, frames: str | int = "refuse") -> None:
        self.accepted = head.Accepted(frames=frames_of(path, frames))
        self.folder = open_archive(path)
        self.notes: list[str] = []

    def read(self, record: Record) -> Picture:
        """The image, with its lesions where the annotations say.

        Raises:
            SourceError: The file is damaged.
        """
        image, bits, notes = read_dicom_pixels(record.path, accepted=self.accepted)
        found = locate(record.annotations, (image.shape[0], image.shape[1]))
        return Picture(image, bits, *found, record.spacing_mm, notes)


def open_listed(path: Path, listed: str, accepted: head.Accepted) -> Dataset:
    """Header of a mammogram that an archive lists.

    Args:
        path: Path of the file.
        listed: Place where it is listed, for the message, e.g. "train.csv line 4".
        accepted: What is read beside plain mammograms.

    Raises:
        SourceError: The file is missing, damaged, or not one grey two-dimensional mammogram.
    """
    if not is_there(path):
        raise SourceError(f"listed in {listed}, but the file is missing", where=path)
    header = head.open_dicom(path, with_pixels=False)
    if reason := head.refusal(header, accepted):
        raise SourceError(reason, where=path)
    return header


def facts_beside(header: Dataset, side: Laterality | None) -> dict[str, Any]:
    """Facts of a header, and `header_laterality` where it contradicts the side that the archive's table gives.

    Args:
        header: Header of the image.
        side: Side in the table, which is believed; None where it gives none.
    """
    other = head.laterality(header)
    contradicts = side is not None and other is not None and side is not other
    return header_facts(header) | ({"header_laterality": str(other)} if contradicts else {})
