"""Copies are found however they were changed, and other breasts are not taken for copies."""

import numpy as np
import pytest

from synthmammo.auditing.copies import most_alike
from synthmammo.auditing.planted import CONTROLS, planted
from synthmammo.auditing.thumbnails import SIDE_PX, is_patch, thumbnail
from tests.support.breasts import a_breast

TRAINING = [a_breast(index) for index in range(60)]
OTHERS = [a_breast(index) for index in range(100, 140)]


def thumbnails(samples):
    return np.stack([thumbnail(sample.image, sample.breast) for sample in samples])


@pytest.fixture(scope="module")
def training():
    return thumbnails(TRAINING)


def test_a_thumbnail_is_a_unit_plane_that_is_nothing_outside_the_breast():
    found = thumbnail(TRAINING[0].image, TRAINING[0].breast)
    assert found.shape == (SIDE_PX, SIDE_PX) and found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5) and found[0, 0] == 0


def test_any_rising_curve_of_the_grey_levels_gives_the_same_thumbnail():
    sample = TRAINING[1]
    curved = np.rint(65535 * (sample.image / 255.0) ** 0.4).astype(np.uint16)
    np.testing.assert_allclose(thumbnail(curved, sample.breast), thumbnail(sample.image, sample.breast), atol=1e-6)


def test_an_image_of_one_grey_level_is_like_nothing():
    flat = np.full((64, 64), 7, np.uint16)
    assert (
        not thumbnail(flat, np.ones((64, 64), np.bool_)).any()
        and not thumbnail(flat, np.zeros((64, 64), np.bool_)).any()
    )


@pytest.mark.parametrize("control", CONTROLS)
def test_planted_copies_are_found_and_other_breasts_are_not(control, training):
    copies = most_alike(thumbnails([planted(sample, control) for sample in TRAINING[:20]]), training, patches=False)
    others = most_alike(thumbnails(OTHERS), training, patches=False)
    assert (copies.number == np.arange(20)).mean() >= 0.95
    assert np.mean(copies.correlation > others.correlation.max()) >= 0.95


def test_the_same_copy_is_planted_every_time():
    first, second = (planted(TRAINING[3], "noisy") for _ in range(2))
    assert np.array_equal(first.image, second.image) and not np.array_equal(first.image, TRAINING[3].image)


def test_turned_and_mirrored_patches_are_found():
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 4096, (30, 8, 8)).repeat(8, 1).repeat(8, 2).astype(np.uint16)
    whole = np.ones((64, 64), np.bool_)
    assert is_patch(whole)
    known = np.stack([thumbnail(patch, whole) for patch in patches])
    turned = np.stack(
        [thumbnail(np.rot90(patch, turn)[:, ::-1].copy(), whole) for turn, patch in enumerate(patches[:4])]
    )
    found = most_alike(turned, known, patches=True)
    assert found.number.tolist() == [0, 1, 2, 3] and found.correlation.min() > 0.95
    # As views they are not turned.
    assert most_alike(turned[1:2], known, patches=False).correlation[0] < 0.8


def test_without_training_images_nothing_can_be_said(training):
    with pytest.raises(ValueError, match="at least one training image"):
        most_alike(training, training[:0], patches=False)
