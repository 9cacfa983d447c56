"""Areas under curves against their definitions by pairs and by scikit-learn; DeLong against a brute-force reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from synthmammo.metrics import (
    auc,
    average_precision,
    delong_interval,
    delong_test,
    holm,
    roc_curve,
    sensitivity_at_specificity,
)


@st.composite
def labelled(draw, sets=1):
    """Labels of both classes, and sets of scores with many ties."""
    length = draw(st.integers(4, 24))
    labels = np.array([False, True] * 2 + draw(st.lists(st.booleans(), min_size=length - 4, max_size=length - 4)))
    numbers = st.lists(st.integers(0, 6), min_size=length, max_size=length)
    return labels, np.array([draw(numbers) for _ in range(sets)], float)


def brute_force(labels, scores):
    """Areas and their covariance from all pairs (DeLong et al. 1988, equations 2 to 5)."""
    psi = np.array([[[(p > n) + 0.5 * (p == n) for n in row[~labels]] for p in row[labels]] for row in scores])
    (m, n), areas = psi.shape[1:], psi.mean((1, 2))
    v10, v01 = psi.mean(2) - areas[:, None], psi.mean(1) - areas[:, None]
    covariance = np.zeros((len(scores), len(scores)))
    for v, count in ((v10, m), (v01, n)):
        if count > 1:
            covariance += v @ v.T / (count - 1) / count
    return areas, covariance


@given(labelled(sets=2))
def test_delong_equals_brute_force_with_ties(given):
    labels, scores = given
    areas, covariance = brute_force(labels, scores)
    found = delong_test(labels, *scores)
    error = np.sqrt(max(np.array([1, -1]) @ covariance @ np.array([1, -1]), 0))
    assert (found.auc_a, found.auc_b) == pytest.approx(tuple(areas))
    assert found.standard_error == pytest.approx(error, abs=1e-7)
    assert found.difference.estimate == pytest.approx(areas[0] - areas[1], abs=1e-12)
    if error > 1e-6:
        z = (areas[0] - areas[1]) / error
        assert found.z == pytest.approx(z)
        assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(z)))
        low, high = areas[0] - areas[1] - 1.959964 * error, areas[0] - areas[1] + 1.959964 * error
        assert found.difference[1:] == pytest.approx((low, high), abs=1e-5)


@given(labelled(sets=5))
def test_several_trainings_are_compared_by_their_mean(given):
    labels, scores = given
    areas, covariance = brute_force(labels, scores)
    contrast = np.array([1 / 3] * 3 + [-1 / 2] * 2)
    found = delong_test(labels, scores[:3], scores[3:])
    assert found.difference.estimate == pytest.approx(contrast @ areas, abs=1e-12)
    assert found.standard_error == pytest.approx(np.sqrt(max(contrast @ covariance @ contrast, 0)), abs=1e-7)


@given(labelled(sets=2))
def test_delong_is_antisymmetric_and_knows_only_ranks(given):
    labels, (a, b) = given
    there, back, monotone = delong_test(labels, a, b), delong_test(labels, b, a), delong_test(labels, np.exp(a), b - 9)
    values = [(found.z, found.p_value) for found in (there, back, monotone)]
    assert values[0] == pytest.approx((-values[1][0], values[1][1]), nan_ok=True)
    assert values[2] == pytest.approx(values[0], nan_ok=True)


@given(labelled())
def test_identical_scores_have_p_1(given):
    labels, (scores,) = given
    found = delong_test(labels, scores, scores)
    assert (found.p_value, found.z, found.log10_p, found.difference.estimate) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("labels", "a", "b"),
    [
        ([0, 0, 0, 1], [1, 2, 3, 4], [1, 2, 3, 0]),
        ([1, 1, 1, 0], [1, 2, 3, 0], [1, 2, 3, 2.5]),
        ([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1]),
    ],
)
def test_what_nothing_tells_the_spread_of_is_not_tested(labels, a, b):
    found = delong_test(labels, a, b)
    assert all(np.isnan([found.z, found.p_value, found.log10_p, *found.difference[1:]]))
    assert found.difference.estimate == pytest.approx(found.auc_a - found.auc_b)


def test_one_image_of_a_class_gives_an_area_without_an_interval():
    assert str(delong_interval([0, 0, 1], [1, 3, 2])) == "0.500 (n/a)"


def test_log10_p_goes_on_where_p_is_zero():
    rng = np.random.default_rng(0)
    labels = np.arange(40_000) % 2 == 0
    a = rng.normal(size=len(labels)) + 2 * labels
    found = delong_test(labels, a, a + rng.normal(0, 3, len(labels)))
    assert found.p_value == 0 and -5000 < found.log10_p < -308


def test_delong_has_its_level_under_the_null():
    rng, refused = np.random.default_rng(1), 0
    labels = np.arange(120) < 50
    for _ in range(400):
        shared = rng.normal(size=120) + labels
        refused += delong_test(labels, shared + rng.normal(size=120), shared + rng.normal(size=120)).p_value < 0.05
    assert 8 <= refused <= 34  # 20 expected; the bounds are passed once in a thousand such runs


@pytest.mark.parametrize(
    ("labels", "a", "b", "message"),
    [
        ([1, 1, 1], [1, 2, 3], [1, 2, 3], "3 positives and 0 negatives"),
        ([0, 0], [1, 2], [1, 2], "0 positives and 2 negatives"),
        ([0, 1, 1], [1, np.nan, 3], [1, 2, 3], "1 of them are NaN"),
        ([0, 1, 1], [1, 2, 3], [1, 2], "expected 3, one per label, got 2"),
        ([0, 1, 2], [1, 2, 3], [1, 2, 3], "0 and 1"),
        ([], [], [], "0 positives and 0 negatives"),
    ],
)
def test_what_cannot_be_tested_is_refused(labels, a, b, message):
    with pytest.raises(ValueError, match=message):
        delong_test(labels, a, b)


@given(labelled())
def test_interval_of_one_area_holds_it_and_stays_inside(given):
    labels, (scores,) = given
    found = delong_interval(labels, scores)
    assert found.estimate == pytest.approx(auc(scores, labels))
    assert 0 <= found.low <= found.estimate + 1e-12 and found.estimate - 1e-12 <= found.high <= 1


@given(labelled())
def test_curves_equal_scikit_learns(given):
    labels, (scores,) = given
    assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))
    false, true = roc_curve(scores, labels)
    expected = sklearn_roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose((false, true), expected[:2])
    assert np.trapezoid(true, false) == pytest.approx(auc(scores, labels))


@given(labelled(), st.floats(0.05, 1))
def test_sensitivity_is_the_best_at_that_specificity(given, specificity):
    labels, (scores,) = given
    reached = [
        (scores[labels] > threshold).mean()
        for threshold in scores
        if (scores[~labels] <= threshold).mean() >= specificity - 1e-9
    ]
    assert sensitivity_at_specificity(scores, labels, specificity) == max(reached)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_as_its_steps_do(p_values):
    corrected = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        left, rejected = sorted(range(len(p_values)), key=lambda i: p_values[i]), set()
        while left and p_values[left[0]] * len(left) <= level:
            rejected.add(left.pop(0))
        assert {i for i, p in enumerate(corrected) if p <= level} == rejected


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_auc_is_the_share_of_ordered_pairs(negatives, positives):
    scores = np.array(negatives + positives, float)
    positive = np.arange(len(scores)) >= len(negatives)
    pairs = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs))


def test_auc_needs_both_classes():
    with pytest.raises(ValueError, match="3 positives and 0 negatives"):
        auc(np.arange(3.0), np.ones(3, bool))
