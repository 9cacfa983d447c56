"""The JSON Schema of recipes as this installation understands them: with the sections of the plug-ins."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from synthmammo.extending import BACKGROUNDS, LESIONS, WRITERS, working
from synthmammo.recipe.background import SECTIONS
from synthmammo.recipe.emit import OWN_FORMATS
from synthmammo.recipe.lesion import OWN_LESIONS
from synthmammo.recipe.lesions import LesionSpec, Removal
from synthmammo.recipe.load import own_schema

_REF = "#/$defs/"


def recipe_schema() -> dict[str, Any]:
    """JSON Schema of recipe files, with the keys that plug-ins add; of one that fails a warning is given.

    Returns:
        The schema as JSON-able values; editors complete and check recipes with it.

    Example:
        >>> import synthmammo as sm
        >>> sm.recipe_schema()["properties"]["size"]["type"]
        'integer'
    """
    schema = own_schema()
    keys = schema["properties"]
    for plugin, kind in working(BACKGROUNDS, SECTIONS):
        ref = _defined(schema, kind.section, plugin.package)
        keys["background"]["oneOf"].append(ref)
        keys["background"]["discriminator"]["mapping"][plugin.name] = ref["$ref"]
    for plugin, kind in working(LESIONS, OWN_LESIONS):
        _add(keys["lesions"], "items", kind.section, LesionSpec, schema, plugin.package)
        _add(keys, "removal", kind.removal_section, Removal, schema, plugin.package)
    formats = schema["$defs"]["FormatOptions"]["properties"]
    names = _named_list(schema["$defs"]["Emit"]["properties"]["formats"])
    for plugin, writer in working(WRITERS, OWN_FORMATS):
        ref = _defined(schema, writer.section, plugin.package)
        formats[plugin.name] = {"anyOf": [ref, {"type": "null"}], "default": None}
        names.append(plugin.name)
    return schema


def _defined(schema: dict[str, Any], section: type[BaseModel], package: str) -> dict[str, str]:
    """A reference to the schema of a section, which is put among the definitions."""
    found = section.model_json_schema(ref_template=_REF + "{model}")
    inner, defined = found.pop("$defs", {}), schema["$defs"]
    for name, part in inner.items():
        defined.setdefault(name, part)
    name = section.__name__
    if defined.setdefault(name, found) != found:
        name = f"{name}_{package}"
        defined[name] = found
    return {"$ref": _REF + name}


def _add(
    keys: dict[str, Any],
    key: str,
    section: type[BaseModel] | None,
    own: type[BaseModel],
    schema: dict[str, Any],
    package: str,
) -> None:
    """Let a key also hold a plug-in's section, where that is not this package's own."""
    if section is None or section is own:
        return
    stated = keys[key]
    several = stated.get("oneOf") or stated["anyOf"]
    several.append(_defined(schema, section, package))


def _named_list(stated: dict[str, Any]) -> list[str]:
    """The names that a list of formats may hold."""
    names: list[str] = next(one["items"]["enum"] for one in stated["anyOf"] if one.get("type") == "array")
    return names
