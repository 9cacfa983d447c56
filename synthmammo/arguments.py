"""What callers give to public functions, checked by kind: one message that names the argument where it is of another.

The callers' users know different classes of errors (a recipe's, a dataset's, a sample's); so every function is given
the class that it raises.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from numbers import Real
from operator import index
from pathlib import Path
from typing import Any, TypeVar

from synthmammo.errors import SynthmammoError, nearest

_Failure = type[SynthmammoError]
Word = TypeVar("Word", bound=StrEnum)
Options = TypeVar("Options")


def wrong(name: str, expected: str, value: object, failure: _Failure, hint: str | None = None) -> SynthmammoError:
    """The error for an argument that is not what it should be.

    Args:
        name: Name of the argument.
        expected: What was expected, with its article.
        value: What was found.
        failure: Class of the error.
        hint: What to do about it.
    """
    return failure(f"expected {expected}, found {_shown(value)}", where=name, hint=hint)


def a_path(value: object, name: str, failure: _Failure) -> Path:
    """A path from a text or a `Path`.

    Raises:
        SynthmammoError: It is something else, or empty.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise wrong(name, "a path (str or Path)", value, failure)
    return Path(text)


def a_model(value: object, name: str, failure: _Failure) -> str:
    """The name of a model, zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION; whether there is one is not looked at.

    Raises:
        SynthmammoError: It is neither a text nor a `Path`, or empty.
    """
    if not isinstance(value, str | Path) or not str(value).strip():
        raise wrong(name, "the name of a model, or a path", value, failure)
    return str(value)


def a_text(value: object, name: str, failure: _Failure) -> str:
    """A text that is not blank.

    Raises:
        SynthmammoError: It is something else.
    """
    if not isinstance(value, str) or not value.strip():
        raise wrong(name, "a text", value, failure)
    return value


def a_number(value: Any, name: str, failure: _Failure, *, least: int | None = None) -> int:
    """A whole number; NumPy's are taken too, True and False are none.

    Args:
        value: What was given.
        name: Name of the argument.
        failure: Class of the error to raise.
        least: Smallest number that is allowed; None where any is.

    Raises:
        SynthmammoError: It is something else, or too small.
    """
    expected = "a whole number" if least is None else f"a whole number of {least} or more"
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        raise wrong(name, expected, value, failure)
    return number


def a_real(value: Any, name: str, failure: _Failure, *, least: float | None = None, most: float | None = None) -> float:
    """A finite number.

    Args:
        value: What was given.
        name: Name of the argument.
        failure: Class of the error to raise.
        least: Smallest number that is allowed; None where any is.
        most: Largest number that is allowed; None where any is.

    Raises:
        SynthmammoError: It is something else, too small or too large.
    """
    known = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not known or (least is not None and value < least) or (most is not None and value > most):
        limits = [f"{word} {limit:g}" for word, limit in (("from", least), ("to", most)) if limit is not None]
        raise wrong(name, " ".join(["a number", *limits]), value, failure)
    return float(value)


def a_choice(value: object, name: str, failure: _Failure) -> bool:
    """True or False, and nothing that merely counts as one of them.

    Raises:
        SynthmammoError: It is something else.
    """
    if not isinstance(value, bool):
        raise wrong(name, "True or False", value, failure)
    return value


def a_function(value: Any, name: str, failure: _Failure) -> Callable[..., Any]:
    """Something that can be called.

    Raises:
        SynthmammoError: It cannot.
    """
    if not callable(value):
        raise wrong(name, "a function", value, failure)
    function: Callable[..., Any] = value
    return function


def a_word(value: object, words: type[Word], name: str, failure: _Failure) -> Word:
    """A member of a list of words, from itself or from its text.

    Raises:
        SynthmammoError: There is no such word.
    """
    known = [str(word) for word in words]
    if not isinstance(value, str) or value not in known:
        hint = nearest(value.upper(), known) if isinstance(value, str) else None
        raise wrong(name, " or ".join(repr(word) for word in known), value, failure, hint)
    return words(value)


def a_name(value: object, known: Iterable[str], name: str, failure: _Failure) -> str:
    """One of some texts.

    Raises:
        SynthmammoError: There is no such text among them.
    """
    texts = [str(text) for text in known]
    if not isinstance(value, str) or value not in texts:
        hint = nearest(value, texts) if isinstance(value, str) else ""
        raise wrong(name, listed(map(repr, texts)), value, failure, hint if hint.startswith("Did") else None)
    return str(value)


def a_seed(value: Any, name: str, failure: _Failure) -> int:
    """A seed that a recipe may have: a whole number of 0 to 2^63 - 1.

    Raises:
        SynthmammoError: It is something else.
    """
    if (seed := a_number(value, name, failure, least=0)) >= 2**63:
        raise wrong(name, "a whole number below 2^63", value, failure)
    return seed


def a_positive(value: Any, name: str, unit: str, failure: _Failure) -> float:
    """A finite number above 0.

    Raises:
        SynthmammoError: It is something else.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value > 0):
        raise wrong(name, f"a number above 0 ({unit})", value, failure)
    return float(value)


def options(kind: type[Options], given: Mapping[str, Any], failure: _Failure) -> Options:
    """An instance of a dataclass of options, which checks the values itself.

    Args:
        kind: The dataclass.
        given: Values by name; lists become tuples.
        failure: Class of the error to raise.

    Raises:
        SynthmammoError: A name is unknown, or a value is of a kind that no check of the dataclass foresees.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise failure("is no option that is known here", where=name, hint=nearest(name, known))
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
    except (TypeError, ValueError, AttributeError) as error:
        raise failure(f"an option is of a kind that cannot be used ({error})", where=", ".join(given)) from None


def listed(names: Iterable[object]) -> str:
    """Names for a message: "8, 12 or 16"."""
    *most, last = map(str, names)
    return f"{', '.join(most)} or {last}" if most else last


def _shown(value: object) -> str:
    text = " ".join(reprlib.repr(value).split())
    plain = value is None or isinstance(value, str | int | float)
    return text if plain else f"{text} ({type(value).__name__})"
