"""The real backgrounds that a plan uses: samples of an ingested dataset, or inverted images."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.selecting import selected_keys
from synthmammo.errors import DatasetError
from synthmammo.models.inverted import read_inverted
from synthmammo.recipe import IngestedBackground, Recipe, StyleGAN2Background

HOST_COLUMNS = ("key", "patient", "split", "view", "laterality", "density")


def real_hosts(recipe: Recipe) -> pa.Table | None:
    """The hosts that a recipe may use, with the text columns `HOST_COLUMNS`; None where a generator makes them.

    Raises:
        DatasetError: They are absent, or none of them can be used.
    """
    background = recipe.background
    if isinstance(background, IngestedBackground):
        return _ingested(background).select(HOST_COLUMNS)
    if isinstance(background, StyleGAN2Background) and background.latents:
        rows = read_inverted(background.latents).rows()
        columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in HOST_COLUMNS}
        return pa.table(columns)
    return None


def _ingested(background: IngestedBackground) -> pa.Table:
    directory = Path(background.dataset)
    if not (directory / MANIFEST).is_file():
        hint = "Make it with `synthmammo ingest`, or state background.ingest in the recipe."
        raise DatasetError("the hosts' dataset is not there", where=directory, hint=hint)
    Manifest.read(directory)
    table = read_index(directory)
    if (kept := selected_keys(directory, background.where)) is not None:
        table = table.filter(pa.array([key in kept for key in table["key"].to_pylist()]))
    if background.findings == "refuse":
        table = table.filter(_without_findings(table))
        if not table.num_rows:
            hint = "Set background.findings: keep to use them with their own findings."
            raise DatasetError("every host already has findings", where=directory, hint=hint)
    return table


def _without_findings(table: pa.Table) -> pa.Array:
    """Which rows of an index have no findings, neither with a place nor without."""
    none = [pc.equal(pc.list_value_length(table[name]), 0) for name in ("findings", "unlocated")]
    return pc.and_(*none)
