"""What a plan will make, counted from its tables without keeping them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from synthmammo.mammogram.sample import SPLITS
from synthmammo.planning.planner import tables
from synthmammo.recipe import Recipe


@dataclass(frozen=True)
class Summary:
    """Counts of a plan.

    Attributes:
        samples: Number of samples.
        hosts: Number of different backgrounds.
        splits: Splits that occur.
        classes: Numbers of samples in each of `splits`, by class.
        lines: Names and texts of further facts.
    """

    samples: int
    hosts: int
    splits: tuple[str, ...]
    classes: dict[str, tuple[int, ...]]
    lines: tuple[tuple[str, str], ...]


def summarise_plan(recipe: Recipe) -> Summary:
    """Draw the plan of a recipe and count it; nothing is written, and memory does not grow with the size."""
    cells: Counter[tuple[str, str]] = Counter()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    hosts: set[str] = set()
    generated = 0
    for table in tables(recipe):
        for row in table.group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist():
            cells[row["label"], row["split"]] += row["count_all"]
        for name in ("view", "laterality", "density"):
            counts[name].update(_tally(table[name].drop_null()))
        counts["finding"].update(_findings(table))
        counts["edits"].update(_tally(pc.list_flatten(table["edits"].combine_chunks()).field("name")))
        hosts.update(pc.unique(table["host_key"].drop_null()).to_pylist())
        generated = max(generated, (pc.max(table["host"]).as_py() or 0) + 1)
    splits = tuple(split for split in SPLITS if any(cell[1] == split for cell in cells))
    labels = sorted({label for label, _ in cells})
    classes = {label: tuple(cells[label, split] for split in splits) for label in labels}
    lines = [(name, _text(counts[name])) for name in ("finding", "view", "laterality", "density") if counts[name]]
    if recipe.edits:
        lines.append(("edits", _text(counts["edits"])))
    if recipe.exam:
        lines.append(("patients", f"{recipe.size // recipe.together:,}, four views each"))
    lines.append(("formats", ", ".join(recipe.emit.formats.chosen())))
    return Summary(recipe.size, len(hosts) or generated, splits, classes, tuple(lines))


def _findings(table: pa.Table) -> Counter[str]:
    # A removed lesion and the host of a pair leave nothing to find.
    shown = table.filter(pc.is_in(table["role"], pa.array(["plain", "lesion"])))
    lesions = pc.list_flatten(shown["lesions"].combine_chunks())
    if not len(lesions):
        return Counter()
    names = pc.binary_join_element_wise(lesions.field("pathology"), lesions.field("kind"), " ")
    return _tally(names)


def _tally(values: pa.Array) -> Counter[str]:
    return Counter({entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()})


def _text(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
