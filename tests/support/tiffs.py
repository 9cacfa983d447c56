"""TIFF files of one grey channel of 16 bits, which Pillow does not write in every byte order and polarity."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray


def tiff(values: NDArray[Any], order: str = "II", photometric: int = 1) -> bytes:
    """An uncompressed file.

    Args:
        values: `(H, W)` values of 16 bits.
        order: Byte order, "II" (little-endian, the default) or "MM".
        photometric: 1, the default, makes 0 black, 0 makes it white.
    """
    sign, (height, width) = ("<" if order == "II" else ">"), values.shape
    data = values.astype(f"{sign}u2").tobytes()
    tags = {256: width, 257: height, 258: 16, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height, 279: len(data)}
    entries = b"".join(struct.pack(f"{sign}HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    directory = struct.pack(f"{sign}H", len(tags)) + entries + bytes(4)
    return order.encode() + struct.pack(f"{sign}HI", 42, 8 + len(data)) + data + directory
