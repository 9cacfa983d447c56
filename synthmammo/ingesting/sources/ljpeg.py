"""Lossless JPEG files of the Stanford PVRG codec, in which DDSM was published (`.LJPEG`).

The codec departs from ITU-T T.81 (1992), H.1.2.1: in the first line it predicts by the scan's selection value as
elsewhere, from an imagined line above of half of full scale, where the standard takes the left neighbour. Decoders that
follow the standard therefore give a smeared image for the selection values 2, 3, 6 and 7 (thorfdbg/libjpeg issue 63,
cgohlke/imagecodecs issue 61; Debian's README of pvrg-jpeg names DDSM). Here `pylibjpeg-libjpeg` decodes the Huffman
codes only: the header is made to say selection value 1 and 16 bits, which gives back every difference, and the
prediction is done again as the codec did it. Tested on files that the codec wrote.

Width and height in the header may be exchanged: the lines are right when the decoded values are cut into lines of the
width that the case's `.ics` file gives.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import read_file
from synthmammo.mammogram.sample import Image

LARGEST = 1 << 27
"""Most pixels of a file; the films of DDSM have up to 30 million."""
_SOF3, _SOS, _EOI, _DRI = 0xC3, 0xDA, 0xD9, 0xDD

_Values = NDArray[np.int32]


class _Frame(NamedTuple):
    """What the header says: lines, width, precision in bits, selection value of the predictor; and where it says it."""

    lines: int
    width: int
    bits: int
    selection: int
    bits_at: int
    selection_at: int


def read_ljpeg(path: Path, lines: int, width: int) -> Image:
    """Grey values of a file: `uint16 (lines, width)`.

    Args:
        path: Path of the file.
        lines: Lines of the film, as the case's `.ics` file says.
        width: Pixels per line, likewise.

    Raises:
        SourceError: The file is damaged, of another kind, or has another number of pixels.
    """
    try:
        content = bytearray(read_file(path))
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from error
    frame = _frame(content, path)
    if frame.lines * frame.width != lines * width:
        message = f"has {frame.lines} x {frame.width} pixels, but the .ics file says {lines} x {width}"
        raise SourceError(message, where=path)
    values = undo_prediction(_differences(content, frame, path), frame.selection, frame.bits)
    return values.astype(np.uint16).reshape(lines, width)


def undo_prediction(differences: _Values, selection: int, bits: int) -> _Values:
    """Grey values from the differences to what the codec predicted.

    Args:
        differences: `int32 (H, W)` differences, modulo 2 to the power of 16.
        selection: Selection value of the predictor, 1 to 7 (T.81, table H.1).
        bits: Precision of the grey values, 2 to 16.

    Returns:
        `int32 (H, W)` values below 2 to the power of `bits`.
    """
    height, width = differences.shape
    half, mask = 1 << (bits - 1), (1 << bits) - 1
    values = np.empty((height + 1, width), np.int32)
    values[0] = half
    values[1:, 0] = (half + np.cumsum(differences[:, 0])) & mask
    # Row r + 1 of `values` is line r; a value follows from those to its left, above, and above that: one antidiagonal
    # of the image at a time.
    for diagonal in range(1, height + width - 1):
        rows = np.arange(max(0, diagonal - width + 1), min(height - 1, diagonal - 1) + 1)
        columns = diagonal - rows
        left, above, corner = values[rows + 1, columns - 1], values[rows, columns], values[rows, columns - 1]
        predicted = _predicted(selection, left, above, corner)
        values[rows + 1, columns] = (predicted + differences[rows, columns]) & mask
    return values[1:]


def _predicted(selection: int, left: _Values, above: _Values, corner: _Values) -> _Values:
    match selection:
        case 1:
            return left
        case 2:
            return above
        case 3:
            return corner
        case 4:
            return left + above - corner
        case 5:
            return left + ((above - corner) >> 1)
        case 6:
            return above + ((left - corner) >> 1)
        case _:
            return (left + above) >> 1


def _differences(content: bytearray, frame: _Frame, path: Path) -> _Values:
    decode = import_module("libjpeg").decode
    content[frame.bits_at], content[frame.selection_at] = 16, 1
    try:
        decoded = np.asarray(decode(bytes(content))).astype(np.int32)
    except Exception as error:
        # The decoder is a plug-in in another language and raises what it likes.
        raise SourceError(f"the image is damaged ({error})", where=path) from error
    if decoded.shape != (frame.lines, frame.width):
        raise SourceError(f"the image is damaged: it decodes to shape {decoded.shape}", where=path)
    differences = np.diff(decoded, axis=1, prepend=0)
    differences[:, 0] = np.diff(decoded[:, 0], prepend=1 << 15)
    return differences


def _frame(content: bytearray, path: Path) -> _Frame:
    found: dict[str, int] = {}
    at = 2
    while content[:2] == b"\xff\xd8" and at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        part, place = content[at + 4 : at + 2 + length], at + 4
        if marker == _SOF3 and len(part) == 9 and part[5] == 1:
            found |= {"bits": part[0], "bits_at": place, "lines": int.from_bytes(part[1:3], "big")}
            found["width"] = int.from_bytes(part[3:5], "big")
        if marker == _SOS and found and len(part) == 6 and part[0] == 1 and part[5] == 0:
            return _checked(_Frame(**found, selection=part[3], selection_at=place + 3), path)
        if marker in (_SOS, _EOI) or (marker == _DRI and any(part)):
            break
        at += 2 + length
    message = "not a lossless JPEG of one grey component, without restart markers or point transform"
    raise SourceError(message, where=path)


def _checked(frame: _Frame, path: Path) -> _Frame:
    sound = 2 <= frame.bits <= 16 and 1 <= frame.selection <= 7 and 0 < frame.lines * frame.width <= LARGEST
    if not sound:
        message = (
            f"a lossless JPEG of {frame.lines} x {frame.width} pixels of {frame.bits} bits, selection value "
            f"{frame.selection}, cannot be"
        )
        raise SourceError(message, where=path)
    return frame
