"""Files that are whole or absent: they are written under a partial name, synced and renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from synthmammo.errors import unwritable
from synthmammo.identity import file_digest


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a partial name beside `path`; the file gets its final name when the body ends without an error.

    Args:
        path: Final path; folders that are missing are made.

    Raises:
        OutputError: The place cannot be written. The partial file is removed, as after any other error.
    """
    partial = path.with_name(f".partial-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        permissions = partial.stat().st_mode
        yield partial
        partial.chmod(permissions)  # safetensors would leave its files to their owner alone
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):  # a place that cannot be written fails here too; the first error is the one to report
            partial.unlink(missing_ok=True)


class PartialFile:
    """A file that has a partial name until it is whole, on the disk, and renamed.

    Args:
        path: Final path; folders that are missing are made.

    Attributes:
        path: Final path.
        file: Open partial file, to be written inside `guard`; None after `commit` and `discard`.

    Raises:
        OutputError: The place cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f".partial-{path.name}")
        self.file: IO[bytes] | None = None
        with self.guard():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self._partial.open("wb")

    @contextmanager
    def guard(self) -> Iterator[IO[bytes]]:
        """Yield the open file.

        Raises:
            OutputError: The disk failed in the body; the partial file is removed.
        """
        try:
            yield self.file  # type: ignore[misc]
        except OSError as error:
            self.discard()
            raise unwritable(self.path, error) from error

    def commit(self) -> tuple[int, str]:
        """Flush the file to the disk and give it the final name.

        Returns:
            Size in bytes, and SHA-256 as 64 hexadecimal digits.

        Raises:
            OutputError: The disk failed; the partial file is removed.
        """
        with self.guard() as file:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            size, sha256 = self._partial.stat().st_size, file_digest(self._partial)
            self._partial.replace(self.path)
        self.file = None
        return size, sha256

    def discard(self) -> None:
        """Close and remove the partial file, if there is one."""
        file, self.file = self.file, None
        if file is None:
            return
        with suppress(OSError):  # closing flushes once more onto the same full disk
            file.close()
        self._partial.unlink(missing_ok=True)
