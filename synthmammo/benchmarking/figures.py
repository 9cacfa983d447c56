"""The figures of a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import chart_packet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Palette of Okabe and Ito, whose colours can be told apart with any colour vision."""


def figure(columns: int = 1, width: float = 6.4, height: float = 4.2) -> tuple[Figure, list[Axes]]:
    """An empty figure without global state, with one row of axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Empty

    drawn = Empty(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = [drawn.add_subplot(1, columns, number + 1) for number in range(columns)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return drawn, axes


def save_figure(drawn: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all; without dates, so that equal figures are equal files."""
    with writing(path) as partial:
        drawn.savefig(partial, format="png", dpi=120, pil_kwargs={"pnginfo": png.info(chart_packet())})
    return path
