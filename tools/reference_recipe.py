"""The reference page of recipes: every key with its type, default and meaning, from the models that check recipes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from synthmammo.recipe import Recipe
from synthmammo.recipe.draws import DrawModel
from tools.recipe_types import default_of, held, title_of, type_of
from tools.undocumented import Undocumented

BEFORE = """# Recipe keys

A recipe is a YAML file. This page is written by `make docs` from the models that check recipes. Editors complete and
check recipes with `recipes/recipe.schema.json`. Three things hold everywhere:

* `include: FILE`, or a list of files, reads other recipes first. Paths are relative to the recipe, and local keys win.
* An unknown key is refused with the nearest known one, and the message names the file and the field.
* A *share* is a number from 0 to 1 or a fraction such as `1/3`. *Shares by name* are a mapping from names to shares
  that sum to one; a bare name stands for all of it.

"""


def page() -> str:
    """The page, as Markdown.

    Raises:
        Undocumented: A key or a model has no description.
    """
    return BEFORE + "\n".join(_section(model, path) for model, path in models().items())


def models() -> dict[type[BaseModel], str]:
    """Every model that a recipe can hold, in the order of the keys, with the place where it first stands."""
    found = dict(_below(Recipe, ""))
    # What many keys hold comes last.
    found[DrawModel] = found.pop(DrawModel)
    return found


def _below(model: type[BaseModel], path: str) -> Iterator[tuple[type[BaseModel], str]]:
    yield model, path
    for name, field in model.model_fields.items():
        for inner, place in held(field.annotation, f"{path}.{name}".lstrip(".")):
            yield from _below(inner, place)


def _section(model: type[BaseModel], path: str) -> str:
    if not model.__doc__:
        raise Undocumented(f"{model.__name__} has no docstring")
    if not path:
        place = "These keys stand at the top of the file."
    elif model is DrawModel:
        place = "These keys stand wherever a draw is expected."
    else:
        place = f"These keys stand under `{path}`."
    lines = [f"## {title_of(model)}", inspect.cleandoc(model.__doc__)]
    if not model.model_fields:
        return "\n\n".join([*lines, f"It stands under `{path}` and has no keys."]) + "\n"
    rows = [_row(model, name, field) for name, field in model.model_fields.items()]
    table = "\n".join(["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows])
    return "\n\n".join([*lines, place, table]) + "\n"


def _row(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    if not field.description:
        raise Undocumented(f"{model.__name__}.{name} has no description")
    meaning = re.sub(r"\s+", " ", field.description).rstrip(".")
    cells = (f"`{name}`", type_of(field.annotation, field.metadata), default_of(field), f"{meaning}.")
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
