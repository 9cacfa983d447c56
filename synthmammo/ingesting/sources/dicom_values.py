"""Attributes of DICOM headers in Python's types, whatever a file holds in their place."""

from __future__ import annotations

import warnings
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def value(header: Dataset, name: str) -> Any:
    """An attribute; None when it is absent, or damaged beyond conversion."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return header.get(name)
    except Exception:
        # pydicom converts on access, and a value that breaks its type can raise anything.
        return None


def text(header: Dataset, name: str) -> str:
    """An attribute as stripped text; empty when absent or empty."""
    found = value(header, name)
    try:
        return str(found).strip() if found is not None else ""
    except Exception:  # a sequence in its place is converted only here
        return ""


def integer(header: Dataset, name: str) -> int | None:
    """An attribute as a whole number; None when absent or not one."""
    try:
        return int(text(header, name))
    except ValueError:
        return None


def number_value(header: Dataset, name: str, default: float) -> float:
    """An attribute as a number; the default when absent or not one."""
    try:
        found = float(text(header, name))
    except ValueError:
        return default
    return found if isfinite(found) else default


def as_list(header: Dataset, name: str) -> list[Any]:
    """An attribute's values as a list, whether it holds none, one or several."""
    found = value(header, name)
    if found is None or found == "":
        return []
    return [found] if isinstance(found, str | int | float) else list(found)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without its final full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def positive(ratio: Any) -> float | None:
    """A number above 0; None for anything else."""
    try:
        return float(ratio) if float(ratio) > 0 else None
    except (TypeError, ValueError):
        return None
