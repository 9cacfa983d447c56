"""Laws of the mapping between grey levels and intensities, and of the resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.mammogram.intensity import Intensity, resample

MAPPING = Intensity(100, 900)
SIDES = st.integers(1, 24)


def test_the_ends_become_minus_one_and_one_and_the_rest_is_straight():
    units = MAPPING.units(np.array([100, 300, 500, 900], np.uint16))
    assert units.dtype == np.float32
    np.testing.assert_allclose(units, [-1, -0.5, 0, 1])


def test_what_is_beyond_is_cut_off_at_the_limit():
    grey = np.array([0, 4000], np.uint16)
    np.testing.assert_allclose(MAPPING.units(grey), [-1, 1])
    np.testing.assert_allclose(MAPPING.units(grey, limit=1.1), [-1.1, 1.1])
    np.testing.assert_allclose(MAPPING.units(grey, limit=20), [-1.25, 8.75])


@given(st.integers(0, 60_000), st.integers(1, 5_000), st.integers(0, 65_535), st.integers(0, 65_535))
def test_a_difference_in_units_is_that_difference_in_grey_levels(low, width, first, second):
    mapping = Intensity(low, low + width)
    units = mapping.units(np.array([first, second], np.uint16), limit=1e9)
    difference = mapping.grey(units[1:] - units[:1])
    assert difference.dtype == np.float32
    # Single precision has 24 bits.
    assert abs(float(difference[0]) - (second - first)) <= 70_000 * 2.0**-21


@pytest.mark.parametrize(("bits", "white"), [(8, 1.0), (12, 2 * 3995 / 800 - 1), (16, 2 * 65435 / 800 - 1)])
def test_white_is_the_highest_grey_level_and_at_least_one(bits, white):
    assert MAPPING.white(bits) == pytest.approx(white)


def test_the_mapping_of_an_image_is_that_of_its_breast():
    image = np.zeros((100, 100), np.uint16)
    image[:, :50] = np.arange(5000).reshape(100, 50)
    breast = np.zeros(image.shape, np.bool_)
    breast[:, :50] = True
    mapping = Intensity.of(image, breast)
    assert (mapping.low, mapping.high) == pytest.approx(np.percentile(np.arange(5000), (0.5, 99.5)))
    # What lies outside the breast does not matter, as long as there is a breast.
    assert Intensity.of(np.where(breast, image, 60_000).astype(np.uint16), breast) == mapping
    assert Intensity.of(image, np.zeros_like(breast)) == Intensity.of(image, np.ones_like(breast))


def test_the_mapping_scales_with_the_depth():
    image = np.random.default_rng(1).integers(0, 4096, (80, 60)).astype(np.uint16)
    breast = np.ones(image.shape, np.bool_)
    deep, shallow = Intensity.of(image * 16, breast), Intensity.of(image, breast)
    np.testing.assert_allclose(deep.units(image * 16), shallow.units(image), atol=1e-5)


@pytest.mark.parametrize("value", [0, 4095])
def test_an_even_image_has_a_mapping(value):
    image = np.full((9, 9), value, np.uint16)
    mapping = Intensity.of(image, np.ones(image.shape, np.bool_))
    assert mapping.high > mapping.low == value
    assert np.isfinite(mapping.units(image)).all()


def test_large_images_are_looked_at_on_a_grid_and_agree():
    image = np.random.default_rng(2).integers(0, 4096, (1500, 1500)).astype(np.uint16)
    mapping = Intensity.of(image, np.ones(image.shape, np.bool_))
    assert (mapping.low, mapping.high) == pytest.approx(np.percentile(image, (0.5, 99.5)), abs=10)


@given(SIDES, SIDES, SIDES, SIDES, st.floats(-1, 1, width=32))
def test_an_even_plane_stays_even_at_every_size(height, width, rows, columns, value):
    plane = np.full((height, width), value, np.float32)
    made = resample(plane, (rows, columns))
    assert made.shape == (rows, columns) and made.dtype == np.float32
    np.testing.assert_allclose(made, value, atol=1e-5)


@given(SIDES, SIDES)
def test_the_same_size_is_the_same_plane(height, width):
    plane = np.random.default_rng(3).normal(size=(height, width)).astype(np.float32)
    assert resample(plane, plane.shape) is plane


@given(SIDES, SIDES, SIDES, SIDES)
def test_turning_and_mirroring_commute_with_resampling(height, width, rows, columns):
    plane = np.random.default_rng(4).uniform(-1, 1, (height, width)).astype(np.float32)
    made = resample(plane, (rows, columns))
    np.testing.assert_allclose(resample(plane[::-1, ::-1], (rows, columns)), made[::-1, ::-1], atol=1e-5)
    np.testing.assert_allclose(resample(plane.T, (columns, rows)), made.T, atol=1e-5)
    assert made.min() >= plane.min() - 1e-5 and made.max() <= plane.max() + 1e-5


def test_halving_weighs_by_a_triangle_and_doubling_interpolates():
    np.testing.assert_allclose(resample(np.array([[0, 4]], np.float32), (1, 4)), [[0, 1, 3, 4]], atol=1e-6)
    spike = np.zeros((1, 8), np.float32)
    spike[0, 3] = 8
    # Pixels of twice the width reach a pixel and a half to either side: 3/4 and 1/4 of half the height.
    np.testing.assert_allclose(resample(spike, (1, 4)), [[0, 3, 1, 0]], atol=1e-5)
