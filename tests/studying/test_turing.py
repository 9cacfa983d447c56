"""The visual Turing test: shares, no repeats, one geometry, answers that hold, and refusals."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError, OutputError
from synthmammo.ingesting.sources.origins import file_mark
from synthmammo.mammogram import png
from synthmammo.mammogram.anatomy import breast_mask, chest_wall_side
from synthmammo.mammogram.planned import PlannedEdit
from synthmammo.planning.table import read_rows
from synthmammo.studying import turing
from synthmammo.studying.turing import TuringOptions, draw, fitted
from tests.support import tiny


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("real") / "real"
    background = {"generator": "phantom", "spacing_mm": 2.0, "height_mm": 240, "width_mm": 180}
    plain = {"lesions": None, "classes": {"normal": 1}, "splits": {"train": 0.5, "test": 0.5}}
    make_dataset(tiny.recipe(name="real", background=background, size=10, **plain), out, engine=Local(1))
    return out


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third row of a plan has an edit."""
    edit = (PlannedEdit(0, "density", 1.25),)
    monkeypatch.setattr(
        turing,
        "read_rows",
        lambda path: (replace(row, edits=edit if row.index % 3 == 0 else ()) for row in read_rows(path)),
    )


def test_a_test_is_written_whole(built: Path, real: Path, edited: None, tmp_path: Path) -> None:
    out = tmp_path / "test"
    counts = turing.draw_turing_test(built, real, out, count=12, seed=5)
    rows = list(csv.DictReader((out / "answers.csv").read_text().splitlines()))
    assert Counter(row["kind"] for row in rows) == Counter(counts) and sum(counts.values()) == 12
    assert len({(row["kind"] == "real", row["key"]) for row in rows}) == 12
    assert {path.name for path in out.iterdir()} == {"answers.csv", "sheet.png", *(row["file"] for row in rows)}
    pool, sizes = Dataset.open(built), set()
    for row in rows:
        shown = png.decode((out / row["file"]).read_bytes())
        assert shown.dtype == np.uint8 and shown.max() == 255
        if row["kind"] == "real":
            sizes.add(shown.shape)
        else:
            number = int(row["key"].rpartition("-")[2])
            assert row["edits"] == ("density +1.25" if number % 3 == 0 else "")
            assert shown.shape == pool.sample(row["key"]).shape
    assert len(sizes) == 1
    told = {str(file_mark(path).making) for path in out.glob("*.png")}
    assert len(told) == 1 and "composite" in told.pop(), "the mark must not give the answer away"
    with pytest.raises(OutputError, match="holds a test already"):
        turing.draw_turing_test(built, real, out)


def test_draws_follow_the_seed_and_the_shares(built: Path, real: Path, edited: None) -> None:
    first, again, other = (draw(built, real, TuringOptions(12, seed=seed)) for seed in (5, 5, 6))
    assert first == again != other
    assert [one.number for one in first] == list(range(1, 13))
    assert all(one.kind == "real" for one in draw(built, real, TuringOptions(10, real_share=1)))
    assert all(one.kind != "real" for one in draw(built, real, TuringOptions(10, real_share=0)))
    tested = {sample.key for sample in Dataset.open(real).samples("test")}
    assert {one.key for one in draw(built, real, TuringOptions(4, real_share=1, split="test"))} <= tested


def test_real_images_take_the_geometry_of_the_others(real: Path) -> None:
    samples = list(Dataset.open(real))
    for side in ("left", "right"):
        like = [one for one in samples if chest_wall_side(one.image, one.breast) == side][:1]
        square = [turing.square(like[0], 64, side)]
        made = fitted(samples[0], square)
        assert made.shape == (64, 64)
        assert chest_wall_side(made.image, breast_mask(made.image, made.bits_stored)) == side
    patches = [replace(square[0], breast=np.ones((64, 64), np.bool_))]
    assert fitted(samples[0], patches).shape == (64, 64)


def test_too_few_images_are_named(built: Path, real: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"10 images, but 30 of 30 are drawn\n  Lower the count \(about 9\)"):
        draw(built, real, TuringOptions(30, real_share=1))
    result = tiny.run("turing", built, real, "--count", 200, "--out", tmp_path / "t")
    assert result.exit_code == 1 and "are drawn" in result.output and not (tmp_path / "t").exists()
