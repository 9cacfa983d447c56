"""Lossless PNG of mammograms and masks, several times faster than a general encoder at the same size.

A PNG is rows of bytes, each led by the number of its filter, deflated, in checksummed chunks (W3C PNG, third edition,
sections 5, 9 and 10). Encoders spend most of their time choosing a filter for every row and searching for matches that
the noise of a detector does not have. Here the filter follows from what is encoded, and Intel's ISA-L deflates. Any
PNG reader opens the result. A file may bear an XMP packet, which says where its pixels are from (`mark`).
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.limits import too_large

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image as Picture
    from PIL.PngImagePlugin import PngInfo

try:
    from isal import isal_zlib as deflate
except ImportError:  # a bare machine that trains or samples; there the bytes differ, and the pixels do not
    deflate = zlib  # type: ignore[misc]

_Pixels = NDArray[np.bool_] | NDArray[np.uint8] | NDArray[np.uint16]
"""`bool`, `uint8` or `uint16 (H, W)`."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIZE = slice(16, 24)
"""Width and height, in the header that is always the first chunk."""
_GRAYSCALE = 0
_FILTER_NONE, _FILTER_SUB = 0, 1
# ISA-L has levels 0 to 3. On mammograms 2 is as fast as 1 and smaller; 3 takes twice the time and gains nothing.
_DEFLATE_LEVEL = 2
_KEYWORD = "XML:com.adobe.xmp"
_PREFIX = _KEYWORD.encode() + b"\0\0\0\0\0"
"""Keyword of XMP in a chunk iTXt (XMP specification part 3, 1.1.5); neither compressed nor of a stated language."""
_MOST_TEXT = 1 << 20
"""Bytes of a packet beyond which it is not read."""


def encode(pixels: NDArray[np.uint8] | NDArray[np.uint16], packet: str = "") -> bytes:
    """PNG of an image: each pixel is stored as the difference from its left neighbour.

    Args:
        pixels: `uint8` or `uint16 (H, W)`, H and W at least 1.
        packet: XMP packet of the file, as `Mark.packet` gives it; empty, the default, for none.

    Returns:
        A greyscale PNG of 8 or 16 bits; the same bytes for the same pixels and packet under one version of ISA-L and
        one instruction set.

    Raises:
        ValueError: Another dtype or shape.
    """
    _check(pixels, np.uint8, np.uint16)
    bytes_per_pixel = pixels.dtype.itemsize
    rows = pixels.astype(f">u{bytes_per_pixel}", order="C").view(np.uint8)
    lines = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    lines[:, 0] = _FILTER_SUB
    lines[:, 1 : bytes_per_pixel + 1] = rows[:, :bytes_per_pixel]
    np.subtract(rows[:, bytes_per_pixel:], rows[:, :-bytes_per_pixel], out=lines[:, bytes_per_pixel + 1 :])
    return _assemble(lines, pixels.shape, 8 * bytes_per_pixel, packet)


def encode_mask(mask: NDArray[np.bool_] | NDArray[np.uint8], packet: str = "") -> bytes:
    """PNG of a mask: rows as they are, since runs of one value deflate best unfiltered.

    Args:
        mask: `bool (H, W)`, stored with one bit per pixel, or instance labels `uint8 (H, W)`; H and W at least 1.
        packet: XMP packet of the file; empty, the default, for none.

    Returns:
        A greyscale PNG of 1 or 8 bits.

    Raises:
        ValueError: Another dtype or shape.
    """
    _check(mask, np.bool_, np.uint8)
    one_bit = mask.dtype == np.bool_
    rows = np.packbits(mask, axis=1) if one_bit else mask
    lines = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    lines[:, 0] = _FILTER_NONE
    lines[:, 1:] = rows
    return _assemble(lines, mask.shape, 1 if one_bit else 8, packet)


def decode(data: bytes) -> _Pixels:
    """Pixels of a greyscale PNG, from this module or any other encoder.

    Args:
        data: PNG of one channel with 1, 8 or 16 bits per pixel.

    Returns:
        `bool (H, W)` for 1 bit, `uint8 (H, W)` for 8 bits, `uint16 (H, W)` for 16 bits.

    Raises:
        ValueError: Not a PNG, cut short, not a greyscale one, or larger than any mammogram.
    """
    from PIL import Image

    if len(data) >= _SIZE.stop and data.startswith(_SIGNATURE):
        columns, rows = struct.unpack(">II", data[_SIZE])
        if reason := too_large(rows, columns):
            raise ValueError(reason)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a broken chunk that does not matter
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                pixels: NDArray[Any] = np.array(image)
    except Exception as error:  # a broken chunk fails in any of Pillow's parts, with any type of error
        raise ValueError(f"not a whole PNG: {error}") from error
    _check(pixels, np.bool_, np.uint8, np.uint16)
    return pixels


def save(picture: Picture, path: Path, packet: str, form: str = "PNG", **options: Any) -> None:
    """Write a picture of Pillow with an XMP packet.

    Args:
        picture: Picture to write.
        path: Path of the file.
        packet: XMP packet of the file, as `Mark.packet` gives it.
        form: "PNG", the default, or another format that Pillow writes; WebP bears the packet too, GIF as a comment.
        options: Options of Pillow's encoder.

    Raises:
        OSError: The file cannot be written.
    """
    match form:
        case "PNG":
            options["pnginfo"] = info(packet)
        case "WEBP":
            options["xmp"] = packet.encode()
        case "GIF":
            options["comment"] = packet.encode()
    picture.save(path, form, **options)


def info(packet: str) -> PngInfo:
    """An XMP packet as Pillow's encoder of PNG takes it.

    Args:
        packet: XMP packet of the file, as `Mark.packet` gives it.
    """
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt(_KEYWORD, packet)
    return text


def read_packet(data: bytes) -> str:
    """The XMP packet of a PNG; empty where it has none, or one that is damaged or beyond all measure.

    Args:
        data: PNG, whole or cut short.
    """
    for name, content in _chunks(data):
        if name == b"iTXt" and content.startswith(_KEYWORD.encode() + b"\0"):
            return _text(content[len(_KEYWORD) + 1 :])
    return ""


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the chunks that lie in the data whole."""
    place = len(_SIGNATURE)
    while data.startswith(_SIGNATURE) and place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if place + 12 + length > len(data):
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _text(content: bytes) -> str:
    """Text of a chunk iTXt after its keyword: compression flag and method, language, translated keyword, text."""
    flag, fields = content[:1], content[2:].split(b"\0", 2)
    if len(fields) < 3 or len(fields[2]) > _MOST_TEXT:
        return ""
    try:
        text = zlib.decompressobj().decompress(fields[2], _MOST_TEXT) if flag == b"\1" else fields[2]
        return text.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return ""


def _check(pixels: NDArray[Any], *dtypes: type[np.generic]) -> None:
    if pixels.dtype.type not in dtypes or pixels.ndim != 2 or 0 in pixels.shape:
        expected = " or ".join(np.dtype(dtype).name for dtype in dtypes)
        raise ValueError(f"pixels: expected {expected} (H, W), got {pixels.dtype} {pixels.shape}")


def _assemble(lines: NDArray[np.uint8], shape: tuple[int, ...], bits: int, packet: str) -> bytes:
    header = struct.pack(">IIBBBBB", shape[1], shape[0], bits, _GRAYSCALE, 0, 0, 0)
    data = deflate.compress(lines, _DEFLATE_LEVEL)
    # Before the pixels, so that a reader finds it without passing them.
    text = _chunk(b"iTXt", _PREFIX + packet.encode()) if packet else ()
    chunks = (*_chunk(b"IHDR", header), *text, *_chunk(b"IDAT", data), *_chunk(b"IEND", b""))
    return b"".join((_SIGNATURE, *chunks))


def _chunk(name: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    checksum = deflate.crc32(data, deflate.crc32(name))
    return struct.pack(">I", len(data)), name, data, struct.pack(">I", checksum)
