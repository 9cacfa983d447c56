"""The order of names in a recipe, which decides draws and which canonical JSON does not keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel


def name_orders(recipe: BaseModel) -> dict[str, list[str]]:
    """Orders of the names that a recipe shares something out among, such as those of its classes.

    A draw picks the number of a name, so that `{normal: 1/2, malignant: 1/2}` and `{malignant: 1/2, normal: 1/2}` give
    other rows. Names in alphabetical order are left out: that is the order of canonical JSON.

    Args:
        recipe: The checked recipe.

    Returns:
        Names by the path of their key, e.g. `{"classes": ["normal", "malignant"]}`.
    """
    return {path: names for path, names in _orders(recipe, "") if names != sorted(names)}


def _orders(value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, Mapping):
        parts = [(str(name), part) for name, part in value.items()]
        if not any(isinstance(part, Mapping) for _, part in parts):
            yield path, [name for name, _ in parts]
    elif isinstance(value, BaseModel):
        # The names of fields are the package's, and their order says nothing.
        parts = [(name, getattr(value, name)) for name in type(value).model_fields]
    elif isinstance(value, list | tuple):
        parts = [(str(number), part) for number, part in enumerate(value)]
    else:
        return
    for name, part in parts:
        yield from _orders(part, f"{path}.{name}".lstrip("."))
