"""Laws of boxes, and what a sample refuses to be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.mammogram.sample import BITS_STORED, Box, Finding, Kind, Pathology, Sample, SpacingOrigin
from tests.support.example_samples import a_sample

SAMPLE = a_sample()
EDGES = st.integers(0, 20)


@st.composite
def boxes(draw):
    row0, col0 = draw(EDGES), draw(EDGES)
    return Box(row0, col0, row0 + draw(st.integers(1, 9)), col0 + draw(st.integers(1, 9)))


def mask_of(box: Box, side: int = 40) -> np.ndarray:
    mask = np.zeros((side, side), np.bool_)
    mask[box.slices] = True
    return mask


@given(boxes())
def test_a_box_is_the_rectangle_around_its_own_pixels(box):
    assert Box.around(mask_of(box)) == box
    assert box.height * box.width == np.count_nonzero(mask_of(box))


@given(boxes(), boxes())
def test_the_overlap_is_the_box_of_the_pixels_in_both(first, second):
    both = mask_of(first) & mask_of(second)
    assert first.overlap(second) == second.overlap(first) == Box.around(both)
    if (overlap := first.overlap(second)) is not None:
        assert np.array_equal(mask_of(overlap), both)


@given(boxes(), st.integers(0, 9), st.integers(0, 9))
def test_moving_keeps_the_size_and_moving_back_undoes_it(box, rows, columns):
    moved = box.moved(rows, columns)
    assert np.array_equal(mask_of(moved), np.roll(mask_of(box), (rows, columns), (0, 1)))
    assert moved.moved(-rows, -columns) == box


def test_the_box_around_separate_pixels_holds_them_all():
    mask = np.zeros((9, 8), np.bool_)
    mask[[2, 5], [6, 1]] = True
    assert Box.around(mask) == (2, 1, 6, 7)
    assert Box.around(np.zeros((9, 8), np.bool_)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": SAMPLE.image.astype(np.float32)}, "image: expected uint16"),
        ({"image": SAMPLE.image[None]}, "image: expected uint16"),
        ({"breast": SAMPLE.breast.astype(np.uint8)}, "breast: expected bool"),
        ({"breast": SAMPLE.breast[1:]}, "breast: expected bool"),
        ({"lesions": SAMPLE.lesions.astype(np.int64)}, "lesions: expected uint8"),
        ({"lesions": SAMPLE.lesions[:, 1:]}, "lesions: expected uint8"),
        ({"bits_stored": 10}, "bits_stored: expected one of"),
        ({"spacing_mm": None}, "contradicts spacing_origin 'known'"),
        ({"spacing_origin": SpacingOrigin.UNKNOWN}, "contradicts spacing_origin 'unknown'"),
    ],
)
def test_what_is_no_sample_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        SAMPLE.with_(**changes)


@pytest.mark.parametrize("bits", BITS_STORED)
def test_the_four_depths_are_samples(bits):
    assert SAMPLE.with_(bits_stored=bits).bits_stored == bits


def test_changes_make_a_copy_and_its_shape_is_that_of_the_image():
    other = SAMPLE.with_(key="other", label="benign")
    assert (other.key, other.label, SAMPLE.key) == ("other", "benign", "s000000")
    assert other.image is SAMPLE.image and other.shape == SAMPLE.image.shape
    assert replace(other, key=SAMPLE.key, label=SAMPLE.label) == SAMPLE


def test_provenance_and_terms_are_not_shared_between_instances():
    bare = {"key": "a", "image": SAMPLE.image, "bits_stored": 12, "breast": SAMPLE.breast, "lesions": SAMPLE.lesions}
    first, second = Sample(**bare), Sample(**bare)
    first.provenance["seed"] = 1
    assert second.provenance == {}
    findings = [Finding(Kind.MASS, Pathology.BENIGN, Box(0, 0, 1, 1)) for _ in range(2)]
    findings[0].descriptors["shape"] = "oval"
    assert findings[1].descriptors == {}


def test_findings_without_a_place_are_those_of_the_background():
    assert SAMPLE.unlocated == ()
    assert SAMPLE.with_(provenance={"unlocated": ["mass benign"]}).unlocated == ("mass benign",)
    assert SAMPLE.with_(provenance={"host": {"unlocated": ["mass benign"]}}).unlocated == ("mass benign",)
