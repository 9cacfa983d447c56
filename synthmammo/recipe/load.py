"""Reading recipes: YAML with `include`, settings from the command line, and messages a person can act on."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from synthmammo.errors import RecipeError, nearest
from synthmammo.recipe.edits import Edit
from synthmammo.recipe.model import Recipe


def load_recipe(path: Path, settings: Iterable[str] = ()) -> Recipe:
    """Read, merge and check a recipe.

    Args:
        path: YAML file. `include: FILE` or a list of files (relative to this one) are read first; local keys win,
            mappings merge key by key, lists are replaced.
        settings: `key=value` texts with dotted keys, e.g. `emit.shard_size=16`; the value is read as YAML.

    Returns:
        The checked recipe.

    Raises:
        RecipeError: The file cannot be read, includes itself, or says something that is not understood.
    """
    content = _read(path, ())
    for setting in settings:
        _apply(content, setting)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise _explained(error, path) from None


def resolved_yaml(recipe: Recipe) -> str:
    """The recipe with includes merged and defaults filled in, as YAML that loads to an equal recipe."""
    content = recipe.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def recipe_schema() -> dict[str, Any]:
    """JSON Schema of recipe files: the recipe's own keys and `include`, which makes every other one optional."""
    schema = Recipe.model_json_schema()
    schema["title"] = "synthmammo recipe"
    files = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    schema["properties"] = {"include": {"description": "Recipes read first; keys here win", **files}} | schema[
        "properties"
    ]
    schema["anyOf"] = [{"required": ["include"]}, {"required": schema.pop("required")}]
    return schema


def _read(path: Path, including: tuple[Path, ...]) -> dict[str, Any]:
    resolved = path.resolve()
    if resolved in including:
        chain = " -> ".join(p.name for p in (*including[including.index(resolved) :], resolved))
        raise RecipeError(f"includes itself ({chain})", where=path, hint="Remove one of the includes.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)
    except OSError as error:
        included = f" (included by {including[-1].name})" if including else ""
        raise RecipeError(f"cannot be read{included}: {error.strerror}", where=path, hint=_neighbours(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"is not YAML: {' '.join(str(error).split())}", where=path) from None
    if not isinstance(content, dict):
        raise RecipeError(f"expected a mapping of keys, found {type(content).__name__}", where=path)
    included = content.pop("include", [])
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RecipeError(f"expected a file name or a list of them, found {included!r}", where=f"{path}: include")
    merged: dict[str, Any] = {}
    for name in names:
        merged = _merge(merged, _read(path.parent / name, (*including, resolved)))
    return _merge(merged, content)


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is stated twice is an error; the first one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        texts = [key.value for key in keys]
        for place, key in enumerate(keys):
            if key.value in texts[:place]:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is stated twice", key.start_mark)
        return super().construct_mapping(node, deep)


def _neighbours(path: Path) -> str | None:
    folder = path.parent if path.parent.is_dir() else None
    recipes = sorted(p.name for p in folder.glob("*.yaml")) if folder else []
    return nearest(path.name, recipes) if recipes else None


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        # Shares are one statement: merging {a: 1} into {b: 1} would make a sum of two.
        merged[key] = _merge(merged[key], value) if both and key not in _WHOLE else value
    return merged


_WHOLE = {"classes", "splits", "views", "lateralities", "densities", "count", "formats"}


def _apply(content: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise RecipeError(f"expected KEY=VALUE, found '{setting}'", where="--set", hint="Example: --set seed=7")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"the value '{text}' is not YAML", where=f"--set {key}") from None
    target: Any = content
    *parents, last = key.split(".")
    for parent in parents:
        target = target[int(parent)] if _is_index(target, parent) else _child(target, parent, key)
    if _is_index(target, last):
        target[int(last)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise RecipeError(f"'{last}' does not lead to a value", where=f"--set {key}")


def _is_index(target: Any, part: str) -> bool:
    return isinstance(target, list) and part.isdigit() and int(part) < len(target)


def _child(target: Any, part: str, key: str) -> Any:
    if not isinstance(target, dict):
        raise RecipeError(f"'{part}' does not lead to a value", where=f"--set {key}")
    if target.get(part) is None:
        target[part] = {}
    return target[part]


def _explained(error: ValidationError, path: Path) -> RecipeError:
    lines = [_explanation(detail) for detail in error.errors()]
    if len(lines) == 1:
        field, text, hint = lines[0]
        return RecipeError(text, where=f"{path}: {field}" if field else path, hint=hint)
    listed = "\n".join(f"  {field}: {text}" + (f" {hint}" if hint else "") for field, text, hint in lines)
    return RecipeError(f"{len(lines)} problems\n{listed}", where=path)


def _explanation(detail: Any) -> tuple[str, str, str | None]:
    # Union members appear in pydantic's location as their tags or type names; people did not write those.
    location = [part for part in detail["loc"] if part not in ("phantom", "ingested", "stylegan2", *_EDITS)]
    field = ".".join(str(part) for part in location)
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        known = _fields_at(Recipe, detail["loc"][:-1])
        return field, "is not a key that is known here", nearest(str(location[-1]), known) if known else None
    if kind == "missing":
        return field, "is missing", "Add it to the recipe."
    if kind == "union_tag_invalid":
        return f"{field}.generator", f"no generator is called '{detail['ctx']['tag']}'", _tag_hint(detail["ctx"])
    if kind in _EXPECTED:
        return field, f"expected {_EXPECTED[kind]}, found {found!r}", None
    message = detail["msg"].removeprefix("Value error, ")
    if kind in ("value_error", "edit"):
        return field, message, None
    message = _ENUM_MEMBER.sub(r"\1", message)
    return field, f"{message[0].lower()}{message[1:]}, found {found!r}", None


_ENUM_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")


_EXPECTED = {
    "dict_type": "a mapping (NAME: VALUE)",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "string_type": "a text",
}
"""Plain words for pydantic's, which name classes of ours that no user knows."""


_EDITS = [kind.tag for kind in Edit.__subclasses__()]


def _tag_hint(context: dict[str, str]) -> str:
    return nearest(context["tag"], [tag.strip("'") for tag in context["expected_tags"].split(", ")])


def _fields_at(model: Any, location: tuple[int | str, ...]) -> set[str]:
    models = _models(model)
    for part in location:
        if isinstance(part, int):
            continue
        tagged = {m for m in models if part in _tags(m)}
        models = tagged or {
            inner for m in models if part in m.model_fields for inner in _models(m.model_fields[str(part)].annotation)
        }
    return {name for m in models for name in m.model_fields}


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    if issubclass(model, Edit):
        return (model.tag,)
    field = model.model_fields.get("generator")
    return typing.get_args(field.annotation) if field else ()


def _models(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return {annotation} if issubclass(annotation, BaseModel) else set()
    return {model for argument in typing.get_args(annotation) for model in _models(argument)}
