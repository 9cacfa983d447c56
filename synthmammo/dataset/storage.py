"""A storage as the place of a dataset: what fsspec opens by an address, s3://BUCKET/NAME for example."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from posixpath import basename, dirname, splitext
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, TypeVar

from synthmammo.dataset.layout import MANIFEST, STATE
from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.errors import OutputError

_AT_ONCE = 16
"""Number of requests that wait for their answers at once."""

_FRESH_S = 1.0
"""Age in seconds up to which a list of what lies there is not asked for again."""

_NUMBERED = re.compile(r"(.*)-of-\d+(\.\w+)?")

Answer = TypeVar("Answer")


def is_address(text: object) -> bool:
    """Whether a text is the address of a storage rather than a path."""
    return isinstance(text, str) and "://" in text


class Storage:
    """A folder of a storage.

    Args:
        url: Its address, e.g. "s3://bucket/datasets/masses"; what opens it may need a package, s3fs for example.

    Attributes:
        url: Its address, without a slash at the end.

    Raises:
        OutputError: The address is of a kind that is not known here.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._system, self._root = self._opened()
        self._listing: _Listing | None = None

    def __reduce__(self) -> tuple[type[Storage], tuple[str]]:
        """It is opened anew in another process."""
        return Storage, (self.url,)

    def _opened(self) -> tuple[Any, str]:
        import fsspec

        try:
            system, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            kind = self.url.partition("://")[0]
            hint = f"{error}."
            if kind == "s3":
                hint = "Install what opens it: pip install 'synthmammo[s3]'."
            raise OutputError(
                f"no storage of the kind {kind}:// can be opened here", where=self.url, hint=hint
            ) from None
        return system, root.rstrip("/")

    def _asked(self, what: str, name: str, ask: Callable[[], Answer]) -> Answer:
        """The answer of the storage, whose every error becomes a message."""
        try:
            return ask()
        except Exception as error:  # every kind of storage has errors of its own
            where = f"{self.url}/{name}".rstrip("/")
            hint = "Check the address, the credentials and the network, and run the same command again."
            raise OutputError(f"{what} ({type(error).__name__}: {error})", where=where, hint=hint) from error

    def sizes(self) -> dict[str, int]:
        """Size in bytes of every file, by name; the storage is asked each time.

        Raises:
            OutputError: It does not answer.
        """

        def ask() -> dict[str, Any]:
            try:
                found: dict[str, Any] = self._system.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
            return found

        found = self._asked("cannot be listed", "", ask)
        return {path[len(self._root) + 1 :]: facts["size"] for path, facts in found.items()}

    def look_again(self) -> None:
        """See `Place.look_again`."""
        self._listing = None

    def holds(self, record: ShardRecord) -> bool:
        """See `Place.holds`."""
        if self._listing is None or self._listing.size(record.name) != record.bytes:
            self._listing = self._listing if self._listing and self._listing.fresh() else _Listing(self.sizes())
        there = self._listing.size(record.name)
        if there is None:
            renamed = self._listing.numbered.get(record.name, [])
            if len(renamed) == 1 and self._listing.size(renamed[0]) == record.bytes:
                self._move(renamed[0], record.name)
                self._listing.rename(renamed[0], record.name)
                return True
        return there == record.bytes

    def rename(self, names: Sequence[tuple[str, str]]) -> None:
        """See `Place.rename`; several are on their way at once, since each is a copy there."""
        self._listing = None
        self._each(lambda pair: self._move(*pair), names)

    def _move(self, old: str, new: str) -> None:
        source, target = f"{self._root}/{old}", f"{self._root}/{new}"

        def ask() -> None:
            if splitext(old)[1] or "file" in _protocols(self._system):
                self._system.mv(source, target)
                return
            for path in self._system.find(source):  # where folders are only the beginnings of names
                self._system.mv(path, f"{target}/{basename(path)}")

        self._asked("cannot be renamed", old, ask)

    def check(self) -> None:
        """See `Place.check`."""
        known = f"{STATE}/content.json"
        if not self._asked("is not reached", "", lambda: self._system.exists(f"{self._root}/{known}")):
            raise OutputError(
                "is not seen from every machine", where=self.url, hint="Do all have the same credentials?"
            )

    @contextmanager
    def desk(self) -> Iterator[Path]:
        """See `Place.desk`."""
        with TemporaryDirectory(prefix="synthmammo-") as folder:
            yield Path(folder)

    def take(self, folder: Path, names: Iterable[str]) -> None:
        """See `Place.take`; a storage shows a file when all of it has arrived."""
        files = [
            path.relative_to(folder).as_posix()
            for name in names
            for path in ([folder / name] if (folder / name).is_file() else sorted((folder / name).iterdir()))
        ]
        self._each(lambda name: self.put(folder / name, name), files)

    def put(self, path: Path, name: str) -> None:
        """Bring in one file.

        Args:
            path: The file here.
            name: Its name in the dataset.

        Raises:
            OutputError: The storage cannot be written.
        """
        target = f"{self._root}/{name}"
        if "file" in _protocols(self._system):
            self._asked("cannot be written", name, lambda: _put_whole(self._system, path, target))
        else:
            self._asked("cannot be written", name, lambda: self._system.put_file(str(path), target))

    def bring(self, names: Sequence[str], folder: Path) -> None:
        """See `Place.bring`."""

        def one(name: str) -> None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            source, target = f"{self._root}/{name}", str(folder / name)
            self._asked("cannot be read", name, lambda: self._system.get_file(source, target))

        self._each(one, names)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files.

        Raises:
            OutputError: One cannot be removed.
        """
        self._each(lambda name: self._asked("cannot be removed", name, lambda: self._gone(name)), names)

    def _gone(self, name: str) -> None:
        self._system.rm_file(f"{self._root}/{name}")

    def remove_dataset(self) -> None:
        """Remove the dataset that lies there, and nothing else.

        Raises:
            OutputError: Something else lies there, or it cannot be removed.
        """
        names = list(self.sizes())
        if names and not {MANIFEST, f"{STATE}/content.json"} & {*names}:
            raise OutputError("is not a dataset of this package, so it is not removed", where=self.url)
        self.remove(sorted(names, key=lambda name: name in (MANIFEST, f"{STATE}/content.json")))

    @staticmethod
    def _each(do: Callable[[Any], None], over: Iterable[Any]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(do, over):
                pass


class StoredUnfinished(Unfinished):
    """The state of a dataset whose shards lie in a storage, and which is kept there too.

    Args:
        desk: Folder here for all that is no shard.
        content: See `Unfinished`.
        versions: See `Unfinished`.
        storage: Where the shards lie.

    Raises:
        OutputError: See `Unfinished`; or the storage holds something else.
    """

    def __init__(self, desk: Path, content: Mapping[str, Any], versions: Mapping[str, str], storage: Storage) -> None:
        self._storage = storage
        names = storage.sizes()
        begun = [name for name in names if dirname(name) == STATE and name.endswith(".json")]
        if names and MANIFEST not in names and f"{STATE}/content.json" not in begun:
            hint = "Choose another address, or empty this one."
            raise OutputError("exists and is not a dataset of this package", where=storage.url, hint=hint)
        storage.bring([MANIFEST] if MANIFEST in names else begun, desk)
        super().__init__(desk, content, versions, storage)

    def manifest(self) -> Manifest | None:
        """See `Unfinished.manifest`."""
        if not (self.out / MANIFEST).is_file():
            return None
        finished = Manifest.read(self.out)
        for record in finished.shards:
            if not self._storage.holds(record):
                where = f"{self._storage.url}/{record.name}"
                hint = "Begin anew with --overwrite, or fetch the dataset and `synthmammo repair` it."
                raise OutputError("is finished, but this shard is missing or was changed", where=where, hint=hint)
        return finished

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        super()._write(name, content)
        self._storage.put(self.out / STATE / f"{name}.json", f"{STATE}/{name}.json")

    def publish(self) -> None:
        """Bring in all that is no shard, the manifest last, and remove the state.

        Raises:
            OutputError: The storage cannot be written.
        """
        shards = {record.name for record in Manifest.read(self.out).shards}
        files = [path.relative_to(self.out).as_posix() for path in self.out.rglob("*") if path.is_file()]
        self._storage.take(self.out, [name for name in files if name not in {*shards, MANIFEST}])
        self._storage.take(self.out, [MANIFEST])
        self._storage.remove([name for name in self._storage.sizes() if name.startswith(f"{STATE}/")])


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _put_whole(system: Any, path: Path, target: str) -> None:
    """Copy under a partial name first: on a disk half a file would be seen."""
    head, _, tail = target.rpartition("/")
    system.makedirs(head, exist_ok=True)
    partial = f"{head}/.partial-{tail}"
    system.put_file(str(path), partial)
    system.mv(partial, target)


class _Listing:
    """What lay in a storage when it was listed.

    Args:
        files: Size in bytes of each file, by name.

    Attributes:
        numbered: Names that end in `-of-N`, by the name without that.
    """

    def __init__(self, files: dict[str, int]) -> None:
        self._files, self._folders, self._at = files, Counter[str](), monotonic()
        for name, number in files.items():
            self._folders[dirname(name)] += number
        self.numbered: dict[str, list[str]] = {}
        for name in (*files, *self._folders):
            if found := _NUMBERED.fullmatch(name):
                self.numbered.setdefault(f"{found[1]}{found[2] or ''}", []).append(name)

    def size(self, name: str) -> int | None:
        """Size of a file, or of a folder's files; None where there is none."""
        return self._files.get(name, self._folders.get(name))

    def rename(self, old: str, new: str) -> None:
        """Note that a file or folder has another name now."""
        for known in (self._files, self._folders):
            if old in known:
                known[new] = known.pop(old)
        del self.numbered[new]

    def fresh(self) -> bool:
        """Whether it was made just now."""
        return monotonic() - self._at < _FRESH_S
