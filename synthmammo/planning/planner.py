"""A recipe becomes a table that holds every random draw of every sample; no later stage draws anything.

Draws are counter-based (`identity.draw_u64`): columns are drawn as arrays, a row does not depend on the others, and a
larger size leaves the earlier rows as they were. The table is streamed to Parquet, so that memory does not grow with
its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthmammo.files import writing
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.mammogram.sample import SPLITS
from synthmammo.planning.edits import edit_column, seeds_column
from synthmammo.planning.lesions import Columns, codes, lesion_column
from synthmammo.planning.quota import JointQuota, Quota
from synthmammo.planning.sharding import shard_rows
from synthmammo.planning.table import NOISE, REPEATING, SCHEMA, named, numbered
from synthmammo.progress import Progress, silent
from synthmammo.recipe import Choice, Recipe
from synthmammo.recipe.draws import fractions

ROW_GROUP = 1 << 16
"""Rows per row group of the file, and per piece that is drawn at once."""
EXAM_LATERALITIES, EXAM_VIEWS = ("R", "R", "L", "L"), ("CC", "MLO", "CC", "MLO")
"""The four images of an exam, in the order of its rows: breast by breast, so that the views of one share a group."""


def write_plan(recipe: Recipe, path: Path, progress: Progress = silent) -> int:
    """Draw every sample of a recipe and write the table.

    Args:
        recipe: The checked recipe.
        path: Parquet file to write, whole or not at all.
        progress: Function that is called with the number of rows done so far and of all rows; silent by default.

    Returns:
        Number of rows.

    Raises:
        DatasetError: The ingested hosts are absent, or none of them can be used.
        OutputError: The file cannot be written.
    """
    done = 0
    options = {"compression": dict.fromkeys(NOISE, "none"), "use_dictionary": REPEATING}
    with (
        writing(path) as partial,
        pq.ParquetWriter(partial, SCHEMA, **options) as writer,
        ThreadPoolExecutor(1) as beside,
    ):
        written: Future[None] | None = None
        for table in tables(recipe):
            if written:
                written.result()
            # Packing takes as long as drawing: the next piece is drawn meanwhile.
            written = beside.submit(writer.write_table, table, row_group_size=ROW_GROUP)
            progress(done := done + table.num_rows, recipe.size)
        if written:
            written.result()
    return done


def tables(recipe: Recipe) -> Iterator[pa.Table]:
    """The plan in pieces of `ROW_GROUP` rows at most, in the order of the index."""
    planner = _Planner(recipe)
    for start in range(0, recipe.size, ROW_GROUP):
        yield planner.table(start, min(ROW_GROUP, recipe.size - start))


@dataclass
class _Planner:
    """Draws the pieces of a plan in order, and carries what depends on the rows before: quotas and shard counts."""

    recipe: Recipe
    _shard_counts: dict[int, int] = field(default_factory=dict)
    _last: tuple[int, int, int] = (-1, 0, 0)
    """Number, class and split of the last group so far; no group is numbered -1."""

    def __post_init__(self) -> None:
        self._hosts = _hosts(self.recipe)
        self._shard_rows = shard_rows(self.recipe, _split_rows(self.recipe) if self.recipe.emit.equal_shards else None)

    def table(self, start: int, rows: int) -> pa.Table:
        recipe = self.recipe
        index = np.arange(start, start + rows)
        group, member = index // recipe.members, index % recipe.members
        patient = group // recipe.groups_per_patient
        host = index if recipe.exam or recipe.sweep else patient
        # The steps of a sweep are backgrounds of their own, from one latent.
        source = patient if recipe.sweep else host
        label, split = self._cells(group)
        columns: Columns = {
            "key": numbered(f"{recipe.name}-", index, 7),
            "index": index,
            "shard": self._shards(split),
            "split": named(SPLITS, split),
            "label": self._labels(member, label),
            "role": self._roles(member, label),
            "host": host,
            "host_seed": self._host_seeds(source),
            "crop": self._crops(group if recipe.pair else index),
            "host_seeds": seeds_column(recipe, source),
            "body_seed": self._body_seeds(patient),
            "edits": edit_column(recipe, source, member),
            "lesions": lesion_column(recipe, index, group, label),
            **self._hosts.columns(source, patient),
        }
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, type=SCHEMA.field(name).type)
            for name, column in ((name, columns[name]) for name in SCHEMA.names)
        ]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _cells(self, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Class number and split number of each row; groups come in order, and each takes its class and split once."""
        last, last_label, last_split = self._last
        new = _once(group[group > last])
        label, split = self._hosts.cells(new, new // self.recipe.groups_per_patient)
        # The first rows may belong to the last group of the piece before, which took its class and split there.
        groups, labels, splits = np.r_[last, new], np.r_[last_label, label], np.r_[last_split, split]
        self._last = int(groups[-1]), int(labels[-1]), int(splits[-1])
        place = np.searchsorted(groups, group)
        return labels[place], splits[place]

    def _shards(self, split: NDArray[np.int64]) -> pa.Array:
        numbers = np.empty(len(split), dtype=np.int64)
        for code in range(len(SPLITS)):
            rows = np.flatnonzero(split == code)
            first = self._shard_counts.get(code, 0)
            numbers[rows] = (first + np.arange(len(rows))) // self._shard_rows[code]
            self._shard_counts[code] = first + len(rows)
        return pc.binary_join_element_wise(named(SPLITS, split), numbered("", numbers, 5), "-")

    def _labels(self, member: NDArray[np.int64], label: NDArray[np.int64]) -> pa.Array:
        names = list(self.recipe.classes)
        if self.recipe.pair:
            # The twin of a pair has no lesion, whatever the class of its partner.
            return named([*names, "normal"], np.where(member == 1, len(names), label))
        return named(names, label)

    def _roles(self, member: NDArray[np.int64], label: NDArray[np.int64]) -> pa.Array:
        recipe = self.recipe
        if recipe.pair:
            return named(["lesion", recipe.pair], member)
        removed = codes(recipe, recipe.removal.classes if recipe.removal else [])
        return named(["plain", "removed"], np.isin(label, removed).astype(np.int64))

    def _host_seeds(self, source: NDArray[np.int64]) -> NDArray[np.uint64]:
        stated = getattr(self.recipe.background, "seeds", None)
        if stated:
            return np.array(stated, np.uint64)[source % len(stated)]
        return draw_u64(self.recipe.seed, "host_seed", source)

    def _body_seeds(self, patient: NDArray[np.int64]) -> pa.Array:
        if not self.recipe.exam:
            return pa.nulls(len(patient), pa.uint64())
        return pa.array(draw_u64(self.recipe.seed, "body_seed", patient))

    def _crops(self, index: NDArray[np.int64]) -> pa.Array:
        if self.recipe.patch is None:
            return pa.nulls(len(index), SCHEMA.field("crop").type)
        draws = [draw_uniform(self.recipe.seed, f"crop/{what}", index) for what in ("place", "row", "column")]
        return pa.FixedSizeListArray.from_arrays(np.stack(draws, axis=1).ravel(), 3)


class _GeneratedHosts:
    """Backgrounds from a generator, as many as are needed; each is a person of its own, or one view of an exam."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        classes, splits = fractions(recipe.classes), _split_fractions(recipe)
        self._alone = recipe.groups_per_patient == 1
        self._joint = JointQuota(classes, splits)
        self._patient_splits = Quota(splits)
        self._class_quotas = [Quota(classes) for _ in SPLITS]
        self._seen: tuple[int, int] = (-1, 0)

    def cells(
        self, group: NDArray[np.int64], patient: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Class number and split number of each new group."""
        if self._alone:
            return self._joint.take(len(group))
        last, last_split = self._seen
        fresh = _once(patient[patient > last])
        patients = np.concatenate([[last], fresh])
        splits = np.concatenate([[last_split], self._patient_splits.take(len(fresh))])
        self._seen = int(patients[-1]), int(splits[-1])
        split = splits[np.searchsorted(patients, patient)]
        return _within(split, self._class_quotas), split

    def columns(self, host: NDArray[np.int64], patient: NDArray[np.int64]) -> Columns:
        """Columns that say what the backgrounds show.

        Args:
            host: `int64 (N)` numbers of the backgrounds.
            patient: `int64 (N)` numbers of the persons.
        """
        recipe = self.recipe
        shown = recipe.shown
        implants = np.zeros(len(host), np.bool_)
        if shown.implants:
            implants = draw_uniform(recipe.seed, "implant", patient) < shown.implants
        columns: Columns = {
            "host_key": pa.nulls(len(host), pa.string()),
            "patient": numbered(f"{recipe.name}-p", patient, 7),
            "truncation": np.full(len(host), shown.truncation),
            "view": self._chosen("view", shown.view, host),
            "laterality": self._chosen("laterality", shown.laterality, host),
            # What the views of a person share is drawn once for all of them.
            "density": self._chosen("density", shown.density, patient),
            "implant": implants,
        }
        if recipe.exam:
            place = host % len(EXAM_VIEWS)
            columns |= {"view": named(EXAM_VIEWS, place), "laterality": named(EXAM_LATERALITIES, place)}
        return columns

    def _chosen(self, name: str, shown: Mapping[str, float] | str | None, number: NDArray[np.int64]) -> pa.Array:
        """A name per number: the one that all have, null, or drawn by the shares."""
        if shown is None or isinstance(shown, str):
            return pa.repeat(pa.scalar(shown, pa.string()), len(number))
        return named(list(shown), Choice(dict(shown))(draw_uniform(self.recipe.seed, name, number)))


class _RealHosts:
    """Real backgrounds: each is used once before any is used again, and brings its patient's split."""

    def __init__(self, recipe: Recipe, table: pa.Table) -> None:
        self.recipe = recipe
        # The order follows from the hosts' keys, so that it does not depend on the order they were read in.
        order = np.argsort([int(draw_u64(recipe.seed, f"host/{key}", 0)) for key in table["key"].to_pylist()])
        self._table = table.take(pa.array(order))
        self._class_quotas = [Quota(fractions(recipe.classes)) for _ in SPLITS]
        self._split = np.array([SPLITS.index(split) for split in self._table["split"].to_pylist()])

    def cells(self, group: NDArray[np.int64], host: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Class number and split number of each new group."""
        split = self._split[host % len(self._split)]
        return _within(split, self._class_quotas), split

    def columns(self, host: NDArray[np.int64], patient: NDArray[np.int64]) -> Columns:
        """Columns that say what the backgrounds show; `patient` is not used: the real one is in the table."""
        chosen = self._table.take(pa.array(host % self._table.num_rows))
        columns: Columns = {
            name: chosen[name].combine_chunks().cast(pa.string())
            for name in ("patient", "view", "laterality", "density")
        }
        columns["host_key"] = chosen["key"].combine_chunks()
        # An inverted image has no truncation; the seeds that its edits take something from have.
        columns["truncation"] = np.full(len(host), self.recipe.shown.truncation)
        columns["implant"] = np.zeros(len(host), dtype=bool)
        return columns


def _hosts(recipe: Recipe) -> _GeneratedHosts | _RealHosts:
    real = kind_of(recipe).hosts(recipe)
    return _GeneratedHosts(recipe) if real is None else _RealHosts(recipe, real)


def _split_rows(recipe: Recipe) -> list[int]:
    """Rows of each split, counted before the first is drawn."""
    hosts, counts = _hosts(recipe), np.zeros(len(SPLITS), dtype=np.int64)
    groups = recipe.size // recipe.members
    for start in range(0, groups, ROW_GROUP):
        group = np.arange(start, min(start + ROW_GROUP, groups))
        _, split = hosts.cells(group, group // recipe.groups_per_patient)
        counts += np.bincount(split, minlength=len(SPLITS))
    return [int(number) * recipe.members for number in counts]


def _once(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers that come in order, each once; sorting them first, as `np.unique` does, takes ten times as long."""
    return numbers[np.flatnonzero(np.diff(numbers, prepend=-1))]


def _split_fractions(recipe: Recipe) -> list[Fraction]:
    shares = recipe.split_shares
    exact = dict(zip(shares, fractions(shares), strict=True))
    return [exact.get(split, Fraction(0)) for split in SPLITS]


def _within(split: NDArray[np.int64], quotas: list[Quota]) -> NDArray[np.int64]:
    """Class number of each row from the quota of its split."""
    label = np.empty(len(split), dtype=np.int64)
    for number, quota in enumerate(quotas):
        rows = np.flatnonzero(split == number)
        label[rows] = quota.take(len(rows))
    return label
