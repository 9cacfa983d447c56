"""The images of an archive as a dataset can hold them: with distinct keys, one spelling per class, those asked for."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthmammo.dataset.layout import PASSED_OVER
from synthmammo.errors import SourceError
from synthmammo.files import writing
from synthmammo.identity import digest
from synthmammo.ingesting.sources.base import PassedOver, Record, Skipped, Source
from synthmammo.mammogram.columns import BEFORE_READING, OF_PIXELS, kinds, recorded
from synthmammo.mammogram.where import Condition, parse

MAX_KEY = 80
"""Longest key, so that a member of a tar keeps within 100 characters."""

_LATER = dict.fromkeys(
    OF_PIXELS, "It is known once pixels are read: ask for it in patches, benchmark, show or a recipe."
)
_LATER["split"] = "Splits are drawn afterwards; official_split is the archive's own."


@dataclass(frozen=True)
class Listed:
    """What an archive has.

    Attributes:
        records: Images to read, with distinct keys.
        skipped: Images that cannot become samples.
        passed_over: Files that are no images of the archive.
        notes: Sentences for the user.
    """

    records: tuple[Record, ...]
    skipped: tuple[Skipped, ...]
    passed_over: tuple[PassedOver, ...]
    notes: tuple[str, ...]


def listing_condition(where: str) -> Condition:
    """A condition on images whose pixels are not read yet.

    Raises:
        SourceError: It is not understood, or asks for what only pixels tell.
    """
    return parse(where, kinds(BEFORE_READING), SourceError, "where", _LATER)


def list_images(reader: Source, path: str | Path, limit: int | None = None, where: str | None = None) -> Listed:
    """List the images of an archive.

    Args:
        reader: Reader of the archive.
        path: Path of the archive, for messages.
        limit: Number of images to list, the first ones; None, the default, for all.
        where: Condition that images must meet; None, the default, for none.

    Raises:
        SourceError: There is no image, or none that meets the condition; or the condition is not understood.
    """
    holds = None if where is None else listing_condition(where)
    records: list[Record] = []
    left_out: list[dict[str, Any]] = []
    skipped: list[Skipped] = []
    for found in reader.records():
        if isinstance(found, Skipped):
            skipped.append(found)
        elif len(records) == limit:
            break
        elif holds is None or holds(row := _row(found)):
            records.append(found)
        else:
            left_out.append(row)
    if not records:
        raise _nothing(skipped, left_out, holds, path)
    merged, notes = one_spelling(records)
    if left_out:
        notes.append(f"{len(left_out):,} images do not meet the condition '{where}' and were left out")
    passed_over = tuple(skip for skip in skipped if isinstance(skip, PassedOver))
    kept = tuple(skip for skip in skipped if not isinstance(skip, PassedOver))
    return Listed(tuple(distinct_keys(merged, reader.folder)), kept, passed_over, tuple(notes))


def _row(record: Record) -> dict[str, Any]:
    """What a condition sees of a record."""
    facts = {**record.provenance, "official_split": record.split}
    return recorded(facts) | {
        "key": record.key,
        "patient": record.patient,
        "label": record.label,
        "view": record.view,
        "laterality": record.laterality,
        "density": record.density,
    }


def _nothing(
    skipped: Sequence[Skipped], left_out: Sequence[dict[str, Any]], holds: Condition | None, path: str | Path
) -> SourceError:
    if holds and left_out:
        found = "; ".join(f"{name} is {_values(left_out, name)}" for name in sorted(holds.columns))
        message = f"none of {len(left_out):,} images meets the condition '{holds.text}'"
        return SourceError(message, where=path, hint=f"Each column of the condition, as it is found there: {found}.")
    wrong = [skip for skip in skipped if not isinstance(skip, PassedOver)] or skipped
    reasons = [f"{reason} ({number} files)" for reason, number in Counter(s.reason for s in wrong).most_common(3)]
    message = f"not one image can be used: {'; '.join(reasons)}" if reasons else "holds no images"
    return SourceError(message, where=path, hint="Is it the right source for this archive?")


def _values(rows: Sequence[dict[str, Any]], column: str, most: int = 5) -> str:
    flat = [one for row in rows for one in (row[column] if isinstance(row[column], list) else [row[column]])]
    found = sorted({str(value) for value in flat if value is not None and value != ""})
    return f"{', '.join(found[:most])}{', ...' * (len(found) > most)}" if found else "empty"


def one_spelling(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Records whose classes that differ in case only have become one, and notes on these.

    The spelling in small letters is kept where it occurs, else the most frequent one.

    Args:
        records: Records of the archive.
    """
    counts = Counter(record.label for record in records)
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: (label != label.lower(), -counts[label], label)):
        spellings[label.casefold()].append(label)
    kept = {label: found[0] for found in spellings.values() for label in found}
    notes = [
        f"classes that differ in case only are one: {' and '.join(repr(label) for label in found)} are '{found[0]}'"
        for found in spellings.values()
        if len(found) > 1
    ]
    return [replace(record, label=kept[record.label]) for record in records], notes


def distinct_keys(records: Sequence[Record], folder: Path) -> list[Record]:
    """Records with keys that are distinct, also where names are compared without case, and at most `MAX_KEY` long.

    A key that several records share gets a digest of each one's path, so it does not depend on their order.

    Args:
        records: Records of the archive.
        folder: Folder of the archive, to which the paths are relative.
    """
    occurrences: Counter[Path] = Counter()
    names: list[list[Any]] = []
    for record in records:
        occurrences[record.path] += 1
        names.append([record.key, name_in(folder, record.path), occurrences[record.path]])
    keys = [record.key if len(record.key) <= MAX_KEY else _short(record.key, record.key, 8) for record in records]
    for digits in (8, 16, 32, 64):
        counts = Counter(key.casefold() for key in keys)
        shared = [number for number, key in enumerate(keys) if counts[key.casefold()] > 1 or not key]
        if not shared:
            break
        for number in shared:
            keys[number] = _short(records[number].key, names[number], digits)
    return [replace(record, key=key) for record, key in zip(records, keys, strict=True)]


def name_in(folder: Path, path: Path) -> str:
    """Name of a file, relative to the folder of its archive where it lies there, as text that UTF-8 can hold.

    Args:
        folder: Folder of the archive.
        path: Path of the file.
    """
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return name.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _short(key: str, identity: Any, digits: int) -> str:
    """A key with a digest at its end."""
    return f"{key[: MAX_KEY - digits - 1]}-{digest(identity)[:digits]}".lstrip("-")


def skip_row(skip: Skipped, reader: Source) -> dict[str, str]:
    """A file that is left out, as the lists of a dataset have it: its name in the archive, and the reason."""
    return {"file": name_in(reader.folder, skip.path), "reason": skip.reason}


def write_passed_over(listed: Listed, reader: Source, out: Path) -> list[str]:
    """List what was passed over in a file of the dataset.

    Args:
        listed: Images of the archive.
        reader: Reader of the archive.
        out: Directory of the dataset.

    Returns:
        Names of the files that were written: one, or none.

    Raises:
        OutputError: It cannot be written.
    """
    if not listed.passed_over:
        return []
    rows = (skip_row(passed, reader) for passed in listed.passed_over)
    with writing(out / PASSED_OVER) as partial:
        lines = [json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows]
        partial.write_text("".join(lines), encoding="utf-8")
    return [PASSED_OVER]


def passed_over_notes(listed: Listed) -> Iterator[str]:
    """A note on what was passed over."""
    if listed.passed_over:
        counts = Counter(passed.reason for passed in listed.passed_over).most_common(4)
        reasons = ", ".join(f"{number:,} x {reason}" for reason, number in counts)
        yield f"{len(listed.passed_over):,} other files were passed over, listed in {PASSED_OVER}: {reasons}"
