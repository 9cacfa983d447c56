"""Pixels of an opened picture at the depth of its file, where Pillow alone would keep the upper 8 bits of 16.

Pillow unpacks 16-bit colour to 8 bits per channel. Which byte of each value it keeps follows from the name of the
layout that its decoder is given: read under two names, both bytes are there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile as Picture

FORMATS = ("PNG", "JPEG", "TIFF", "PPM")
"""Formats that Pillow is let try; each other one is one more decoder for a file that lies about its kind."""

_PHOTOMETRIC, _BITS_PER_SAMPLE = 262, 258
_WHITE_IS_ZERO = 0
_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if _NATIVE == "L" else "L"}


class NotDeep(ValueError):
    """The picture cannot be had at its depth; the message says why."""


def full_depth(picture: Picture, stream: IO[bytes]) -> NDArray[Any]:
    """Pixels of a picture, every bit of them.

    Args:
        picture: Picture that Pillow opened and has not decoded.
        stream: The file it is read from.

    Returns:
        `(H, W)` or, for colours and alpha, `(H, W, channels)`.

    Raises:
        NotDeep: The file has more than 8 bits per channel, of which Pillow would drop some.
    """
    layouts = {_layout(tile) for tile in picture.tile}
    deep = {layout for layout in layouts if ";16" in layout and not layout.startswith("I")}
    if picture.format == "PPM" and picture.mode == "RGB" and any(_maximum(tile) > 255 for tile in picture.tile):
        raise NotDeep("16-bit colours in a PPM file are not read at their depth")
    if not deep:
        # Palettes and 1-bit images become colours; whether these are grey is decided by the caller.
        shown = picture.convert("RGB") if picture.mode in ("1", "P", "PA", "CMYK", "YCbCr") else picture
        return np.asarray(shown)
    if len(layouts) > 1 or not deep <= _READ:
        raise NotDeep(f"16-bit values in the layout {', '.join(sorted(layouts))} are not read at their depth")
    (layout,) = deep
    if layout == "LA;16B":
        return _grey_and_alpha(picture)
    high, low = _decoded(picture, stream, layout), _decoded(picture, stream, layout[:-1] + _OTHER_BYTE[layout[-1]])
    return (high.astype(np.uint16) << 8) | low


_READ = {f"{name};16{order}" for name in ("RGB", "RGBA", "RGBX") for order in "BLN"} | {"LA;16B"}


def white_is_zero(picture: Picture) -> bool:
    """Whether a TIFF's lowest value is white and Pillow leaves it so, which it does with 16 bits."""
    tags = getattr(picture, "tag_v2", {})
    return picture.mode.startswith("I") and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


@contextmanager
def black_is_zero(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """The same file, or, of a big-endian TIFF of 16 bits whose lowest value is white, a copy in which it is black.

    Pillow knows no such TIFF, and reads the values of the copy as they are: whoever reads it inverts them.

    Args:
        stream: The file.
    """
    start = stream.read(_TIFF_HEADER)
    place = _white_is_zero_at(stream, start) if start[:4] == b"MM\0*" else None
    stream.seek(0)
    if place is None:
        yield stream
        return
    content = bytearray(stream.read())
    content[place : place + 2] = b"\0\1"
    yield BytesIO(bytes(content))


def _white_is_zero_at(stream: IO[bytes], start: bytes) -> int | None:
    """Place of the number that says it, in the first directory of a big-endian TIFF of one channel of 16 bits."""
    first = int.from_bytes(start[4:8], "big")
    stream.seek(first)
    count = int.from_bytes(stream.read(2), "big")
    entries = stream.read(12 * count)
    places = {entries[at : at + 8]: at for at in range(0, len(entries) - 11, 12)}
    photometric, bits = (places.get(tag.to_bytes(2, "big") + _ONE_SHORT) for tag in (_PHOTOMETRIC, _BITS_PER_SAMPLE))
    if photometric is None or bits is None or entries[bits + 8 : bits + 10] != b"\0\x10":
        return None
    return first + 2 + photometric + 8 if entries[photometric + 8 : photometric + 10] == b"\0\0" else None


_TIFF_HEADER = 8
_ONE_SHORT = b"\0\3\0\0\0\1"
"""An entry's type and count: one number of 16 bits."""


def stated_bits(picture: Picture) -> int | None:
    """Bits per value that a TIFF states; None for other formats."""
    stated = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE)
    return int(stated[0]) if isinstance(stated, tuple) and stated else None


def _parts(tile: Any) -> tuple[Any, ...]:
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)


def _layout(tile: Any) -> str:
    return str(_parts(tile)[0])


def _maximum(tile: Any) -> int:
    """Highest value that a PPM states; 0 where its decoder needs none."""
    return int(_parts(tile)[1]) if len(_parts(tile)) == 2 else 0


def _decoded(picture: Picture, stream: IO[bytes], layout: str) -> NDArray[np.uint8]:
    """The picture, opened once more and unpacked by another layout."""
    from PIL import Image as Pillow

    stream.seek(0)
    with Pillow.open(stream, formats=FORMATS) as again:
        again.tile = [tile._replace(args=_renamed(tile.args, layout)) for tile in again.tile]
        return np.array(again)


def _renamed(arguments: Any, layout: str) -> Any:
    return (layout, *arguments[1:]) if isinstance(arguments, tuple) else layout


def _grey_and_alpha(picture: Picture) -> NDArray[np.uint16]:
    # Four bytes per pixel, as those of 8-bit colours with alpha: grey (high, low), alpha (high, low).
    picture.tile = [tile._replace(args="RGBA") for tile in picture.tile]
    pixels = np.array(picture).astype(np.uint16)
    return np.asarray((pixels[..., ::2] << 8) | pixels[..., 1::2], np.uint16)
