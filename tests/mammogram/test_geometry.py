"""Geometry: image, masks, boxes and spacing move together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.mammogram.anatomy import chest_wall_side
from synthmammo.mammogram.geometry import (
    blank,
    crop,
    crop_box,
    mirror,
    pad,
    resize,
    resize_mask,
    rotated,
    square,
    trim_padding,
    turn,
)
from synthmammo.mammogram.sample import Box
from tests.support.example_samples import a_sample

SAMPLE = a_sample(lesions=2)


def assert_boxes_hold(sample):
    for finding in sample.findings:
        found = Box.around(sample.lesions == finding.label)
        assert found is not None
        assert finding.box.row0 <= found.row0 < found.row1 <= finding.box.row1
        assert finding.box.col0 <= found.col0 < found.col1 <= finding.box.col1


def test_mirroring_twice_is_nothing_and_boxes_follow():
    once, twice = mirror(SAMPLE), mirror(mirror(SAMPLE))
    np.testing.assert_array_equal(once.image, SAMPLE.image[:, ::-1])
    np.testing.assert_array_equal(twice.image, SAMPLE.image)
    assert twice.findings == SAMPLE.findings
    assert [Box.around(once.lesions == f.label) for f in once.findings] == [f.box for f in once.findings]
    assert once.laterality is SAMPLE.laterality


@pytest.mark.parametrize("side", ["left", "right"])
def test_turning_puts_the_chest_wall_on_a_side_once(side):
    turned = turn(SAMPLE, side)
    assert chest_wall_side(turned.image, turned.breast) == side
    assert turn(turned, side) is turned
    assert turned.provenance.get("mirrored", False) == (side == "right")


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_trimming_undoes_padding(before, after, below):
    sample = trim_padding(SAMPLE)
    height, width = sample.shape
    padded = pad(sample, (height + below, width + before + after), columns_before=before)
    assert padded.shape == (height + below, width + before + after)
    trimmed = trim_padding(padded)
    np.testing.assert_array_equal(trimmed.image, sample.image)
    np.testing.assert_array_equal(trimmed.lesions, sample.lesions)
    assert trimmed.findings == sample.findings


@given(st.integers(2, 200), st.integers(2, 200))
def test_resizing_keeps_extent_boxes_and_mean(height, width):
    resized = resize(SAMPLE, (height, width))
    assert resized.shape == (height, width)
    assert resized.image.max() <= SAMPLE.image.max()
    extent = np.multiply(SAMPLE.spacing_mm, SAMPLE.shape)
    np.testing.assert_allclose(np.multiply(resized.spacing_mm, resized.shape), extent)
    for before, after in zip(SAMPLE.findings, resized.findings, strict=True):
        assert 0 <= after.box.row0 < after.box.row1 <= height
        assert 0 <= after.box.col0 < after.box.col1 <= width
        assert (after.label, after.kind) == (before.label, before.kind)


def test_areas_are_averaged():
    halved = resize(SAMPLE, (48, 32))
    blocks = SAMPLE.image.reshape(48, 2, 32, 2).mean((1, 3))
    assert np.abs(halved.image - blocks).max() <= 0.5
    assert_boxes_hold(halved)


def test_a_lesion_between_the_pixels_does_not_vanish():
    tiny = resize(SAMPLE, (6, 4))
    assert_boxes_hold(tiny)
    assert set(np.unique(tiny.lesions)) == {0, 1, 2}


@given(st.integers(1, 40), st.integers(1, 40))
def test_enlarging_a_mask_and_reducing_it_again_is_nothing(rows, columns):
    mask = np.random.default_rng(rows * columns).random((rows, columns)) < 0.5
    back = resize_mask(resize_mask(mask, (3 * rows, 2 * columns)), (rows, columns))
    np.testing.assert_array_equal(back, mask)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("shape", [(96, 64), (64, 96), (50, 50)])
def test_square_fills_the_side_away_from_the_breast(side, shape):
    sample = pad(a_sample(shape=shape), (shape[0] + 5, shape[1] + 30), columns_before=11)
    found = square(sample, 80, side)
    assert found.shape == (80, 80)
    assert chest_wall_side(found.image, found.breast) == side
    edge = found.image[:, -1] if side == "right" else found.image[:, 0]
    assert edge.any()
    assert_boxes_hold(found)
    assert found.provenance["original_shape"] == list(sample.shape)
    # One scale for both axes, up to the rounding of the sides.
    assert found.spacing_mm[0] == pytest.approx(found.spacing_mm[1], rel=0.02)


def test_a_stray_scanner_line_through_the_padding_is_no_film():
    film = trim_padding(SAMPLE)
    height, width = film.shape
    padded = pad(film, (height, width + 160), columns_before=100)
    image = padded.image.copy()
    image[height // 2, image[height // 2] == 0] = 3
    trimmed = trim_padding(replace(padded, image=image))
    assert trimmed.shape == film.shape
    assert trimmed.findings == film.findings


@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3, 4, 5])
def test_rotating_moves_pixels_boxes_and_spacing_and_back_again(turns):
    sample = SAMPLE.with_(spacing_mm=(0.1, 0.2))
    made = rotated(sample, turns)
    for name in ("image", "breast", "lesions"):
        np.testing.assert_array_equal(getattr(made, name), np.rot90(getattr(sample, name), turns))
    assert [Box.around(made.lesions == f.label) for f in made.findings] == [f.box for f in made.findings]
    assert made.spacing_mm == ((0.2, 0.1) if turns % 2 else (0.1, 0.2))
    back = rotated(made, -turns)
    np.testing.assert_array_equal(back.image, sample.image)
    assert (back.findings, back.spacing_mm) == (sample.findings, sample.spacing_mm)


def test_a_box_without_a_mask_rotates_as_its_pixels_would():
    sample = replace(SAMPLE, findings=(replace(SAMPLE.findings[0], label=0, box=Box(3, 5, 10, 30)),))
    mask = np.zeros(sample.shape, np.bool_)
    mask[sample.findings[0].box.slices] = True
    for turns in range(4):
        assert rotated(sample, turns).findings[0].box == Box.around(np.rot90(mask, turns))


def test_a_crop_is_a_part_and_drops_findings_without_a_pixel():
    made = crop(SAMPLE, Box(8, 12, 19, 40))
    np.testing.assert_array_equal(made.image, SAMPLE.image[8:19, 12:40])
    assert [finding.label for finding in made.findings] == [1] and made.findings[0].box == Box(2, 0, 8, 6)
    assert crop(SAMPLE, Box(50, 0, 60, 9)).findings == ()
    made.image[:] = 0
    assert SAMPLE.image[8:19, 12:40].any()


def test_blanking_keeps_the_breast_and_nothing_else():
    made = blank(replace(SAMPLE, image=SAMPLE.image + np.uint16(5)))
    np.testing.assert_array_equal(made.image[SAMPLE.breast], SAMPLE.image[SAMPLE.breast] + 5)
    assert not made.image[~SAMPLE.breast].any()


@given(st.integers(0, 59), st.integers(0, 39), st.integers(1, 40))
def test_the_box_around_a_pixel_holds_it_and_lies_in_the_image(row, column, size):
    box = crop_box((row, column), size, (60, 40))
    assert (box.height, box.width) == (size, size)
    assert box.overlap(Box(0, 0, 60, 40)) == box and box.overlap(Box(row, column, row + 1, column + 1)) is not None
    if size // 2 <= min(row, column, 59 - row, 39 - column):
        assert (box.row0, box.col0) == (row - size // 2, column - size // 2)
