"""How two accounts of what a dataset is made of differ, in a few lines that people read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any


def content_differences(before: Any, now: Any, path: str = "") -> list[str]:
    """What changed between two JSON-able values, one text per leaf, e.g. "recipe.size: 4 before, 8 now".

    Changed values come first; then what only one of them has.
    """
    shared, alone = _compared(before, now, path)
    return shared + alone


def _compared(before: Any, now: Any, path: str) -> tuple[list[str], list[str]]:
    """Texts on leaves of both values, and on leaves of one of them."""
    if before == now:
        return [], []
    old, new = _entries(before), _entries(now)
    if old is None or new is None or type(before) is not type(now):
        there, here = _brief(before, now)
        return [f"{path}: {there} before, {here} now"], []
    shared, alone = [], []
    for name in {**old, **new}:
        place = f"{path}.{name}".lstrip(".")
        if name in old and name in new:
            deeper = _compared(old[name], new[name], place)
            shared += deeper[0]
            alone += deeper[1]
        else:
            value, when = (old[name], "before, nothing now") if name in old else (new[name], "now, nothing before")
            alone.append(f"{place}: {_brief(value, None)[0]} {when}")
    return shared, alone


def _entries(value: Any) -> dict[Any, Any] | None:
    """The parts of a mapping by name, those of a list of mappings by number; None for what is shown whole."""
    if isinstance(value, Mapping):
        return dict(value)
    whole = not isinstance(value, list) or not any(isinstance(part, Mapping) for part in value)
    return None if whole else dict(enumerate(value))


def listed_changes(changes: Sequence[str], most: int = 8) -> str:
    """Texts one below the other, as the end of a message."""
    more = [f"and {len(changes) - most} more"] if len(changes) > most else []
    return "".join(f"\n    {change}" for change in [*changes[:most], *more])


def _brief(value: Any, other: Any, most: int = 60) -> tuple[str, str]:
    """Two values as short texts, cut so that what differs is seen."""
    texts = [json.dumps(one, ensure_ascii=False) for one in (value, other)]
    if max(map(len, texts)) <= most:
        return texts[0], texts[1]
    start = max(0, len(os.path.commonprefix(texts)) - most // 3)
    first, second = (_cut(text, start, most - 6) for text in texts)
    return first, second


def _cut(text: str, start: int, most: int) -> str:
    """A window of a text, with dots where something is left out."""
    start = max(0, min(start, len(text) - most))
    end = start + most
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")
