"""Intervals: patients are drawn whole, the same seed draws the same, and percentiles cover what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.metrics.intervals import Interval, bootstrap, interval


def test_patients_are_drawn_whole():
    patients = np.array(list("aabbbc"))
    sizes = {"a": 2, "b": 3, "c": 1}

    def check(chosen):
        counts = np.bincount(chosen, minlength=6)
        for name in sizes:
            assert len(set(counts[patients == name])) == 1
        assert sum(counts[patients == name][0] for name in sizes) == 3
        return len(chosen), np.nan

    values = bootstrap(check, patients, resamples=50, seed=3)
    assert values.shape == (50, 2) and len(set(values[:, 0])) > 3
    np.testing.assert_array_equal(values, bootstrap(check, patients, resamples=50, seed=3))
    assert all(np.isnan(interval(1.0, values[:, 1])[1:]))


def test_clustering_widens_the_interval_as_it_should():
    """With 8 equal images a patient the standard error is that of the patients' mean, not of the images'."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=100)
    values, patients = np.repeat(means, 8), np.repeat(np.arange(100), 8)
    found = interval(means.mean(), bootstrap(lambda chosen: values[chosen].mean(), patients)[:, 0])
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * means.std() / 10, rel=0.1)
    with pytest.raises(ValueError, match="no images"):
        bootstrap(lambda chosen: 0, [])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.floats(0.5, 0.99))
def test_an_interval_lies_within_its_values_and_a_wider_level_is_wider(values, level):
    found, wider = interval(0.0, np.array(values), level), interval(0.0, np.array(values), 1.0)
    assert min(values) <= found.low <= found.high <= max(values)
    assert (wider.low, wider.high) == (min(values), max(values)) and found.estimate == 0


def test_values_that_are_none_are_left_out():
    values = np.array([np.nan, 1.0, 3.0, np.nan])
    assert interval(2.0, values, 1.0) == Interval(2.0, 1.0, 3.0)


def test_another_seed_draws_others():
    patients = np.arange(30)
    first, again, other = (bootstrap(np.mean, patients, resamples=20, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_an_interval_reads_as_text():
    assert str(Interval(0.8, 0.75, 0.8512)) == "0.800 (0.750 to 0.851)"


@pytest.mark.parametrize("end", [float("nan"), 1.0])
def test_an_interval_without_width_says_nothing(end):
    assert str(Interval(1.0, end, end)) == "1.000 (n/a)" and not Interval(1.0, end, end).known
    assert Interval(1.0, 0.9, 1.0).known
