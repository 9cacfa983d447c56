"""PNG, JPEG, TIFF and PGM files as grey images."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import open_file, open_whole, read_file, size_of
from synthmammo.mammogram.sample import BITS_STORED, Image

_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"P5\n", b"P5 ")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm")


def read_raster(path: Path) -> tuple[Image, int]:
    """Grey values of a file, unchanged.

    Colour files whose three channels are equal everywhere are grey in disguise and accepted; an opaque alpha channel
    is ignored.

    Args:
        path: Path of a PNG, JPEG, TIFF or PGM file of 8 or 16 bits.

    Returns:
        `uint16 (H, W)` and the bits that hold its values: the file's 8 or 16, for PGM by its stated maximum.

    Raises:
        SourceError: The file is damaged, coloured, of another depth, or holds several pages.
    """
    if _start(path).startswith(b"P5") and (found := _binary_pgm(path)) is not None:
        return found
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # A damaged tag does not matter here; damaged pixels raise.
            warnings.simplefilter("ignore")
            with open_whole(path) as stream, Pillow.open(stream) as file:
                pages = getattr(file, "n_frames", 1)
                # Palettes and 1-bit images become colours; whether these are grey is decided below.
                shown = file.convert("RGB") if file.mode in ("1", "P", "PA", "CMYK", "YCbCr") else file
                pixels = np.asarray(shown)
    except UnidentifiedImageError as error:
        raise SourceError("not an image file", where=path) from error
    except Exception as error:
        # Damaged files make Pillow's decoders fail with any type of error.
        raise SourceError(f"the image is damaged ({error})", where=path) from error
    if pages > 1:
        raise SourceError(f"holds {pages} pages, expected one image", where=path)
    return _grey(pixels, path)


def is_picture(path: Path) -> bool:
    """Whether a file is a picture in a format that is read: by its ending, or by its first bytes."""
    return path.suffix.lower() in SUFFIXES or _start(path).startswith(_MAGICS)


def _start(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            return file.read(8)
    except (OSError, SourceError):
        return b""


def lossy_facts(path: Path, image: Image) -> dict[str, Any]:
    """`lossy_ratio` of a JPEG: the bytes of its grey values over those of the file; nothing for other files.

    Args:
        path: Path of the file.
        image: `uint16 (H, W)` grey values of the file.
    """
    # What a JPEG lost is not known, how many bytes it saved is.
    lossy = path.suffix.lower() in (".jpg", ".jpeg")
    return {"lossy_ratio": round(max(1.0, image.size / size_of(path)), 3)} if lossy else {}


def _grey(pixels: NDArray[Any], path: Path) -> tuple[Image, int]:
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise SourceError("the image is coloured, expected grey values", where=path)
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16), 8
    if pixels.dtype.kind in "iu" and pixels.min() >= 0 and pixels.max() < 1 << 16:
        return pixels.astype(np.uint16), 16
    raise SourceError(f"values are {pixels.dtype.name}, expected whole numbers of 8 or 16 bits", where=path)


def _binary_pgm(path: Path) -> tuple[Image, int] | None:
    # Pillow rescales PGM values to 16 bits when their maximum is not 255; film scans are often 12-bit.
    try:
        content = read_file(path)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from error
    if content[:2] != b"P5":
        return None
    fields: list[int] = []
    position = 2
    while len(fields) < 3:
        while content[position : position + 1].isspace():
            position += 1
        end = position
        while end < len(content) and not content[end : end + 1].isspace():
            end += 1
        if content[position : position + 1] == b"#":
            end = content.find(b"\n", position)
        elif content[position:end].isdigit():
            fields.append(int(content[position:end]))
        if end <= position:
            raise SourceError("the PGM header is damaged", where=path)
        position = end
    width, height, maximum = fields
    dtype = np.dtype(">u2") if maximum > 255 else np.dtype("u1")
    if not 0 < maximum < 1 << 16 or len(content) - position - 1 < width * height * dtype.itemsize:
        raise SourceError("the PGM file is shorter than its header says", where=path)
    pixels = np.frombuffer(content, dtype, width * height, position + 1).reshape(height, width)
    if not pixels.size or int(pixels.max()) > maximum:
        raise SourceError(f"holds values up to {pixels.max(initial=0)}, its header says {maximum}", where=path)
    return pixels.astype(np.uint16), next(bits for bits in BITS_STORED if maximum < 1 << bits)
