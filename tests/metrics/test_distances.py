"""Distances: equal to their definitions, symmetric, and how biased few images make them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from synthmammo.metrics import distances, frechet_distance, kernel_distance, weighted_kernel_distances


def vectors(seed: int, count: int, size: int = 5, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, size))


def test_the_kernel_distance_is_its_definition():
    a, b = vectors(1, 7), vectors(2, 9, shift=0.5)

    def kernel(x, y):
        return (x @ y / 5 + 1) ** 3

    within = [np.mean([kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]) for s in (a, b)]
    between = np.mean([kernel(x, y) for x in a for y in b])
    assert kernel_distance(a, b) == pytest.approx(sum(within) - 2 * between)


def test_the_frechet_distance_is_that_of_the_fitted_normals():
    a, b = vectors(1, 40), vectors(2, 50, shift=0.5) @ np.diag([1, 2, 3, 0.5, 1])
    covariances = [np.cov(x.T) for x in (a, b)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 30), st.integers(2, 30))
def test_distances_are_symmetric_and_see_a_shift(seed, first, second):
    a, b = vectors(seed, first), vectors(seed + 1, second)
    for distance in (kernel_distance, frechet_distance):
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-9)
        assert distance(a, b + 9) > distance(a, b)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_the_kernel_distance_has_no_bias_and_the_frechet_distance_has():
    kernel, frechet = {}, {}
    for count in (8, 64):
        pairs = [(vectors(2 * seed, count), vectors(2 * seed + 1, count)) for seed in range(150)]
        kernel[count] = np.array([kernel_distance(a, b) for a, b in pairs])
        frechet[count] = np.mean([frechet_distance(a, b) for a, b in pairs])
        assert abs(kernel[count].mean()) < 3 * kernel[count].std() / 150**0.5
    assert frechet[8] > 3 * frechet[64] > 0


@pytest.mark.parametrize("distance", [kernel_distance, frechet_distance])
@pytest.mark.parametrize(("first", "second"), [((1, 3), (5, 3)), ((4, 3), (4, 2))])
def test_unsuited_sets_are_refused(distance, first, second):
    with pytest.raises(ValueError, match="N at least 2"):
        distance(np.zeros(first), np.zeros(second))


@pytest.mark.parametrize("distance", [kernel_distance, frechet_distance])
def test_the_order_of_vectors_does_not_matter_and_types_do_not_either(distance):
    a, b = vectors(1, 12), vectors(2, 9)
    expected = distance(a, b)
    assert distance(a[::-1], b) == pytest.approx(expected)
    assert distance(a.astype(np.float32), b.astype(np.float32)) == pytest.approx(expected, abs=1e-5)


def test_weights_are_repeats_that_are_never_paired_with_themselves(monkeypatch):
    a, b = vectors(1, 6), vectors(2, 5, shift=0.5)
    weights = np.array([[1.0] * 6, [2, 0, 1, 1, 0, 2]]), np.array([[1.0] * 5, [0, 3, 1, 1, 0]])

    def kernel(x, y):
        return (x @ y / 5 + 1) ** 3

    def within(side, w):
        pairs = [(i, j) for i in range(len(side)) for j in range(len(side)) if i != j]
        total = sum(w[i] * w[j] * kernel(side[i], side[j]) for i, j in pairs)
        return total / sum(w[i] * w[j] for i, j in pairs)

    between = sum(weights[0][1][i] * weights[1][1][j] * kernel(a[i], b[j]) for i in range(6) for j in range(5))
    expected = (
        within(a, weights[0][1]) + within(b, weights[1][1]) - 2 * between / weights[0][1].sum() / weights[1][1].sum()
    )
    found = weighted_kernel_distances(a, b, *weights)
    assert found == pytest.approx([kernel_distance(a, b), expected], rel=1e-4)
    monkeypatch.setattr(distances, "_BLOCK", 2)
    assert weighted_kernel_distances(a, b, *weights) == pytest.approx(found, rel=1e-4)


def test_more_vectors_than_features_give_the_same_frechet_distance():
    a, b = vectors(1, 4, 9), vectors(2, 4, 9)
    few = frechet_distance(a, b)
    assert frechet_distance(np.repeat(a, 50, 0), np.repeat(b, 50, 0)) == pytest.approx(few * 0.9, rel=0.2)
