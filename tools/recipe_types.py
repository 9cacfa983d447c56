"""Types and defaults of recipe keys in words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from synthmammo.recipe.draws import DrawModel, Share, Shares

WORDS: dict[Any, str] = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "any value"}
NAMES = {"Style gan2": "StyleGAN2", "Web dataset": "WebDataset", "Dicom": "DICOM"}
"""Names as their makers write them."""
BOUNDS: tuple[tuple[type, str, str], ...] = (
    (limits.Ge, "ge", "at least"),
    (limits.Gt, "gt", "above"),
    (limits.Le, "le", "at most"),
    (limits.Lt, "lt", "below"),
)
_SHARE, _SHARES = get_args(Share)[1], get_args(Shares)[1]


def title_of(model: type[BaseModel]) -> str:
    """Heading of a model's section: its name in words, without what says that it is a model."""
    first, *rest = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=GAN2)(?=B)", " ", model.__name__).split()
    words = " ".join([first, *(word.lower() for word in rest if word not in ("Spec", "Model"))])
    for ours, theirs in NAMES.items():
        words = words.replace(ours, theirs)
    return words


def link_to(model: type[BaseModel]) -> str:
    """Link to a model's section on the same page."""
    title = title_of(model)
    words = title if title.split()[0] in NAMES.values() else title.lower()
    return f"[{words}](#{title.lower().replace(' ', '-')})"


def held(annotation: Any, place: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Models that a value of a type can hold, with their places: `edits[]` for the items of a list."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation, place
    inside = f"{place}[]" if get_origin(annotation) is list else place
    arguments = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    for argument in arguments:
        yield from held(argument, inside)


def type_of(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """A type in words, with the bounds of its numbers; None stands for a key that is left out and is not named."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return type_of(inner, [*metadata, *more])
    flat = [one for each in metadata for one in (each.metadata if isinstance(each, FieldInfo) else [each])]
    if _SHARE in flat:
        return "share"
    if _SHARES in flat:
        return "shares by name"
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        return " or ".join(dict.fromkeys(type_of(kind, flat) for kind in kinds))
    return _plain(annotation) + _bounds(flat)


def _plain(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        values = [value.value if isinstance(value, Enum) else value for value in arguments]
        return " or ".join(f"`{value}`" for value in values)
    if origin is list:
        return f"list of {type_of(arguments[0])}"
    if origin is tuple:
        return f"pair of {type_of(arguments[0])}s"
    if origin is dict:
        return f"mapping from {type_of(arguments[0])} to {type_of(arguments[1])}"
    if annotation in WORDS:
        return WORDS[annotation]
    return link_to(annotation)


def _bounds(metadata: Sequence[Any]) -> str:
    numbers = [
        f"{words} {_number(getattr(each, name))}"
        for each in metadata
        for kind, name, words in BOUNDS
        if isinstance(each, kind)
    ]
    numbers += [f"matching `{each.pattern}`" for each in metadata if getattr(each, "pattern", None)]
    numbers += [f"of at most {each.max_length} characters" for each in metadata if getattr(each, "max_length", None)]
    return " " + ", ".join(numbers) if numbers else ""


def _number(value: float) -> str:
    if isinstance(value, int) and value > 2**53:
        return f"2<sup>{value.bit_length() - 1}</sup>"
    return f"{value:,}"


def default_of(field: FieldInfo) -> str:
    """A default as YAML; that of a model is the model's own."""
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None:
        return "none"
    if isinstance(default, DrawModel):
        return f"`{default}`"
    if isinstance(default, BaseModel):
        return f"{link_to(type(default))} by its defaults"
    text = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n")
    return f"`{text.strip()}`"
