"""Pictures for the screen: 8-bit grey levels, outlines, labelled boxes, contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from synthmammo.mammogram.sample import Finding, Image, Mask, Pathology

Colour = tuple[int, int, int]
Rgb = NDArray[np.uint8]
"""`uint8 (H, W, 3)`."""

PATHOLOGY_COLOURS: dict[Pathology, Colour] = {
    Pathology.MALIGNANT: (230, 116, 40),
    Pathology.BENIGN: (86, 180, 233),
    Pathology.UNKNOWN: (190, 190, 190),
}
"""Colours after Okabe & Ito's palette, which any colour vision tells apart."""

BREAST_COLOUR: Colour = (0, 190, 145)
PECTORAL_COLOUR: Colour = (240, 228, 66)
BACKGROUND: Colour = (22, 23, 26)
CAPTION: Colour = (214, 216, 220)
MORE: Colour = (255, 170, 60)
LESS: Colour = (86, 180, 255)
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
PALETTE: tuple[Colour, ...] = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 90, 200)),
    *((213, 94, 0), (204, 121, 167), (150, 150, 150), (140, 80, 30), (180, 255, 200)),
)
"""Okabe & Ito's palette, then three colours that differ from it."""


def display(image: Image, breast: Mask | None = None) -> NDArray[np.uint8]:
    """Grey levels for the screen: percentiles 0.5 to 99.8 inside the breast become black to white.

    Args:
        image: `uint16 (H, W)`.
        breast: `bool (H, W)`; where it is None (the default) or empty, the pixels above 0 take its place.

    Returns:
        `uint8 (H, W)`; air stays darker than the darkest skin.
    """
    inside = image[breast] if breast is not None and breast.any() else image[image > 0]
    if not inside.size:
        return np.zeros(image.shape, np.uint8)
    # A hundred thousand pixels settle the percentiles of twelve million.
    low, high = np.percentile(inside[:: max(1, inside.size // 100_000)], [0.5, 99.8])
    scaled = (image.astype(np.float32) - np.float32(low)) * np.float32(255 / max(high - low, 1))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def overlay(
    image: Image, breast: Mask | None = None, pectoral: Mask | None = None, findings: Sequence[Finding] = ()
) -> Rgb:
    """The image with the outlines of breast and muscle and a labelled box around each finding.

    Args:
        image: `uint16 (H, W)`.
        breast: `bool (H, W)`, outlined in green, also sets the window of grey levels; by default there is none.
        pectoral: `bool (H, W)`, outlined in yellow; by default there is none.
        findings: Findings to box in the colour of their pathology, with their kind written beside; by default none.

    Returns:
        `uint8 (H, W, 3)`.
    """
    rgb = np.repeat(display(image, breast)[..., None], 3, 2)
    for mask, colour in ((breast, BREAST_COLOUR), (pectoral, PECTORAL_COLOUR)):
        if mask is not None and mask.any():
            rgb[_outline(mask, _stroke(image.shape))] = colour
    return draw_boxes(rgb, findings) if findings else rgb


def difference(before: NDArray[np.float32], after: NDArray[np.float32], most: float = 0.5) -> Rgb:
    """A picture of what has become brighter (orange) and darker (blue), on the dark grey of a contact sheet.

    Args:
        before: `float32 (H, W)` in [-1, 1].
        after: `float32 (H, W)` in [-1, 1].
        most: Change that is shown in full colour; 0.5 by default.

    Returns:
        `uint8 (H, W, 3)`.
    """
    change = np.clip((after - before) / most, -1, 1)[..., None]
    colours = np.where(change > 0, MORE, LESS)
    return np.asarray(np.array(BACKGROUND) + np.abs(change) * (colours - np.array(BACKGROUND)), np.uint8)


def outlined(image: NDArray[np.uint8], cells: Mask) -> Rgb:
    """A picture with the outline of some of the cells that it is divided into.

    Args:
        image: `uint8 (H, W)`.
        cells: `bool (h, w)`, True for the cells to outline; h and w divide H and W.

    Returns:
        `uint8 (H, W, 3)`.
    """
    rgb = np.repeat(image[..., None], 3, 2)
    rgb[_outline(_enlarged(cells, image.shape), max(1, image.shape[0] // 128))] = MORE
    return rgb


def tinted(image: NDArray[np.uint8], cells: NDArray[np.integer]) -> Rgb:
    """A picture whose cells have the colours of their numbers; the largest piece of each number bears it in writing.

    Args:
        image: `uint8 (H, W)`.
        cells: Number of each cell, from 0, `(h, w)`; h and w divide H and W.

    Returns:
        `uint8 (H', W', 3)`, enlarged to at least 256 rows, so that the numbers can be read.
    """
    times = max(1, -(-256 // image.shape[0]))
    large = np.kron(image, np.ones((times, times), np.uint8))
    colours = np.array(PALETTE)[_enlarged(cells, large.shape) % len(PALETTE)]
    picture = Picture.fromarray(np.asarray(0.55 * large[..., None] + 0.45 * colours, np.uint8))
    pen, size = ImageDraw.Draw(picture), large.shape[0] // cells.shape[0]
    font = ImageFont.load_default(size * 0.6)
    for number in np.unique(cells):
        row, column = _middle_of_largest_piece(cells == number)
        centre = (column + 0.5) * size, (row + 0.5) * size
        pen.text(centre, str(number), _WHITE, font, "mm", stroke_width=2, stroke_fill=_BLACK)
    return np.asarray(picture)


def _middle_of_largest_piece(mask: Mask) -> tuple[int, int]:
    """The pixel of a mask's largest connected piece that is nearest to the piece's centroid."""
    from skimage.measure import label, regionprops

    largest = max(regionprops(label(mask, connectivity=1)), key=lambda piece: piece.area)
    row, column = largest.coords[np.argmin(((largest.coords - largest.centroid) ** 2).sum(1))]
    return int(row), int(column)


def _enlarged(cells: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.kron(cells, np.ones((shape[0] // cells.shape[0], shape[1] // cells.shape[1]), cells.dtype))


def _stroke(shape: tuple[int, ...]) -> int:
    return max(1, round(max(shape) / 500))


def _outline(mask: Mask, width_px: int) -> Mask:
    # The outer pixels of the mask, without those where it is merely cut by the image's edge.
    return np.asarray(mask & ~ndimage.minimum_filter(mask, 2 * width_px + 1, mode="nearest"))


def draw_boxes(rgb: Rgb, findings: Sequence[Finding]) -> Rgb:
    """A copy of a picture with a labelled box around each finding.

    Args:
        rgb: `uint8 (H, W, 3)`.
        findings: Findings whose boxes are in pixels of the picture.

    Returns:
        `uint8 (H, W, 3)`.
    """
    picture = Picture.fromarray(rgb)
    pen = ImageDraw.Draw(picture)
    width = max(1, round(max(rgb.shape[:2]) / 320))
    font = ImageFont.load_default(max(10, max(rgb.shape[:2]) / 45))
    for finding in findings:
        colour = PATHOLOGY_COLOURS[finding.pathology]
        top, left, bottom, right = finding.box
        pen.rectangle((left - width, top - width, right + width - 1, bottom + width - 1), outline=colour, width=width)
        _label(pen, f"{finding.pathology} {finding.kind}", (left, top), colour, font)
    return np.asarray(picture)


def _label(
    pen: ImageDraw.ImageDraw,
    text: str,
    corner: tuple[int, int],
    colour: Colour,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    # Above the box where there is room, and never over the picture's edge.
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = int(right - left) + 6, int(bottom) + 4
    x = min(max(corner[0], 0), max(0, pen.im.size[0] - width))
    y = max(corner[1] - height - 4, 0)
    pen.rectangle((x, y, x + width, y + height), fill=BACKGROUND)
    pen.text((x + 3, y + 1), text, fill=colour, font=font)


def contact_sheet(
    tiles: Sequence[NDArray[np.uint8]],
    columns: int,
    captions: Sequence[str] = (),
    tile_px: tuple[int, int] = (320, 240),
) -> Picture.Image:
    """A contact sheet on dark grey.

    Args:
        tiles: Pictures `uint8 (H, W)` or `(H, W, 3)` of any sizes; each is fitted into its cell.
        columns: Number of cells per row.
        captions: Lines to write below the tiles, cut to their width: one per tile, or none (the default).
        tile_px: Height and width of the picture in a cell, in pixels; (320, 240) by default.

    Returns:
        An RGB picture.

    Raises:
        ValueError: The number of captions is neither 0 nor the number of tiles, or there is no tile.
    """
    if not tiles or columns < 1:
        raise ValueError(f"expected at least one tile and one column, got {len(tiles)} tiles, {columns} columns")
    if captions and len(captions) != len(tiles):
        raise ValueError(f"captions: expected {len(tiles)}, one per tile, got {len(captions)}")
    height, width = tile_px
    gap, line = max(6, width // 32), (max(16, width // 12) if captions else 0)
    font = ImageFont.load_default(line * 0.7) if captions else None
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    size = gap + columns * (width + gap), gap + rows * (height + line + gap)
    canvas = Picture.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    for index, tile in enumerate(tiles):
        x, y = gap + (index % columns) * (width + gap), gap + (index // columns) * (height + line + gap)
        fitted = _fit(tile, width, height)
        canvas.paste(fitted, (x + (width - fitted.width) // 2, y + (height - fitted.height) // 2))
        if font is not None:
            text = _shorten(pen, captions[index], font, width)
            pen.text((x + width / 2, y + height + line * 0.6), text, fill=CAPTION, font=font, anchor="mm")
    return canvas


def _fit(tile: NDArray[np.uint8], width: int, height: int) -> Picture.Image:
    picture = Picture.fromarray(tile).convert("RGB")
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Picture.Resampling.LANCZOS if scale < 1 else Picture.Resampling.BICUBIC)


def _shorten(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int
) -> str:
    # At the size of captions the font's space has two pixels, and "0 with 10" reads as "0with 10".
    text = text.replace(" ", "  ")
    if pen.textlength(text, font=font) <= width:
        return text
    while text and pen.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"
