"""PGM files, whose values Pillow would rescale to 8 or 16 bits where their maximum is another; film scans are 12-bit.

Format: https://netpbm.sourceforge.net/doc/pgm.html, "raw" (P5) and "plain" (P2) with one image.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import read_file
from synthmammo.mammogram.limits import too_large
from synthmammo.mammogram.sample import BITS_STORED, Image

PGM_MAGICS = tuple(magic + blank for magic in (b"P5", b"P2") for blank in (b"\n", b" ", b"\r", b"\t"))
"""First bytes of the files that are read."""

_BLANK = rb"(?:\s|#[^\n\r]*[\n\r])"
_HEADER = re.compile(rb"P[25]" + 3 * (_BLANK + rb"+(\d{1,9})(?!\d)"))
_LONGEST_HEADER = 65_536


def is_pgm(start: bytes) -> bool:
    """Whether a file with these first bytes claims to be PGM."""
    return start.startswith((b"P5", b"P2"))


def read_pgm(path: Path) -> tuple[Image, int]:
    """Grey values of a file, unchanged, and the depth of its stated maximum.

    Args:
        path: Path of the file.

    Returns:
        `uint16 (H, W)`, and the smallest of 8, 12, 14 and 16 bits that hold the stated maximum.

    Raises:
        SourceError: The file is damaged, or larger than any mammogram.
    """
    try:
        content = read_file(path)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from error
    header = _HEADER.match(content[:_LONGEST_HEADER])
    if header is None:
        raise SourceError("the PGM header is damaged", where=path)
    width, height, maximum = (int(number) for number in header.groups())
    if reason := too_large(height, width):
        raise SourceError(reason, where=path)
    if not 0 < maximum < 1 << 16:
        raise SourceError(f"the PGM header states values up to {maximum}, expected 1 to 65535", where=path)
    pixels = (_raw if content[:2] == b"P5" else _plain)(content, header.end(), width * height, maximum)
    if pixels is None or not pixels.size:
        raise SourceError("the PGM file is shorter than its header says, or damaged", where=path)
    if int(pixels.max()) > maximum or int(pixels.min()) < 0:
        raise SourceError(f"holds values up to {pixels.max()}, its header says {maximum}", where=path)
    return pixels.astype(np.uint16).reshape(height, width), next(bits for bits in BITS_STORED if maximum < 1 << bits)


def _raw(content: bytes, place: int, count: int, maximum: int) -> NDArray[Any] | None:
    dtype = np.dtype(">u2") if maximum > 255 else np.dtype("u1")
    if len(content) - place - 1 < count * dtype.itemsize:
        return None
    return np.frombuffer(content, dtype, count, place + 1)


def _plain(content: bytes, place: int, count: int, maximum: int) -> NDArray[Any] | None:
    if len(content) - place < 2 * count:  # a blank and a digit for each value
        return None
    digits = re.sub(rb"#[^\n\r]*", b"", content[place:])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # text that is no number ends the reading with a warning
            found = np.fromstring(digits, np.int32, count, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    return found if found.size == count else None
