from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.planning.quota import JointQuota, Quota

weights = st.lists(st.integers(1, 60), min_size=1, max_size=5)
SPLITS = [Fraction(8, 10), Fraction(1, 10), Fraction(1, 10)]


def shares_of(numbers: list[int]) -> list[Fraction]:
    return [Fraction(number, sum(numbers)) for number in numbers]


def deviation(chosen: np.ndarray, share: Fraction) -> float:
    return float(np.abs(np.cumsum(chosen) - np.arange(1, len(chosen) + 1) * float(share)).max())


@given(weights)
def test_every_prefix_is_within_one_of_its_share(numbers: list[int]) -> None:
    shares = shares_of(numbers)
    sequence = Quota(shares).take(400)
    bound = 1 - 1 / (2 * len(shares) - 2) if len(shares) > 1 else 0
    assert all(deviation(sequence == k, share) <= bound + 1e-9 for k, share in enumerate(shares))


@given(weights, st.lists(st.integers(0, 50), max_size=6))
def test_taking_in_pieces_changes_nothing(numbers: list[int], pieces: list[int]) -> None:
    shares = shares_of(numbers)
    whole, quota = Quota(shares).take(sum(pieces)), Quota(shares)
    assert np.array_equal(np.concatenate([quota.take(n) for n in pieces] or [whole]), whole)


@given(weights)
def test_cells_and_splits_stay_near_their_shares(numbers: list[int]) -> None:
    shares = shares_of(numbers)
    classes, splits = JointQuota(shares, SPLITS).take(400)
    for s, part in enumerate(SPLITS):
        assert deviation(splits == s, part) < 2
        assert all(deviation((classes == k) & (splits == s), p * part) < 2 for k, p in enumerate(shares))


@pytest.mark.parametrize("numbers", [[10, 1, 3, 58, 7], [8, 28, 37, 58, 58], [48, 24, 1, 21, 21], [57, 36, 10, 12, 22]])
def test_shares_that_were_hardest_to_keep(numbers: list[int]) -> None:
    shares = shares_of(numbers)
    classes, splits = JointQuota(shares, SPLITS).take(400)
    assert all(deviation(splits == s, part) < 2 for s, part in enumerate(SPLITS))
    for k, p in enumerate(shares):
        assert all(deviation((classes == k) & (splits == s), p * part) < 2 for s, part in enumerate(SPLITS))


@given(weights, st.lists(st.integers(0, 200), max_size=6))
def test_taking_cells_in_pieces_changes_nothing(numbers: list[int], pieces: list[int]) -> None:
    shares = shares_of(numbers)
    whole, quota = np.stack(JointQuota(shares, SPLITS).take(sum(pieces))), JointQuota(shares, SPLITS)
    assert np.array_equal(np.concatenate([np.stack(quota.take(n)) for n in pieces] or [whole], axis=1), whole)


def test_two_equal_classes_both_reach_every_split() -> None:
    classes, splits = JointQuota([Fraction(1, 2)] * 2, SPLITS).take(40)
    assert {(k, s) for k, s in zip(classes.tolist(), splits.tolist(), strict=True)} == {
        (k, s) for k in range(2) for s in range(3)
    }


def test_a_rare_class_is_counted_exactly() -> None:
    classes, _ = JointQuota([Fraction(995, 1000), Fraction(5, 1000)], SPLITS).take(10_000)
    assert (classes == 1).sum() == 50


@pytest.mark.parametrize("shares", [[Fraction(1, 2)], [Fraction(3, 2), Fraction(-1, 2)]])
def test_what_is_no_share_of_one_is_refused(shares: list[Fraction]) -> None:
    with pytest.raises(ValueError, match="shares of one"):
        Quota(shares)
