"""Where the shards of a dataset in the making lie: a folder of this machine, or a storage that has an address."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol

from synthmammo.dataset.layout import STATE
from synthmammo.dataset.manifest import ShardRecord
from synthmammo.errors import OutputError, unwritable


class Place(Protocol):
    """Holds the shards of a dataset by their names, e.g. "parquet/train-00003.parquet"; it travels to workers."""

    def holds(self, record: ShardRecord) -> bool:
        """Whether the file or folder of a shard is there with its size; one named `-of-N` gets its old name back."""
        ...

    def look_again(self) -> None:
        """Forget what was seen there before: workers may have brought in more."""
        ...

    def rename(self, names: Sequence[tuple[str, str]]) -> None:
        """Rename files or folders.

        Args:
            names: Pairs of the old and the new name.

        Raises:
            OutputError: One cannot be renamed.
        """
        ...

    def bring(self, names: Sequence[str], folder: Path) -> None:
        """Have files of the place in a folder of this machine, under the same names.

        Args:
            names: Names of files.
            folder: The folder; where it is the place itself, nothing is to be done.

        Raises:
            OutputError: The place cannot be read.
        """
        ...

    def check(self) -> None:
        """Find out whether this machine reaches the place.

        Raises:
            OutputError: It does not.
        """
        ...

    def desk(self) -> AbstractContextManager[Path]:
        """An empty folder to make a shard in, which goes at the end of the context."""
        ...

    def take(self, folder: Path, names: Iterable[str]) -> None:
        """Bring in what is finished, each file or folder whole or not at all.

        Args:
            folder: Folder that it was made in.
            names: Names of the files or folders, there and in the dataset.

        Raises:
            OutputError: The place cannot be written.
        """
        ...


@dataclass(frozen=True)
class Folder:
    """The directory of a dataset; of several machines, on a disk that they share.

    Attributes:
        path: The directory.
    """

    path: Path

    def look_again(self) -> None:
        """See `Place.look_again`; a folder is looked at every time."""

    def holds(self, record: ShardRecord) -> bool:
        """See `Place.holds`."""
        path = self.path / record.name
        if not path.exists():
            # A run that was cut off while it named the shards `-of-N` has renamed some of them.
            renamed = [
                other for other in path.parent.glob(f"{path.stem}-of-*{path.suffix}") if size(other) == record.bytes
            ]
            if len(renamed) == 1:
                renamed[0].replace(path)
        return path.exists() and size(path) == record.bytes

    def rename(self, names: Sequence[tuple[str, str]]) -> None:
        """See `Place.rename`."""
        for old, new in names:
            try:
                (self.path / old).replace(self.path / new)
            except OSError as error:
                raise OutputError(f"cannot be renamed ({error.strerror})", where=self.path / old) from error

    def bring(self, names: Sequence[str], folder: Path) -> None:
        """See `Place.bring`: they lie here."""

    def check(self) -> None:
        """See `Place.check`."""
        if not (self.path / STATE).is_dir():
            hint = "Name a directory on a disk that all machines share, or a storage, as --out s3://BUCKET/NAME."
            raise OutputError("is not seen from every machine", where=self.path, hint=hint)

    @contextmanager
    def desk(self) -> Iterator[Path]:
        """See `Place.desk`; on the same disk, so that what is made there is renamed in one step."""
        try:
            folder = Path(mkdtemp(prefix="desk-", dir=self.path / STATE))
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def take(self, folder: Path, names: Iterable[str]) -> None:
        """See `Place.take`."""
        for name in names:
            target = self.path / name
            try:
                target.parent.mkdir(exist_ok=True)
                if target.is_dir():
                    shutil.rmtree(target)
                (folder / name).replace(target)
            except OSError as error:
                raise unwritable(target, error) from error


def size(path: Path) -> int:
    """Size of a file in bytes; for a folder the sum over its files."""
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
