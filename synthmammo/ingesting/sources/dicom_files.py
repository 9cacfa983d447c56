"""The DICOM files of a folder, found by suffix and content."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import SourceError

SUFFIXES = (".dcm", ".dicom", ".ima", "")


def dicom_files(folder: Path) -> list[Path]:
    """Files that are, or claim to be, DICOM, sorted: by suffix, or without one by the letters DICM at byte 128.

    Raises:
        SourceError: There is none.
    """
    paths = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and p.name != "DICOMDIR"
    )
    found = [path for path in paths if path.suffix or _has_magic(path)]
    if not found:
        hint = f"Expected files ending in {', '.join(filter(None, SUFFIXES))}, or DICOM files without an ending."
        raise SourceError("no DICOM files in this folder or below it", where=folder, hint=hint)
    return found


def _has_magic(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
