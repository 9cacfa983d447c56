"""The files of an archive as it lies on the disk: in folders, behind links, and in zip archives.

A file in a zip archive has the path of the archive followed by its name in it, as `archive.zip/case 1/image.dcm`; it is
read where it lies, and nothing is unpacked onto the disk.
"""

from __future__ import annotations

import lzma
import os
import struct
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import PassedOver, existing_archive, is_zip

MOST_BYTES = 2 << 30
"""Most bytes of a file in a zip archive; the largest mammograms have some hundred megabytes."""

_ENCRYPTED = 1
_LARGE, _MOST_PACKED = 256 << 20, 250
"""Files of more bytes, and of more times the bytes that they are packed into, are no images; see `_refusal`."""

_NOTES_OF_MACOS = "__MACOSX"
_DAMAGES = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged member of a zip archive raises."""


class Listing(NamedTuple):
    """What lies below a folder.

    Attributes:
        files: Paths of the files, sorted; a zip archive is not among them, what is in it is.
        passed_over: Links that lead nowhere or in a circle, and what cannot be read of zip archives.
    """

    files: list[Path]
    passed_over: list[PassedOver]


def files_below(root: Path) -> Listing:
    """List the files below a folder, or in a zip archive.

    Links to folders and files are followed, also out of the folder; a folder that is reached twice is read once.

    Args:
        root: The folder, or the zip archive.
    """
    passed: list[PassedOver] = []
    if archive := _archive_of(root):
        inside = sorted(file for file in _members(archive, passed) if file.is_relative_to(root))
        return Listing(inside, [one for one in passed if one.path.is_relative_to(root)])
    plain = [root] if root.is_file() else list(_walked(root, passed))
    files = [file for path in plain for file in (_members(path, passed) if is_zip(path) else [path])]
    return Listing(sorted(files), passed)


def open_archive(path: str | Path) -> Path:
    """The folder that holds the files of an archive, which may be a zip archive.

    Args:
        path: Path of a folder or of a zip archive; `~` stands for the user's home.

    Returns:
        The folder; of a zip archive that packs one folder, and nothing beside it, that folder in it.

    Raises:
        SourceError: It is missing, or another file; or the zip archive is damaged.
    """
    root = existing_archive(path)
    if not root.is_file():
        return root
    _opened(root)
    return common_folder(root, files_below(root).files)


def common_folder(archive: Path, files: Sequence[Path]) -> Path:
    """The folder that a zip archive packs, where all of its files lie in one; else the archive itself."""
    parts = [path.relative_to(archive).parts for path in files]
    tops = {names[0] for names in parts if len(names) > 1} - {_NOTES_OF_MACOS}
    flat = any(len(names) == 1 for names in parts)
    return archive / tops.pop() if len(tops) == 1 and not flat else archive


def paths_below(folder: Path, suffixes: Sequence[str], depth: int | None = None) -> list[Path]:
    """The files below a folder, on the disk or in a zip archive, whose names end so, sorted.

    Args:
        folder: The folder.
        suffixes: Endings in small letters, each with its dot.
        depth: Number of levels that are looked into, 1 for the folder alone; None, the default, for all.
    """
    if depth is not None and _archive_of(folder) is None and folder.is_dir():
        levels = ("/".join(["*"] * level) for level in range(1, depth + 1))
        named = (path for level in levels for path in folder.glob(level) if path.suffix.lower() in suffixes)
        return sorted(path for path in named if path.is_file())
    found = (path for path in files_below(folder).files if path.suffix.lower() in suffixes)
    return sorted(path for path in found if depth is None or len(path.relative_to(folder).parts) <= depth)


def is_folder(path: Path) -> bool:
    """Whether there is a folder at a path, on the disk or in a zip archive."""
    archive = None if path.is_dir() else _archive_of(path)
    if archive is None:
        return path.is_dir()
    start = "" if path == archive else f"{path.relative_to(archive).as_posix()}/"
    return any(name.startswith(start) for name in _opened(archive)[1])


def _walked(root: Path, passed: list[PassedOver]) -> Iterator[Path]:
    """Regular files of a tree; links to folders come last, so that the true path of a folder is the one that counts."""
    visited: set[tuple[int, int]] = set()
    folders, links = deque([root]), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            passed.append(PassedOver(folder, f"cannot be listed ({error.strerror})"))
            continue
        if (status.st_dev, status.st_ino) in visited:
            passed.append(PassedOver(folder, "a link to a folder that is read already"))
            continue
        visited.add((status.st_dev, status.st_ino))
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append(path)
            elif entry.is_file():
                yield path
            else:
                what = "a link that leads nowhere" if entry.is_symlink() else "neither a file nor a folder"
                passed.append(PassedOver(path, what))


def _members(archive: Path, passed: list[PassedOver]) -> Iterator[Path]:
    try:
        opened, entries = _opened(archive)
    except SourceError as error:
        passed.append(PassedOver(archive, error.message))
        return
    for member in opened.infolist():
        name = _name(member)
        if name == "." or member.is_dir():  # which fails at an empty name
            continue
        if reason := _refusal(member) or (
            "another file of the same name in its zip archive" if entries[name] is not member else None
        ):
            passed.append(PassedOver(archive / name, reason))
        else:
            yield archive / name


def _name(member: zipfile.ZipInfo) -> str:
    """Name of an entry as a path has it: without doubled and leading slashes."""
    return PurePosixPath(member.filename.lstrip("/")).as_posix()


def _refusal(member: zipfile.ZipInfo) -> str | None:
    if member.flag_bits & _ENCRYPTED:
        return "encrypted in its zip archive"
    if member.file_size > MOST_BYTES:
        return f"{member.file_size:,} bytes in a zip archive; at most {MOST_BYTES:,} are read"
    if member.file_size > max(_LARGE, _MOST_PACKED * member.compress_size):
        return f"{member.file_size:,} bytes packed into {member.compress_size:,} of a zip archive, as no image is"
    if member.filename.lower().endswith(".zip"):
        return "a zip archive in a zip archive; unpack it"
    if ".." in PurePosixPath(member.filename).parts:
        return "its name in the zip archive leads out of it"
    return None


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """A file on the disk or in a zip archive, open for reading.

    Args:
        path: Path as `files_below` gives it.

    Raises:
        SourceError: The zip archive is damaged, or has no such file.
        OSError: As `Path.open`.
    """
    found = _place(path)
    if found is None:
        with path.open("rb") as file:
            yield file
        return
    archive, member = found
    try:
        with _opened(archive)[0].open(member) as file:
            yield file
    except _DAMAGES as error:
        raise SourceError(f"the zip archive is damaged, or packed in an unknown way ({error})", where=path) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise SourceError(f"the zip archive is damaged ({error})", where=path) from error  # as bzip2 says it


def read_file(path: Path) -> bytes:
    """Content of a file on the disk or in a zip archive, where it has at most `MOST_BYTES`.

    Raises:
        SourceError: As `open_file`.
        OSError: As `Path.open`.
    """
    with open_file(path) as file:
        return file.read() if _place(path) is None else file.read(MOST_BYTES)


@contextmanager
def open_whole(path: Path) -> Iterator[IO[bytes]]:
    """As `open_file`, and quick to move about in: a file of a zip archive is read into memory first."""
    if _place(path) is None:
        with path.open("rb") as file:
            yield file
    else:
        yield BytesIO(read_file(path))


def size_of(path: Path) -> int:
    """Size in bytes of a file on the disk or in a zip archive.

    Raises:
        SourceError: As `open_file`.
        OSError: There is no such file.
    """
    found = _place(path)
    return path.stat().st_size if found is None else found[1].file_size


def is_there(path: Path) -> bool:
    """Whether there is a file at a path, on the disk or in a zip archive."""
    try:
        return path.is_file() or _place(path) is not None
    except (SourceError, OSError):
        return False


def _place(path: Path) -> tuple[Path, zipfile.ZipInfo] | None:
    """Zip archive and entry of a file; None for a file on the disk.

    Raises:
        SourceError: The archive is damaged, or has no such file.
    """
    archive = None if path.exists() else _archive_of(path)
    if archive is None:
        return None
    member = _opened(archive)[1].get(path.relative_to(archive).as_posix())
    if member is None:
        raise SourceError("is not in the zip archive any more", where=path)
    if reason := _refusal(member):
        raise SourceError(reason, where=path)
    return archive, member


def _archive_of(path: Path) -> Path | None:
    """The zip archive that a path is of, or leads into; None for a path on the disk."""
    if path.exists():
        return path if path.is_file() and is_zip(path) else None
    archive = next((parent for parent in path.parents if parent.exists()), None)
    return archive if archive is not None and archive.is_file() and is_zip(archive) else None


def _opened(archive: Path) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    try:
        status = archive.stat()
        # Processes that were forked share the place in an open file: each opens its own.
        return _kept(archive, status.st_mtime_ns, status.st_size, os.getpid())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise SourceError(f"the zip archive is damaged ({error})", where=archive) from error


@lru_cache(maxsize=4)
def _kept(archive: Path, changed: int, size: int, process: int) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    opened = zipfile.ZipFile(archive)
    return opened, {_name(member): member for member in opened.infolist()}
