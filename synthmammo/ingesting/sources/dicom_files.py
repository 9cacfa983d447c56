"""The DICOM files of a folder or of a zip archive, found by their content."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import Listing, files_below, open_file
from synthmammo.ingesting.sources.base import PassedOver

SUFFIXES = (".dcm", ".dicom", ".ima")
"""Endings that claim that a file is DICOM; what does not keep the claim is reported."""

_MAGIC_AT = 128
_FIRST_GROUPS = (0x0002, 0x0008)
_LONGEST_FIRST = 1 << 10
_VALUE_TYPES = (b"UL", b"UI", b"CS", b"DA", b"TM", b"LO", b"SH", b"OB", b"DT", b"PN", b"ST", b"LT", b"AE", b"US")


def dicom_files(folder: Path) -> Listing:
    """Files that are DICOM by their content, or claim to be by their ending, in the order of their paths.

    Args:
        folder: Folder, or zip archive; zip archives in the folder are looked into.

    Returns:
        The files, and all others with what they are.

    Raises:
        SourceError: There is none.
    """
    listing = files_below(folder)
    found: list[Path] = []
    passed = listing.passed_over
    for path in listing.files:
        reason = not_dicom(path)
        if reason is None:
            found.append(path)
        else:
            passed.append(PassedOver(path, reason))
    if not found:
        hint = f"Files are known by their content, or by {', '.join(SUFFIXES)}; {len(passed)} others were looked at."
        raise SourceError("no DICOM files in this folder or below it", where=folder, hint=hint)
    return Listing(found, passed)


def not_dicom(path: Path) -> str | None:
    """What a file is that is no DICOM image, by its content; None for one that may be, or claims to be by its ending.

    Args:
        path: Path of the file.
    """
    if path.name == "DICOMDIR":
        return "the directory of a DICOM medium"
    if path.name.startswith("._"):
        return "a note of macOS on another file"
    if path.suffix.lower() in SUFFIXES:
        return None
    try:
        with open_file(path) as file:
            start = file.read(_MAGIC_AT + 4)
    except SourceError as error:
        return error.message
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if has_magic(start) or has_no_preamble(start) else "not a DICOM file"


def has_magic(start: bytes) -> bool:
    """Whether a file with these first 132 bytes has DICOM's preamble."""
    return start[_MAGIC_AT : _MAGIC_AT + 4] == b"DICM"


def has_no_preamble(start: bytes) -> bool:
    """Whether a file looks like DICOM that begins with its first element, as files of before 1993 and some exports do.

    The first element of such a file is of the group 0002 or 0008, with a known type or a short length.

    Args:
        start: First bytes of the file, at least 8.
    """
    if len(start) < 8:
        return False
    orders: tuple[str, ...] = ("little", "big")
    for order in orders:
        group, element = (int.from_bytes(start[at : at + 2], order) for at in (0, 2))  # type: ignore[arg-type]
        if group in _FIRST_GROUPS and element <= 0x0070:
            length = int.from_bytes(start[4:8], order)  # type: ignore[arg-type]
            return start[4:6] in _VALUE_TYPES or 0 < length <= _LONGEST_FIRST
    return False
