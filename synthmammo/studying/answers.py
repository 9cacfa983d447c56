"""What readers answered: one file per reader; each line is on the disk before the next image shows."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthmammo.errors import DatasetError, OutputError, unwritable
from synthmammo.studying.study import ANSWERS

AnswerRecord = dict[str, Any]
"""One line: "task", "mode" ("study" or "teach"), "item" or "round", "seconds", and the answer."""

LONGEST_NAME = 80


@dataclass
class Reader:
    """A reader and all answers so far.

    Attributes:
        id: Name of the reader's file without its ending.
        name: Name as the reader gave it.
        records: Answers, in order.
    """

    id: str
    name: str
    records: list[AnswerRecord] = field(default_factory=list)

    def of(self, task: str, mode: str = "study") -> list[AnswerRecord]:
        """Answers to one task, in order."""
        return [one for one in self.records if one.get("task") == task and one.get("mode") == mode]


def reader_id(name: str) -> str:
    """The name of a reader's file: safe letters of the name, and a digest that tells names apart."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    safe = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24]
    return f"{safe or 'reader'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def clean_name(name: str) -> str:
    """A reader's name without control characters and outer blanks.

    Raises:
        DatasetError: Nothing is left, or it is too long.
    """
    kept = "".join(sign for sign in unicodedata.normalize("NFC", name) if unicodedata.category(sign)[0] != "C")
    kept = " ".join(kept.split())
    if not kept or len(kept) > LONGEST_NAME:
        hint = f"Give a name of 1 to {LONGEST_NAME} letters."
        raise DatasetError(f"a reader's name of {len(kept)} letters cannot be used", where="name", hint=hint)
    return kept


class AnswerBook:
    """The answers of a study.

    Args:
        study: Directory of the study.

    Raises:
        DatasetError: A file of answers is damaged before its last line.
        OutputError: The directory cannot be written.
    """

    def __init__(self, study: Path) -> None:
        self._folder = study / ANSWERS
        self._lock = threading.RLock()
        self._readers = {one.id: one for one in read_answers(study)}

    @property
    def readers(self) -> tuple[Reader, ...]:
        """All readers, by name."""
        with self._lock:
            return tuple(sorted(self._readers.values(), key=lambda one: one.name))

    def reader(self, which: str) -> Reader | None:
        """The reader of an id; None where there is none."""
        return self._readers.get(which)

    def named(self, name: str) -> Reader | None:
        """The reader of a name; None where nobody has it."""
        return self._readers.get(reader_id(clean_name(name)))

    def begin(self, name: str) -> Reader:
        """Make the file of a new reader.

        Raises:
            DatasetError: The name cannot be used or is taken.
            OutputError: The file cannot be written.
        """
        name = clean_name(name)
        with self._lock:
            if reader_id(name) in self._readers:
                hint = "Go on as that reader, or choose another name."
                raise DatasetError(f"a reader called '{name}' has begun already", where="name", hint=hint)
            made = Reader(reader_id(name), name)
            self._append(made.id, {"reader": name})
            self._readers[made.id] = made
            return made

    def add(self, reader: Reader, record: AnswerRecord) -> None:
        """Put an answer on the disk, then into memory.

        Raises:
            OutputError: The disk failed; then the answer does not count, and its line is taken back.
        """
        with self._lock:
            self._append(reader.id, record)
            reader.records.append(record)

    @property
    def lock(self) -> threading.RLock:
        """Held by who looks at what is next and answers it."""
        return self._lock

    def _append(self, which: str, record: AnswerRecord) -> None:
        path = self._folder / f"{which}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new = not path.exists()
            with path.open("ab") as file:
                start = _whole(path)
                file.truncate(start)  # a line that a kill cut short
                try:
                    file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(start)
                    raise
            if new:
                _sync_folder(self._folder)
        except OSError as error:
            raise unwritable(path, error) from error


def read_answers(study: Path) -> list[Reader]:
    """All readers of a study with their answers, by name.

    A last line without an end was cut short by a kill before its answer was confirmed; it is left out.

    Raises:
        DatasetError: A file is damaged elsewhere.
    """
    folder = study / ANSWERS
    found = [_read(path) for path in sorted(folder.glob("*.jsonl"))] if folder.is_dir() else []
    return sorted((one for one in found if one), key=lambda one: one.name)


def _read(path: Path) -> Reader | None:
    lines = path.read_bytes()[: _whole(path)].splitlines()
    if not lines:
        return None
    hint = "Repair or remove that line; every other line can stay."
    records: list[AnswerRecord] = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or (number == 1 and not isinstance(record["reader"], str)):
                raise ValueError("not a record")
        except (ValueError, KeyError, UnicodeDecodeError) as error:
            raise DatasetError(f"line {number} is not an answer", where=path, hint=hint) from error
        records.append(record)
    return Reader(path.stem, records[0]["reader"], records[1:])


def _whole(path: Path) -> int:
    """Bytes up to the end of the last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_readers(study: Path, readers: Iterable[tuple[str, list[AnswerRecord]]]) -> list[Path]:
    """Write the answers of several new readers at once, e.g. of simulated ones.

    Args:
        study: Directory of the study.
        readers: Names and answers.

    Raises:
        OutputError: A reader of such a name is there, or the directory cannot be written.
    """
    from synthmammo.files import writing

    paths = []
    for name, records in readers:
        path = study / ANSWERS / f"{reader_id(name)}.jsonl"
        if path.exists():
            hint = "Simulate on a copy of the study, or remove that file."
            raise OutputError(f"a reader called '{name}' is there already", where=path, hint=hint)
        lines = [json.dumps(line, ensure_ascii=False) for line in ({"reader": name}, *records)]
        with writing(path) as partial:
            partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        paths.append(path)
    return paths
