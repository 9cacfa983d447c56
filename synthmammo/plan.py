"""VERB plan: a recipe becomes a table with every random draw of every sample; nothing after it draws.

Draws are counter-based (`identity.draw_u64`), so columns are drawn as arrays, any row alone, and a larger size leaves
the earlier rows as they were. The table is streamed to Parquet; memory does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthmammo.errors import DatasetError
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.manifest import MANIFEST, Manifest, read_index, writing
from synthmammo.quota import JointQuota, Quota
from synthmammo.recipe import Choice, IngestedBackground, PhantomBackground, Recipe
from synthmammo.recipe.draws import fractions
from synthmammo.recipe.model import LesionSpec
from synthmammo.row import Candidate, PlannedLesion, Row
from synthmammo.sample import Kind, Laterality, Pathology, View

PLAN = "plan.parquet"
ROW_GROUP = 1 << 16
SPLITS = ("train", "validation", "test")
_TERMS = ("shape", "margin", "morphology", "distribution")

_CANDIDATE = pa.struct([("site", pa.float64()), ("seed", pa.uint64())])
_LESION = pa.struct(
    [("spec", pa.int8()), ("kind", pa.string()), ("pathology", pa.string())]
    + [("diameter_mm", pa.float64()), ("contrast", pa.float64())]
    + [(term, pa.string()) for term in _TERMS]
    + [("candidates", pa.list_(_CANDIDATE))]
)
SCHEMA = pa.schema(
    [("key", pa.string()), ("index", pa.int64()), ("shard", pa.string()), ("split", pa.string())]
    + [("label", pa.string()), ("role", pa.string()), ("host", pa.int64()), ("host_seed", pa.uint64())]
    + [("host_key", pa.string()), ("patient", pa.string()), ("view", pa.string()), ("laterality", pa.string())]
    + [("density", pa.string()), ("implant", pa.bool_()), ("truncation", pa.float64())]
    + [("crop", pa.list_(pa.float64(), 2)), ("edits", pa.map_(pa.string(), pa.float64()))]
    + [("lesions", pa.list_(_LESION))]
)
"""One row a sample; `crop` is the offset of a patch from its site in units of `patch.offset_px`."""

Columns = dict[str, Any]
Progress = Callable[[int], None]


def plan(recipe: Recipe, path: Path, progress: Progress = lambda rows: None) -> int:
    """Draw every sample of a recipe and write the table.

    Args:
        recipe: The checked recipe.
        path: Parquet file to write, whole or not at all.
        progress: Called with the number of rows done so far.

    Returns:
        Number of rows.

    Raises:
        DatasetError: The ingested hosts are absent, or none of them can be used.
        OutputError: The file cannot be written.
    """
    done = 0
    with writing(path) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        for table in tables(recipe):
            writer.write_table(table, row_group_size=ROW_GROUP)
            progress(done := done + table.num_rows)
    return done


def tables(recipe: Recipe) -> Iterator[pa.Table]:
    """The plan in pieces of at most `ROW_GROUP` rows, in the order of the index."""
    planner = _Planner(recipe)
    for start in range(0, recipe.size, ROW_GROUP):
        yield planner.table(start, min(ROW_GROUP, recipe.size - start))


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a plan file, one row group at a time.

    Raises:
        DatasetError: The file is absent or not a plan.
    """
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise DatasetError("its columns are not those of a plan", where=path)
            for batch in file.iter_batches(batch_size=4096):
                yield from map(as_row, batch.to_pylist())
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"the plan cannot be read ({error})", where=path) from error


def as_row(record: dict[str, Any]) -> Row:
    """A plan record, as `pyarrow` gives it, as the generators see it."""
    lesions = tuple(
        PlannedLesion(
            spec=lesion["spec"],
            kind=Kind(lesion["kind"]),
            pathology=Pathology(lesion["pathology"]),
            diameter_mm=lesion["diameter_mm"],
            contrast=lesion["contrast"],
            descriptors={term: lesion[term] for term in _TERMS if lesion[term] is not None},
            candidates=tuple(Candidate(**candidate) for candidate in lesion["candidates"]),
        )
        for lesion in record["lesions"]
    )
    return Row(
        **{
            **record,
            "view": View(record["view"]) if record["view"] else None,
            "laterality": Laterality(record["laterality"]) if record["laterality"] else None,
            "crop": tuple(record["crop"]) if record["crop"] else None,
            "edits": dict(record["edits"]),
            "lesions": lesions,
        }
    )


@dataclass
class _Planner:
    """Carries what depends on the rows before: quotas and shard counts."""

    recipe: Recipe
    _shard_counts: dict[str, int] = field(default_factory=dict)
    _last: Columns = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._labels = np.array(list(self.recipe.classes), dtype=object)
        self._hosts = (
            _IngestedHosts(self.recipe)
            if isinstance(self.recipe.background, IngestedBackground)
            else _GeneratedHosts(self.recipe)
        )

    def table(self, start: int, rows: int) -> pa.Table:
        recipe = self.recipe
        index = np.arange(start, start + rows)
        group = index // recipe.members
        host = group // recipe.background.samples_per_host
        label, split = self._cells(group, host)
        columns: Columns = {
            "key": [f"{recipe.name}-{number:07d}" for number in index.tolist()],
            "index": index,
            "shard": self._shards(split),
            "split": split,
            "label": np.where((index % recipe.members == 1) & (recipe.pair is not None), "normal", label),
            "role": self._roles(index % recipe.members, label),
            "host": host,
            "host_seed": draw_u64(recipe.seed, "host_seed", host),
            "crop": self._crops(index),
            "edits": _edits(recipe, host),
            "lesions": _lesions(recipe, index, group, label),
            **self._hosts.columns(host),
        }
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, type=SCHEMA.field(name).type)
            for name, column in ((name, columns[name]) for name in SCHEMA.names)
        ]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _cells(self, group: NDArray[np.int64], host: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        # A group may straddle two pieces of the table; its cell was then taken with the first of its rows.
        known = self._last.get("group", -1)
        fresh = np.unique(group[group > known])
        label, split = self._hosts.cells(fresh, fresh // self.recipe.background.samples_per_host)
        groups = np.concatenate([[known], fresh])
        labels = np.concatenate([[self._last.get("label", 0)], label])
        splits = np.concatenate([[self._last.get("split", 0)], split])
        if len(fresh):
            self._last = {"group": int(groups[-1]), "label": int(labels[-1]), "split": int(splits[-1])}
        places = np.searchsorted(groups, group)
        return self._labels[labels[places]], np.array(SPLITS, dtype=object)[splits[places]]

    def _shards(self, split: NDArray[Any]) -> list[str]:
        members = self.recipe.members
        size = max(members, self.recipe.emit.shard_size // members * members)
        numbers = np.empty(len(split), dtype=np.int64)
        for name in set(split.tolist()):
            rows = np.flatnonzero(split == name)
            first = self._shard_counts.get(name, 0)
            numbers[rows] = (first + np.arange(len(rows))) // size
            self._shard_counts[name] = first + len(rows)
        return [f"{name}-{number:05d}" for name, number in zip(split.tolist(), numbers.tolist(), strict=True)]

    def _roles(self, member: NDArray[np.int64], label: NDArray[Any]) -> NDArray[Any]:
        recipe = self.recipe
        if recipe.pair:
            return np.array(["lesion", recipe.pair], dtype=object)[member]
        removed = recipe.removal.classes if recipe.removal else []
        return np.where(np.isin(label.astype(str), removed), "removed", "plain")

    def _crops(self, index: NDArray[np.int64]) -> Any:
        if self.recipe.patch is None:
            return [None] * len(index)
        axes = [2 * draw_uniform(self.recipe.seed, f"crop_{axis}", index) - 1 for axis in ("row", "column")]
        return pa.FixedSizeListArray.from_arrays(np.stack(axes, axis=1).ravel(), 2)


class _GeneratedHosts:
    """Backgrounds from a generator: as many as are needed, each a person of its own."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        classes, splits = fractions(recipe.classes), _split_fractions(recipe)
        self._alone = recipe.background.samples_per_host == 1
        self._joint = JointQuota(classes, splits)
        self._host_splits = Quota(splits)
        self._class_quotas = [Quota(classes) for _ in SPLITS]
        self._seen: tuple[int, int] = (-1, 0)

    def cells(self, group: NDArray[np.int64], host: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Class number and split number of each new group."""
        if self._alone:
            return self._joint.take(len(group))
        last, last_split = self._seen
        fresh = np.unique(host[host > last])
        hosts = np.concatenate([[last], fresh])
        splits = np.concatenate([[last_split], self._host_splits.take(len(fresh))])
        self._seen = int(hosts[-1]), int(splits[-1])
        split = splits[np.searchsorted(hosts, host)]
        return _within(split, self._class_quotas), split

    def columns(self, host: NDArray[np.int64]) -> Columns:
        """Attributes of the backgrounds."""
        recipe, background = self.recipe, self.recipe.background
        columns: Columns = {
            "host_key": [None] * len(host),
            "patient": [f"{recipe.name}-p{number:07d}" for number in host.tolist()],
            "truncation": np.full(len(host), getattr(background, "truncation", 1.0)),
            "implant": np.zeros(len(host), dtype=bool),
        }
        if not isinstance(background, PhantomBackground):
            return columns | dict.fromkeys(("view", "laterality", "density"), [None] * len(host))
        for name, shares in (
            ("view", background.views),
            ("laterality", background.lateralities),
            ("density", background.densities),
        ):
            columns[name] = Choice(shares)(draw_uniform(recipe.seed, name, host))
        columns["implant"] = draw_uniform(recipe.seed, "implant", host) < background.implants
        return columns


class _IngestedHosts:
    """Real backgrounds: each is used once before any is used again, and brings its patient's split."""

    def __init__(self, recipe: Recipe) -> None:
        background = recipe.background
        assert isinstance(background, IngestedBackground)
        directory = Path(background.dataset)
        if not (directory / MANIFEST).is_file():
            hint = "Make it with `synthmammo ingest`, or state background.ingest in the recipe."
            raise DatasetError("the hosts' dataset is not there", where=directory, hint=hint)
        Manifest.read(directory)
        table = read_index(directory)
        if background.findings == "refuse":
            table = table.filter(pa.compute.equal(pa.compute.list_value_length(table["findings"]), 0))
            if not table.num_rows:
                hint = "Set background.findings: keep to use them with their own findings."
                raise DatasetError("every host already has findings", where=directory, hint=hint)
        self.recipe = recipe
        # The order is drawn by the hosts' keys, so that it does not depend on the order they were read in.
        order = np.argsort([int(draw_u64(recipe.seed, f"host/{key}", 0)) for key in table["key"].to_pylist()])
        self._table = table.take(pa.array(order))
        self._class_quotas = [Quota(fractions(recipe.classes)) for _ in SPLITS]
        self._split = np.array([SPLITS.index(split) for split in self._table["split"].to_pylist()])

    def cells(self, group: NDArray[np.int64], host: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Class number and split number of each new group."""
        split = self._split[host % len(self._split)]
        return _within(split, self._class_quotas), split

    def columns(self, host: NDArray[np.int64]) -> Columns:
        """Attributes of the backgrounds."""
        chosen = self._table.take(pa.array(host % self._table.num_rows))
        columns: Columns = {
            name: chosen[name].combine_chunks().cast(pa.string())
            for name in ("patient", "view", "laterality", "density")
        }
        columns["host_key"] = chosen["key"].combine_chunks()
        columns["truncation"] = np.ones(len(host))
        columns["implant"] = np.zeros(len(host), dtype=bool)
        return columns


def _split_fractions(recipe: Recipe) -> list[Fraction]:
    shares = recipe.split_shares
    exact = dict(zip(shares, fractions(shares), strict=True))
    return [exact.get(split, Fraction(0)) for split in SPLITS]


def _within(split: NDArray[np.int64], quotas: list[Quota]) -> NDArray[np.int64]:
    label = np.empty(len(split), dtype=np.int64)
    for number, quota in enumerate(quotas):
        rows = np.flatnonzero(split == number)
        label[rows] = quota.take(len(rows))
    return label


def _edits(recipe: Recipe, host: NDArray[np.int64]) -> pa.Array:
    names, strengths, present = [], [], []
    for number, edit in enumerate(recipe.edits):
        names.append(np.full(len(host), str(edit), dtype=object))
        strengths.append(edit.strength.at(draw_uniform(recipe.seed, f"edit/{number}/strength", host)))
        present.append(draw_uniform(recipe.seed, f"edit/{number}/present", host) < edit.probability)
    if not names:
        return pa.array([[]] * len(host), type=SCHEMA.field("edits").type)
    chosen = np.stack(present, axis=1)
    offsets = np.concatenate([[0], np.cumsum(chosen.sum(1))]).astype(np.int32)
    flat = [np.stack(parts, axis=1)[chosen] for parts in (names, strengths)]
    return pa.MapArray.from_arrays(offsets, pa.array(flat[0], type=pa.string()), pa.array(flat[1]))


def _lesions(recipe: Recipe, index: NDArray[np.int64], group: NDArray[np.int64], label: NDArray[Any]) -> pa.Array:
    slots = [
        _slot(recipe, number, place, index, group, label)
        for number, spec in enumerate(recipe.lesions)
        for place in range(max(spec.count))
    ]
    if not slots:
        return pa.array([[]] * len(index), type=SCHEMA.field("lesions").type)
    present = np.stack([slot.pop("present") for slot in slots], axis=1)
    offsets = np.concatenate([[0], np.cumsum(present.sum(1))]).astype(np.int32)
    # Slots lie beside each other; taking row by row gives each row its own lesions in order.
    order = pa.array(np.arange(present.size).reshape(len(slots), -1).T[present])
    columns = [
        pa.concat_arrays([pa.array(slot[name.name], type=name.type) for slot in slots]).take(order) for name in _LESION
    ]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(_LESION)))


def _slot(
    recipe: Recipe, number: int, place: int, index: NDArray[np.int64], group: NDArray[np.int64], label: NDArray[Any]
) -> Columns:
    spec = recipe.lesions[number]

    def uniform(what: str, at: NDArray[np.int64] = group) -> NDArray[np.float64]:
        return draw_uniform(recipe.seed, f"lesion/{number}/{place}/{what}", at)

    counts = Choice({str(count): share for count, share in spec.count.items()})
    numbers = counts(draw_uniform(recipe.seed, f"lesion/{number}/count", group)).astype(np.int64)
    slot: Columns = {
        "present": np.isin(label.astype(str), spec.classes) & (numbers > place),
        "spec": np.full(len(index), number, dtype=np.int8),
        "kind": pa.array([str(spec.kind)]).take(pa.array(np.zeros(len(index), dtype=np.int8))),
        "candidates": _candidates(recipe, spec, f"lesion/{number}/{place}", group),
        **_appearance(spec, label, uniform),
    }
    if recipe.series:
        steps = [(diameter, contrast) for contrast in recipe.series.contrast for diameter in recipe.series.diameter_mm]
        slot["diameter_mm"], slot["contrast"] = np.array(steps)[index % recipe.members].T
    return slot


def _appearance(
    spec: LesionSpec, label: NDArray[Any], uniform: Callable[[str], NDArray[np.float64]]
) -> dict[str, NDArray[Any]]:
    """Pathology, size, contrast and BI-RADS terms; the distributions depend on the pathology, so on the class."""
    columns: dict[str, NDArray[Any]] = {
        name: np.full(len(label), None, dtype=object) for name in ("pathology", *_TERMS)
    }
    columns |= {name: np.zeros(len(label)) for name in ("diameter_mm", "contrast")}
    draws = {name: uniform(name) for name in ("diameter_mm", "contrast")}
    for name in spec.classes:
        rows = label == name
        pathology = spec.pathology_in(name)
        columns["pathology"][rows] = str(pathology)
        for column, draw in zip(draws, spec.size_draws(pathology), strict=True):
            columns[column][rows] = draw.at(draws[column][rows])
        for term, shares in spec.term_shares(pathology).items():
            columns[term][rows] = Choice(shares)(uniform(term)[rows])
    columns["pathology"][columns["pathology"] == None] = str(Pathology.UNKNOWN)  # noqa: E711
    return columns


def _candidates(recipe: Recipe, spec: LesionSpec, name: str, group: NDArray[np.int64]) -> pa.Array:
    tries = spec.placement.candidates
    attempts = np.arange(tries)[None]
    sites = draw_uniform(recipe.seed, f"{name}/site", group[:, None], attempts)
    seeds = draw_u64(recipe.seed, f"{name}/seed", group[:, None], attempts)
    candidates = pa.StructArray.from_arrays([sites.ravel(), seeds.ravel()], fields=list(_CANDIDATE))
    offsets = np.arange(0, len(group) * tries + 1, tries, dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, candidates)
