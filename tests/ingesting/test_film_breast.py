"""The breast on a reduced film, and the real views of CBIS-DDSM."""

import csv
import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import film_breast
from synthmammo.ingesting.sources.base import Record, open_source
from synthmammo.ingesting.sources.film_breast import breast_piece, bright_bands, cut_breast, white_edges
from tests.support.cbis_views import skips, squeezed

SHARED = Path(__file__).parents[3] / "shared"


REAL = SHARED / "data" / "cbis_ddsm_mass_views"


TOOL = SHARED / "tools" / "restore_views.py"


# The breast


@pytest.mark.parametrize("level", [0, 90, 255])
def test_an_empty_film_has_no_breast(level):
    assert cut_breast(np.full((300, 200), level, np.uint8)) is None


def test_borders_of_a_film_are_cut_off():
    film = squeezed()
    framed = np.pad(np.pad(film[20:], ((20, 0), (0, 0)), constant_values=250), 3)
    cut, plain = cut_breast(framed), cut_breast(film)
    assert cut.window.row0 - plain.window.row0 == pytest.approx(3, abs=1)
    assert cut.window.width == plain.window.width
    np.testing.assert_array_equal(cut.breast, plain.breast)


def test_a_thin_white_edge_goes_and_a_thick_white_piece_stays():
    film = np.zeros((400, 300), np.uint8)
    film[:, 295:] = 255
    film[100:200, 100:200] = 255
    edges = white_edges(film)
    assert edges[:, 294:].all()
    assert not edges[:, :290].any()


def test_a_band_that_runs_askew_goes_and_so_does_tape_that_hangs_on_the_breast_by_it():
    film = squeezed(bottom=760)[:, :460]
    # Too dark to be saturated, and no whole row of it: deep at the chest wall, gone where the breast has long ended.
    depth = np.maximum(0, 49 - np.arange(460) // 10)
    band = np.arange(800)[::-1, None] < depth
    tape = np.zeros(film.shape, np.bool_)
    tape[740:, 220:260] = True
    dirty = np.where(band | tape, np.uint8(222), film)
    found, expected = np.zeros(film.shape, np.bool_), np.zeros(film.shape, np.bool_)
    for mask, cut in ((found, cut_breast(dirty)), (expected, cut_breast(film))):
        mask[cut.window.slices] = cut.breast[:, ::-1] if cut.mirrored else cut.breast
    assert bright_bands(dirty)[band & (depth > 5) & ~tape.any(0)].all()
    assert (breast_piece(dirty) & tape).sum() > 0.9 * tape.sum(), "it would be breast"
    assert (found & (band | tape)).sum() < 0.01 * tape.sum()
    assert (found & ~expected).sum() < 0.002 * expected.sum()
    assert (found & expected & ~band).sum() > 0.99 * (expected & ~band).sum()


def test_tissue_at_the_border_is_no_band():
    """A muscle that goes on far, tissue that darkens slowly, and a lesion that the chest wall cuts off."""
    rows, columns = np.mgrid[:800, :460].astype(float)
    muscle = 150 + 80 / (1 + np.exp((rows + 2 * columns - 500) / 20))  # its edge is soft
    fading = 100 + 130 * np.exp(-rows / 25)
    cut_off = np.where((np.abs(rows - 400) < 30) & (columns < 20), 230, 100)
    for film in (muscle, fading, cut_off):
        assert not bright_bands(film.astype(np.uint8)).any()


# The real views


@pytest.fixture(scope="module")
def tool():
    if not (TOOL.is_file() and REAL.is_dir()):
        pytest.skip("the views of CBIS-DDSM and the tool that restores them are not beside this checkout")
    spec = importlib.util.spec_from_file_location("restore_views", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("spacing_mm", [0.9, 0.45])
def test_real_views_are_those_of_the_tool_pixel_for_pixel(tool, spacing_mm, monkeypatch):
    """But for bright bands, which the tool leaves on the breast."""
    monkeypatch.setattr(film_breast, "bright_bands", lambda film: np.zeros(film.shape, np.bool_))
    with (REAL / "manifest.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file) if row["native_rows"]}
    source = open_source("cbis_ddsm_views", REAL, {"spacing_mm": spacing_mm, "breast_only": True})
    records = [item for item in source.records() if isinstance(item, Record)]
    assert len(records) == len(rows)
    for record in records[:: len(records) // 8]:
        file = record.provenance["file"]
        np.testing.assert_array_equal(source.read(record).image, tool.restore(REAL / file, rows[file], spacing_mm))


def test_a_real_view_without_a_clear_breast(tool):
    source = open_source("cbis_ddsm_views", REAL, {"spacing_mm": 0.9, "breast_only": True})
    record = next(item for item in source.records() if isinstance(item, Record) and item.key == "P_00997_LEFT_CC")
    with pytest.raises(SourceError, match="no breast is clear on it"):
        source.read(record)


@pytest.mark.skipif(not REAL.is_dir(), reason="the views of CBIS-DDSM are not beside this checkout")
def test_the_real_manifest():
    source = open_source("cbis_ddsm_views", REAL, {"unknown_size": "median_aspect"})
    records = list(source.records())
    assert Counter((type(item), item.split, item.view) for item in records).total() == 1210
    assert Counter(item.split for item in records) == {"train": 1025, "validation": 185}
    assert Counter(item.label for item in records) == {"benign": 618, "malignant": 592}
    by_split = {split: {item.patient for item in records if item.split == split} for split in ("train", "validation")}
    assert not by_split["train"] & by_split["validation"]
    assert "22 views list several masses that differ" in source.notes[0]
    assert Counter(skips(REAL).values()).most_common(1)[0][1] == 172
