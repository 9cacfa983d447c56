"""The figures of a classification benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.classify.embed import ChangedReading
from synthmammo.benchmarking.classify.summary import MixtureSummary
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import making_of_dataset
from synthmammo.mammogram.pictures import contact_sheet
from synthmammo.metrics import aucs, roc_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

from synthmammo.benchmarking.figures import COLOURS, figure, save_figure


def draw_auc(rows: Sequence[MixtureSummary], positive: NDArray[np.bool_], path: Path) -> Path:
    """AUC against ratio, with intervals by patients and one mark per seed; synthetic images alone at the right."""
    drawn, (axes,) = figure(width=7.2)
    shares = list(dict.fromkeys(row.share for row in rows))
    ratios = sorted({row.ratio for row in rows if row.ratio is not None})
    places: dict[float | None, int] = {ratio: place for place, ratio in enumerate(ratios)}
    places[None] = len(ratios)
    for number, share in enumerate(shares):
        shift = (number - (len(shares) - 1) / 2) * 0.14
        _draw_share(axes, [row for row in rows if row.share == share], positive, places, shift, COLOURS[number % 7])
    if min(np.nanmin(row.auc) for row in rows) < 0.56:
        axes.axhline(0.5, color="#999999", linewidth=0.8, linestyle=":")
    labels = ["0\n(real only)" if ratio == 0 else f"{ratio:g}" for ratio in ratios] + ["synthetic\nonly"]
    shown = len(labels) if any(row.ratio is None for row in rows) else len(ratios)
    axes.set_xticks(range(shown), labels[:shown])
    axes.set_xlabel("synthetic images at the start of the training, percent")
    axes.set_ylabel("AUC on real test images")
    axes.legend(title="real training images", frameon=False, loc="best", fontsize=9)
    return save_figure(drawn, path)


def _draw_share(
    axes: Axes,
    rows: Sequence[MixtureSummary],
    positive: NDArray[np.bool_],
    places: dict[float | None, int],
    shift: float,
    colour: str,
) -> None:
    mixed = [row for row in rows if row.ratio is not None]
    axes.plot([places[r.ratio] + shift for r in mixed], [r.auc.estimate for r in mixed], color=colour, linewidth=1)
    for row in rows:
        place = places[row.ratio] + shift
        label = f"{row.share:g} %" if row is rows[0] else None
        colour = colour if row.ratio is not None else "#555555"
        axes.plot([place, place], row.auc[1:], color=colour, linewidth=2, label=label)
        axes.plot(place, row.auc.estimate, "o", color=colour, markersize=6)
        seeds = aucs(row.scores, positive)
        axes.plot(np.full(len(seeds), place + 0.05), seeds, "_", color=colour, markersize=6, alpha=0.7)


def draw_roc(rows: Sequence[MixtureSummary], positive: NDArray[np.bool_], path: Path) -> Path:
    """ROC curves of one share: each seed thin, the mean over the seeds thick."""
    drawn, (axes,) = figure(width=5.4, height=5.0)
    grid = np.linspace(0, 1, 201)
    for number, row in enumerate(rows):
        colour = COLOURS[number % len(COLOURS)]
        curves = [roc_curve(scores, positive) for scores in row.scores]
        for false, true in curves:
            axes.plot(false, true, color=colour, linewidth=0.5, alpha=0.35)
        mean = np.mean([np.interp(grid, false, true) for false, true in curves], 0)
        axes.plot(grid, mean, color=colour, linewidth=1.8, label=f"{row.name}: {row.auc.estimate:.3f}")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
    axes.axvline(0.1, color="#999999", linewidth=0.8, linestyle="--")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(title="AUC, mean over seeds", frameon=False, loc="lower right", fontsize=8)
    return save_figure(drawn, path)


class Cloud:
    """Points of one embedding.

    Attributes:
        title: Title of the panel.
        places: Places of the points, `(N, 2)`.
        groups: Group of each point, "real" or "synthetic" and the class, e.g. "real malignant", `(N)`.
        marked: Numbers of the points that are pointed out.
    """

    def __init__(
        self, title: str, places: NDArray[np.float64], groups: NDArray[np.str_], marked: Sequence[int] = ()
    ) -> None:
        self.title, self.places, self.groups, self.marked = title, places, groups, marked


def draw_embedding(clouds: Sequence[Cloud], path: Path) -> Path:
    """Embeddings side by side, one colour per class: real images as discs, synthetic ones as rings."""
    drawn, panels = figure(len(clouds), width=6.2, height=5.0)
    for axes, cloud in zip(panels, clouds, strict=True):
        groups = sorted(set(cloud.groups.tolist()))
        classes = sorted({group.split(" ", 1)[1] for group in groups})
        for group in groups:
            chosen = cloud.groups == group
            side, label = group.split(" ", 1)
            synthetic, colour = side == "synthetic", COLOURS[classes.index(label) % len(COLOURS)]
            faces = {"facecolors": "none", "edgecolors": colour} if synthetic else {"color": colour}
            style: dict[str, Any] = {"s": 14, "alpha": 0.7, "linewidths": 0.8 if synthetic else 0, **faces}
            x, y = cloud.places[chosen].T
            axes.scatter(x, y, label=f"{group} ({chosen.sum()})", **style)
        if len(cloud.marked):
            x, y = cloud.places[list(cloud.marked)].T
            style = {"marker": "*", "s": 130, "color": "#000000", "edgecolors": "#FFFFFF", "linewidths": 0.6}
            axes.scatter(x, y, label="corrected", zorder=3, **style)
        axes.set(title=cloud.title, xticks=[], yticks=[])
        axes.legend(frameon=False, fontsize=8, loc="best")
    return save_figure(drawn, path)


def draw_cases(
    tiles: Sequence[NDArray[np.uint8]],
    cases: Sequence[ChangedReading],
    path: Path,
    most: int = 10,
    origin: str | None = None,
) -> Path:
    """Images with their scores before and after.

    Args:
        tiles: Images, `uint8 (H, W)` each.
        cases: Their scores.
        path: PNG to write.
        most: Largest number of images that are drawn, 10 by default.
        origin: Origin of their dataset, for the picture's mark; None, the default, where nothing states it.
    """
    captions = [f"{case.before:.2f} to {case.after:.2f}" for case in cases[:most]]
    picture = contact_sheet(list(tiles[:most]), min(5, len(captions)), captions, (200, 200))
    with writing(path) as partial:
        png.save(picture, partial, picture_packet([making_of_dataset(origin)]))
    return path
