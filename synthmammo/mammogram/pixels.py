"""Arrays that others made become the arrays of a sample; what cannot is refused by the name of its argument."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from synthmammo.arguments import listed, wrong
from synthmammo.errors import SampleError
from synthmammo.mammogram.arrays import BITS_STORED, Image, Mask

_PIXELS = "uint8 or uint16 grey levels, or floats in [0, 1], of shape (H, W)"


def as_image(pixels: Any, bits_stored: int | None) -> tuple[Image, int]:
    """An image and its bit depth; see `Sample.from_array`.

    Raises:
        SampleError: The pixels or the depth cannot be used.
    """
    if bits_stored is not None and bits_stored not in BITS_STORED:
        raise wrong("bits_stored", listed(BITS_STORED), bits_stored, SampleError)
    array = _plane(pixels)
    if array.dtype.kind == "f":
        bits = 16 if bits_stored is None else int(bits_stored)
        return _scaled(array, bits), bits
    brightest = int(array.max())
    bits = int(bits_stored or (8 if array.dtype == np.uint8 else _depth(brightest)))
    if brightest >= 2**bits:
        found = f"a brightest pixel of {brightest}"
        raise SampleError(f"expected grey levels below {2**bits} (2 ** bits_stored), found {found}", where="pixels")
    return array.astype(np.uint16), bits


def as_breast(breast: Any, shape: tuple[int, int]) -> Mask:
    """A mask that was given.

    Raises:
        SampleError: It is no `bool (H, W)` of the image's shape, or has no True pixel.
    """
    array = _array(breast, f"bool {shape}", "breast")
    if array.dtype != np.bool_ or array.shape != shape:
        raise SampleError(f"expected bool {shape}, found {_kind(array)}", where="breast")
    if not array.any():
        raise SampleError("expected a True pixel on the breast, found none", where="breast")
    return array


def as_spacing(spacing_mm: Any) -> tuple[float, float] | None:
    """(row, column) from a pair, from one number for both, or from None.

    Raises:
        SampleError: It is something else, or not a length.
    """
    if spacing_mm is None:
        return None
    expected = "millimetres per pixel, as a number or as (row, column)"
    sides = _array(spacing_mm, expected, "spacing_mm")
    if sides.shape not in ((), (2,)) or sides.dtype.kind not in "iuf":
        raise wrong("spacing_mm", expected, spacing_mm, SampleError)
    row, column = (float(side) for side in np.broadcast_to(sides, 2))
    if not all(math.isfinite(side) and side > 0 for side in (row, column)):
        raise wrong("spacing_mm", "millimetres per pixel above 0", spacing_mm, SampleError)
    return row, column


def _plane(pixels: Any) -> np.ndarray[Any, Any]:
    array = _array(pixels, _PIXELS, "pixels")
    usable = array.dtype in (np.uint8, np.uint16) or array.dtype.kind == "f"
    if not usable or array.ndim != 2 or not array.size:
        hint = "Convert whole numbers with `.astype(np.uint16)`; an image with colours has to become grey first."
        raise SampleError(f"expected {_PIXELS}, found {_kind(array)}", where="pixels", hint=hint)
    return array


def _array(value: Any, expected: str, name: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors that live elsewhere
        message = f"expected {expected}, found {type(value).__name__} ({error})"
        raise SampleError(message, where=name) from None


def _scaled(array: np.ndarray[Any, Any], bits: int) -> Image:
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # false of NaN too
        hint = "Scale the pixels first, or give grey levels as uint16."
        message = f"expected floats in [0, 1], found {low:g} to {high:g}"
        raise SampleError(message, where="pixels", hint=hint)
    return np.asarray(np.rint(array.astype(np.float64) * (2**bits - 1)), np.uint16)


def _depth(brightest: int) -> int:
    return next(bits for bits in BITS_STORED if brightest < 2**bits)


def _kind(array: np.ndarray[Any, Any]) -> str:
    return f"{array.dtype} {array.shape}"
