"""Reading of recipes: YAML with `include`, changed by settings from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from synthmammo.errors import RecipeError
from synthmammo.recipe.model import Recipe
from synthmammo.settings import changed, checked, read_yaml


def load_recipe(path: Path, settings: Iterable[str] = ()) -> Recipe:
    """Read, merge and check a recipe.

    Args:
        path: YAML file. The file or files named by `include` (relative to this one) are read first; local keys win,
            mappings merge key by key, lists are replaced.
        settings: `key=value` texts with dotted keys, e.g. `emit.shard_size=16`, whose values are read as YAML; by
            default none.

    Returns:
        The checked recipe.

    Raises:
        RecipeError: The file cannot be read, includes itself, or says something that is not understood.
    """
    return checked(Recipe, changed(_read(path, ()), settings, RecipeError), path, RecipeError)


def resolved_yaml(recipe: Recipe) -> str:
    """The recipe with includes merged and defaults filled in, as YAML that loads to an equal recipe."""
    content = recipe.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def recipe_schema() -> dict[str, Any]:
    """JSON Schema of recipe files: the keys of a recipe, and `include`, which makes every other key optional."""
    schema = Recipe.model_json_schema()
    schema["title"] = "synthmammo recipe"
    files = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    schema["properties"] = {
        "include": {"description": "Recipes to read first; keys stated here win", **files}
    } | schema["properties"]
    schema["anyOf"] = [{"required": ["include"]}, {"required": schema.pop("required")}]
    return schema


def _read(path: Path, including: tuple[Path, ...]) -> dict[str, Any]:
    resolved = path.resolve()
    if resolved in including:
        chain = " -> ".join(p.name for p in (*including[including.index(resolved) :], resolved))
        raise RecipeError(f"includes itself ({chain})", where=path, hint="Remove one of the includes.")
    where = f"{path} (included by {including[-1].name})" if including else path
    content = read_yaml(path, RecipeError, where=where)
    included = content.pop("include", [])
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RecipeError(f"expected a file name or a list of them, found {included!r}", where=f"{path}: include")
    merged: dict[str, Any] = {}
    for name in names:
        merged = _merge(merged, _read(path.parent / name, (*including, resolved)))
    return _merge(merged, content)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        # Shares are one statement: merging {a: 1} into {b: 1} would make a sum of two.
        merged[key] = _merge(merged[key], value) if both and key not in _WHOLE else value
    return merged


_WHOLE = {"classes", "splits", "views", "lateralities", "densities", "count", "formats"}
