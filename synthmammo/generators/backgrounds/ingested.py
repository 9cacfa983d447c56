"""Real mammograms as backgrounds: the samples of an ingested dataset that meet what the recipe says of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.selecting import selected, selected_keys
from synthmammo.errors import DatasetError
from synthmammo.generators.backgrounds.base import HOST_COLUMNS, BackgroundKind, Extent, Lack
from synthmammo.generators.backgrounds.hosts import unfit
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Input, Inputs, Locate, dataset_digest
from synthmammo.recipe.backgrounds import IngestedBackground
from synthmammo.recipe.fields import RecipeFields

if TYPE_CHECKING:
    import pyarrow as pa


class IngestedKind(BackgroundKind):
    """Real mammograms from a dataset that `synthmammo ingest` made."""

    protocol = 1
    section = IngestedBackground

    def inputs(self, recipe: RecipeFields, locate: Locate) -> Iterator[Input]:  # noqa: D102, the protocol's
        # It may be made only after the check, so its digest is asked for by whoever needs it.
        dataset = _section(recipe).dataset
        yield Input(dataset, Path(dataset), digest_of=dataset_digest)

    def hosts(self, recipe: RecipeFields) -> pa.Table:  # noqa: D102, the protocol's
        return _hosts(_section(recipe)).select(HOST_COLUMNS)

    def lacks(self, recipe: RecipeFields) -> Lack | None:  # noqa: D102, the protocol's
        stated = _section(recipe)
        directory = Path(stated.dataset)
        if not (directory / MANIFEST).is_file():
            return None
        rows: list[dict[str, Any]] = selected(read_index(directory).to_pylist(), stated.where, directory)
        if stated.assume_spacing_mm:
            rows = [{**row, "spacing_mm": stated.assume_spacing_mm} for row in rows]
        return unfit(rows, "Set background.assume_spacing_mm, or leave DICOM out:")

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent | None:  # noqa: D102, the protocol's
        stated = _section(recipe)
        directory = Path(stated.dataset)
        if not (directory / MANIFEST).is_file():
            return None
        return _extent(read_index(directory), stated.assume_spacing_mm)

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:  # noqa: D102, the protocol's
        from synthmammo.generators.ingested import Ingested

        stated = _section(recipe)
        return Ingested(stated.dataset, stated.assume_spacing_mm)


def _section(recipe: RecipeFields) -> IngestedBackground:
    return cast(IngestedBackground, recipe.background)


def _hosts(stated: IngestedBackground) -> pa.Table:
    import pyarrow as pa

    directory = Path(stated.dataset)
    if not (directory / MANIFEST).is_file():
        hint = "Make it with `synthmammo ingest`, or state background.ingest in the recipe."
        raise DatasetError("the hosts' dataset is not there", where=directory, hint=hint)
    Manifest.read(directory)
    table = read_index(directory)
    if (kept := selected_keys(directory, stated.where)) is not None:
        table = table.filter(pa.array([key in kept for key in table["key"].to_pylist()]))
    if stated.findings == "refuse":
        table = table.filter(_without_findings(table))
        if not table.num_rows:
            hint = "Set background.findings: keep to use them with their own findings."
            raise DatasetError("every host already has findings", where=directory, hint=hint)
    return table


def _without_findings(table: pa.Table) -> pa.Array:
    """Which rows of an index have no findings, neither with a place nor without."""
    import pyarrow.compute as pc

    none = [pc.equal(pc.list_value_length(table[name]), 0) for name in ("findings", "unlocated")]
    return pc.and_(*none)


def _extent(index: pa.Table, assumed_mm: float | None) -> Extent | None:
    import pyarrow.compute as pc

    height, width = (pc.mean(index[name]).as_py() for name in ("height", "width"))
    if height is None:
        return None
    known = []
    for row in index.select(["height", "width", "spacing_mm"]).to_pylist():
        if spacing := row["spacing_mm"] or (assumed_mm and [assumed_mm, assumed_mm]):
            known.append((min(spacing), min(row["height"] * spacing[0], row["width"] * spacing[1])))
    if not known:
        return Extent("the hosts", height, width)
    return Extent("the hosts", height, width, min(finest for finest, _ in known), max(side for _, side in known))
