"""What the campaign needs to know of a reader."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tools.fuzz.mutation import Change


@dataclass(frozen=True)
class Reader:
    """A reader of files that others may have made.

    Attributes:
        name: Name on the command line and in the log.
        file: Name of the file that is changed, in a folder of its own.
        corpus: Function that makes whole files of the format with this package's writers, in a folder that it may use.
        read: Function that reads the file as a command would; the errors of the package are its only way to fail.
        changes: Changes that know the format; half of the inputs get one of them. Changes of bytes are always there.
        words: Texts that mean something in the format.
        around: Function that puts beside the file what the reader expects there; nothing by default.
        needs: Module that must be installed for this reader; empty, the default, where it needs none.
    """

    name: str
    file: str
    corpus: Callable[[Path], Sequence[bytes]]
    read: Callable[[Path], object]
    changes: tuple[Change, ...] = ()
    words: tuple[bytes, ...] = ()
    around: Callable[[Path], None] | None = field(default=None)
    needs: str = ""

    @property
    def runs(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None


def made(reader: Reader, seed: int, corpus: Sequence[bytes]) -> bytes:
    """The input of a seed: a file of the corpus, changed.

    Args:
        reader: The reader.
        seed: Number of the input; the same one gives the same bytes.
        corpus: What `reader.corpus` made.
    """
    from tools.fuzz.mutation import changed

    rng = random.Random(f"{reader.name} {seed}")
    data = rng.choice(corpus)
    known = bool(reader.changes) and rng.random() < 0.6
    if known:
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = rng.choice(reader.changes)(rng, data)
    if not known or rng.random() < 0.3:
        data = changed(rng, data, corpus, reader.words)
    return data
