"""Paths that a table of an archive names: they lead to files of the archive, or nowhere."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from synthmammo.errors import SourceError

LONGEST = 255
"""Longest name of a file or folder that file systems take, in bytes."""


def below(folder: Path, *names: str) -> Path:
    """A path below a folder.

    Args:
        folder: Folder of the archive.
        names: Names from the archive's table, relative to the folder.

    Raises:
        SourceError: They lead out of the folder, or are no names of files.
    """
    for name in names:
        parts = PurePosixPath(name).parts
        shown = ascii(name if len(name) <= 80 else f"{name[:77]}...")
        if ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
            hint = "Name files by their paths relative to the archive's folder."
            raise SourceError(f"{shown} leads out of the folder", where=folder, hint=hint)
        if any("\0" in part or len(part.encode(errors="replace")) > LONGEST for part in parts):
            raise SourceError(f"{shown} is no name of a file", where=folder)
    return folder.joinpath(*names)
