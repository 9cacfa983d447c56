"""Files that are whole or not there: written under a partial name, synced, renamed."""

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
    """Yield a partial name beside `path`; give it the final name only when the body ends well.

    Raises:
        OutputError: The place cannot be written; the partial file is removed.
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
    """A file that bears a partial name until it is whole, durable, and renamed.

    Attributes:
        path: Final path.
        file: The open partial file, for `write` inside `guard`.
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
        """Yield the open file; a failure of the disk becomes an `OutputError` and removes the partial file."""
        try:
            yield self.file  # type: ignore[misc]
        except OSError as error:
            self.discard()
            raise unwritable(self.path, error) from error

    def commit(self) -> tuple[int, str]:
        """Flush to the disk and give the final name; returns size in bytes and SHA-256.

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
        """Close and remove the partial file; does nothing when there is none."""
        file, self.file = self.file, None
        if file is None:
            return
        with suppress(OSError):  # closing flushes once more onto the same full disk
            file.close()
        self._partial.unlink(missing_ok=True)
