"""Stand-ins for lesions: as large as their boxes, as bright as they stand out, and nothing elsewhere."""

import numpy as np
import pytest

from synthmammo.mammogram.lesion_stand_in import LEAST_CONTRAST, stand_in
from synthmammo.mammogram.sample import Box

BOX = Box(20, 30, 60, 50)


def bright(contrast: float) -> np.ndarray:
    image = np.full((96, 96), 100.0)
    image[BOX.slices] += contrast
    return image


def test_its_mean_is_how_much_the_box_stands_out() -> None:
    dome = stand_in(bright(40), [BOX])
    inside = dome > 0
    assert dome[inside].mean() == pytest.approx(40, rel=0.03)
    assert not inside[:20].any() and not inside[60:].any() and not inside[:, :30].any() and not inside[:, 50:].any()
    assert inside[:, 40].sum() == BOX.height and inside[40].sum() == BOX.width, "it fills its box"


def test_a_lesion_darker_than_its_surroundings_keeps_the_least_contrast() -> None:
    dome = stand_in(bright(-30), [BOX])
    assert dome[dome > 0].mean() == pytest.approx(30 * LEAST_CONTRAST, rel=0.03)


def test_boxes_at_the_edge_beside_and_over_each_other_are_understood() -> None:
    image = np.random.default_rng(0).uniform(0, 200, (64, 64))
    boxes = [Box(0, 0, 64, 64), Box(60, 60, 64, 64), Box(10, 10, 11, 11)]
    dome = stand_in(image, boxes)
    assert dome.shape == (64, 64) and np.isfinite(dome).all() and (dome >= 0).all()
    assert np.array_equal(dome, stand_in(image, boxes[::-1]))
    assert not stand_in(image, []).any()
