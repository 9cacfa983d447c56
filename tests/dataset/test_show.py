import numpy as np
import pytest
from PIL import Image

from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.show import caption, draw_dataset, tile
from synthmammo.errors import DatasetError
from synthmammo.mammogram.pictures import PATHOLOGY_COLOURS
from synthmammo.mammogram.sample import Pathology
from tests.support import tiny


def test_a_sheet_of_every_class(built, tmp_path):
    with Image.open(draw_dataset(built, tmp_path / "sheet.png", count=6, columns=3)) as file:
        picture = file.copy()
    assert picture.mode == "RGB" and picture.width > 600 and picture.height > 400
    colours = {colour for _, colour in picture.getcolors(picture.width * picture.height)}
    for pathology in (Pathology.MALIGNANT, Pathology.BENIGN):
        assert Image.new("RGB", (1, 1), PATHOLOGY_COLOURS[pathology]).getpixel((0, 0)) in colours


def test_the_same_sheet_every_time(built, tmp_path):
    sheets = [draw_dataset(built, tmp_path / name, count=4).read_bytes() for name in ("a.png", "b.png")]
    assert sheets[0] == sheets[1]


def test_a_box_surrounds_its_lesion(built):
    dataset = Dataset.open(built)
    sample = next(sample for sample in dataset if sample.label == "benign")
    picture = tile(sample, (sample.shape[0] * 4, sample.shape[1] * 4))
    colour = Image.new("RGB", (1, 1), PATHOLOGY_COLOURS[Pathology.BENIGN]).getpixel((0, 0))
    rows, columns = np.nonzero((picture == colour).all(-1))
    box = sample.findings[0].box
    assert (rows.min(), columns.min()) == (4 * box.row0 - 2, 4 * box.col0 - 2)
    assert (rows.max(), columns.max()) == (4 * box.row1 + 1, 4 * box.col1 + 1)


def test_captions(built):
    sample = Dataset.open(built).sample("tiny-0000000")
    assert caption(sample).startswith(sample.label) and caption(sample).endswith("· 0")
    assert caption(sample.with_(key="x-0000120", view=None, laterality=None)) == f"{sample.label} · 120"


@pytest.mark.parametrize("asked", [{"split": "nothing"}, {"label": "severe"}, {"split": "test", "label": "severe"}])
def test_what_is_not_there_is_answered_with_what_is(built, tmp_path, asked):
    with pytest.raises(DatasetError, match="(?s)no samples of .*It has: .*train/malignant"):
        draw_dataset(built, tmp_path / "sheet.png", **asked)
    assert not list(tmp_path.iterdir())


def test_only_some(built, tmp_path):
    draw_dataset(built, tmp_path / "a.png", split="test", label="normal", count=1)
    draw_dataset(built, tmp_path / "b.png", count=12)
    with Image.open(tmp_path / "a.png") as small, Image.open(tmp_path / "b.png") as large:
        assert small.height < large.height and small.width < large.width


def test_command_writes_where_it_says(built, tmp_path):
    result = tiny.run("show", built, "--out", tmp_path / "deep" / "sheet.png", "--count", 2)
    assert result.exit_code == 0 and result.output.strip() == str(tmp_path / "deep" / "sheet.png")
    assert (tmp_path / "deep" / "sheet.png").is_file()


def test_only_samples_that_meet_the_condition_are_drawn(built, tmp_path):
    one = Dataset.open(built)[0]
    sheets = (
        draw_dataset(built, tmp_path / "one.png", where=f"key = '{one.key}'"),
        draw_dataset(built, tmp_path / "all.png"),
    )
    with Image.open(sheets[0]) as single, Image.open(sheets[1]) as whole:
        assert single.width < whole.width
    with pytest.raises(DatasetError, match="no column is called 'labl'"):
        draw_dataset(built, tmp_path / "none.png", where="labl = 'benign'")
