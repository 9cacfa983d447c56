"""A dataset directory as it is now, finished or not, and the samples that can be read already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST, STATE
from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.dataset.reader import Dataset, listed_shards
from synthmammo.dataset.unfinished import DRAFT, WORK, is_running
from synthmammo.errors import DatasetError

_NO_SHARDS = ("content.json", "versions.json", f"{WORK}.json", f"{DRAFT}.json")


@dataclass(frozen=True)
class Begun:
    """What is there of a dataset.

    Attributes:
        path: Directory of the dataset.
        name: Name of the dataset; that of its directory where it is not known yet.
        kind: "built", "ingested" or "patches"; empty where it is not known yet.
        state: "finished", "running" while a process makes it, else "unfinished".
        planned: Number of samples of the whole dataset; None where it is not known yet.
        shards: Records of the finished shards.
        rows: Key, split and class of their samples, by these names.
        failed: What could not become a sample, with the reason.
        seconds: Processor time by activity, in seconds, of an unfinished dataset; a finished one does not keep it.
    """

    path: Path
    name: str
    kind: str
    state: str
    planned: int | None
    shards: tuple[ShardRecord, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    failed: tuple[dict[str, str], ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def dataset(self) -> Dataset:
        """The samples that can be read now.

        Raises:
            DatasetError: No shard is finished, or the finished ones are of formats that are not read.
        """
        if self.state == "finished":
            return Dataset.open(self.path)
        parts = listed_shards(self.path, Manifest("", self.name, "", {}, shards=self.shards))
        if not parts:
            hint = "Wait for the first shard, or run the command that makes it again."
            raise DatasetError("none of its samples can be read yet", where=self.path, hint=hint)
        return Dataset(self.path, parts, None)


def begun(directory: Path) -> Begun:
    """What is there of a dataset, without keeping a process that makes it from going on.

    Args:
        directory: Directory of a dataset, finished or not.

    Raises:
        DatasetError: It is neither.
    """
    if (directory / MANIFEST).is_file():
        manifest = Manifest.read(directory)
        rows = read_index(directory).select(["key", "split", "label"]).to_pylist()
        planned = manifest.samples + len(manifest.failed)
        known = (directory, manifest.name, manifest.kind, "finished", planned)
        return Begun(*known, manifest.shards, tuple(rows), manifest.failed)
    if not (directory / STATE / "content.json").is_file():
        hint = "Give the directory of a dataset, finished or not."
        raise DatasetError("is no dataset", where=directory, hint=hint)
    return _unfinished(directory)


def _unfinished(directory: Path) -> Begun:
    content = json.loads((directory / STATE / "content.json").read_text(encoding="utf-8"))
    recipe = content.get("recipe") or {}
    results = list(_results(directory / STATE))
    seconds: dict[str, float] = {}
    for result in results:
        for activity, spent in result["seconds"].items():
            seconds[activity] = seconds.get(activity, 0) + spent
    return Begun(
        directory,
        recipe.get("name", directory.name),
        "built" if recipe else "",
        "running" if is_running(directory) else "unfinished",
        recipe.get("size") if recipe else None,
        tuple(ShardRecord(**record) for result in results for record in result["records"]),
        tuple(row for result in results for row in result["rows"]),
        tuple(skip for result in results for skip in result["skipped"]),
        seconds,
    )


def _results(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("[!.]*.json")):
        if file.name not in _NO_SHARDS:
            with suppress(FileNotFoundError):  # the folder goes when the dataset is finished, which may be now
                yield json.loads(file.read_text(encoding="utf-8"))
