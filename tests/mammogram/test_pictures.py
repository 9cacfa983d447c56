"""Laws of the pictures: shapes, grey levels, colours, captions."""

from __future__ import annotations

import numpy as np
import pytest

from synthmammo.mammogram import pictures
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology


def made_image() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:120, 0:90]
    breast = (x / 70) ** 2 + ((y - 60) / 50) ** 2 < 1
    return np.where(breast, 500 + 20 * x + 5 * y, 0).astype(np.uint16), breast


def test_display_spans_black_to_white_and_keeps_order() -> None:
    image, breast = made_image()
    grey = pictures.display(image, breast)
    assert grey.dtype == np.uint8 and grey.shape == image.shape
    assert grey.max() == 255 and (grey[~breast] == 0).all()
    order = np.argsort(image[breast], kind="stable")
    assert (np.diff(grey[breast][order].astype(int)) >= 0).all()


@pytest.mark.parametrize("value", [0, 7])
def test_display_of_an_even_image_does_not_fail(value: int) -> None:
    image = np.full((20, 10), value, np.uint16)
    assert pictures.display(image).shape == (20, 10)
    assert pictures.display(image, np.zeros((20, 10), np.bool_)).shape == (20, 10)


def test_overlay_draws_outlines_inside_the_masks_only() -> None:
    image, breast = made_image()
    muscle = breast.copy()
    muscle[30:] = False
    rgb = pictures.overlay(image, breast, muscle)
    assert rgb.shape == (120, 90, 3) and rgb.dtype == np.uint8
    coloured = (rgb != rgb[..., :1]).any(-1)
    assert coloured.any() and not (coloured & ~breast).any()
    assert not coloured[50:70, :40].any()  # neither the inside nor the cut edge at the chest wall


def test_boxes_frame_their_finding_in_the_colour_of_its_pathology() -> None:
    image, breast = made_image()
    finding = Finding(Kind.MASS, Pathology.MALIGNANT, Box(60, 20, 80, 50))
    before = pictures.overlay(image, breast)
    rgb = pictures.overlay(image, breast, findings=[finding])
    assert tuple(rgb[59, 30]) == pictures.PATHOLOGY_COLOURS[Pathology.MALIGNANT]
    assert tuple(rgb[80, 30]) == pictures.PATHOLOGY_COLOURS[Pathology.MALIGNANT]
    assert np.array_equal(rgb[60:80, 20:50], before[60:80, 20:50])


def test_boxes_may_hang_over_the_edge() -> None:
    image, breast = made_image()
    finding = Finding(Kind.CALCIFICATION, Pathology.BENIGN, Box(0, 0, 120, 90))
    assert pictures.overlay(image, breast, findings=[finding]).shape == (120, 90, 3)


def test_sheet_holds_every_tile_and_caption() -> None:
    tiles = [np.full((40, 30), 200, np.uint8), np.full((30, 60, 3), 90, np.uint8), np.full((5, 5), 10, np.uint8)]
    plain = pictures.contact_sheet(tiles, 2, tile_px=(64, 64))
    captioned = pictures.contact_sheet(tiles, 2, ["one", "a caption much too long for its tile", "three"], (64, 64))
    assert plain.mode == captioned.mode == "RGB"
    assert plain.width == captioned.width and captioned.height > plain.height
    pixels = np.asarray(plain)
    assert (pixels == 200).all(-1).sum() > 2000 and (pixels == 90).all(-1).sum() > 1500


def test_sheet_refuses_what_it_cannot_lay_out() -> None:
    tile = np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match="at least one tile"):
        pictures.contact_sheet([], 3)
    with pytest.raises(ValueError, match="captions: expected 1"):
        pictures.contact_sheet([tile], 1, ["a", "b"])


@pytest.mark.parametrize("width", [192, 256])
def test_words_of_a_caption_stand_apart_after_a_digit(width):
    """At the size of captions the font's own space is not seen."""

    def gaps(text):
        sheet = np.asarray(pictures.contact_sheet([np.zeros((8, 8), np.uint8)], 1, [text], (32, width)))
        columns = np.flatnonzero((sheet[-width // 12 :] != sheet[0, 0]).any((0, 2)))
        return np.diff(columns)

    within = gaps("0with").max()
    assert gaps("0 with").max() >= within + 2
