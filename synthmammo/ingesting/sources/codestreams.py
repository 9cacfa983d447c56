"""What the header of a compressed image says of itself, before it is decoded.

Sources: ITU-T T.800 (JPEG 2000) A.5.1, T.81 (JPEG) B.2.2, T.87 (JPEG-LS) C.2.2.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_J2K_START, _JP2_START, _J2K_SIZE = b"\xff\x4f", b"\x00\x00\x00\x0cjP  ", b"\xff\x51"
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers that begin a frame of JPEG (SOF0 to SOF15) or JPEG-LS (SOF55)."""


class Codestream(NamedTuple):
    """Facts of a compressed image.

    Attributes:
        rows: Height in pixels.
        columns: Width in pixels.
        precision: Bits per value.
        components: Number of colour planes.
    """

    rows: int
    columns: int
    precision: int
    components: int


def codestream(data: bytes) -> Codestream | None:
    """What a compressed image says of itself; None where it is neither JPEG, JPEG-LS nor JPEG 2000.

    Args:
        data: The compressed image, or its beginning.
    """
    try:
        if data.startswith(_JP2_START):
            data = data[data.index(_J2K_START + _J2K_SIZE) :]
        if data.startswith(_J2K_START):
            return _jpeg_2000(data)
        return _jpeg(data) if data.startswith(b"\xff\xd8") else None
    except (struct.error, ValueError, IndexError):
        return None


def _jpeg_2000(data: bytes) -> Codestream | None:
    if data[2:4] != _J2K_SIZE:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, 8)
    (components,) = struct.unpack_from(">H", data, 40)
    return Codestream(bottom - top, right - left, (data[42] & 0x7F) + 1, components)


def _jpeg(data: bytes) -> Codestream | None:
    place = 2
    while data[place] == 0xFF:
        while data[place + 1] == 0xFF:  # markers may be filled up in front
            place += 1
        if data[place + 1] in _FRAMES:
            precision, rows, columns, components = struct.unpack_from(">BHHB", data, place + 4)
            return Codestream(rows, columns, precision, components)
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None
