"""PNG, JPEG, TIFF and PGM files as grey images."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import open_file, open_whole, size_of
from synthmammo.ingesting.sources.pgm import PGM_MAGICS, is_pgm, read_pgm
from synthmammo.ingesting.sources.raster_depth import (
    FORMATS,
    NotDeep,
    black_is_zero,
    full_depth,
    stated_bits,
    white_is_zero,
)
from synthmammo.mammogram.limits import too_large
from synthmammo.mammogram.sample import BITS_STORED, Image

_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", *PGM_MAGICS)
JPEG = (".jpg", ".jpeg")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm")


def read_raster(path: Path) -> tuple[Image, int]:
    """Grey values of a file, unchanged; see `read_noted_raster`.

    Args:
        path: Path of a PNG, JPEG, TIFF or PGM file of 8 or 16 bits.

    Returns:
        `uint16 (H, W)` and the bits that hold its values.

    Raises:
        SourceError: The file is damaged, coloured, of another depth, or holds several pages.
    """
    image, bits, _ = read_noted_raster(path)
    return image, bits


def read_noted_raster(path: Path) -> tuple[Image, int, dict[str, Any]]:
    """Grey values of a file at its depth, bright is dense, and what was done to have them.

    Colour files whose three channels are equal everywhere are grey in disguise and accepted; an opaque alpha channel
    is ignored. A TIFF whose lowest value is white is inverted.

    Args:
        path: Path of a PNG, JPEG, TIFF or PGM file of 8 or 16 bits.

    Returns:
        `uint16 (H, W)`; the bits that hold its values: the file's 8 or 16, for PGM by its stated maximum, for TIFF by
        its tag; notes for the provenance.

    Raises:
        SourceError: The file is damaged, coloured, partly transparent, of another depth, larger than any mammogram, or
            holds several pages.
    """
    if is_pgm(_start(path)):
        return (*read_pgm(path), {})
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # A damaged tag does not matter here; damaged pixels raise.
            warnings.simplefilter("ignore")
            with (
                open_whole(path) as whole,
                black_is_zero(whole) as stream,
                Pillow.open(stream, formats=FORMATS) as file,
            ):
                _check_size(file, path)
                pages, bits = getattr(file, "n_frames", 1), stated_bits(file)
                inverted = stream is not whole or white_is_zero(file)
                pixels = full_depth(file, stream)
    except SourceError:
        raise
    except UnidentifiedImageError as error:
        raise SourceError("not an image file", where=path) from error
    except Pillow.DecompressionBombError as error:
        raise SourceError(
            f"states a size that no mammogram has ({str(error).partition(chr(44))[0]})", where=path
        ) from error
    except NotDeep as error:
        raise SourceError(str(error), where=path, hint="Save it as a grey PNG of 16 bits.") from error
    except Exception as error:
        # Damaged files make Pillow's decoders fail with any type of error.
        raise SourceError(f"the image is damaged ({error})", where=path) from error
    if pages > 1:
        raise SourceError(f"holds {pages} pages, expected one image", where=path)
    return _with_notes(*_grey(pixels, path), inverted, bits)


def _check_size(file: Any, path: Path) -> None:
    """Refuse a picture whose stated size no mammogram has, or that its bytes cannot fill.

    Raises:
        SourceError: With the size it states.
    """
    reason = too_large(file.height, file.width)
    size = size_of(path)
    if not reason and file.format == "PNG" and file.height * file.width > size * _MOST_DEFLATED * 8:
        reason = f"states a size of {file.height:,} x {file.width:,} pixels, which its {size:,} bytes cannot hold"
    if reason:
        raise SourceError(reason, where=path)


_MOST_DEFLATED = 1032
"""Most bytes that one deflated byte can stand for (RFC 1951: 258 for two bits)."""


def _with_notes(image: Image, bits: int, inverted: bool, stated: int | None) -> tuple[Image, int, dict[str, Any]]:
    """Values with the lowest as black, and their depth, where a TIFF says more of them."""
    notes: dict[str, Any] = {}
    if stated in BITS_STORED and bits == 16 and int(image.max(initial=0)) < 1 << stated:
        bits = stated
    if inverted:
        # Air is the brightest there is: where no value reaches the upper half, the scale is a smaller one.
        top = (1 << max(int(image.max(initial=0)).bit_length(), 1)) - 1
        image, notes["inverted"] = (top - image).astype(np.uint16), True
        if top != (1 << bits) - 1:
            notes["inverted_at"] = top
    return image, bits, notes


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
    lossy = path.suffix.lower() in JPEG
    return {"lossy_ratio": round(max(1.0, image.size / size_of(path)), 3)} if lossy else {}


def _grey(pixels: NDArray[Any], path: Path) -> tuple[Image, int]:
    if pixels.ndim == 3:
        opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else None
        if pixels.shape[2] in (2, 4) and (pixels[..., -1] != opaque).any():
            raise SourceError("parts of the image are transparent, expected grey values everywhere", where=path)
        colours = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise SourceError("the image is coloured, expected grey values", where=path)
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16), 8
    if pixels.dtype.kind in "iu" and pixels.min() >= 0 and pixels.max() < 1 << 16:
        return pixels.astype(np.uint16), 16
    raise SourceError(f"values are {pixels.dtype.name}, expected whole numbers of 8 or 16 bits", where=path)
