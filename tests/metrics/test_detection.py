"""FROC, average precision and chance, against naive loops and cases computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.metrics.detection import (
    RATES,
    Froc,
    Marks,
    Precision,
    Truth,
    centre_inside,
    chance_sensitivities,
    intersection_over_union,
)

NONE = np.zeros((0, 4))


def marks(*rows: tuple[float, ...]) -> Marks:
    """Marks from (score, row0, col0, row1, col1)."""
    table = np.array(rows, float).reshape(-1, 5)
    return Marks(table[:, 1:], table[:, 0])


def truth(*boxes: tuple[float, ...], ignored: tuple[tuple[float, ...], ...] = ()) -> Truth:
    return Truth(np.array(boxes, float).reshape(-1, 4), np.array(ignored, float).reshape(-1, 4))


def drawn(seed: int, images: int = 5) -> tuple[list[Marks], list[Truth]]:
    """Small boxes on a small canvas, with few distinct scores, so that there are hits, misses and ties."""
    rng = np.random.default_rng(seed)

    def boxes(count: int) -> np.ndarray:
        corners = rng.integers(0, 12, (count, 2))
        return np.concatenate([corners, corners + rng.integers(1, 8, (count, 2))], 1).astype(float)

    found = [Marks(boxes(n), rng.integers(1, 6, n) / 5) for n in rng.integers(0, 6, images)]
    truths = [Truth(boxes(n), boxes(m)) for n, m in rng.integers(0, 3, (images, 2))]
    truths[0] = Truth(boxes(2), NONE)
    return found, truths


def naive_sensitivity(found: list[Marks], truths: list[Truth], rate: float) -> float:
    """The definition, threshold by threshold."""

    def inside(box, mark):
        row, column = (mark[0] + mark[2]) / 2, (mark[1] + mark[3]) / 2
        return box[0] <= row < box[2] and box[1] <= column < box[3]

    best = 0.0
    lesions = sum(len(t.lesions) for t in truths)
    for threshold in {float(score) for m in found for score in m.scores}:
        hits = false = 0
        for m, t in zip(found, truths, strict=True):
            kept = [box for box, score in zip(m.boxes, m.scores, strict=True) if score >= threshold]
            hits += sum(any(inside(lesion, mark) for mark in kept) for lesion in t.lesions)
            counted = [mark for mark in kept if not any(inside(box, mark) for box in t.ignored)]
            false += sum(not any(inside(lesion, mark) for lesion in t.lesions) for mark in counted)
        if false / len(found) <= rate:
            best = max(best, hits / lesions)
    return best


@settings(max_examples=60)
@given(st.integers(0, 100_000))
def test_sensitivities_are_their_definition(seed):
    found, truths = drawn(seed)
    expected = [naive_sensitivity(found, truths, rate) for rate in RATES]
    assert Froc.of(found, truths).sensitivities() == pytest.approx(expected)


@settings(max_examples=30)
@given(st.integers(0, 100_000))
def test_a_resample_is_the_images_it_repeats(seed):
    found, truths = drawn(seed)
    images = np.append(0, np.random.default_rng(seed).integers(0, 5, 6))
    again = [found[i] for i in images], [truths[i] for i in images]
    froc, precision = Froc.of(found, truths), Precision.of(found, truths)
    assert froc.sensitivities(images=images) == pytest.approx(Froc.of(*again).sensitivities())
    assert precision.average(images) == pytest.approx(Precision.of(*again).average())


@settings(max_examples=30)
@given(st.integers(0, 100_000))
def test_both_axes_of_the_curve_rise(seed):
    false, sensitivity = Froc.of(*drawn(seed)).curve()
    assert false[0] == sensitivity[0] == 0
    assert (np.diff(false) >= 0).all()
    assert (np.diff(sensitivity) >= 0).all()


def test_several_marks_on_a_lesion_find_it_once_and_are_not_false():
    found = [marks((0.9, 0, 0, 10, 10), (0.8, 1, 1, 9, 9), (0.7, 2, 2, 8, 8))]
    froc = Froc.of(found, [truth((0, 0, 10, 10), (50, 50, 60, 60))])
    assert froc.lesion_scores.tolist() == [0.9, -np.inf]
    assert not len(froc.false_scores)
    assert froc.sensitivities((0.0, 2.0)).tolist() == [0.5, 0.5]


def test_one_mark_finds_all_lesions_its_centre_lies_in():
    froc = Froc.of([marks((0.5, 4, 4, 6, 6))], [truth((0, 0, 10, 10), (3, 3, 8, 8))])
    assert froc.sensitivities((0.0,)).tolist() == [1.0]


def test_a_false_mark_of_the_same_score_comes_with_the_hit():
    """A tie cannot be broken in the detector's favour."""
    found, truths = [marks((0.5, 0, 0, 4, 4), (0.5, 20, 20, 24, 24))], [truth((0, 0, 4, 4))]
    assert Froc.of(found, truths).sensitivities((0.5, 1.0)).tolist() == [0.0, 1.0]


def test_marks_on_ignored_findings_do_not_count():
    found = [marks((0.9, 20, 20, 24, 24), (0.5, 0, 0, 4, 4))]
    truths = [truth((0, 0, 4, 4), ignored=((18, 18, 26, 26),))]
    assert Froc.of(found, truths).sensitivities((0.0,)).tolist() == [1.0]
    assert Precision.of(found, truths).average() == 1


def test_a_rate_is_reached_exactly():
    """Three false marks on twelve images are 0.25 an image, whatever the rounding."""
    found = [marks((0.9, 20, 20, 24, 24))] * 3 + [marks((0.5, 0, 0, 4, 4))] + [marks()] * 8
    truths = [truth()] * 3 + [truth((0, 0, 4, 4))] + [truth()] * 8
    assert Froc.of(found, truths).sensitivities((0.25,)).tolist() == [1.0]
    assert Froc.of(found, truths).sensitivities((0.2499,)).tolist() == [0.0]


def test_centres_on_an_edge_are_inside_on_the_near_side_only():
    boxes = np.array([[0.0, 0.0, 10.0, 10.0]])
    edges = np.array([[-2.0, 3, 2, 7], [8, 3, 12, 7]])
    assert centre_inside(edges, boxes).tolist() == [[True], [False]]


def test_overlap_by_hand():
    first = np.array([[0.0, 0, 10, 10]])
    others = np.array([[0.0, 0, 10, 10], [0, 5, 10, 15], [20, 20, 30, 30], [0, 0, 0, 0]])
    assert intersection_over_union(first, others)[0] == pytest.approx([1, 1 / 3, 0, 0])
    assert intersection_over_union(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0.0]]


def test_average_precision_by_hand():
    """Ranked: right, wrong, right, on a lesion taken already; four lesions. Precision 1, 1/2, 2/3, 1/2 -> 1, 2/3."""
    lesion, other, third = (0, 0, 10, 10), (20, 20, 30, 30), (40, 40, 50, 50)
    found = [
        marks((0.9, *lesion), (0.8, 60, 60, 70, 70)),
        marks((0.7, 20, 21, 30, 31), (0.6, *other)),
        marks(),
    ]
    truths = [truth(lesion), truth(other, third), truth((5, 5, 9, 9))]
    assert Precision.of(found, truths).average() == pytest.approx(0.25 * 1 + 0.25 * 2 / 3)


def test_half_an_overlap_is_enough_and_less_is_not():
    """Boxes of 10 x 10 moved by 10/3 overlap by exactly a half."""
    for moved, expected in ((3.3, 1.0), (3.4, 0.0)):
        found = [marks((0.9, 0, moved, 10, 10 + moved))]
        assert Precision.of(found, [truth((0, 0, 10, 10))]).average() == expected


def test_average_precision_of_ties_is_that_of_the_whole_group():
    pair = ((0.5, 0, 0, 10, 10), (0.5, 30, 30, 40, 40))
    for order in (pair, pair[::-1]):
        assert Precision.of([marks(*order)], [truth((0, 0, 10, 10))]).average() == 0.5


@pytest.mark.parametrize("kind", [Froc, Precision])
def test_without_lesions_there_is_nothing_to_find(kind):
    with pytest.raises(ValueError, match="no lesions on 2 images"):
        kind.of([marks()] * 2, [truth()] * 2)
    with pytest.raises(ValueError, match="marks of 1 images and truth of 2"):
        kind.of([marks()], [truth()] * 2)
    with pytest.raises(ValueError, match="NaN or infinite"):
        kind.of([marks((np.nan, 0, 0, 1, 1))], [truth((0, 0, 1, 1))])


def test_a_resample_without_lesions_has_no_value():
    found, truths = [marks((0.9, 0, 0, 4, 4)), marks()], [truth((0, 0, 4, 4)), truth()]
    images = np.array([1, 1])
    assert np.isnan(Froc.of(found, truths).sensitivities(images=images)).all()
    assert np.isnan(Precision.of(found, truths).average(images))


def test_no_marks_at_all_find_nothing():
    froc = Froc.of([marks()] * 2, [truth((0, 0, 4, 4)), truth()])
    assert froc.sensitivities().tolist() == [0] * 4
    assert Precision.of([marks()] * 2, [truth((0, 0, 4, 4)), truth()]).average() == 0


def test_chance_is_far_below_marks_that_know_and_equal_to_marks_that_do_not():
    """One lesion each on 30 images, at 30 places: marks on the right place against marks always on the same."""
    places = [(4 * i, 0, 4 * i + 4, 4) for i in range(30)]
    truths = [truth(place) for place in places]
    knowing = [marks((0.9, *place)) for place in places]
    same = [marks((0.9, *places[0]))] * 30
    assert Froc.of(knowing, truths).sensitivities().mean() == 1
    assert chance_sensitivities(knowing, truths).mean() < 0.1
    assert chance_sensitivities(same, truths) == pytest.approx(np.tile(Froc.of(same, truths).sensitivities(), (200, 1)))


def test_chance_is_the_same_for_the_same_seed_and_needs_two_images():
    found, truths = drawn(3, images=8)
    again = [chance_sensitivities(found, truths, swaps=5, seed=4) for _ in range(2)]
    assert np.array_equal(*again)
    with pytest.raises(ValueError, match="cannot be swapped"):
        chance_sensitivities([marks()], [truth((0, 0, 4, 4))])
