"""Boxes are brought to the side of the breast, as the image shows it, and what it does not show is left in doubt."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.ingesting.sources.orientation import on_the_breast
from synthmammo.mammogram.sample import Box
from tests.support.dicom_files import breast_like

LEFT = breast_like() > 0
"""`bool (96, 64)`: a breast whose chest wall is on the left; the right quarter is air."""
NEAR_THE_WALL, IN_THE_MIDDLE = Box(30, 2, 50, 14), Box(40, 28, 56, 36)


def mirrored(box, width=64):
    return Box(box.row0, width - box.col1, box.row1, width - box.col0)


def test_a_box_beside_the_breast_is_mirrored_and_one_on_it_stays():
    assert on_the_breast([NEAR_THE_WALL], LEFT) == ((NEAR_THE_WALL,), (), ())
    assert on_the_breast([mirrored(NEAR_THE_WALL)], LEFT) == ((NEAR_THE_WALL,), (1,), ())
    assert on_the_breast([NEAR_THE_WALL], LEFT[:, ::-1]) == ((mirrored(NEAR_THE_WALL),), (1,), ())


def test_a_box_that_lies_on_the_breast_either_way_follows_the_others():
    off_centre = Box(40, 30, 56, 40)
    assert on_the_breast([off_centre], LEFT) == ((off_centre,), (), (1,))
    sided = on_the_breast([mirrored(off_centre), mirrored(NEAR_THE_WALL)], LEFT)
    assert sided == ((off_centre, NEAR_THE_WALL), (1, 2), ())
    assert on_the_breast([off_centre, NEAR_THE_WALL], LEFT) == ((off_centre, NEAR_THE_WALL), (), ())


def test_boxes_that_contradict_each_other_are_decided_one_by_one():
    sided = on_the_breast([NEAR_THE_WALL, mirrored(NEAR_THE_WALL), IN_THE_MIDDLE], LEFT)
    assert sided == ((NEAR_THE_WALL, NEAR_THE_WALL, IN_THE_MIDDLE), (2,), (3,))


def test_a_box_beside_the_breast_either_way_stays_in_doubt():
    corner = Box(0, 50, 8, 60)
    assert on_the_breast([corner], LEFT) == ((corner,), (), (1,))
    assert on_the_breast([corner, mirrored(NEAR_THE_WALL)], LEFT).boxes[0] == corner


@given(st.lists(st.tuples(*[st.integers(-20, 120)] * 2, *[st.integers(0, 60)] * 2), max_size=4))
def test_any_boxes_are_those_given_or_their_mirrors(corners):
    boxes = [Box(row, col, row + height, col + width) for row, col, height, width in corners]
    sided = on_the_breast(boxes, LEFT)
    for i, (box, found) in enumerate(zip(boxes, sided.boxes, strict=True), start=1):
        assert found == (mirrored(box) if i in sided.mirrored else box)
    again = on_the_breast([mirrored(box) for box in boxes], np.ascontiguousarray(LEFT[:, ::-1]))
    assert again.doubtful == sided.doubtful
