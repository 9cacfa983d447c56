"""The protocol's promise, at its size: 1 % of planted copies among 2,000 are found, and held-out films are not."""

import numpy as np
import pytest

from synthmammo.auditing.memorisation import Looks, PixelCopies, judge
from synthmammo.auditing.planted import CONTROLS, planted
from synthmammo.auditing.thumbnails import thumbnail
from tests.support.breasts import a_breast


def looks(samples):
    thumbnails = np.stack([thumbnail(sample.image, sample.breast) for sample in samples])
    return Looks(thumbnails, np.zeros((len(thumbnails), 1), np.float32))


@pytest.mark.slow
def test_copies_of_one_percent_among_two_thousand_are_found():
    training = [a_breast(index) for index in range(400)]
    controls = {name: looks([planted(sample, name) for sample in training[:24]]) for name in CONTROLS}
    names = list(CONTROLS)
    copies = [planted(sample, names[number % len(names)]) for number, sample in enumerate(training[-20:])]
    samples = looks([*(a_breast(10_000 + index) for index in range(1980)), *copies])
    held_out = looks([a_breast(5000 + index) for index in range(300)])
    found = judge(PixelCopies(patches=False), samples, looks(training), held_out, controls)
    assert found.able and found.held_out_flagged <= 0.01
    assert found.flagged[1980:].mean() >= 0.99 and (found.nearest.number[1980:] == np.arange(380, 400)).all()
    assert found.flagged[:1980].mean() <= 0.001
