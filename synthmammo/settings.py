"""KEY=VALUE texts and YAML files become checked models; where they cannot, one message says why.

Recipes, trainings and archives have errors of their own; so every function is given the class of the error to raise.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Tag, TypeAdapter, ValidationError
from pydantic_core.core_schema import ErrorType

from synthmammo.arguments import wrong
from synthmammo.errors import SynthmammoError, nearest

Checked = TypeVar("Checked")


def read_yaml(path: Path, failure: type[SynthmammoError], *, where: object = None) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Args:
        path: YAML file.
        failure: Class of the error to raise.
        where: Name of the file in messages; by default its path.

    Raises:
        SynthmammoError: The file cannot be read, is not YAML, states a key twice, or is something else than a mapping.
    """
    where = path if where is None else where
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise failure(f"cannot be read: {error.strerror}", where=where, hint=_neighbours(path)) from None
    except _NOT_YAML as error:
        raise failure(f"is not YAML: {' '.join(str(error).split())}", where=where) from None
    if not isinstance(content, dict):
        raise failure(f"expected a mapping of keys, found {type(content).__name__}", where=where)
    return content


def assignments(texts: Iterable[str], failure: type[SynthmammoError], option: str = "settings") -> dict[str, Any]:
    """Values by key from `KEY=VALUE` texts; the values are read as YAML, the keys are taken as they are.

    Args:
        texts: `KEY=VALUE` texts; the last one of a key wins.
        failure: Class of the error to raise.
        option: Name of the argument that the texts were given to, for messages.

    Raises:
        SynthmammoError: A text has no key, no equals sign, or a value that is not YAML.
    """
    return dict(_assignment(text, failure, option) for text in texts)


Changes = Iterable[str] | Mapping[str, Any]
"""What `changed` takes: `KEY=VALUE` texts, or values by dotted key."""


def changed(
    content: Mapping[str, Any], changes: Changes, failure: type[SynthmammoError], option: str = "settings"
) -> dict[str, Any]:
    """A copy of plain values, some of which were changed.

    A dotted key leads into mappings, by name, and into lists, by number from 0: `lesions.1.diameter_mm=[5, 6]`, or
    `lesions[1].diameter_mm=[5, 6]`. A mapping that is not there is made; a list keeps its length.

    Args:
        content: Plain values, which stay as they are.
        changes: `KEY=VALUE` texts, or values by dotted key; applied in this order.
        failure: Class of the error to raise.
        option: Name of the argument that the texts were given to, for messages.

    Raises:
        SynthmammoError: A change is not understood, or its key leads to no value.
    """
    result: dict[str, Any] = _copied(dict(content))
    for key, value in _pairs(changes, failure, option):
        try:
            _put(result, key, value)
        except LookupError as error:
            raise failure(f"'{error.args[0]}' does not lead to a value", where=f"{option} {key}") from None
    return result


def checked(
    kind: type[Checked], content: Any, where: object, failure: type[SynthmammoError], *, within: str = ""
) -> Checked:
    """An instance of a model or of a dataclass, from plain values.

    Args:
        kind: Class of the instance, or another type that pydantic understands.
        content: Plain values.
        where: File or option that the values come from, for messages; None where the field alone says it.
        failure: Class of the error to raise.
        within: Dotted key that leads to the values where they are part of something larger; empty by default.

    Raises:
        SynthmammoError: Keys are unknown or missing, or values are not valid; the message names them all.
    """
    try:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind.model_validate(content)  # an adapter of a model would build its schema a second time
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        lines = [_explanation(detail, kind, within) for detail in error.errors()]
    if len(lines) == 1:
        field, text, hint = lines[0]
        place = ": ".join(str(part) for part in (where, field) if part not in (None, ""))
        raise failure(text, where=place or None, hint=hint) from None
    listed = "\n".join(f"  {field}: {text}" + (f". {hint}" if hint else "") for field, text, hint in lines)
    raise failure(f"{len(lines)} problems\n{listed}", where=where) from None


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""That of libyaml where PyYAML was built with it, which reads ten times as fast."""


class _UniqueKeys(_Loader):  # type: ignore[misc]
    """YAML in which a key that is stated twice is an error; its first value would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        texts = [key.value for key in keys]
        for place, key in enumerate(keys):
            if key.value in texts[:place]:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is stated twice", key.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)
"""Errors of reading YAML: dates that no calendar has are plain ValueErrors, as are bytes that are no text."""


def _parsed(text: str) -> Any:
    return yaml.load(text, _UniqueKeys)


def _neighbours(path: Path) -> str | None:
    folder = path.parent if path.parent.is_dir() else None
    files = sorted(p.name for p in folder.glob("*.yaml")) if folder else []
    return nearest(path.name, files) if files else None


def _pairs(changes: Any, failure: type[SynthmammoError], option: str) -> list[tuple[str, Any]]:
    """Keys and values of changes that were given as either of the kinds there are."""
    if isinstance(changes, Mapping) and all(isinstance(key, str) for key in changes):
        return list(changes.items())
    if isinstance(changes, Iterable) and not isinstance(changes, str | bytes | Mapping):
        texts = list(changes)
        if all(isinstance(text, str) for text in texts):
            return [_assignment(text, failure, option) for text in texts]
    raise wrong("settings", "values by key, or a list of KEY=VALUE texts", changes, failure)


def _copied(value: Any) -> Any:
    """Mappings and lists anew; `copy.deepcopy` would also try what no YAML holds, and fail on some of it."""
    if isinstance(value, Mapping):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list | tuple) else value


def _assignment(text: str, failure: type[SynthmammoError], option: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        hint = "An equals sign stands between a name and its value, without spaces: NAME=VALUE."
        raise failure(f"expected KEY=VALUE, found '{text}'", where=option, hint=hint)
    try:
        return key, _parsed(value)
    except _NOT_YAML:
        hint = f"A text that YAML reads otherwise stands in quotes: \"{key}='...'\"."
        raise failure(f"the value '{value}' is not YAML", where=f"{option} {key}", hint=hint) from None


_BRACKETS = re.compile(r"(?<=[^.])\[(\d+)\]")
"""A place in a list as programs write it: `lesions[0]` for `lesions.0`."""


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    """Set a value by its dotted key; a LookupError names the part of the key that leads nowhere."""
    target: Any = content
    *parents, last = _BRACKETS.sub(r".\1", key).split(".")
    for parent in parents:
        target = target[int(parent)] if _is_index(target, parent) else _child(target, parent)
    if _is_index(target, last):
        target[int(last)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise LookupError(last)


def _is_index(target: Any, part: str) -> bool:
    return isinstance(target, list) and part.isdecimal() and int(part) < len(target)


def _child(target: Any, part: str) -> Any:
    if not isinstance(target, dict):
        raise LookupError(part)
    if target.get(part) is None:
        target[part] = {}
    return target[part]


def _explanation(detail: Any, kind: Any, within: str) -> tuple[str, str, str | None]:
    """Field, message and hint of one of pydantic's findings."""
    location, _ = _followed(kind, detail["loc"])
    field = ".".join(str(part) for part in ([within] if within else []) + location)
    problem, found = detail["type"], detail["input"]
    if problem == "extra_forbidden":
        _, models = _followed(kind, detail["loc"][:-1])
        known = {name for model in models for name in model.model_fields}
        return field, "is not a key that is known here", nearest(str(location[-1]), known) if known else None
    if problem == "missing":
        return field, "is missing", "Add it."
    if problem == "union_tag_invalid":
        return _unknown_tag(field, detail["ctx"])
    if problem in _EXPECTED:
        return field, f"expected {_EXPECTED[problem]}, found {found!r}", None
    message = detail["msg"].removeprefix("Value error, ")
    if problem == "value_error" or problem not in typing.get_args(ErrorType):
        return field, message, None  # a sentence of this package
    message = _ENUM_MEMBER.sub(r"\1", message)
    return field, f"{message[0].lower()}{message[1:]}, found {found!r}", None


def _unknown_tag(field: str, context: dict[str, str]) -> tuple[str, str, str | None]:
    name = context["discriminator"].strip("'")
    known = [tag.strip("'") for tag in context["expected_tags"].split(", ")]
    return f"{field}.{name}", f"no {name} is called '{context['tag']}'", nearest(context["tag"], known)


_ENUM_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")

_EXPECTED = {
    "dict_type": "a mapping (NAME: VALUE)",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "string_type": "a text",
}
"""Plain words for those of pydantic, which name classes that no user knows."""


def _followed(kind: Any, location: tuple[int | str, ...]) -> tuple[list[int | str], list[type[BaseModel]]]:
    """The part of a location that people wrote, and the models that it may lead to.

    In pydantic's locations the members of a union appear by their tags or types, which nobody wrote.
    """
    models = _models(kind)
    written: list[int | str] = []
    for part in location:
        tagged = {model: tags for model, tags in models.items() if part in tags}
        if len(models) > 1 and tagged:
            models = tagged
            continue
        if isinstance(part, str) and _TYPE.fullmatch(part):
            continue
        written.append(part)
        if isinstance(part, str):
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            models = {model: tags for field in fields for model, tags in _models(field.annotation).items()}
    return written, list(models)


_TYPE = re.compile(r"int|float|str|bool|\[key\]|(function-(before|after|wrap|plain)|tuple|list|dict|constrained)\W.*")
"""Pydantic's names for a member of a union that has no tag."""


def _models(annotation: Any) -> dict[type[BaseModel], set[Any]]:
    """The models that an annotation admits, each with the tags that pydantic may call it by."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return {annotation: _literals(annotation)} if issubclass(annotation, BaseModel) else {}
    arguments = typing.get_args(annotation)
    tags = {argument.tag for argument in arguments if isinstance(argument, Tag)}
    return {model: known | tags for argument in arguments for model, known in _models(argument).items()}


def _literals(model: type[BaseModel]) -> set[Any]:
    return {value for field in model.model_fields.values() for value in _values(field.annotation)}


def _values(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
