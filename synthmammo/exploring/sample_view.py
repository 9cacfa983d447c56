"""A sample of a dataset on the screen: its window of grey levels, its boxes, masks and outlines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from scipy import ndimage

from synthmammo.exploring.catalogue import Catalogue
from synthmammo.exploring.views import Shape, Tile, finding_shapes
from synthmammo.mammogram.arrays import Image
from synthmammo.mammogram.pictures import BREAST_COLOUR, PALETTE
from synthmammo.mammogram.sample import Sample

LAYERS = ("boxes", "masks of lesions", "outline of the breast")
"""What may lie over an image."""

_LARGEST = 1400
"""Longer side of a picture on the page, in pixels; a larger image is reduced for it."""

_OPACITY = 0.4


def window_of(sample: Sample) -> tuple[float, float]:
    """Middle and width of the window that shows the breast: percentiles 0.5 to 99.8 become black and white."""
    inside = sample.image[sample.breast] if sample.breast.any() else sample.image.ravel()
    low, high = np.percentile(inside[:: max(1, inside.size // 100_000)], [0.5, 99.8])
    width = max(float(high - low), 1.0)
    return round(float(low) + width / 2, 1), round(width, 1)


def windowed(image: Image, middle: float, width: float) -> NDArray[np.uint8]:
    """Grey levels for the screen.

    Args:
        image: `uint16 (H, W)`.
        middle: Grey level that becomes middle grey ("level").
        width: Number of grey levels from black to white ("window"), at least 1.
    """
    width = max(width, 1.0)
    scaled = (image.astype(np.float32) - np.float32(middle - width / 2)) * np.float32(255 / width)
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def sample_tile(sample: Sample, middle: float, width: float, layers: Sequence[str]) -> Tile:
    """The picture of a sample.

    Args:
        sample: The sample.
        middle: Level of the window.
        width: Width of the window.
        layers: Which of `LAYERS` lie over it.
    """
    step = max(1, -(-max(sample.shape) // _LARGEST))
    grey = _reduced(windowed(sample.image, middle, width), step)
    pixels: NDArray[np.uint8] = grey
    if "masks of lesions" in layers and sample.lesions.any():
        pixels = _tinted(grey, _fitting(sample.lesions, step, grey.shape))
    if "outline of the breast" in layers:
        breast = _fitting(sample.breast, step, grey.shape)
        edge = breast & ~ndimage.binary_erosion(breast, iterations=2)
        pixels = np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels.copy()
        pixels[edge] = BREAST_COLOUR
    shapes: tuple[Shape, ...] = finding_shapes(sample.findings) if "boxes" in layers else ()
    return Tile(pixels, _caption(sample), shapes, size=sample.shape)


def preview_tiles(catalogue: Catalogue, keys: Sequence[str], most_px: int = 160) -> list[Tile]:
    """Small pictures of samples, in their order.

    Raises:
        DatasetError: The pixels are not here.
    """
    tiles = []
    for key in keys:
        with Pictures.open(io.BytesIO(catalogue.preview(key))) as picture:
            picture.thumbnail((most_px, most_px))
            tiles.append(Tile(np.asarray(picture.convert("L")), key.rpartition("-")[2] or key))
    return tiles


def facts(sample: Sample, flags: Sequence[str]) -> list[tuple[str, str]]:
    """What is known of a sample, as names and texts."""
    spacing = f"{sample.spacing_mm[0]:g} x {sample.spacing_mm[1]:g} mm" if sample.spacing_mm else "none"
    known: dict[str, Any] = {
        "class": sample.label,
        "split": sample.split,
        "view": " ".join(str(part) for part in (sample.laterality, sample.view) if part),
        "density": sample.history.density,
        "size": f"{sample.shape[0]} x {sample.shape[1]} pixels of {sample.bits_stored} bits",
        "pixel spacing": f"{spacing} ({sample.spacing_origin})",
        "origin": str(sample.making.origin),
        "flags": ", ".join(flags),
    }
    for number, finding in enumerate(sample.findings, 1):
        terms = ", ".join(finding.descriptors.values())
        known[f"finding {number}"] = f"{finding.pathology} {finding.kind}{': ' if terms else ''}{terms}"
    return [(name, str(value)) for name, value in known.items() if value]


def _reduced(grey: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    return grey if step == 1 else np.asarray(Pictures.fromarray(grey).reduce(step))


def _fitting(mask: NDArray[Any], step: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """A mask at the size of a reduced picture; of a block its largest label counts, so that fine ones stay."""
    rows, columns = shape[0] * step - mask.shape[0], shape[1] * step - mask.shape[1]
    whole = np.pad(mask, ((0, rows), (0, columns)))
    return np.asarray(whole.reshape(shape[0], step, shape[1], step).max((1, 3)))


def _tinted(grey: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rgb = np.repeat(grey[..., None], 3, 2)
    colours = np.array(PALETTE)[(labels.astype(int) - 1) % len(PALETTE)]
    tinted = (1 - _OPACITY) * rgb + _OPACITY * colours
    return np.where((labels > 0)[..., None], tinted, rgb).astype(np.uint8)


def _caption(sample: Sample) -> str:
    view = " ".join(str(part) for part in (sample.laterality, sample.view) if part)
    return " · ".join(part for part in (sample.key, sample.label, view) if part)
