"""Reading recipes: YAML with `include`, changed by settings; and whatever else stands for a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from synthmammo.arguments import a_number, a_path, wrong
from synthmammo.errors import RecipeError
from synthmammo.recipe.model import Recipe
from synthmammo.recipe.shipped import locate_recipe
from synthmammo.settings import Changes, changed, checked, read_yaml

RecipeLike = Recipe | Mapping[str, Any] | str | Path
"""What stands for a recipe: itself, its keys and values, the path of its file, or the name of a shipped one."""


def load_recipe(path: str | Path, settings: Changes = ()) -> Recipe:
    """Read, merge and check a recipe.

    Args:
        path: YAML file, or the name of a shipped recipe. `include: FILE` or a list of files (relative to this one) are
            read first; local keys win, mappings merge key by key, lists are replaced.
        settings: `KEY=VALUE` texts with dotted keys, e.g. `emit.shard_size=16`, whose values are read as YAML; or
            values by such keys.

    Returns:
        The checked recipe.

    Raises:
        RecipeError: The file cannot be read, includes itself, or says something that is not understood.

    Example:
        >>> from synthmammo import load_recipe
        >>> load_recipe("balanced_mass", ["size=30", "emit.shard_size=10"])
        Recipe(balanced_mass: 30 samples of normal, benign, malignant; phantom backgrounds)
    """
    file = locate_recipe(a_path(path, "path", RecipeError))
    return checked(Recipe, changed(_read(file, ()), settings, RecipeError), file, RecipeError)


def as_recipe(recipe: RecipeLike, settings: Changes = (), size: int | None = None) -> Recipe:
    """The checked recipe behind whatever stands for one.

    Args:
        recipe: A recipe, its keys and values, the path of its file, or the name of a shipped recipe.
        settings: Values that are changed, as in `load_recipe`.
        size: Number of samples in place of the recipe's; None for the recipe's own.

    Raises:
        RecipeError: It is something else, cannot be read, or says something that is not understood.
    """
    changes = _changes(settings, size)
    if isinstance(recipe, str | Path):
        return load_recipe(a_path(recipe, "recipe", RecipeError), changes)
    if isinstance(recipe, Recipe):
        content: dict[str, Any] = recipe.model_dump(mode="json", exclude_none=True)
        return checked(Recipe, changed(content, changes, RecipeError), "recipe", RecipeError) if changes else recipe
    if not isinstance(recipe, Mapping):
        expected = "a path, the name of a shipped recipe, a mapping of its keys, or a Recipe"
        raise wrong("recipe", expected, recipe, RecipeError)
    merged = _with_included(dict(recipe), "recipe", Path(), ())
    return checked(Recipe, changed(merged, changes, RecipeError), "recipe", RecipeError)


def _changes(settings: Any, size: int | None) -> Any:
    """Settings with the size as the last of them."""
    if size is None:
        return settings
    number = a_number(size, "size", RecipeError)
    if isinstance(settings, Mapping):
        return {**settings, "size": number}
    if isinstance(settings, str) or not hasattr(settings, "__iter__"):
        raise wrong("settings", "values by key, or a list of KEY=VALUE texts", settings, RecipeError)
    return [*settings, f"size={number}"]


def resolved_yaml(recipe: Recipe) -> str:
    """The recipe with includes merged and defaults filled in, as YAML that loads to an equal recipe."""
    content = recipe.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def own_schema() -> dict[str, Any]:
    """JSON Schema of the keys of a recipe, and of `include`, which makes every other key optional; without plug-ins."""
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
    return _with_included(content, str(path), path.parent, (*including, resolved))


def _with_included(content: dict[str, Any], where: str, folder: Path, including: tuple[Path, ...]) -> dict[str, Any]:
    """Keys and values merged over those of the files that they include."""
    included = content.pop("include", [])
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RecipeError(f"expected a file name or a list of them, found {included!r}", where=f"{where}: include")
    merged: dict[str, Any] = {}
    for name in names:
        merged = _merge(merged, _read(folder / name, including))
    return _merge(merged, content)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        # Shares are one statement: merging {a: 1} into {b: 1} would make a sum of two.
        merged[key] = _merge(merged[key], value) if both and key not in _WHOLE else value
    return merged


_WHOLE = {"classes", "splits", "views", "lateralities", "densities", "count", "formats"}
