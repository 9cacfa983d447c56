"""Changes of bytes that break files in the ways that readers fail at; everything follows from the random generator."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

Change = Callable[[random.Random, bytes], bytes]
"""Another file from a file."""

_NUMBERS: tuple[int, ...] = (
    0,
    1,
    2,
    7,
    8,
    15,
    16,
    17,
    127,
    128,
    255,
    256,
    4095,
    4096,
    32767,
    32768,
    65535,
    65536,
    60_000,
)
_NUMBERS += (2**24, 2**31 - 1, 2**31, 2**32 - 1)
_FORMATS = ("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")
MOST_BYTES = 1 << 20
"""A file never grows beyond this by being changed."""


def changed(rng: random.Random, data: bytes, others: Sequence[bytes] = (), words: Sequence[bytes] = ()) -> bytes:
    """A file with one to six changes.

    Args:
        rng: Random generator that decides all.
        data: The file.
        others: Files of the same kind, of which parts are taken.
        words: Texts that mean something in the format.
    """
    for _ in range(min(1 + int(rng.expovariate(0.7)), 6)):
        data = rng.choice(_CHANGES)(rng, data)
        if others and rng.random() < 0.1:
            data = _spliced(rng, data, rng.choice(others))
        if words and rng.random() < 0.3:
            data = _with_word(rng, data, rng.choice(words))
    return data[:MOST_BYTES]


def _place(rng: random.Random, data: bytes) -> int:
    # Headers are short and at the start; half of the changes go there.
    end = len(data) if rng.random() < 0.5 else min(len(data), 512)
    return rng.randrange(end) if end else 0


def _bit(rng: random.Random, data: bytes) -> bytes:
    return _at(data, place := _place(rng, data), bytes([(data[place] if data else 0) ^ 1 << rng.randrange(8)]))


def _byte(rng: random.Random, data: bytes) -> bytes:
    return _at(data, _place(rng, data), bytes([rng.randrange(256)]))


def _number(rng: random.Random, data: bytes) -> bytes:
    form = rng.choice(_FORMATS)
    return _at(data, _place(rng, data), struct.pack(form, rng.choice(_NUMBERS) % 256 ** struct.calcsize(form)))


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _without(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    return data[:start] + data[start + _length(rng) :]


def _twice(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    part = data[start : start + _length(rng)]
    return data[:start] + part * rng.choice((2, 2, 3, 17)) + data[start:]


def _noise(rng: random.Random, data: bytes) -> bytes:
    return _at(data, _place(rng, data), rng.randbytes(min(_length(rng), 64)))


def _inserted(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    return data[:start] + rng.randbytes(min(_length(rng), 64)) + data[start:]


def _spliced(rng: random.Random, data: bytes, other: bytes) -> bytes:
    start = _place(rng, other)
    return _at(data, _place(rng, data), other[start : start + _length(rng)])


def _with_word(rng: random.Random, data: bytes, word: bytes) -> bytes:
    start = _place(rng, data)
    return _at(data, start, word) if rng.random() < 0.5 else data[:start] + word + data[start:]


def _at(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def _length(rng: random.Random) -> int:
    return 1 + int(rng.expovariate(1 / 24))


_CHANGES: tuple[Change, ...] = (_bit, _byte, _number, _number, _cut, _without, _twice, _noise, _inserted)
