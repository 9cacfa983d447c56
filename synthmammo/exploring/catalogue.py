"""A dataset as the explorer sees it: its index is read whole, its pixels one sample at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.auditing.nearest import nearest_of
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import AUDIT
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.release import audit_record
from synthmammo.dataset.selecting import condition, seen
from synthmammo.errors import DatasetError
from synthmammo.mammogram.sample import Sample

if TYPE_CHECKING:
    import pyarrow as pa

ALL = "all"
COPY, ALIKE, CLEAN = "looks like a training image", "near-duplicate", "without a flag"
WITHOUT, ANY = "without a finding", "any finding"

_PLAIN = {"split": "split", "label": "label", "density": "density", "view": "view"}
_SHOWN = ("key", "split", "label", "view", "laterality", "density")
_FROM_FINDINGS = {"findings", "kinds", "pathologies"}


@dataclass(frozen=True)
class Filters:
    """Which samples are shown; `ALL`, or an empty condition, chooses nothing out.

    Attributes:
        split: Split.
        label: Class.
        lesion: `WITHOUT`, `ANY`, a kind as "mass", or a pathology and a kind as "malignant mass".
        density: BI-RADS breast composition.
        view: View.
        flag: Flag of the audit: `COPY`, `ALIKE` or `CLEAN`.
        where: Condition in the grammar of `synthmammo.mammogram.where`.
    """

    split: str = ALL
    label: str = ALL
    lesion: str = ALL
    density: str = ALL
    view: str = ALL
    flag: str = ALL
    where: str = ""


class Catalogue:
    """A dataset, looked through.

    Args:
        path: Directory of the dataset.
        table: Its index.
        audit: Directory of its audit; None where there is none.
        train: Directory of the dataset that its generator was trained on; None where it is not at hand.

    Attributes:
        path: Directory of the dataset.
        audit: Directory of its audit; None where there is none.
    """

    def __init__(self, path: Path, table: pa.Table, audit: Path | None = None, train: Path | None = None) -> None:
        self.path, self.table, self.audit, self._train = path, table, audit, train

    @classmethod
    def open(cls, path: Path, audit: Path | None = None, train: Path | None = None) -> Catalogue:
        """Read the index of a dataset, and what an audit found of it.

        Args:
            path: Directory of the dataset.
            audit: Directory of an audit of it; None for the one that its own recipe demanded, where there is one.
            train: Directory of the dataset that its generator was trained on.

        Raises:
            DatasetError: The index or the audit cannot be read, or the audit is of another dataset.
        """
        own = path / AUDIT
        found = audit if audit is not None else own if (own / "audit.json").is_file() else None
        made = cls(path, read_index(path), found, train)
        made._check_audit()
        return made

    def _check_audit(self) -> None:
        if self.audit is None:
            return
        stated = self._record["dataset"].get("digest")
        manifest = self.dataset.manifest
        if manifest is not None and stated and stated != manifest.digest:
            name, hint = self._record["dataset"]["name"], f"`synthmammo audit {self.path}` makes that of this dataset."
            raise DatasetError(f"is the audit of {name}, another dataset", where=self.audit, hint=hint)

    def __len__(self) -> int:
        """Number of samples."""
        return int(self.table.num_rows)

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset, opened; keys are read from its shards when a sample is first asked for."""
        return Dataset.open(self.path)

    @cached_property
    def training(self) -> Dataset | None:
        """The dataset that the generator was trained on, opened; None where it is not at hand."""
        return Dataset.open(self._train) if self._train else None

    def choices(self, name: str) -> list[str]:
        """What a filter may be set to, `ALL` first.

        Args:
            name: Name of a field of `Filters`.
        """
        import pyarrow.compute as pc

        if name == "flag":
            return [ALL, *self.flags, CLEAN] if self.flags else [ALL]
        if name != "lesion":
            return [ALL, *sorted(filter(None, pc.unique(self.table[_PLAIN[name]]).to_pylist()))]
        kinds, both = self._findings()
        named = sorted({*pc.unique(kinds).to_pylist()}), sorted({*pc.unique(both).to_pylist()})
        return [ALL, WITHOUT, ANY, *named[0], *named[1]] if len(kinds) else [ALL, WITHOUT]

    @cached_property
    def flags(self) -> dict[str, frozenset[str]]:
        """Keys of the samples that an audit flagged, by flag; empty without an audit."""
        if self.audit is None:
            return {}
        groups = self._record["diversity"].get("near_duplicates", {}).get("groups", [])
        return {
            COPY: frozenset(self._record["memorised"].get("keys", [])),
            ALIKE: frozenset(key for group in groups for key in group),
        }

    @cached_property
    def _record(self) -> dict[str, Any]:
        assert self.audit is not None
        return audit_record(self.audit / "audit.json")

    def _findings(self) -> tuple[pa.Array, pa.Array]:
        """Kind of every finding, and pathology and kind."""
        import pyarrow.compute as pc

        flat = pc.list_flatten(self.table["findings"].combine_chunks())
        kinds, pathologies = flat.field("kind"), flat.field("pathology")
        return kinds, pc.binary_join_element_wise(pathologies, kinds, " ")

    def keys(self, filters: Filters) -> list[str]:
        """Keys of the samples that pass the filters, in the order of the index.

        Raises:
            DatasetError: The condition is not understood.
        """
        import pyarrow.compute as pc

        table, masks = self.table, [_array(mask) for mask in self._masks(filters)]
        if masks:
            table = table.filter(reduce(pc.and_, masks))
        if filters.where.strip():
            table = table.filter(_holds(table, filters.where))
        keys: list[str] = table["key"].to_pylist()
        return keys

    def _masks(self, filters: Filters) -> Iterator[pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for name, column in _PLAIN.items():
            if (value := getattr(filters, name)) != ALL:
                yield pc.fill_null(pc.equal(self.table[column], value), False)
        if filters.lesion != ALL:
            yield self._lesion_mask(filters.lesion)
        if filters.flag in self.flags:
            yield pc.is_in(self.table["key"], pa.array(sorted(self.flags[filters.flag]), pa.string()))
        elif filters.flag == CLEAN:
            flagged = sorted(set().union(*self.flags.values()))
            yield pc.invert(pc.is_in(self.table["key"], pa.array(flagged, pa.string())))

    def _lesion_mask(self, lesion: str) -> pa.Array:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.table["findings"].combine_chunks()
        if lesion in (WITHOUT, ANY):
            some = pc.fill_null(pc.greater(pc.list_value_length(column), 0), False)
            return some if lesion == ANY else pc.invert(some)
        kinds, both = self._findings()
        wanted = pc.or_(pc.equal(kinds, lesion), pc.equal(both, lesion))
        rows = pc.list_parent_indices(column).filter(wanted).to_numpy()
        mask = np.zeros(self.table.num_rows, np.bool_)
        mask[rows] = True
        return pa.array(mask)

    def rows(self, keys: list[str]) -> list[dict[str, Any]]:
        """What the index says of some samples, in their order."""
        import pyarrow as pa
        import pyarrow.compute as pc

        places = pc.index_in(pa.array(keys, pa.string()), self.table["key"].combine_chunks())
        found = self.table.select([*_SHOWN, "findings"]).take(places.drop_null()).to_pylist()
        return [{**{name: row[name] for name in _SHOWN}, "findings": _words(row["findings"])} for row in found]

    def sample(self, key: str) -> Sample:
        """One sample, read from its shard.

        Raises:
            DatasetError: There is none of that key, or its pixels are not here.
        """
        return self.dataset.sample(key)

    def preview(self, key: str) -> bytes:
        """The 8-bit preview of one sample, a PNG file.

        Raises:
            DatasetError: There is none of that key, or its pixels are not here.
        """
        return self.dataset.preview(key)

    def nearest(self, key: str) -> list[dict[str, Any]]:
        """The training images that a sample is most like, one row per instrument; empty without an audit.

        Raises:
            DatasetError: The table of the audit cannot be read.
        """
        return nearest_of(self.audit, key) if self.audit else []

    def flags_of(self, key: str) -> list[str]:
        """Flags of one sample."""
        return [name for name, keys in self.flags.items() if key in keys]


def _array(mask: pa.Array | pa.ChunkedArray) -> pa.Array:
    return mask.combine_chunks() if hasattr(mask, "combine_chunks") else mask


def _holds(table: pa.Table, text: str) -> pa.Array:
    """Which rows meet a condition; only the columns that it looks at become Python values."""
    import pyarrow as pa

    test = condition(text)
    wanted = {"findings" if name in _FROM_FINDINGS else name for name in test.columns}
    rows = table.select(sorted(wanted & {*table.column_names})).to_pylist() if wanted else [{}] * table.num_rows
    return pa.array([test(seen(row)) for row in rows], pa.bool_())


def _words(findings: list[dict[str, Any]] | None) -> str:
    return ", ".join(f"{one['pathology']} {one['kind']}" for one in findings or [])
