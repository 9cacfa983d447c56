"""A finished dataset grows: a larger `size` makes the shards that are new, and those that were not full, alone.

The larger dataset is made in a folder beside the old one, into which the full shards are linked; at the end the two
folders change places in one step. Until then the old dataset is whole, whatever breaks off.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from synthmammo.building.build import (
    content_of,
    finish_build,
    make_shard,
    planned_shards,
    remove_dataset,
    write_inputs,
)
from synthmammo.building.delivered import made_on, maker
from synthmammo.building.merge import placed
from synthmammo.building.networks import served
from synthmammo.dataset.differences import content_differences
from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.index import IndexRow, index_row, read_index
from synthmammo.dataset.layout import CARD, MANIFEST, PICTURE, PLAN, READABLE, STATE, beside
from synthmammo.dataset.manifest import Manifest, ShardRecord, machines
from synthmammo.dataset.places import size
from synthmammo.dataset.reader import MadeDataset, listed_shards
from synthmammo.dataset.reports import REPORTS
from synthmammo.dataset.shards import run_shards
from synthmammo.dataset.unfinished import WORK, Unfinished, with_code
from synthmammo.dataset.workers.base import Advance, Engine
from synthmammo.errors import OutputError, SynthmammoError, unwritable
from synthmammo.generators.inputs import Inputs
from synthmammo.identity import digest
from synthmammo.models.devices import Computing
from synthmammo.planning.table import shard_sizes
from synthmammo.recipe import Recipe

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def smaller(recipe: Recipe, out: Path, draft: Manifest) -> Manifest | None:
    """The finished dataset that a build would make larger; None where there is none, or it is another one.

    Args:
        recipe: The checked recipe.
        out: Directory of the dataset.
        draft: Manifest of the build, as far as it is known before a sample is made.
    """
    if not (out / MANIFEST).is_file():
        return None
    found = Manifest.read(out)
    if found.kind != "built" or found.options.get("size", 0) >= draft.options["size"]:
        return None
    content = content_of(recipe, draft)
    as_before = content | {"recipe": draft.options | {"size": found.options["size"]}}
    return found if digest(with_code(as_before)) == found.digest else None


def grow(
    recipe: Recipe,
    out: Path,
    draft: Manifest,
    before: Manifest,
    versions: Mapping[str, str],
    engine: Engine,
    advance: Advance,
    inputs: Inputs | None = None,
    computing: Computing | None = None,
) -> MadeDataset:
    """Make a finished dataset larger.

    Args:
        recipe: The checked recipe, with the larger size.
        out: Directory of the dataset.
        draft: Manifest of the larger one, as far as it is known before a sample is made.
        before: Manifest of the dataset that is there.
        versions: Versions of all that decides bytes, by name.
        engine: Engine that makes the shards.
        advance: Function that is called with the number of samples done since its last call, kept ones included.
        inputs: What the recipe's generators read, as `find_inputs` finds it; by default each looks for its own.
        computing: Device, batch and precision of the networks; None, the default, for the processor.

    Raises:
        OutputError: The dataset is damaged, was made with other versions, or the disk failed.
        GeneratorError: A generator cannot do what a row asks.
    """
    if versions != before.versions:
        shown = "".join(f"\n    {change}" for change in content_differences(before.versions, dict(versions))[:8])
        hint = "Install what it was made with, or build the larger one in another directory."
        raise OutputError(f"was made with other versions, and bytes may depend on them:{shown}", where=out, hint=hint)
    _check_whole(out, before)
    folder = beside(out)
    with _named_as(out, folder):
        state = Unfinished(folder, content_of(recipe, draft), versions)
        if state.manifest() is None:
            made = _make(
                recipe, out, state, replace(draft, uids=_uids(before)), before, engine, advance, inputs, computing
            )
        else:
            advance(recipe.size)
            made = 0
        _exchange(out.resolve(), folder)
    settle(out)
    return MadeDataset(out, Manifest.read(out), made)


def _uids(before: Manifest) -> str:
    """What the UIDs of DICOM objects derive from: an image keeps its own when others are added to it."""
    is_dicom = any(shard.format == "dicom" for shard in before.shards)
    return (before.uids or before.digest) if is_dicom else ""


def _check_whole(out: Path, manifest: Manifest) -> None:
    for record in manifest.shards:
        path = out / record.name
        if not path.exists() or size(path) != record.bytes:
            hint = f"`synthmammo repair {out}` makes it again, to the same bytes; then it can grow."
            raise OutputError("this shard is missing or was changed", where=path, hint=hint)


@contextmanager
def _named_as(out: Path, folder: Path) -> Iterator[None]:
    """Have errors name the directory that the user named."""
    try:
        yield
    except SynthmammoError as error:
        if str(folder) not in str(error.where):
            raise
        where = str(error.where).replace(str(folder), str(out))
        raise type(error)(error.message, where=where, hint=error.hint) from error


def _make(
    recipe: Recipe,
    out: Path,
    state: Unfinished,
    draft: Manifest,
    before: Manifest,
    engine: Engine,
    advance: Advance,
    inputs: Inputs | None,
    computing: Computing | None,
) -> int:
    """Make the larger dataset in its folder; returns the number of samples that were made."""
    sizes = write_inputs(recipe, state.out)
    state.note(WORK, {"shards": len(sizes), "samples": sum(sizes.values())})
    for name, result in kept(recipe, out, state.out / PLAN, before):
        if state.is_done(name):
            continue
        records = tuple(_renamed(record, name) for record in result.records)
        for old, new in zip(result.records, records, strict=True):
            placed(out / old.name, state.out / new.name)
        state.save(name, replace(result, records=records))
    with served(recipe, inputs or Inputs(), computing or Computing(), engine) as given:
        make = maker(partial(make_shard, computing=given), recipe, state, draft.uids or state.digest, engine, inputs)
        made = run_shards(state, engine, make, planned_shards(state.out / PLAN), advance)
    whole = made_on(draft, made.results)
    finish_build(recipe, state, made.results, replace(whole, machine=machines([whole.machine, before.machine])))
    return made.samples


def _renamed(record: ShardRecord, shard: str) -> ShardRecord:
    """The record of a shard before it was named `-of-N`."""
    return replace(record, name=f"{record.format}/{shard}{Path(record.name).suffix}")


def kept(recipe: Recipe, out: Path, plan: Path, before: Manifest) -> Iterator[tuple[str, ShardResult]]:
    """The shards of a dataset that a larger plan has too, with what is known of them.

    Args:
        recipe: The recipe of the larger dataset.
        out: Directory of the dataset that is there.
        plan: The larger plan.
        before: Manifest of the dataset that is there.
    """
    formats = list(recipe.emit.formats.chosen())
    if recipe.emit.labels and not set(formats) & set(READABLE):
        return  # masks of label files are in no index, and here no sample can be read
    same = _same(out / PLAN, plan)
    keys = _keys(out / PLAN)
    failed = {skip["key"]: skip for skip in before.failed}
    records = _records(before, formats, keys, failed)
    rows = {row["key"]: row for row in read_index(out).to_pylist()}
    for name in same:
        there = [key for key in keys[name] if key not in failed]
        of_shard = tuple(records.get(name, ()))
        known = [rows[key] for key in there]
        if recipe.emit.labels and of_shard:
            known = _with_masks(out, of_shard, there)
        skipped = tuple(failed[key] for key in keys[name] if key in failed)
        yield name, ShardResult(of_shard, tuple(known), skipped)


def _with_masks(out: Path, records: Sequence[ShardRecord], keys: Sequence[str]) -> list[IndexRow]:
    """Rows of the index from the samples of a shard: the index itself has no masks, and label files have."""
    parts = listed_shards(out, Manifest("", "", "", {}, shards=tuple(records)))
    rows = {sample.key: index_row(sample) for part in parts for sample in part.samples()}
    return [rows[key] for key in keys]


def _records(
    before: Manifest, formats: Sequence[str], keys: Mapping[str, Sequence[str]], failed: Mapping[str, object]
) -> dict[str, list[ShardRecord]]:
    """Records of a dataset's shards by their names in the plan; those without a sample have no file, and no number."""
    series = defaultdict[tuple[str, str], list[ShardRecord]](list)
    for record in before.shards:
        series[record.format, record.split].append(record)
    left = {key: iter(records) for key, records in series.items()}
    found = {}
    for name in sorted(keys):
        if any(key not in failed for key in keys[name]):
            found[name] = [next(left[one, name.rpartition("-")[0]]) for one in formats]
    return found


def _keys(plan: Path) -> dict[str, list[str]]:
    """Keys of a plan's rows by shard, in order."""
    keys = defaultdict[str, list[str]](list)
    table = pq.read_table(plan, columns=["shard", "key"])
    for shard, key in zip(table["shard"].to_pylist(), table["key"].to_pylist(), strict=True):
        keys[shard].append(key)
    return dict(keys)


def _same(small: Path, large: Path) -> list[str]:
    """Names of the shards whose rows are the same in both plans."""
    before, now = shard_sizes(small), shard_sizes(large)
    starts = [_starts(before), _starts(now)]
    same = [name for name in before if now.get(name) == before[name] and starts[0][name] == starts[1][name]]
    return same if _begins_with(large, small) else []


def _starts(sizes: Mapping[str, int]) -> dict[str, int]:
    """Number of rows of its split before each shard."""
    counted, starts = defaultdict[str, int](int), {}
    for name in sorted(sizes):
        split = name.rpartition("-")[0]
        starts[name] = counted[split]
        counted[split] += sizes[name]
    return starts


def _begins_with(large: Path, small: Path) -> bool:
    """Whether a plan begins with the rows of another, whatever their shards."""
    with pq.ParquetFile(small) as first, pq.ParquetFile(large) as second:
        for group in range(first.num_row_groups):
            one, other = (file.read_row_group(group).drop_columns("shard") for file in (first, second))
            if not one.equals(other.slice(0, one.num_rows)):
                return False
    return True


def _exchange(out: Path, folder: Path) -> None:
    """Let two folders change places, in one step where the system can do that.

    Raises:
        OutputError: They cannot be renamed, a place where a disk is mounted for example.
    """
    if _exchanged(out, folder):
        return
    aside = folder.with_name(f"{folder.name}-before")
    try:
        out.rename(aside)
        folder.rename(out)
        aside.rename(folder)
    except OSError as error:
        with suppress(OSError):
            if not out.exists():
                aside.rename(out)
        raise unwritable(out, error) from error


def _exchanged(out: Path, folder: Path) -> bool:
    """Whether the kernel let two folders change places at once; only Linux can, and not on every disk."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        return False
    paths = [os.fsencode(path) for path in (out, folder)]
    return bool(libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)


def settle(out: Path) -> None:
    """Finish what a growth that was cut off near its end has left: bring in what else lay in the folder.

    Args:
        out: Directory of the dataset.

    Raises:
        OutputError: The disk failed.
    """
    folder = beside(out)
    aside = folder.with_name(f"{folder.name}-before")
    try:
        if aside.is_dir() and not out.exists():
            aside.rename(out)
        if aside.is_dir() and not folder.exists():
            aside.rename(folder)
        if not all((place / MANIFEST).is_file() for place in (out, folder)):
            return
        old, now = Manifest.read(folder), Manifest.read(out)
        if old.options.get("size", 0) >= now.options.get("size", 0):
            return  # the larger one waits for its turn
        _bring(folder, out, old)
        shutil.rmtree(folder)
    except OSError as error:
        raise unwritable(out, error) from error


def abandon(out: Path) -> None:
    """Remove what was made of a larger dataset, before the smaller one is removed too.

    Args:
        out: Directory of the dataset.

    Raises:
        OutputError: It cannot be removed.
    """
    remove_dataset(beside(out))


def _bring(folder: Path, out: Path, old: Manifest) -> None:
    """Move what a user has put beside the content of a dataset; reports on the smaller one are set aside."""
    content = {MANIFEST, CARD, STATE, *old.files, *(shard.name for shard in old.shards), PICTURE}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink()):
        name = path.relative_to(folder)
        parents = {str(parent) for parent in name.parents}
        if str(name) in content or parents & content:
            continue
        target = out / name
        if str(name) in REPORTS:
            target = out / f"{name.stem}-of-{old.samples}{name.suffix}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
