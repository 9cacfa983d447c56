"""Splits: nobody is divided, shares hold for every class, and nothing but names and seed decides."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.dataset.splits import assign_splits
from synthmammo.mammogram.sample import SPLITS

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
images = st.lists(
    st.tuples(
        st.integers(0, 30).map(lambda n: f"p{n}"),
        st.sampled_from(["normal", "benign", "malignant"]),
        st.sampled_from([None, "train", "test"]),
    ),
    min_size=1,
    max_size=80,
)


@given(images, st.sampled_from(["official", "carve", "draw"]), st.integers(0, 5), st.randoms())
def test_every_patient_has_one_split_whatever_the_order(found, mode, seed, random):
    splits, _ = assign_splits(found, mode, SHARES, seed)
    assert set(splits) == {patient for patient, _, _ in found}
    assert set(splits.values()) <= set(SPLITS)
    random.shuffle(found)
    assert assign_splits(found, mode, SHARES, seed)[0] == splits


@given(images, st.sampled_from(["official", "carve"]))
def test_whoever_is_officially_unseen_stays_unseen(found, mode):
    splits, notes = assign_splits(found, mode, SHARES, 0)
    official = {patient: {split for p, _, split in found if p == patient and split} for patient, _, _ in found}
    for patient, given_splits in official.items():
        if "test" in given_splits:
            assert splits[patient] == "test"
        elif given_splits:
            assert splits[patient] in ("train", "validation" if mode == "carve" else "train")
    assert bool(notes) == any(len(given_splits) > 1 for given_splits in official.values())


@pytest.mark.parametrize("seed", range(5))
def test_shares_hold_for_every_class(seed):
    found = [(f"p{n}", "malignant" if n % 20 == 0 else "normal", None) for n in range(1000) for _ in range(4)]
    splits, _ = assign_splits(found, "draw", SHARES, seed)
    counts = Counter((label, splits[patient]) for patient, label, _ in found)
    assert counts == {
        ("malignant", "train"): 160,
        ("malignant", "validation"): 20,
        ("malignant", "test"): 20,
        ("normal", "train"): 3040,
        ("normal", "validation"): 380,
        ("normal", "test"): 380,
    }


def test_the_seed_decides_who():
    found = [(f"p{n}", "normal", None) for n in range(50)]
    assert assign_splits(found, "draw", SHARES, 0) != assign_splits(found, "draw", SHARES, 1)


def test_a_split_without_a_share_stays_empty():
    found = [(f"p{n}", "normal", None) for n in range(50)]
    splits, _ = assign_splits(found, "draw", {"train": 3, "test": 1, "validation": 0}, 0)
    assert set(splits.values()) == {"train", "test"}
    assert 36 <= Counter(splits.values())["train"] <= 39
