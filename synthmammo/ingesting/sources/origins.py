"""Whether a file that is read in is a real image: what it says of itself, what the user says, what its archive says."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.archive_files import MOST_BYTES, open_file
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import Mark, read_mark
from synthmammo.mammogram.origin import Maker, Making, Origin, SourceType, StatedBy

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

STATED = "stated_origin"
"""Key under which a reader notes what a file says of its origin; `making_of_picture` takes it out again."""

GENERATED_BY = "generated_by"
"""Key under which a reader notes the generator that a table names."""

_UNSTATED = ("dicom", "folder")
"""Readers of whatever lies in a folder; all others read a published archive of patients' images."""

_DESCRIPTION = re.compile(r"Background: (.*?)\. Lesions: (.*?)\.(?: Digital source type: (\w+)\.)?", re.DOTALL)
_PNG = b"\x89PNG"
_XMP_SUFFIXES = (".jpg", ".jpeg", ".tif", ".tiff", ".webp")


def header_origin(header: Dataset) -> Making | None:
    """What a DICOM header says: the attribute SyntheticData, and in our own files what made the image.

    Args:
        header: Parsed header.

    Returns:
        None where the attribute is absent or has another value than YES and NO.
    """
    stated = head.text(header, "SyntheticData").upper()
    if stated not in ("YES", "NO"):
        return None
    if stated == "NO":
        return Making(SourceType.CAPTURE, (), StatedBy.HEADER)
    for item in head.as_list(header, "ContributingEquipmentSequence"):
        found = _DESCRIPTION.fullmatch(head.text(item, "ContributionDescription"))
        if found and head.text(item, "Manufacturer") == "synthmammo":
            return _our_own(found[1], found[2], found[3])
    maker = " ".join(filter(None, (head.text(header, name) for name in ("Manufacturer", "ManufacturerModelName"))))
    return Making(SourceType.TRAINED, (Maker(maker),) if maker else (), StatedBy.HEADER)


def _our_own(background: str, lesions: str, term: str | None) -> Making:
    real, _, changed_by = background.partition("real, changed or made again by ")
    parts = changed_by if not real else "" if background.startswith(("real", "of unknown")) else background
    named = [*_names(parts), *(_names(lesions) if lesions != "none" else [])]
    makers = tuple(dict.fromkeys(Maker.parse(name) for name in named))
    if term is None:  # written by release 0.2
        trained = any(maker.weights for maker in makers)
        if background.startswith("real"):
            term = SourceType.TRAINED_COMPOSITE if trained else SourceType.COMPOSITE
        else:
            term = SourceType.TRAINED if trained else SourceType.ALGORITHM
    return Making(SourceType(term), makers, StatedBy.HEADER)


def _names(text: str) -> list[str]:
    """Names between commas; commas inside brackets belong to a name."""
    return [name for name in re.split(r", (?![^(]*\))", text) if name]


def file_mark(path: Path) -> Mark | None:
    """The mark of a picture file: the XMP packet of a PNG, JPEG, TIFF or WebP; None where there is none.

    Args:
        path: Path of the file.
    """
    try:
        with open_file(path) as file:
            start = file.read(len(_PNG))
            data = start + file.read(MOST_BYTES) if start == _PNG else b""
    except (OSError, SourceError):
        return None  # the reader of its pixels says so
    packet = png.read_packet(data) if data else _other_packet(path)
    return read_mark(packet) if packet else None


def _other_packet(path: Path) -> str:
    if path.suffix.lower() not in _XMP_SUFFIXES:
        return ""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_file(path) as file, Image.open(file) as picture:
                packet = picture.info.get("xmp", b"")
    except Exception:  # damaged files make Pillow fail with any type of error; the reader of its pixels says so
        return ""
    return packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)


def making_of_picture(facts: Mapping[str, Any], path: Path, source: str, generated_by: str | None) -> Making:
    """How an image that is read in came about: synthetic as soon as anything says so.

    Args:
        facts: What the reader notes of the image, with `STATED` and `GENERATED_BY` where it has them.
        path: Path of the image's file, whose mark is looked for.
        source: Name of the archive's reader.
        generated_by: Generator that whoever reads the archive names; None where they name none.
    """
    mark = file_mark(path)
    said: list[Making] = [*([facts[STATED]] if STATED in facts else []), *([mark.making] if mark else [])]
    made = [making for making in said if making.origin is not Origin.REAL]
    names = [name for name in (facts.get(GENERATED_BY), generated_by) if name]
    if names:
        user = Making(SourceType.TRAINED, tuple(Maker(name) for name in dict.fromkeys(names)), StatedBy.USER)
        return _merged(made, user)
    if made:
        return _merged(made[1:], made[0])
    if said:
        return said[0]
    return Making(SourceType.CAPTURE, (), StatedBy.NOBODY if source in _UNSTATED else StatedBy.ARCHIVE)


def _merged(others: Iterable[Making], first: Making) -> Making:
    """What several statements say together: the kind of the file's own, the makers of all."""
    found = [*others, first]
    makers = tuple(dict.fromkeys(maker for making in found for maker in making.makers))
    return Making(found[0].source_type, makers, found[0].stated_by)
