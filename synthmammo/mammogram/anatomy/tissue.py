"""How much breast surrounds a pixel, and which pixels can carry a lesion: pure functions of masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.arrays import Box, Mask

FINE_GRID_PX = 1024
"""Images up to this many rows and columns are searched at every pixel, larger ones on a grid of about this size."""


def tissue_share(mask: Mask, box: Box) -> float:
    """Share of a box, in [0, 1], that lies on the mask; what hangs over the image's edge does not.

    Args:
        mask: `bool (H, W)`.
        box: Half-open rectangle in pixels, with at least one pixel.

    Raises:
        ValueError: The box is empty.
    """
    if box.height <= 0 or box.width <= 0:
        raise ValueError(f"box: expected at least one pixel, got {tuple(box)}")
    inside = mask[max(box.row0, 0) : max(box.row1, 0), max(box.col0, 0) : max(box.col1, 0)]
    return float(np.count_nonzero(inside)) / (box.height * box.width)


def window_around(row: int, column: int, size_px: int) -> Box:
    """The square of `size_px` pixels per side around a pixel: it starts `size_px // 2` before the pixel."""
    row0, col0 = row - size_px // 2, column - size_px // 2
    return Box(row0, col0, row0 + size_px, col0 + size_px)


def tissue_share_map(mask: Mask, size_px: int, stride_px: int = 1) -> NDArray[np.float32]:
    """Share of the square window around each pixel that lies on the mask; what hangs over the edge does not.

    Args:
        mask: `bool (H, W)`.
        size_px: Side of the window (`window_around`), in pixels.
        stride_px: Distance in pixels between the pixels looked at; 1, the default, looks at all. Shares stay exact.

    Returns:
        `float32 (ceil(H / stride_px), ceil(W / stride_px))` in [0, 1].

    Raises:
        ValueError: A size is below one pixel.
    """
    if size_px < 1 or stride_px < 1:
        raise ValueError(f"expected sizes of at least 1 pixel, got size_px {size_px}, stride_px {stride_px}")
    # Sums between neighbouring window edges first, at most 128 pixels of 0 or 1 each: 8 bits hold them, which is fast.
    row_edges, column_edges = (_window_edges(length, size_px, stride_px) for length in mask.shape)
    pieces = np.add.reduceat(mask.view(np.uint8), row_edges[:-1], axis=0, dtype=np.uint8)
    pieces = np.add.reduceat(pieces, column_edges[:-1], axis=1, dtype=np.int32)
    counts = _window_sums(pieces, row_edges, size_px, stride_px)
    counts = _window_sums(np.ascontiguousarray(counts.T), column_edges, size_px, stride_px).T
    return np.asarray(counts / np.float32(size_px * size_px), np.float32)


def _windows(length: int, size_px: int, stride_px: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    starts = np.arange(0, length, stride_px) - size_px // 2
    return np.clip(starts, 0, length), np.clip(starts + size_px, 0, length)


def _window_edges(length: int, size_px: int, stride_px: int) -> NDArray[np.intp]:
    first, last = _windows(length, size_px, stride_px)
    return np.unique(np.concatenate([np.arange(0, length, 128), first, last, [0, length]]))


def _window_sums(pieces: NDArray[np.int32], edges: NDArray[np.intp], size_px: int, stride_px: int) -> NDArray[np.int32]:
    total = np.zeros((len(edges), pieces.shape[1]), np.int32)
    np.cumsum(pieces, axis=0, out=total[1:])
    first, last = _windows(int(edges[-1]), size_px, stride_px)
    return np.asarray(total[np.searchsorted(edges, last)] - total[np.searchsorted(edges, first)], np.int32)


@dataclass(frozen=True)
class Sites:
    """The pixels a lesion may be centred on.

    Attributes:
        grid: `bool (ceil(H / stride_px), ceil(W / stride_px))`; cell (i, j) is pixel (i, j) times `stride_px`.
        stride_px: Distance between the pixels looked at, in pixels.
    """

    grid: Mask
    stride_px: int

    def __len__(self) -> int:
        return int(np.count_nonzero(self.grid))


def admissible_sites(
    breast: Mask,
    window_px: int,
    minimum_share: float = 0.9,
    margin_px: int = 0,
    avoid: Mask | None = None,
    stride_px: int | None = None,
) -> Sites:
    """Pixels of the breast whose window holds enough of it.

    Args:
        breast: `bool (H, W)`.
        window_px: Side of the window (`window_around`) whose share of breast counts.
        minimum_share: Least share of breast in the window, in [0, 1]; 0.9 by default, as in Wu et al. 2020.
        margin_px: Pixels on every side of a site that must be breast, and inside the image; 0 by default.
        avoid: `bool (H, W)`, True where no site may be (muscle, other lesions; enlarge it to keep a distance).
        stride_px: Distance in pixels between the pixels looked at; by default 1 up to 1,024 pixels on the longest
            side, else as much as leaves about 1,024. Shares stay exact.

    Returns:
        The sites, possibly none.
    """
    stride = stride_px or max(1, max(breast.shape) // FINE_GRID_PX)
    grid = breast[::stride, ::stride] & (tissue_share_map(breast, window_px, stride) >= np.float32(minimum_share))
    if margin_px > 0:
        grid &= tissue_share_map(breast, 2 * margin_px + 1, stride) == 1
    if avoid is not None:
        grid &= ~avoid[::stride, ::stride]
    return Sites(grid, stride)


def site_from_draw(sites: Sites, u: float) -> tuple[int, int] | None:
    """Number floor(u n) of the n sites in row-major order, as (row, column); None when there is none.

    Args:
        sites: Pixels that a lesion may be centred on.
        u: Draw in [0, 1).

    Raises:
        ValueError: `u` is outside [0, 1).
    """
    if not 0 <= u < 1:
        raise ValueError(f"u: expected a draw in [0, 1), got {u}")
    places = np.flatnonzero(sites.grid)
    if not len(places):
        return None
    row, column = divmod(int(places[int(u * len(places))]), sites.grid.shape[1])
    return row * sites.stride_px, column * sites.stride_px
