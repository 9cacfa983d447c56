"""How sets of vectors cover each other: the published package's values, known answers, and no dependence on blocks."""

import numpy as np
import pytest

import synthmammo.metrics.neighbours as neighbours
from synthmammo.metrics.neighbours import nearest_neighbours, overlap, radii


def normal(count, mean=0.0, deviation=1.0, seed=7, length=16):
    return np.random.default_rng(seed).normal(mean, deviation, (count, length))


def test_the_values_are_those_of_the_prdc_package():
    """`compute_prdc` of prdc 0.2 with these two sets and nearest_k=5 gives these four."""
    rng = np.random.default_rng(7)
    real, generated = rng.normal(size=(300, 16)), rng.normal(0.3, 0.8, size=(200, 16))
    found = overlap(real, generated)
    expected = (0.98, 0.44, 2.1670000000000003, 0.9266666666666666)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected, abs=1e-12)


def test_what_cannot_be_told_apart_covers_and_what_is_far_does_not():
    real, same, far = normal(400), normal(400, seed=8), normal(400, mean=9, seed=9)
    near, away = overlap(real, same), overlap(real, far)
    assert min(near.precision, near.recall, near.coverage) > 0.7 and near.density == pytest.approx(1, abs=0.15)
    assert (away.precision, away.recall, away.density, away.coverage) == (0, 0, 0, 0)


def test_one_point_repeated_is_precise_and_covers_nothing():
    real = normal(200)
    repeated = np.repeat(real[:1], 50, axis=0) + normal(50, deviation=1e-4)
    found = overlap(real, repeated)
    assert found.precision == 1 and found.recall < 0.02 and found.coverage < 0.2


def test_blocks_change_nothing(monkeypatch):
    real, generated = normal(97).astype(np.float32), normal(53, seed=1).astype(np.float32)
    whole = overlap(real, generated), radii(real, 3), nearest_neighbours(generated, real)
    monkeypatch.setattr(neighbours, "BLOCK", 10)
    parts = overlap(real, generated), radii(real, 3), nearest_neighbours(generated, real)
    for name in ("inside", "held", "recalled", "covered"):
        assert np.array_equal(getattr(whole[0], name), getattr(parts[0], name))
    np.testing.assert_allclose(whole[1], parts[1], rtol=1e-5)
    assert np.array_equal(whole[2][0], parts[2][0])


def test_the_nearest_is_found_with_its_distance():
    numbers, distances = nearest_neighbours(np.array([[0.0, 3.0], [5.0, 0.0]]), np.array([[0.0, 0.0], [5.0, 1.0]]))
    assert numbers.tolist() == [0, 1]
    np.testing.assert_allclose(distances, [3, 1], rtol=1e-6)


def test_too_few_vectors_are_refused():
    with pytest.raises(ValueError, match="more than 5 vectors of one length"):
        overlap(normal(5), normal(20))
    with pytest.raises(ValueError, match="at least one reference"):
        nearest_neighbours(normal(5), normal(0))
