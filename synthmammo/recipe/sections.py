"""Sections of a recipe that a generator's name chooses: those that plug-ins bring, and what is said of unknown ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from synthmammo.errors import RecipeError, nearest
from synthmammo.extending import plugin, plugins

Section = TypeVar("Section", bound=BaseModel)


def names_of(group: str, own: Collection[str]) -> list[str]:
    """Names of generators: this package's, and those of plug-ins.

    Args:
        group: Group of entry points, one of `extending.PROTOCOLS`.
        own: Names that this package has itself.
    """
    return sorted({*own, *plugins(group)})


def refuse_unknown(name: str, known: Collection[str], found: Any) -> None:
    """Refuse a generator that nobody brings.

    Args:
        name: Name of the generator.
        known: Names that there are.
        found: The section that names it.

    Raises:
        ValidationError: The name is not among the known ones.
    """
    if name in known:
        return
    tags = ", ".join(repr(one) for one in known)
    context = {"discriminator": "'generator'", "tag": name, "expected_tags": tags}
    detail = InitErrorDetails(type="union_tag_invalid", input=found, ctx=context)
    raise ValidationError.from_exception_data("section", [detail])


def of_plugin(
    group: str, name: str, value: Mapping[str, Any], part: str = "section", within: tuple[str, ...] = ()
) -> Any:
    """The section that a plug-in makes of a mapping.

    Args:
        group: Group of entry points, one of `extending.PROTOCOLS`.
        name: Name of one of its plug-ins.
        value: Keys and values of the section.
        part: Attribute of the plug-in that has the model of the section, "section" by default.
        within: Keys that lead to the section from where its errors are caught; by default none.

    Raises:
        ValidationError: A key or a value is not understood, or the plug-in cannot be used, or has no such part.
    """
    found = plugin(group, name, ())
    assert found
    try:
        kind = found.load(RecipeError)
    except RecipeError as error:
        raise _unusable(f"{error.message}. {error.hint}", value, within) from None
    section = getattr(kind, part, None)
    if section is None:
        text = f"{found} takes no lesions off" if part == "removal_section" else f"{found} states no {part}"
        raise _unusable(text, value, within)
    return validated(section, value, within)


def _unusable(text: str, value: Mapping[str, Any], within: tuple[str, ...]) -> ValidationError:
    kind = PydanticCustomError("plugin", "{text}", {"text": text})
    return ValidationError.from_exception_data("section", [InitErrorDetails(type=kind, loc=within, input=value)])


def validated(section: type[Section], value: Mapping[str, Any], within: tuple[str, ...] = ()) -> Section:
    """A section's keys and values, checked; where a key is unknown, with the nearest known one.

    Args:
        section: Model of the section.
        value: Keys and values.
        within: Keys that lead to the section from where its errors are caught; by default none.

    Raises:
        ValidationError: A key or a value is not understood.
    """
    try:
        return section.model_validate(value)
    except ValidationError as error:
        details = [_detail(one, section, within) for one in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(error.title, details) from None


def _detail(found: Any, section: type[BaseModel], within: tuple[str, ...]) -> InitErrorDetails:
    kind: Any = found["type"]
    if kind == "extra_forbidden" and len(found["loc"]) == 1:
        hint = nearest(str(found["loc"][0]), section.model_fields)
        kind = PydanticCustomError("unknown_key", "{text}", {"text": f"is not a key that is known here. {hint}"})
    return InitErrorDetails(type=kind, loc=(*within, *found["loc"]), input=found["input"], ctx=found.get("ctx", {}))
