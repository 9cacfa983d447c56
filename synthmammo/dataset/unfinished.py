"""A dataset directory in the making: what it was begun with, which shards are done, and that one process is at it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from synthmammo._version import BYTES_VERSION, PIXELS_VERSION
from synthmammo.dataset.differences import content_differences, listed_changes
from synthmammo.dataset.finishing import ShardResult, finish
from synthmammo.dataset.journal import Journal
from synthmammo.dataset.layout import MANIFEST, STATE
from synthmammo.dataset.manifest import Manifest, ShardRecord, stated_computing
from synthmammo.dataset.places import Folder, Place, size
from synthmammo.errors import OutputError
from synthmammo.files import writing
from synthmammo.identity import digest

PIXELS, BYTES = "pixels_version", "bytes_version"
COMPUTING = "computing"
"""Key of the content for device class, batch and precision; absent where a build has the default."""

ORDER = "order"
"""Key of the content for the orders of names, which JSON with sorted keys does not keep."""

WORK = "work"
"""Name of what `Unfinished.note` keeps of a build's size: "shards", "samples", and of a part its "names"."""

DRAFT = "draft"
"""Name of what `Unfinished.note` keeps of a part's manifest."""


class Unfinished:
    """The state of an interrupted or running job, in a folder that goes when the manifest is written.

    The digest of a dataset is that of its content and of the pixels and bytes versions of the code: of all that
    decides what it shows and says, and of nothing that does not. The release of the package and the versions of
    libraries are no part of it, so that a finished dataset stays what it is when they change. But bytes may depend on
    them (DICOM files name the release), so a dataset is finished with those that it was begun with.

    Args:
        out: The dataset directory; made when absent.
        content: JSON-able values that decide the dataset beside the code.
        versions: Versions of all that decides bytes, by name, as `libraries.versions` gives them.
        place: Where its shards lie; None, the default, for the dataset directory.

    Attributes:
        out: The dataset directory.
        place: Where its shards lie.
        digest: SHA-256 of the content and of the pixels and bytes versions.

    Raises:
        OutputError: The directory holds something else, or was begun with other content or other versions, or cannot
            be written.
    """

    def __init__(
        self, out: Path, content: Mapping[str, Any], versions: Mapping[str, str], place: Place | None = None
    ) -> None:
        self.out, self._versions = out, dict(versions)
        self.place = place or Folder(out)
        self._content = with_code(content)
        self.digest = digest(self._content)
        self._folder = out / STATE
        if (out / MANIFEST).is_file():
            self._check_finished(Manifest.read(out))
            return
        if (self._folder / "content.json").is_file():
            self._check_begun(self._read("content"))
        else:
            self._begin()
        self._hold()
        self._journal = Journal(self._folder)
        self._done = self._journal.entries()
        self._journal.begin()

    def _begin(self) -> None:
        out = self.out
        if out.exists() and (not out.is_dir() or any(path.name != STATE for path in out.iterdir())):
            hint = "Choose another directory, or empty this one."
            raise OutputError("exists and is not a dataset of this package", where=out, hint=hint)
        self._write("versions", self._versions)
        self._write("content", self._content)  # last: a directory that has it can be continued

    def _hold(self) -> None:
        """Keep other processes out; the system lets go when this one ends, however it ends."""
        if sys.platform == "win32":
            return
        import fcntl

        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT)
        weakref.finalize(self, os.close, descriptor)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "Wait until it is done, or stop it."
            raise OutputError("another process is making this dataset now", where=self.out, hint=hint) from None

    def manifest(self) -> Manifest | None:
        """The manifest of the finished dataset; None while it is unfinished.

        Raises:
            OutputError: A shard of the finished dataset is gone or has another size.
        """
        if not (self.out / MANIFEST).is_file():
            return None
        finished = Manifest.read(self.out)
        for record in finished.shards:
            path = self.out / record.name
            if not path.exists() or size(path) != record.bytes:
                hint = f"`synthmammo verify {self.out}` tells what else; {self._way_out(finished.kind)}."
                raise OutputError("is finished, but this shard is missing or was changed", where=path, hint=hint)
        shutil.rmtree(self._folder, ignore_errors=True)  # of a run that was cut off after its manifest
        return finished

    def _way_out(self, kind: str) -> str:
        """What mends a finished dataset."""
        if kind == "built":
            return f"`synthmammo repair {self.out}` makes it again, to the same bytes"
        return "remove the directory to have the same command make the dataset anew"

    def is_done(self, shard: str) -> bool:
        """Whether a shard is finished and its files have their sizes; its samples are not read."""
        if shard not in self._done:
            return self.load(shard) is not None  # the journal of a run that was killed may lack its last line
        return (self._folder / f"{shard}.json").is_file() and all(map(self.place.holds, self._done[shard].records))

    def load(self, shard: str) -> ShardResult | None:
        """The result of a finished shard; None when it must be made, or a file of it is gone."""
        result = stored_result(self.out, shard)
        return result if result and all(map(self.place.holds, result.records)) else None

    def loaded(self, shard: str) -> ShardResult:
        """The result of a shard that this run made, or found done.

        Raises:
            OutputError: A file of it is gone.
        """
        result = self.load(shard)
        if result is None:
            hint = "Does something else remove files there? The same command makes it again."
            raise OutputError(f"a file of the shard {shard} vanished or was changed", where=self.out, hint=hint)
        return result

    def forget(self) -> None:
        """Remove the state, and what is empty: nothing could be made, and the same command begins afresh."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for path in [*self.out.iterdir(), self.out]:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def save(self, shard: str, result: ShardResult) -> None:
        """Note that a shard is finished."""
        self._write(shard, asdict(result))
        self._journal.add(shard, result)

    def note(self, name: str, facts: Mapping[str, Any]) -> None:
        """Write facts beside the state, for `status` and `merge`.

        Args:
            name: `WORK` or `DRAFT`.
            facts: JSON-able values.

        Raises:
            OutputError: The directory cannot be written.
        """
        self._write(name, facts)

    def is_noted(self, name: str) -> bool:
        """Whether `note` has written something under a name."""
        return (self._folder / f"{name}.json").is_file()

    def finish(
        self,
        results: Sequence[ShardResult],
        skipped: Sequence[dict[str, str]],
        manifest: Manifest,
        files: Sequence[str] = (),
    ) -> Manifest:
        """Make the directory a finished dataset, see `finishing.finish`; the state's folder goes.

        Args:
            results: Results of all shards, in order.
            skipped: Files that never came into a shard.
            manifest: Manifest with everything but digest, versions, counts, shards, files and what was skipped.
            files: Further files of the directory that belong to the content.

        Returns:
            The manifest as written.

        Raises:
            OutputError: The disk failed; the same command continues later.
        """
        manifest = replace(manifest, digest=self.digest, versions=self._versions)
        manifest = replace(manifest, pixels_version=PIXELS_VERSION, bytes_version=BYTES_VERSION)
        whole = finish(self.out, results, skipped, manifest, files, self.place)
        shutil.rmtree(self._folder, ignore_errors=True)
        return whole

    def _check_finished(self, manifest: Manifest) -> None:
        """Refuse a finished dataset of other content; its manifest keeps recipe or options under one name."""
        if manifest.digest != self.digest:
            known: dict[str, Any] = {
                "recipe": manifest.options,
                "options": manifest.options,
                "sources": manifest.sources,
            }
            known |= {PIXELS: manifest.pixels_version, BYTES: manifest.bytes_version}
            # A manifest sorts names; where nothing else differs, their order does.
            known |= {ORDER: self._content[ORDER]} if ORDER in self._content else {}
            known |= {COMPUTING: stated} if (stated := stated_computing(manifest)) else {}
            raise self._other_content(known)

    def _check_begun(self, content: Mapping[str, Any]) -> None:
        """Refuse an unfinished dataset that was begun with other content or versions."""
        known = {PIXELS: 0, BYTES: 0, **content}
        if digest(known) != self.digest:
            raise self._other_content(known)
        versions = self._read("versions")  # only now: the state of an early release has none
        if versions != self._versions:
            shown = listed_changes(content_differences(versions, self._versions)) or " (of other libraries)"
            hint = f"Install what it was begun with, choose another directory, or {self._anew}."
            message = f"was begun with other versions, and bytes may depend on them:{shown}"
            raise OutputError(message, where=self.out, hint=hint)

    def _other_content(self, known: Mapping[str, Any]) -> OutputError:
        """The error for a directory of other content, with what is known of that."""
        ordered = {name: known[name] for name in (*self._content, COMPUTING) if name in known}
        shown = (
            listed_changes(content_differences(ordered, self._content))
            or " the order of names, or the version of a source"
        )
        hint = f"Choose another directory, repeat what it was begun with, or {self._anew}."
        if known.get(COMPUTING) != self._content.get(COMPUTING):
            hint = f"Pixels depend on device and batch, which never change in the middle: {_asked(known)}. {hint}"
        if known[PIXELS] != PIXELS_VERSION:
            hint = f"This version of the package makes other pixels: use the one that began it. {hint}"
        elif known[BYTES] != BYTES_VERSION:
            hint = f"This version of the package writes other bytes: use the one that began it. {hint}"
        return OutputError(f"holds a dataset made from something else:{shown}", where=self.out, hint=hint)

    @property
    def _anew(self) -> str:
        """What begins the dataset anew, which not every command has an option for."""
        return "begin anew with --overwrite" if "recipe" in self._content else "remove it"

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            hint = f"Choose another directory, or {self._anew}."
            raise OutputError("what it was begun with cannot be read", where=self.out, hint=hint) from error
        return found

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        try:
            with writing(self._folder / f"{name}.json") as partial:
                # What is compared is sorted; elsewhere the order of the entries belongs to the dataset.
                text = json.dumps(content, sort_keys=name == "content", ensure_ascii=False)
                partial.write_text(text, encoding="utf-8")
        except OutputError as error:
            # The folder is the package's own; the user named the directory.
            raise OutputError(error.message, where=self.out, hint=error.hint) from error


def _asked(content: Mapping[str, Any]) -> str:
    """What asks for the device and the batch that a dataset was begun with."""
    stated = content.get(COMPUTING)
    return f"--device {stated['device']} --batch {stated['batch']}" if stated else "leave out --device and --batch"


def with_code(content: Mapping[str, Any]) -> dict[str, Any]:
    """Content with the versions of the code that decide a dataset like it does; a dataset's digest is that of both."""
    return {PIXELS: PIXELS_VERSION, BYTES: BYTES_VERSION, **content}


def stored_result(out: Path, shard: str) -> ShardResult | None:
    """What the state of an unfinished dataset says of a shard; None where it is not finished.

    Args:
        out: The dataset directory, which is read alone.
        shard: Name of the shard.
    """
    path = out / STATE / f"{shard}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    records = tuple(ShardRecord(**record) for record in found["records"])
    facts = found["seconds"], found.get("machine", {})
    return ShardResult(records, tuple(found["rows"]), tuple(found["skipped"]), *facts)


def is_running(out: Path) -> bool:
    """Whether a process is making an unfinished dataset now; it is not disturbed."""
    lock = out / STATE / "lock"
    if sys.platform == "win32" or not lock.is_file():
        return False
    import fcntl

    try:
        with lock.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a place that cannot be written cannot be locked either
        return False
    return False
