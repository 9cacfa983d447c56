"""Sizes of shards: as the recipe says, or the largest below it that makes all shards of a split equal."""

from __future__ import annotations

from collections.abc import Sequence

from synthmammo.errors import RecipeError
from synthmammo.mammogram.sample import SPLITS
from synthmammo.recipe import Recipe


def shard_rows(recipe: Recipe, rows: Sequence[int] | None = None) -> list[int]:
    """Rows of a full shard of each split; rows that belong together, as those of a patient, are not divided.

    Args:
        recipe: The checked recipe.
        rows: Number of rows of each split, where `emit.equal_shards` asks for equal shards; None where it does not.

    Raises:
        RecipeError: No size between half of `emit.shard_size` and all of it makes the shards of a split equal.
    """
    together = recipe.together
    most = max(1, recipe.emit.shard_size // together)
    if rows is None:
        return [most * together] * len(SPLITS)
    return [_equal(number // together, most, split) * together for number, split in zip(rows, SPLITS, strict=True)]


def _equal(units: int, most: int, split: str) -> int:
    """The largest size up to `most` that divides a number of units."""
    if units <= most:
        return max(1, units)
    best = max(size for size in range(1, most + 1) if not units % size)
    if 2 * best < most:
        larger = next((size for size in range(most, units + 1) if not units % size), units)
        message = f"{units} units of {split} make no equal shards of {-(-most // 2)} to {most}"
        hint = f"A unit is what is not divided: a sample, a pair, a patient. Shards of {best} or {larger} units are "
        hint += "equal: set emit.shard_size so, or another size."
        raise RecipeError(message, where="emit.equal_shards", hint=hint)
    return best
