"""The quick functions on masks and planes give what SciPy's give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from synthmammo.mammogram.anatomy import morphology
from synthmammo.mammogram.arrays import Mask

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
blobs = st.integers(0, 2**32 - 1).map(
    lambda seed: ndimage.gaussian_filter(np.random.default_rng(seed).random((60, 41)), 1.5) > 0.5
)
steps = st.integers(1, 9)


@given(masks | blobs, steps)
def test_steps_are_those_of_scipy(mask: Mask, count: int) -> None:
    assert np.array_equal(morphology.shrunk_by_steps(mask, count), ndimage.binary_erosion(mask, iterations=count))
    assert np.array_equal(morphology.grown_by_steps(mask, count), ndimage.binary_dilation(mask, iterations=count))
    assert np.array_equal(morphology.opened_by_steps(mask, count), ndimage.binary_opening(mask, iterations=count))


@given(masks | blobs, st.integers(0, 6).map(lambda half: 2 * half + 1))
def test_squares_are_those_of_scipy(mask: Mask, side: int) -> None:
    shrunk = ndimage.minimum_filter(mask, side, mode="constant", cval=0)
    grown = ndimage.maximum_filter(mask, side, mode="constant", cval=0)
    assert np.array_equal(morphology.shrunk_by_square(mask, side), shrunk)
    assert np.array_equal(morphology.grown_by_square(mask, side), grown)


@given(masks | blobs)
def test_holes_are_those_of_scipy(mask: Mask) -> None:
    before = mask.copy()
    assert np.array_equal(morphology.filled(mask), ndimage.binary_fill_holes(mask))
    assert np.array_equal(mask, before), "the argument stays as it is"


@pytest.mark.parametrize("shape", [(100, 63), (41, 127), (7, 5)])
@pytest.mark.parametrize("sigma", [2.5, 14.5])
def test_blurs_are_those_of_scipy_to_the_last_bit(shape: tuple[int, int], sigma: float) -> None:
    plane = np.random.default_rng(0).random(shape).astype(np.float32)
    blurred = morphology.blurred(plane, sigma)
    assert blurred.dtype == np.float32
    # The two sum in another order of 64-bit numbers; a value that lies between two 32-bit numbers may go either way.
    assert (blurred != ndimage.gaussian_filter(plane, sigma)).mean() < 1e-3
    np.testing.assert_allclose(blurred, ndimage.gaussian_filter(plane, sigma), rtol=2e-7)
