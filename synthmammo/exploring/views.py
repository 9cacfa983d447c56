"""The pictures of a page as HTML: images as data, outlines as vectors over them, every text escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from synthmammo.mammogram.arrays import Image
from synthmammo.mammogram.pictures import PATHOLOGY_COLOURS, Colour, difference
from synthmammo.mammogram.sample import Finding, Sample

MODES = ("after", "before", "side by side", "difference", "blink")
_MARKED: Colour = (255, 170, 60)


@dataclass(frozen=True)
class Shape:
    """A rectangle over a picture.

    Attributes:
        box: (row0, col0, row1, col1), half-open, in pixels.
        text: Words beside it; "" for none.
        colour: Colour of its line.
    """

    box: tuple[float, float, float, float]
    text: str = ""
    colour: Colour = _MARKED


@dataclass(frozen=True)
class Tile:
    """A picture with what lies over it.

    Attributes:
        pixels: `uint8 (H, W)` or `(H, W, 3)`.
        caption: Words below it.
        shapes: Rectangles over it.
        outline: Places that are outlined, `bool (h, w)` cells; None for none.
        size: Height and width of the image in its own pixels, which shapes are in; None for those of `pixels`.
    """

    pixels: NDArray[np.uint8]
    caption: str = ""
    shapes: tuple[Shape, ...] = ()
    outline: NDArray[np.bool_] | None = None
    size: tuple[int, int] | None = None


def screen(image: Image, bits_stored: int) -> NDArray[np.uint8]:
    """The full range of grey levels on the screen, the same for every image, so that two can be compared."""
    return np.asarray(image >> (bits_stored - 8), np.uint8)


def compared(before: Sample, after: Sample, mode: str, tile: Tile) -> list[Tile]:
    """The tiles of a mode.

    Args:
        before: Image that the other is compared with.
        after: Image that is shown.
        mode: One of `MODES`.
        tile: Tile of the image that is shown, with what lies over it.
    """
    old = Tile(screen(before.image, before.bits_stored), "before")
    if mode == "before":
        return [old]
    if mode == "difference":
        top = float(2**after.bits_stored - 1)
        first, second = (np.asarray(image.astype(np.float32) * (2 / top) - 1) for image in (before.image, after.image))
        return [Tile(difference(first, second), "difference: orange is brighter, blue is darker", tile.shapes)]
    return [old, tile] if mode in ("side by side", "blink") else [tile]


def finding_shapes(findings: Iterable[Finding], chosen: int | None = None) -> tuple[Shape, ...]:
    """The boxes of findings with their names; the chosen one is marked."""
    return tuple(
        Shape(
            (box.row0 - 1, box.col0 - 1, box.row1 + 1, box.col1 + 1),
            f"{number + 1} {finding.pathology} {finding.kind}",
            _MARKED if number == chosen else PATHOLOGY_COLOURS[finding.pathology],
        )
        for number, (finding, box) in enumerate((one, one.box) for one in findings)
    )


def page_of(tiles: Sequence[Tile], mode: str = "after") -> str:
    """HTML of some tiles; in the mode "blink" they lie over each other and take turns, in "small" they are small."""
    figures = "".join(_figure(tile, number) for number, tile in enumerate(tiles))
    layout = mode if mode in ("blink", "small") else ""
    return f'<div class="tiles {layout}" data-mode="{escape(mode)}">{figures}</div>'


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """A picture as a data URI, losslessly.

    Args:
        pixels: `uint8 (H, W)` or `(H, W, 3)`.
    """
    file = io.BytesIO()
    Pictures.fromarray(pixels).save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _figure(tile: Tile, number: int) -> str:
    height, width = tile.size or tile.pixels.shape[:2]
    alt = escape(tile.caption or "image")
    over = "".join(map(_rectangle, tile.shapes)) + _outline(tile.outline, height, width)
    return (
        f'<figure><div class="frame" data-tile="{number}" data-height="{height}" data-width="{width}" '
        f'style="aspect-ratio: {width} / {height}"><img src="{png_uri(tile.pixels)}" alt="{alt}" draggable="false">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none">{over}</svg></div>'
        f"<figcaption>{escape(tile.caption)}</figcaption></figure>"
    )


def _rectangle(shape: Shape) -> str:
    row0, col0, row1, col1 = shape.box
    colour = f"rgb{shape.colour}"
    title = f"<title>{escape(shape.text)}</title>" if shape.text else ""
    return (
        f'<rect x="{col0:g}" y="{row0:g}" width="{col1 - col0:g}" height="{row1 - row0:g}" stroke="{colour}">'
        f"{title}</rect>"
    )


def _outline(cells: NDArray[np.bool_] | None, height: int, width: int) -> str:
    """The border between the cells that are outlined and the others, as one path."""
    if cells is None or not cells.any():
        return ""
    padded = np.pad(cells, 1)
    tall, wide = height / cells.shape[0], width / cells.shape[1]
    lines = [
        f"M{column * wide:g} {row * tall:g}h{wide:g}"
        for row, column in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    ]
    lines += [
        f"M{column * wide:g} {row * tall:g}v{tall:g}"
        for row, column in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    ]
    return f'<path d="{"".join(lines)}" stroke="rgb{_MARKED}"/>'
