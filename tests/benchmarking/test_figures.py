"""Figures: equal ones are equal files, and drawing leaves no state behind."""

from pathlib import Path

import pytest

from synthmammo.benchmarking.figures import COLOURS, figure, save_figure
from synthmammo.ingesting.sources.origins import file_mark


def drawn(path: Path, columns: int = 1) -> Path:
    picture, axes = figure(columns)
    for number, one in enumerate(axes):
        one.plot([0, 1], [number, 1], color=COLOURS[number])
    return save_figure(picture, path)


def test_equal_figures_are_equal_files(tmp_path: Path) -> None:
    assert drawn(tmp_path / "a.png").read_bytes() == drawn(tmp_path / "b.png").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.png", "b.png"]
    mark = file_mark(tmp_path / "a.png")
    assert mark and str(mark.making.source_type) == "dataDrivenMedia"


@pytest.mark.parametrize("columns", [1, 3])
def test_a_figure_has_its_axes_side_by_side(columns: int) -> None:
    picture, axes = figure(columns, width=2.0, height=1.5)
    assert len(axes) == columns and tuple(picture.get_size_inches()) == (2.0 * columns, 1.5)
    assert not any(one.spines[side].get_visible() for one in axes for side in ("top", "right"))


def test_nothing_stays_open_and_colours_differ() -> None:
    from matplotlib import _pylab_helpers

    figure()
    assert not _pylab_helpers.Gcf.figs and len(set(COLOURS)) == len(COLOURS)
