"""The columns of the plan that say how a generated host is edited and which random seeds it may come from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.planning.table import EDIT, SCHEMA, named
from synthmammo.recipe import Recipe
from synthmammo.recipe.edits import DirectionEdit, EditSpec


def edit_column(recipe: Recipe, host: NDArray[np.int64], step: NDArray[np.int64]) -> pa.Array:
    """The edits that each row gets, in the order of the recipe, as a list array.

    Args:
        recipe: Recipe that states the edits.
        host: `int64 (N)` numbers of the hosts; rows with the same number get the same draws.
        step: `int64 (N)` numbers of the strengths that rows have in a sweep; not used without a sweep.
    """
    if not recipe.edits:
        return _lists(np.zeros(len(host), np.int64), pa.array([], EDIT))
    present = [
        draw_uniform(recipe.seed, f"edit/{number}/present", host) < edit.probability
        for number, edit in enumerate(recipe.edits)
    ]
    chosen = np.stack(present, axis=1)
    # Entry by entry first; then each host gets its own in order.
    places = np.concatenate([np.flatnonzero(rows) for rows in present])
    columns = [
        _drawn(recipe.seed, number, edit, host[present[number]], step[present[number]])
        for number, edit in enumerate(recipe.edits)
    ]
    order = pa.array(np.argsort(places, kind="stable"))
    return _lists(chosen.sum(1), pa.concat_arrays(columns).take(order))


def _drawn(seed: int, number: int, edit: EditSpec, host: NDArray[np.int64], step: NDArray[np.int64]) -> pa.Array:
    """What an entry of the recipe draws for each row that gets the edit."""
    column, sweep = f"edit/{number}", getattr(edit, "sweep", None)
    reference = None if isinstance(edit, DirectionEdit) else edit.reference
    seeds, keys = (reference.seeds, reference.keys) if reference else ([], [])
    drawn = draw_u64(seed, f"{column}/reference", host)
    if seeds:
        drawn = np.array(seeds, np.uint64)[_picked(seed, column, host, len(seeds))]
    return pa.StructArray.from_arrays(
        [
            pa.array(np.full(len(host), number, np.int8)),
            named([edit.name], np.zeros(len(host), np.int64)),
            pa.array(np.array(sweep)[step] if sweep else edit.draw.at(draw_uniform(seed, f"{column}/strength", host))),
            pa.array(drawn, mask=np.full(len(host), reference is None or bool(keys))),
            named(keys, _picked(seed, column, host, len(keys))),
        ],
        fields=list(EDIT),
    )


def _picked(seed: int, column: str, host: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Number of one of `count` choices for each host; -1 where there are none."""
    if not count:
        return np.full(len(host), -1)
    return (draw_uniform(seed, f"{column}/choice", host) * count).astype(np.int64)


def seeds_column(recipe: Recipe, host: NDArray[np.int64]) -> pa.Array:
    """Random seeds to try for each host, its `host_seed` first; empty lists without `require`.

    Args:
        recipe: Recipe that may require something of its backgrounds.
        host: `int64 (N)` numbers of the hosts.
    """
    tries = recipe.require.candidates if recipe.require else 0
    # Attempt 0 of the same column: a recipe keeps its images when it begins to require something of them.
    seeds = draw_u64(recipe.seed, "host_seed", host[:, None], np.arange(tries)[None])
    return _lists(np.full(len(host), tries), pa.array(seeds.ravel(), SCHEMA.field("host_seeds").type.value_type))


def _lists(lengths: NDArray[np.int64], values: pa.Array) -> pa.Array:
    """A list array of so many values per row."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)
