"""VERB plan: a recipe becomes a table with every random draw of every sample; nothing after it draws.

Draws are counter-based (`identity.draw_u64`), so columns are drawn as arrays, any row alone, and a larger size leaves
the earlier rows as they were. The table is streamed to Parquet; memory does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthmammo.errors import DatasetError
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.lexicon import TERMS
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
    + [("crop", pa.list_(pa.float64(), 3)), ("edits", pa.map_(pa.string(), pa.float64()))]
    + [("lesions", pa.list_(_LESION))]
)
"""One row a sample; `crop` is a draw that picks a patch's place and the lesion's offset in it."""

# Parquet's paths of the columns that are noise, where packing and looking for repeats cost time and find nothing, and
# of those that hold few different words.
_LESION_PATH = "lesions.list.element."
_NOISE = ["host_seed", "crop.list.element", *(_LESION_PATH + name for name in ("diameter_mm", "contrast"))]
_NOISE += [f"{_LESION_PATH}candidates.list.element.{name}" for name in ("site", "seed")]
_REPEATING = ["shard", "split", "label", "role", "host_key", "view", "laterality", "density"]
_REPEATING += [_LESION_PATH + name for name in ("kind", "pathology", *_TERMS)]

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
    options = {"compression": dict.fromkeys(_NOISE, "none"), "use_dictionary": _REPEATING}
    with writing(path) as partial, pq.ParquetWriter(partial, SCHEMA, **options) as writer:
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
    _shard_counts: dict[int, int] = field(default_factory=dict)
    _last: Columns = field(default_factory=dict)

    def __post_init__(self) -> None:
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
            "key": _numbered(f"{recipe.name}-", index, 7),
            "index": index,
            "shard": self._shards(split),
            "split": _named(SPLITS, split),
            "label": self._labels(index % recipe.members, label),
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

    def _cells(self, group: NDArray[np.int64], host: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
        return labels[places], splits[places]

    def _shards(self, split: NDArray[np.int64]) -> pa.Array:
        members = self.recipe.members
        size = max(members, self.recipe.emit.shard_size // members * members)
        numbers = np.empty(len(split), dtype=np.int64)
        for code in range(len(SPLITS)):
            rows = np.flatnonzero(split == code)
            first = self._shard_counts.get(code, 0)
            numbers[rows] = (first + np.arange(len(rows))) // size
            self._shard_counts[code] = first + len(rows)
        return pc.binary_join_element_wise(_named(SPLITS, split), _numbered("", numbers, 5), "-")

    def _labels(self, member: NDArray[np.int64], label: NDArray[np.int64]) -> pa.Array:
        names = list(self.recipe.classes)
        if self.recipe.pair:
            # The twin of a pair has no lesion, whatever the class of its partner.
            return _named([*names, "normal"], np.where(member == 1, len(names), label))
        return _named(names, label)

    def _roles(self, member: NDArray[np.int64], label: NDArray[np.int64]) -> pa.Array:
        recipe = self.recipe
        if recipe.pair:
            return _named(["lesion", recipe.pair], member)
        removed = _codes(recipe, recipe.removal.classes if recipe.removal else [])
        return _named(["plain", "removed"], np.isin(label, removed).astype(np.int64))

    def _crops(self, index: NDArray[np.int64]) -> pa.Array:
        if self.recipe.patch is None:
            return pa.nulls(len(index), SCHEMA.field("crop").type)
        draws = [draw_uniform(self.recipe.seed, f"crop/{what}", index) for what in ("place", "row", "column")]
        return pa.FixedSizeListArray.from_arrays(np.stack(draws, axis=1).ravel(), 3)


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
            "host_key": pa.nulls(len(host), pa.string()),
            "patient": _numbered(f"{recipe.name}-p", host, 7),
            "truncation": np.full(len(host), getattr(background, "truncation", 1.0)),
            "implant": np.zeros(len(host), dtype=bool),
        }
        if not isinstance(background, PhantomBackground):
            return columns | dict.fromkeys(("view", "laterality", "density"), pa.nulls(len(host), pa.string()))
        for name, shares in (
            ("view", background.views),
            ("laterality", background.lateralities),
            ("density", background.densities),
        ):
            columns[name] = _named(list(shares), Choice(shares)(draw_uniform(recipe.seed, name, host)))
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
            table = table.filter(_without_findings(table))
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


def _without_findings(table: pa.Table) -> pa.Array:
    """Which rows of an index have none, neither with a place nor without."""
    none = [pc.equal(pc.list_value_length(table[name]), 0) for name in ("findings", "unlocated")]
    return pc.and_(*none)


def _numbered(prefix: str, numbers: NDArray[np.int64], width: int) -> pa.Array:
    """Names such as "train-00042"."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _named(names: Sequence[str], codes: NDArray[np.int64]) -> pa.Array:
    """The name of each code; a negative code is null."""
    return pa.array(list(names), type=pa.string()).take(pa.array(codes, mask=codes < 0))


def _codes(recipe: Recipe, labels: Sequence[str]) -> list[int]:
    names = list(recipe.classes)
    return [names.index(label) for label in labels]


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
    if not recipe.edits:
        return pa.MapArray.from_arrays(
            np.zeros(len(host) + 1, np.int32), pa.array([], pa.string()), pa.array([], pa.float64())
        )
    strengths, present = [], []
    for number, edit in enumerate(recipe.edits):
        strengths.append(edit.strength.at(draw_uniform(recipe.seed, f"edit/{number}/strength", host)))
        present.append(draw_uniform(recipe.seed, f"edit/{number}/present", host) < edit.probability)
    chosen = np.stack(present, axis=1)
    offsets = np.concatenate([[0], np.cumsum(chosen.sum(1))]).astype(np.int32)
    names = _named([str(edit) for edit in recipe.edits], np.nonzero(chosen)[1])
    return pa.MapArray.from_arrays(offsets, names, pa.array(np.stack(strengths, axis=1)[chosen]))


def _lesions(recipe: Recipe, index: NDArray[np.int64], group: NDArray[np.int64], label: NDArray[np.int64]) -> pa.Array:
    slots = [
        _slot(recipe, number, place, index, group, label)
        for number, spec in enumerate(recipe.lesions)
        for place in range(max(spec.count))
    ]
    rows = np.concatenate([slot.pop("rows") for slot in slots]) if slots else np.zeros(0, np.int64)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(index)))]).astype(np.int32)
    # Slots lie behind each other; a stable sort by row gives each row its own lesions in order.
    order = pa.array(np.argsort(rows, kind="stable"))
    columns = [
        pa.concat_arrays([pa.array(slot[field.name], type=field.type) for slot in slots]).take(order)
        if slots
        else pa.array([], type=field.type)
        for field in _LESION
    ]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(_LESION)))


def _slot(
    recipe: Recipe,
    number: int,
    place: int,
    index: NDArray[np.int64],
    group: NDArray[np.int64],
    label: NDArray[np.int64],
) -> Columns:
    """One possible lesion of every row: `rows` has the places of those that get it, the rest their draws."""
    spec = recipe.lesions[number]
    counts = Choice({str(count): share for count, share in spec.count.items()})
    drawn = np.array(list(spec.count))[counts(draw_uniform(recipe.seed, f"lesion/{number}/count", group))]
    rows = np.flatnonzero(np.isin(label, _codes(recipe, spec.classes)) & (drawn > place))
    name = f"lesion/{number}/{place}"
    slot: Columns = {
        "rows": rows,
        "spec": np.full(len(rows), number, dtype=np.int8),
        "kind": _named([spec.kind], np.zeros(len(rows), dtype=np.int64)),
        "candidates": _candidates(recipe, spec, name, group[rows]),
        **_appearance(recipe, spec, name, group[rows], label[rows]),
    }
    if recipe.series:
        steps = [(diameter, contrast) for contrast in recipe.series.contrast for diameter in recipe.series.diameter_mm]
        slot["diameter_mm"], slot["contrast"] = np.array(steps)[index[rows] % recipe.members].T
    return slot


def _appearance(
    recipe: Recipe, spec: LesionSpec, name: str, group: NDArray[np.int64], label: NDArray[np.int64]
) -> Columns:
    """Pathology, size, contrast and BI-RADS terms; the distributions depend on the pathology, so on the class."""
    pathologies = [str(pathology) for pathology in Pathology]
    sizes = {column: np.zeros(len(label)) for column in ("diameter_mm", "contrast")}
    codes = {column: np.full(len(label), -1) for column in ("pathology", *_TERMS)}
    words = dict.fromkeys(_TERMS, ("",)) | TERMS[spec.kind] | {"pathology": tuple(pathologies)}
    for class_name in spec.classes:
        rows = np.flatnonzero(label == _codes(recipe, [class_name])[0])
        pathology = spec.pathology_in(class_name)
        codes["pathology"][rows] = pathologies.index(pathology)
        for column, draw in zip(sizes, spec.size_draws(pathology), strict=True):
            sizes[column][rows] = draw.at(draw_uniform(recipe.seed, f"{name}/{column}", group[rows]))
        for term, shares in spec.term_shares(pathology).items():
            places = np.array([words[term].index(word) for word in shares])
            codes[term][rows] = places[Choice(shares)(draw_uniform(recipe.seed, f"{name}/{term}", group[rows]))]
    return sizes | {column: _named(words[column], code) for column, code in codes.items()}


def _candidates(recipe: Recipe, spec: LesionSpec, name: str, group: NDArray[np.int64]) -> pa.Array:
    tries = spec.placement.candidates
    attempts = np.arange(tries)[None]
    sites = draw_uniform(recipe.seed, f"{name}/site", group[:, None], attempts)
    seeds = draw_u64(recipe.seed, f"{name}/seed", group[:, None], attempts)
    candidates = pa.StructArray.from_arrays([sites.ravel(), seeds.ravel()], fields=list(_CANDIDATE))
    offsets = np.arange(0, len(group) * tries + 1, tries, dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, candidates)
