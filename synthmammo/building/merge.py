"""`merge`: the parts of a plan that several machines made become one dataset, byte-equal to that of a single build."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthmammo.arguments import a_function, a_path
from synthmammo.building.build import finish_build
from synthmammo.building.gate import pass_gate
from synthmammo.building.portion import as_ranges
from synthmammo.dataset.differences import content_differences
from synthmammo.dataset.layout import MANIFEST, PLAN, RECIPE, STATE
from synthmammo.dataset.manifest import Manifest, machines
from synthmammo.dataset.places import size
from synthmammo.dataset.reader import MadeDataset
from synthmammo.dataset.unfinished import (
    COMPUTING,
    DRAFT,
    ORDER,
    WORK,
    Unfinished,
    is_running,
    stored_result,
    with_code,
)
from synthmammo.errors import DatasetError, OutputError, unwritable
from synthmammo.files import writing
from synthmammo.identity import digest, file_digest
from synthmammo.planning.table import shard_sizes
from synthmammo.progress import Progress, Steps, silent
from synthmammo.recipe import load_recipe


def merge(parts: Sequence[str | Path], out: str | Path, *, progress: Progress = silent) -> MadeDataset:
    """Make one dataset of the parts that `build_part` made, byte-equal to that of a single build.

    Files are linked where the system can do that, and copied elsewhere; the parts stay as they are, and may be removed
    afterwards. Neither models nor real hosts are needed. After an interruption the same call goes on where it was.

    Args:
        parts: Directories of the parts, which together have every shard of the plan once.
        out: Directory of the dataset.
        progress: Function that is called with the number of shards taken and that of all shards.

    Returns:
        The dataset, with its card; `unmet` says what the audit that its recipe demands did not let pass.

    Raises:
        DatasetError: A directory is no part, the parts do not belong together, or a shard is there twice or not at all.
        OutputError: The directory holds something else, or cannot be written.
        GeneratorError: Not one sample could be made.

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.merge("part1", "masses")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        parts: expected the directories of the parts, in a list
    """
    if isinstance(parts, str | Path) or not isinstance(parts, Sequence) or not parts:
        raise DatasetError("expected the directories of the parts, in a list", where="parts")
    folders = [a_path(part, "parts", DatasetError) for part in parts]
    directory = a_path(out, "out", OutputError)
    a_function(progress, "progress", DatasetError)
    from synthmammo.dataset.card import card

    made = _merge([Piece.read(folder) for folder in folders], directory, progress)
    made.unmet = tuple(pass_gate(load_recipe(directory / RECIPE), directory, silent))
    card(directory)
    return made


@dataclass(frozen=True)
class Piece:
    """A part as it lies on the disk.

    Attributes:
        path: Its directory.
        content: What decides the dataset, as the state keeps it.
        versions: Versions of all that decides bytes, by name.
        draft: Fields of the manifest as far as they were known before a sample was made.
        work: What it was to make: "names" of shards, "portion" as a text.
    """

    path: Path
    content: dict[str, Any]
    versions: dict[str, str]
    draft: dict[str, Any]
    work: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Piece:
        """The part in a directory.

        Raises:
            DatasetError: It is none.
        """
        if (path / MANIFEST).is_file():
            hint = "Parts are what `synthmammo build --part` makes; name these alone."
            raise DatasetError("is a finished dataset and no part of one", where=path, hint=hint)
        state = path / STATE
        names = ("content", "versions", DRAFT, WORK)
        if not all((state / f"{name}.json").is_file() for name in names):
            hint = "A part is made by `synthmammo build RECIPE --part 3/64 --out DIR`; name that directory."
            raise DatasetError("is no part of a dataset", where=path, hint=hint)
        try:
            read = [json.loads((state / f"{name}.json").read_text(encoding="utf-8")) for name in names]
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"its state cannot be read ({error})", where=state, hint="Make the part anew."
            ) from error
        return cls(path, *read)


def _merge(pieces: Sequence[Piece], out: Path, progress: Progress) -> MadeDataset:
    first = pieces[0]
    content = {name: first.content[name] for name in ("recipe", "sources", ORDER, COMPUTING) if name in first.content}
    if digest(with_code(content)) != digest(first.content):
        hint = "Merge the parts with the version that made them."
        raise DatasetError("was made by another version of the package", where=first.path, hint=hint)
    for other in pieces[1:]:
        _check_alike(first, other)
    names = list(shard_sizes(first.path / PLAN))
    owners = _owners(pieces, names)
    state = Unfinished(out, content, first.versions)
    finished = state.manifest()
    if finished:
        progress(len(names), len(names))
        return MadeDataset(out, finished, 0)
    for name in (RECIPE, PLAN):
        placed(first.path / name, out / name)
    steps = Steps(progress, len(names))
    for name in names:
        if not state.is_done(name):
            _take(owners[name].path, name, state)
        steps(1)
    draft = Manifest(
        **{**first.draft, "machine": machines([piece.draft["machine"] for piece in pieces]), "shards": (), "failed": ()}
    )
    results = [state.loaded(name) for name in yielded(names)]
    whole = finish_build(load_recipe(out / RECIPE), state, results, draft)
    return MadeDataset(out, whole, 0)


def _check_alike(first: Piece, other: Piece) -> None:
    """Refuse parts of two datasets, and parts whose bytes may differ.

    Raises:
        DatasetError: They do not belong together.
    """
    hint = f"It does not belong to {first.path}; merge the parts of one plan."
    if digest(first.content) != digest(other.content):
        shown = "".join(f"\n    {change}" for change in content_differences(first.content, other.content)[:8])
        raise DatasetError(f"is a part of another dataset (before: {first.path}):{shown}", where=other.path, hint=hint)
    if first.versions != other.versions:
        shown = "".join(f"\n    {change}" for change in content_differences(first.versions, other.versions)[:8])
        hint = "Make it anew with the versions of the others, on which bytes may depend."
        message = f"was made with other versions (before: {first.path}):{shown}"
        raise DatasetError(message, where=other.path, hint=hint)
    if file_digest(first.path / PLAN) != file_digest(other.path / PLAN):
        raise DatasetError("has another plan, so one of them was changed", where=other.path / PLAN, hint=hint)


def _owners(pieces: Sequence[Piece], names: Sequence[str]) -> dict[str, Piece]:
    """The part that has each shard.

    Raises:
        DatasetError: Two parts have a shard, or none has it.
    """
    owners: dict[str, Piece] = {}
    for piece in pieces:
        for name in piece.work["names"]:
            if name in owners:
                message = f"the shard {name} is in {owners[name].path} too"
                raise DatasetError(message, where=piece.path, hint="Leave one of these parts out, or make it anew.")
            if (piece.path / STATE / f"{name}.json").is_file():
                owners[name] = piece
    missing = [number for number, name in enumerate(names) if name not in owners]
    if missing:
        raise _incomplete(pieces, names, missing)
    return owners


def _incomplete(pieces: Sequence[Piece], names: Sequence[str], missing: Sequence[int]) -> DatasetError:
    """The error for shards that no part has: one is still being made, was broken off, or was not named."""
    lost = {names[number] for number in missing}
    what = f"{len(lost)} of {len(names)} shards are missing, the first of them {names[missing[0]]}"
    for piece in pieces:
        if lost & set(piece.work["names"]):
            hint = "The command that began it makes them; run it again, then merge."
            if is_running(piece.path):
                hint = "It is being made now; wait for it."
            return DatasetError(f"is not done: {what}", where=piece.path, hint=hint)
    hint = f"Name all parts; `synthmammo build RECIPE --shards {as_ranges(missing)}` makes one of what is missing."
    return DatasetError(what, where="parts", hint=hint)


def _take(source: Path, shard: str, state: Unfinished) -> None:
    """Link or copy the files of a shard, and note it as done.

    Raises:
        DatasetError: A file of the part is gone, or has another size.
    """
    result = stored_result(source, shard)
    assert result, "a part that was looked through has its result"
    for record in result.records:
        path = source / record.name
        if not path.exists() or size(path) != record.bytes:
            hint = "The command that made the part makes the shard again; run it, then merge."
            raise DatasetError("this shard is missing or was changed", where=path, hint=hint)
        placed(path, state.out / record.name)
    state.save(shard, result)


def placed(source: Path, target: Path) -> None:
    """Link a file, or copy it where the system cannot link; of a folder, all its files.

    Args:
        source: The file or folder.
        target: Its new place; what is there is replaced.

    Raises:
        OutputError: It cannot be written.
    """
    if source.is_dir():
        try:
            shutil.rmtree(target, ignore_errors=True)
            partial = target.with_name(f".partial-{target.name}")
            shutil.rmtree(partial, ignore_errors=True)
            for file in sorted(source.iterdir()):
                placed(file, partial / file.name)
            partial.replace(target)
        except OSError as error:
            raise unwritable(target, error) from error
        return
    with writing(target) as partial:
        partial.unlink()
        try:
            os.link(source, partial)
        except OSError:  # another disk, or one that knows no links
            shutil.copyfile(source, partial)


def yielded(names: Sequence[str]) -> list[str]:
    """A plan's shards in the order in which `planned_shards` gives them.

    Args:
        names: Their names in the order of their first rows; a shard ends where the next one of its split begins.
    """
    ends: dict[str, int] = {}
    current: dict[str, str] = {}
    for place, name in enumerate(names):
        split = name.rpartition("-")[0]
        if split in current:
            ends[current[split]] = place
        current[split] = name
    places = {name: place for place, name in enumerate(names)}
    return sorted(names, key=lambda name: (ends.get(name, len(names)), places[name]))
