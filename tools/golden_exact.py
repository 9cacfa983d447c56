"""Golden values that are the same on every machine: draws, names, digests, DICOM attributes, plans of the recipes."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydicom import dcmread

from synthmammo.dataset.index import index_row, write_index
from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.dicom import IMAGE, objects
from synthmammo.dataset.writers.dicom_modules import instance_uid, study_uid
from synthmammo.identity import canonical_json, dicom_uid, digest, draw_u64, draw_uniform
from synthmammo.ingesting.sources.base import key_of
from synthmammo.mammogram.sample import SPLITS, Box, Finding, Kind, Laterality, Pathology, Sample, SpacingOrigin, View
from synthmammo.planning.planner import tables
from synthmammo.recipe import Recipe, load_recipe
from tools.versionless import VERSION_KEYWORDS, without_identity

RECIPES = Path(__file__).parents[1] / "recipes"

_SEEDS, _COLUMNS = (0, 20200402, 2**63 - 1), ("host_seed", "lesions/0/site", "Größe")
_INDICES, _ATTEMPTS = (0, 1, 2, 65_536, 2**32, 2**63 - 1), (0, 1, 7)
_VALUES = (None, True, 1, 0.1, 1e-9, "ä ß", [1, [2]], {"b": 1, "a": {"d": [0.5, None], "c": ""}})
_DIGITS = 16


def exact_values(work: Path) -> dict[str, Any]:
    """All of them, as JSON has them.

    Args:
        work: Empty folder for the stand-in of real hosts.
    """
    return {
        "draw_u64": {name: [[f"{value:016x}" for value in row] for row in made] for name, made in _drawn(draw_u64)},
        "draw_uniform": {name: made.tolist() for name, made in _drawn(draw_uniform)},
        "dicom_uid": {
            repr(parts): dicom_uid(*parts) for parts in ((), ("image", "golden", "key-1"), (1, 2.5, "ä"), ("a", "b"))
        },
        "canonical_json": {repr(value): canonical_json(value).decode() for value in _VALUES},
        "digest": {repr(value): digest(value) for value in _VALUES},
        "key_of": {repr(parts): key_of(*parts) for parts in (("P 1", "L", "CC/1"), ("a.b", None, "", 3), ("ä_1-",))},
        "dicom": dicom_attributes(),
        "plans": {name: plan_digests(table) for name, table in plans(work)},
    }


def _drawn(function: Any) -> Iterator[tuple[str, Any]]:
    index, attempt = np.array(_INDICES)[:, None], np.array(_ATTEMPTS)[None]
    for seed in _SEEDS:
        for column in _COLUMNS:
            yield f"{seed} {column}", function(seed, column, index, attempt)


def plans(work: Path) -> Iterator[tuple[str, pa.Table]]:
    """The plan of each shipped recipe by the recipe's place among the recipes.

    Args:
        work: Folder for the stand-in of real hosts.
    """
    for path in sorted([*RECIPES.glob("*.yaml"), *RECIPES.glob("pairs/*.yaml")]):
        recipe = load_recipe(path)
        if recipe.background.wants_ingest:
            recipe = _on_stand_in(recipe, work / path.stem)
        yield str(path.relative_to(RECIPES)), pa.concat_tables(tables(recipe))


def _on_stand_in(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with made-up hosts in place of those that its archive would give: six patients, two views each."""
    folder.mkdir(parents=True)
    rows = [
        index_row(a_sample(f"host-{number}").with_(patient=f"P{number // 2}", split=SPLITS[number // 2 % 3]))
        for number in range(12)
    ]
    write_index(folder, rows)
    Manifest("ingested", "hosts", "golden", {}, files={INDEX: ""}).write(folder)
    return recipe.model_copy(update={"background": recipe.background.model_copy(update={"dataset": str(folder)})})


def plan_digests(table: pa.Table) -> dict[str, Any]:
    """Rows of a plan, and the start of the digest of each column's values.

    The last digits of floating-point numbers, which processors may disagree on, are left out.
    """
    columns = {name: digest(_rounded(table[name].to_pylist()))[:_DIGITS] for name in table.column_names}
    return {"rows": table.num_rows, "keys": table["key"].to_pylist()[:: max(1, table.num_rows - 1)], **columns}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return value


def a_sample(key: str) -> Sample:
    """A small image made by integer arithmetic alone, with one square lesion."""
    rows, columns = np.mgrid[:48, :32]
    breast = columns < 24
    image = np.where(breast, 1 + (rows * 79 + columns * columns * 3) % 4095, 0).astype(np.uint16)
    lesions, box = np.zeros(image.shape, np.uint8), Box(10, 8, 18, 16)
    lesions[box.slices] = 1
    terms = {"shape": "irregular", "margin": "spiculated"}
    return Sample(
        key=key,
        image=image,
        bits_stored=12,
        breast=breast,
        lesions=lesions,
        findings=(Finding(Kind.MASS, Pathology.MALIGNANT, box, 1, True, terms),),
        spacing_mm=(0.5, 0.5),
        spacing_origin=SpacingOrigin.KNOWN,
        view=View.MLO,
        laterality=Laterality.LEFT,
        label="malignant",
        patient="P1",
        provenance={"generator": "phantom", "attempts": [0]},
    )


def dicom_attributes() -> dict[str, str]:
    """Attributes of the DICOM image of `a_sample` as text, without versions, pixels and nested ones.

    The UIDs in it are numbered, as a writer may make them of the version; two are given as they are made of a dataset.
    """
    sample = a_sample("key-1")
    one = dcmread(BytesIO(without_identity(objects(Encoded(sample, 0), "golden")[IMAGE])))
    skipped = {*VERSION_KEYWORDS, "PixelData"}
    return {"instance_uid": instance_uid(sample, "golden"), "study_uid": study_uid(sample, "golden")} | {
        element.keyword: str(element.value)
        for element in (*one.file_meta, *one)
        if element.VR != "SQ" and element.keyword and element.keyword not in skipped and element.tag.element
    }
