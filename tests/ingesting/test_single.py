"""One image file as a picture: it bears the origin of the file, and a coloured picture is shown as it is."""

import numpy as np
from PIL import Image

import synthmammo
from synthmammo.ingesting.single import draw_file
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import Making, SourceType


def grey(path, side=64):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)).save(path)
    return path


def test_the_picture_says_what_its_file_says(tmp_path):
    plain = draw_file(grey(tmp_path / "film.png"), tmp_path / "plain.png")
    found = synthmammo.inspect(plain).record()
    assert found["origin"] == "real"
    marked = tmp_path / "marked.png"
    png.save(Image.open(tmp_path / "film.png"), marked, picture_packet([Making(SourceType.TRAINED)]))
    found = synthmammo.inspect(draw_file(marked, tmp_path / "shown.png")).record()
    assert found["origin"] == "synthetic"


def test_a_coloured_picture_is_shown_as_it_is(tmp_path):
    rgb = np.zeros((40, 30, 3), np.uint8)
    rgb[:, :, 0] = 200
    sheet = tmp_path / "sheet.png"
    Image.fromarray(rgb).save(sheet)
    assert draw_file(sheet, tmp_path / "out.png") == sheet
    assert not (tmp_path / "out.png").exists()


def test_equal_channels_are_grey(tmp_path):
    Image.open(grey(tmp_path / "a.png")).convert("RGB").save(tmp_path / "b.png")
    assert draw_file(tmp_path / "b.png", tmp_path / "out.png") == tmp_path / "out.png"
