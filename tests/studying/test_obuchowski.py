"""Several readers: the published numbers of a worked example, and what must hold of any ratings.

The numbers are the output of MRMCaov on the data of Van Dyke et al. with `cov = DeLong` (Smith & Hillis, MRMCaov for R
User Guide, "Covariance Estimation Methods"), and of its single readers.
"""

import numpy as np
import pytest

from synthmammo.studying.obuchowski import compare_conditions, read_by_several
from tests.support.van_dyke import FIRST, POSITIVE, SECOND

AREAS = {
    1: (0.9196457, 0.8587762, 0.9038647, 0.9731079, 0.8297907),
    2: (0.9478261, 0.9053140, 0.9217391, 0.9993559, 0.9299517),
}


@pytest.mark.parametrize(
    ("treatment", "ratings", "mean", "square", "covariance", "error", "degrees", "low", "high"),
    [
        (1, FIRST, 0.8970370, 0.003082629, 0.0004775239, 0.03307642, 12.59597, 0.8253461, 0.9687280),
        (2, SECOND, 0.9408374, 0.001304602, 0.0002015292, 0.02150464, 12.56530, 0.8942155, 0.9874592),
    ],
)
def test_one_condition_as_published(treatment, ratings, mean, square, covariance, error, degrees, low, high):
    found = read_by_several(POSITIVE, ratings)
    assert found.areas == pytest.approx(AREAS[treatment], abs=5e-8)
    assert found.reader_mean_square == pytest.approx(square, rel=1e-6)
    assert found.covariance == pytest.approx(covariance, rel=1e-6)
    assert found.standard_error == pytest.approx(error, rel=1e-6)
    assert found.degrees == pytest.approx(degrees, rel=1e-6)
    assert found.mean == pytest.approx((mean, low, high), abs=5e-7)


def test_two_conditions_as_published():
    found = compare_conditions(POSITIVE, FIRST, SECOND)
    assert found.covariances == pytest.approx((0.0003420090, 0.0003395265, 0.0002358497), rel=1e-6)
    assert found.difference == pytest.approx((-0.04380032, -0.0878671960, 0.0002665519), abs=5e-8)
    assert found.standard_error == pytest.approx(0.0206825, rel=1e-5)
    assert (found.f, found.degrees, found.p_value) == pytest.approx((4.484854, 15.06611, 0.05123303), rel=1e-6)


def test_readers_that_agree_leave_the_cases_alone():
    one = read_by_several(POSITIVE, np.stack([FIRST[0], FIRST[0]]))
    assert one.degrees == np.inf and one.mean.low < one.mean.estimate < one.mean.high


def test_the_interval_stays_inside_and_one_reader_is_refused():
    perfect = np.stack([POSITIVE * 2.0, POSITIVE + 0.1 * np.arange(114)[::-1] / 114])
    assert read_by_several(POSITIVE, perfect).mean.high <= 1
    with pytest.raises(ValueError, match="two readers"):
        read_by_several(POSITIVE, FIRST[:1])
    with pytest.raises(ValueError, match="as many under both"):
        compare_conditions(POSITIVE, FIRST, SECOND[:4])
