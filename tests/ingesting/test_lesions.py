"""Lesions as labels: drawn as their annotations say, in agreement with their boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.ingesting.sources.base import Annotation
from synthmammo.ingesting.sources.lesions import MAX_LABEL, Extent, clip, locate
from synthmammo.mammogram.sample import Box, Kind, Pathology

MASS = Annotation(Kind.MASS, Pathology.BENIGN)


def test_a_lesion_is_drawn_as_its_annotation_says():
    circle = Annotation(Kind.MASS, circle=(10, 20, 5))
    outline = Annotation(Kind.MASS, outline=((30, 30), (30, 40), (38, 40), (38, 30)))
    box = Annotation(Kind.MASS, box=Box(1, 2, 3, 4))
    findings, lesions = locate([circle, box, outline, MASS], (50, 60))
    assert [finding.label for finding in findings] == [1, 2, 0]
    assert findings[0].box == Box(5, 15, 16, 26)
    assert findings[1].box == Box(30, 30, 39, 41)
    assert findings[2].box == Box(1, 2, 3, 4)
    assert (lesions == 1).sum() == sum((r * r + c * c) <= 25 for r in range(-5, 6) for c in range(-5, 6))
    assert (lesions[30:39, 30:41] == 2).all()


def test_an_outline_of_one_point_is_one_pixel():
    findings, lesions = locate([Annotation(Kind.CALCIFICATION, outline=((7.3, 4.6),))], (20, 20))
    assert findings[0].box == Box(7, 5, 8, 6)
    assert lesions.sum() == lesions[7, 5] == 1


def test_the_smaller_lesion_keeps_the_pixels_that_two_share():
    large, small = Annotation(Kind.MASS, circle=(20, 20, 12)), Annotation(Kind.CALCIFICATION, circle=(20, 20, 3))
    for annotations in ([large, small], [small, large]):
        findings, lesions = locate(annotations, (40, 40))
        kinds = {finding.label: finding.kind for finding in findings}
        assert kinds[int(lesions[20, 20])] is Kind.CALCIFICATION
        assert kinds[int(lesions[20, 30])] is Kind.MASS


@given(
    st.lists(
        st.tuples(st.floats(-20, 60), st.floats(-20, 60), st.floats(0, 30)).map(
            lambda c: Annotation(Kind.MASS, circle=c)
        ),
        max_size=6,
    )
)
def test_labels_and_findings_agree(annotations):
    findings, lesions = locate(annotations, (40, 30))
    labels = [finding.label for finding in findings]
    assert labels == sorted(labels, key=lambda label: label or MAX_LABEL + 1)
    assert {label for label in labels if label} == set(np.unique(lesions).tolist()) - {0}
    for finding in findings:
        assert 0 <= finding.box.row0 < finding.box.row1 <= 40
        assert 0 <= finding.box.col0 < finding.box.col1 <= 30
        if finding.label:
            outside = (lesions == finding.label).copy()
            outside[finding.box.slices] = False
            assert not outside.any()


def test_lesions_past_the_last_label_keep_their_box():
    many = [Annotation(Kind.CALCIFICATION, outline=((i // 20, i % 20),)) for i in range(MAX_LABEL + 5)]
    findings, lesions = locate(many, (20, 20))
    assert len(findings) == MAX_LABEL + 5
    assert lesions.max() == MAX_LABEL
    assert [finding.label for finding in findings[-5:]] == [0] * 5


def test_a_mask_file_stands_in_for_the_place_of_its_annotation():
    mask = np.zeros((20, 30), bool)
    mask[4:9, 7:11] = True
    findings, lesions = locate([MASS, MASS], (20, 30), {1: mask, 0: np.zeros((20, 30), bool)})
    [finding] = findings
    assert (finding.box, finding.label) == (Box(4, 7, 9, 11), 1)
    np.testing.assert_array_equal(lesions == 1, mask)


@given(st.tuples(*[st.integers(-30, 60)] * 4))
def test_a_clipped_box_is_the_part_inside(edges):
    box = Box(min(edges[0], edges[2]), min(edges[1], edges[3]), max(edges[0], edges[2]), max(edges[1], edges[3]))
    inside = np.zeros((40, 30), bool)
    rows, columns = np.mgrid[:40, :30]
    inside[(rows >= box.row0) & (rows < box.row1) & (columns >= box.col0) & (columns < box.col1)] = True
    assert clip(box, (40, 30)) == Box.around(inside)


def test_an_extent_is_the_smallest_and_lies_where_the_mask_does():
    mask = np.zeros((6, 6), bool)
    mask[2, 3:5] = True
    extent = Extent.of(mask, row0=10, col0=20)
    assert extent.box == Box(12, 23, 13, 25) and extent.mask.all() and extent.mask.shape == (1, 2)
    assert Extent.of(np.zeros((6, 6), bool)) is None
