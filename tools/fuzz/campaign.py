"""A range of inputs for one reader: what came of them, and the inputs that broke a promise."""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthmammo.errors import SynthmammoError
from tools.fuzz import guard
from tools.fuzz.reader import Reader, made
from tools.fuzz.remembering import remember

MEMORY_DISK = Path("/dev/shm")
"""Folder in memory, where the inputs are written: half of the time of the quick readers was that of the disk."""


@dataclass
class Outcome:
    """What came of a range of inputs.

    Attributes:
        reader: Name of the reader.
        first: Seed of the first input.
        inputs: Number of inputs.
        read: Number of inputs that were read to the end.
        refused: Number of inputs that ended in an error of the package.
        seconds: Time it took.
        broken: Sentence by seed of an input that broke a promise.
    """

    reader: str
    first: int
    inputs: int = 0
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    broken: dict[int, str] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """Plain values for a line of the log."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


def tried(reader: Reader, data: bytes, folder: Path) -> str | None:
    """Read one input.

    Args:
        reader: The reader.
        data: Bytes of the file.
        folder: Folder that belongs to the reader, in which its file is replaced.

    Returns:
        None where it was read, "" where the package refused it, else what went wrong.
    """
    path = folder / reader.file
    path.write_bytes(data)
    try:
        with guard.guarded(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
    except SynthmammoError as error:
        return "" if str(error) and "\n\n" not in str(error) else f"an empty message: {error!r}"
    except (Exception, guard.Broken, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "synthmammo" in f.filename]
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}{place}"
    return None


def campaign(reader: Reader, first: int, inputs: int, corpus: Sequence[bytes], folder: Path) -> Outcome:
    """Read the inputs of a range of seeds in this process.

    Args:
        reader: The reader.
        first: First seed.
        inputs: Number of seeds.
        corpus: What `reader.corpus` made.
        folder: Folder for the reader's file.
    """
    outcome, start = Outcome(reader.name, first), time.perf_counter()
    for seed in range(first, first + inputs):
        _count(outcome, seed, tried(reader, made(reader, seed, corpus), folder))
    outcome.seconds = time.perf_counter() - start
    return outcome


def campaign_in_child(reader: Reader, first: int, inputs: int, corpus: Sequence[bytes], folder: Path) -> Outcome:
    """As `campaign`, in child processes: an input that kills the process is found, and the others go on."""
    outcome, start = Outcome(reader.name, first), time.perf_counter()
    shared = mmap.mmap(-1, 1 << 20)  # seed at work, then the results as text
    seed, end = first, first + inputs
    while seed < end:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _work(reader, seed, end, corpus, folder, shared)
        _, status = os.waitpid(child, 0)
        reached, results = _results(shared)
        for number, result in results:
            _count(outcome, number, result)
        seed = reached
        if status and seed < end:
            name = signal.Signals(status & 0x7F).name if status & 0x7F else f"exit status {status >> 8}"
            _count(outcome, seed, f"the process died ({name})")
            seed += 1
    outcome.seconds = time.perf_counter() - start
    return outcome


def _work(reader: Reader, seed: int, end: int, corpus: Sequence[bytes], folder: Path, shared: mmap.mmap) -> None:
    """The life of a child: it writes down its results as it goes, and leaves without cleaning up."""
    try:
        guard.install()
        remember(folder / reader.file)
        notes: list[str] = []
        _note(shared, seed, notes)
        for number in range(seed, end):
            result = tried(reader, made(reader, number, corpus), folder)
            notes.append("+" if result is None else "-" if result == "" else f"!{number} {result}")
            _note(shared, number + 1, notes)
    except BaseException:
        traceback.print_exc()
        os._exit(70)
    os._exit(0)


def _note(shared: mmap.mmap, reached: int, notes: list[str]) -> None:
    if notes:
        shared.seek(int.from_bytes(shared[8:16], "little") or 16)
        shared.write((notes.pop() + "\n").encode(errors="replace"))
        shared[8:16] = shared.tell().to_bytes(8, "little")
    shared[:8] = reached.to_bytes(8, "little")


def _results(shared: mmap.mmap) -> tuple[int, list[tuple[int, str | None]]]:
    reached = int.from_bytes(shared[:8], "little")
    text = shared[16 : max(16, int.from_bytes(shared[8:16], "little"))].decode()
    shared[8:16] = bytes(8)
    kinds: dict[str, str | None] = {"+": None, "-": ""}
    results: list[tuple[int, str | None]] = []
    for line in text.splitlines():
        number, _, said = line[1:].partition(" ")
        results.append((int(number or 0), kinds.get(line, said)))
    return reached, results


def _count(outcome: Outcome, seed: int, result: str | None) -> None:
    outcome.inputs += 1
    if result is None:
        outcome.read += 1
    elif result == "":
        outcome.refused += 1
    else:
        outcome.broken[seed] = result


def in_own_folder(reader: Reader) -> tuple[TemporaryDirectory[str], Path, Sequence[bytes]]:
    """A folder for the reader's file with what belongs around it, and the corpus.

    Returns:
        What removes the folder, the folder, and the corpus.
    """
    home = TemporaryDirectory(prefix=f"fuzz-{reader.name}-", dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None)
    folder, kitchen = Path(home.name).resolve() / "file", Path(home.name) / "corpus"
    folder.mkdir()
    kitchen.mkdir()
    corpus = reader.corpus(kitchen)
    if reader.around:
        reader.around(folder)
    for data in corpus:  # modules are imported and tables filled before anything is measured
        (folder / reader.file).write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder / reader.file)
    return home, folder, corpus
