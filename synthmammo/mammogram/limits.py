"""Bounds that a picture's stated size is held against before any memory is taken for its pixels."""

from __future__ import annotations

MOST_SIDE_PX = 30_000
"""Longest side: 30 cm of film at 10 micrometres."""

MOST_PIXELS = 120_000_000
"""Most pixels: four times those of a 30 x 24 cm film scanned at 50 micrometres."""


def too_large(rows: int, columns: int) -> str | None:
    """Why a picture of this size is not read, as one sentence; None when it is.

    Args:
        rows: Height in pixels, as the file states it.
        columns: Width in pixels, as the file states it.
    """
    if 0 < rows <= MOST_SIDE_PX and 0 < columns <= MOST_SIDE_PX and rows * columns <= MOST_PIXELS:
        return None
    limits = f"at most {MOST_SIDE_PX:,} a side and {MOST_PIXELS:,} pixels"
    return f"states a size of {rows:,} x {columns:,} pixels, expected {limits}"
