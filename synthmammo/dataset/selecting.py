"""Rows of an index that meet a condition, as `--where` gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthmammo.dataset.index import IndexRow, read_index
from synthmammo.errors import DatasetError, SynthmammoError
from synthmammo.mammogram.columns import COLUMNS, kinds
from synthmammo.mammogram.where import Condition, parse


def condition(where: object, error: type[SynthmammoError] = DatasetError, option: str = "where") -> Condition:
    """A condition on the images of a dataset.

    Args:
        where: The condition, in the grammar of `synthmammo.mammogram.where`.
        error: Class of the error to raise.
        option: Name of the option or field that holds it, for the message.

    Raises:
        SynthmammoError: It is not understood; the class is `error`.
    """
    return parse(where, kinds(COLUMNS), error, option)


def checked_condition(where: str | None) -> str | None:
    """A condition of a configuration, once it is understood; None is none.

    Raises:
        ValueError: It is not understood.
    """
    if where is not None:
        try:
            condition(where)
        except DatasetError as error:
            raise ValueError(f"{error.message}. {error.hint or ''}".strip()) from None
    return where


def selected(rows: Sequence[IndexRow], where: str | None, directory: Path) -> list[IndexRow]:
    """The rows of an index that meet a condition, in their order.

    Args:
        rows: Rows of the index.
        where: The condition; None for all rows.
        directory: Directory of the dataset, for the message.

    Raises:
        DatasetError: The condition is not understood, or no row meets it.
    """
    if where is None:
        return list(rows)
    holds = condition(where)
    chosen = [row for row in rows if holds(seen(row))]
    if not chosen:
        hint = "Each column of the condition, as it is found there: " + "; ".join(_found(rows, holds.columns)) + "."
        raise DatasetError(f"none of {len(rows):,} images meets the condition '{where}'", where=directory, hint=hint)
    return chosen


def selected_keys(directory: Path, where: str | None) -> frozenset[str] | None:
    """Keys of the samples of a dataset that meet a condition; None for all of them, where there is no condition.

    Args:
        directory: Directory of the dataset.
        where: The condition; None for all samples.

    Raises:
        DatasetError: As `selected`; or the index cannot be read.
    """
    if where is None:
        return None
    return frozenset(row["key"] for row in selected(read_index(directory).to_pylist(), where, directory))


def seen(row: IndexRow) -> dict[str, Any]:
    """What a condition sees of a row of an index: values by the names of `columns.COLUMNS`."""
    findings, spacing = row.get("findings") or (), row.get("spacing_mm")
    return {**row, "findings": len(findings), "unlocated": len(row.get("unlocated") or ())} | {
        "spacing_mm": max(spacing) if spacing else None,
        "kinds": [finding["kind"] for finding in findings],
        "pathologies": [finding["pathology"] for finding in findings],
    }


def _found(rows: Sequence[IndexRow], columns: frozenset[str], most: int = 5) -> list[str]:
    """What each column holds, shortly."""
    shown: list[Mapping[str, Any]] = [seen(row) for row in rows]
    return [f"{column} is {_brief([row.get(column) for row in shown], most)}" for column in sorted(columns)]


def _brief(values: Sequence[Any], most: int) -> str:
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    kinds_of = sorted({str(value) for value in flat if value is not None and value != ""})
    return f"{', '.join(kinds_of[:most])}{', ...' * (len(kinds_of) > most)}" if kinds_of else "empty"
