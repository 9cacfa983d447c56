"""What a plan says of bytes and time follows from what was measured here, or nothing is said."""

import pytest

from synthmammo.planning import estimate as estimates
from tests.support import tiny

SECONDS = {"generate": 4.0, "write": 6.0}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(estimates.CACHE, str(tmp_path / "cache"))


def recipe(spacing_mm=2.0, size=8):
    return tiny.recipe(size=size, background=tiny.TINY["background"] | {"spacing_mm": spacing_mm})


def test_nothing_is_said_before_anything_was_measured():
    found = estimates.estimate(recipe(), 2)
    assert (found.bytes, found.seconds) == (None, None)


def test_time_is_that_of_the_last_build_by_pixels_and_processes():
    estimates.note_rate(recipe(), seconds=SECONDS, samples=20, bytes_=2000)
    found = estimates.estimate(recipe(size=40), 2)
    assert (found.seconds, found.bytes) == (40 * 0.5 / 2, 4000)


def test_a_trial_of_few_samples_does_not_replace_a_measurement_of_more():
    estimates.note_rate(recipe(), seconds=SECONDS, samples=20, bytes_=2000)
    estimates.note_rate(recipe(), seconds={"generate": 100.0}, samples=2, bytes_=2000)
    assert estimates.estimate(recipe(), 1).seconds == 8 * 0.5
    estimates.note_rate(recipe(), seconds={"generate": 20.0}, samples=20, bytes_=2000)
    assert estimates.estimate(recipe(), 1).seconds == 8 * 1.0


def test_small_images_say_nothing_of_large_ones():
    estimates.note_rate(recipe(4.0), seconds=SECONDS, samples=20, bytes_=2000)
    assert estimates.estimate(recipe(1.0), 1).seconds is None
    estimates.note_rate(recipe(1.0), seconds=SECONDS, samples=2, bytes_=2000)
    assert estimates.estimate(recipe(1.0), 1).seconds == 8 * 5.0
