"""The column of the plan that says which lesions are put onto a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.mammogram.sample import Pathology
from synthmammo.mammogram.terms import TERMS
from synthmammo.planning.table import CANDIDATE, LESION, TERM_COLUMNS, named
from synthmammo.recipe import Choice, Recipe
from synthmammo.recipe.lesions import LesionSpec

Columns = dict[str, Any]
"""Arrays by the name of their column."""


def lesion_column(
    recipe: Recipe, index: NDArray[np.int64], group: NDArray[np.int64], label: NDArray[np.int64]
) -> pa.Array:
    """The lesions of each row, as a list array.

    Args:
        recipe: Recipe that states which classes get which lesions.
        index: `int64 (N)` numbers of the rows.
        group: `int64 (N)` numbers of the groups; the rows of a group have the same lesions.
        label: `int64 (N)` numbers of the rows' classes in the recipe.
    """
    slots = [
        _slot(recipe, number, place, index, group, label)
        for number, spec in enumerate(recipe.lesions)
        for place in range(max(spec.count))
    ]
    rows = np.concatenate([slot.pop("rows") for slot in slots]) if slots else np.zeros(0, np.int64)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(index)))]).astype(np.int32)
    # The slots follow one another; a stable sort by row gives each row its own lesions in order.
    order = pa.array(np.argsort(rows, kind="stable"))
    columns = [
        pa.concat_arrays([pa.array(slot[field.name], type=field.type) for slot in slots]).take(order)
        if slots
        else pa.array([], type=field.type)
        for field in LESION
    ]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(LESION)))


def _slot(
    recipe: Recipe,
    number: int,
    place: int,
    index: NDArray[np.int64],
    group: NDArray[np.int64],
    label: NDArray[np.int64],
) -> Columns:
    """One possible lesion of every row: `rows` has the places of the rows that get it, the other columns its draws."""
    spec = recipe.lesions[number]
    counts = Choice({str(count): share for count, share in spec.count.items()})
    drawn = np.array(list(spec.count))[counts(draw_uniform(recipe.seed, f"lesion/{number}/count", group))]
    rows = np.flatnonzero(np.isin(label, codes(recipe, spec.classes)) & (drawn > place))
    name = f"lesion/{number}/{place}"
    slot: Columns = {
        "rows": rows,
        "spec": np.full(len(rows), number, dtype=np.int8),
        "kind": named([spec.kind], np.zeros(len(rows), dtype=np.int64)),
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
    """Pathology, size, contrast and BI-RADS terms; their distributions depend on the pathology, so on the class."""
    pathologies = [str(pathology) for pathology in Pathology]
    sizes = {column: np.zeros(len(label)) for column in ("diameter_mm", "contrast")}
    chosen = {column: np.full(len(label), -1) for column in ("pathology", *TERM_COLUMNS)}
    words = dict.fromkeys(TERM_COLUMNS, ("",)) | TERMS[spec.kind] | {"pathology": tuple(pathologies)}
    for class_name in spec.classes:
        rows = np.flatnonzero(label == codes(recipe, [class_name])[0])
        pathology = spec.pathology_in(class_name)
        chosen["pathology"][rows] = pathologies.index(pathology)
        for column, draw in zip(sizes, spec.size_draws(pathology), strict=True):
            sizes[column][rows] = draw.at(draw_uniform(recipe.seed, f"{name}/{column}", group[rows]))
        for term, shares in spec.term_shares(pathology).items():
            places = np.array([words[term].index(word) for word in shares])
            chosen[term][rows] = places[Choice(shares)(draw_uniform(recipe.seed, f"{name}/{term}", group[rows]))]
    return sizes | {column: named(words[column], code) for column, code in chosen.items()}


def _candidates(recipe: Recipe, spec: LesionSpec, name: str, group: NDArray[np.int64]) -> pa.Array:
    tries = spec.placement.candidates
    attempts = np.arange(tries)[None]
    sites = draw_uniform(recipe.seed, f"{name}/site", group[:, None], attempts)
    seeds = draw_u64(recipe.seed, f"{name}/seed", group[:, None], attempts)
    if spec.seed is not None:
        seeds = np.full_like(seeds, spec.seed)
    candidates = pa.StructArray.from_arrays([sites.ravel(), seeds.ravel()], fields=list(CANDIDATE))
    offsets = np.arange(0, len(group) * tries + 1, tries, dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, candidates)


def codes(recipe: Recipe, labels: Sequence[str]) -> list[int]:
    """Numbers that some classes have in the recipe.

    Args:
        recipe: Recipe that states the classes.
        labels: Names of classes.
    """
    names = list(recipe.classes)
    return [names.index(label) for label in labels]
