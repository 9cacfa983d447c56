"""The column of lesions: which rows get them, what rows share, and what is drawn for each."""

from collections import Counter

import numpy as np
import pytest

from synthmammo.mammogram.terms import TERM_SHARES, TERMS
from synthmammo.planning.lesions import codes, lesion_column
from synthmammo.planning.table import LESION, TERM_COLUMNS
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]
ROWS = np.arange(3000)
NORMAL, BENIGN, MALIGNANT = 0, 1, 2


def column(recipe, label=None, group=ROWS, index=ROWS):
    label = np.full(len(index), MALIGNANT) if label is None else label
    return lesion_column(recipe, index, group, label)


def only(**changes):
    """A recipe of malignant masses."""
    return tiny.recipe(classes={"malignant": 1}, lesions=[{**MASS, "classes": ["malignant"], **changes}])


def flat(made):
    return [lesion for row in made.to_pylist() for lesion in row]


def test_a_recipe_without_lesions_has_empty_lists():
    made = column(tiny.recipe(classes={"normal": 1}, lesions=[]), np.zeros(4, np.int64), ROWS[:4], ROWS[:4])
    assert made.to_pylist() == [[]] * 4 and made.type.value_type == LESION


def test_classes_get_the_lesions_of_the_entries_that_name_them_in_order():
    made = column(tiny.recipe(), np.tile([NORMAL, BENIGN, MALIGNANT], 20), ROWS[:60], ROWS[:60]).to_pylist()
    wanted = {NORMAL: [], BENIGN: [0], MALIGNANT: [0, 1]}
    for place, row in enumerate(made):
        assert [lesion["spec"] for lesion in row] == wanted[place % 3]
        assert all(lesion["kind"] == ("mass", "calcification")[lesion["spec"]] for lesion in row)
        assert {lesion["pathology"] for lesion in row} <= {("", "benign", "malignant")[place % 3]}


def test_rows_of_a_group_have_the_same_lesions_wherever_they_stand():
    recipe, zeros = only(), np.zeros(len(ROWS), np.int64)
    alone = column(recipe, zeros).to_pylist()
    group = np.random.default_rng(1).integers(0, len(ROWS), 500)
    made = lesion_column(recipe, ROWS[:500], group, zeros[:500]).to_pylist()
    assert made == [alone[number] for number in group]


def test_counts_are_drawn_in_their_shares_and_lesions_differ():
    made = column(only(count={0: 0.2, 1: 0.5, 3: 0.3}), np.zeros(len(ROWS), np.int64)).to_pylist()
    counts = Counter(map(len, made))
    assert [counts[number] / len(ROWS) for number in (0, 1, 2, 3)] == pytest.approx([0.2, 0.5, 0, 0.3], abs=0.03)
    for row in made:
        assert len({lesion["diameter_mm"] for lesion in row}) == len(row)


@pytest.mark.parametrize("spec", [0, 1])
def test_terms_come_in_the_shares_of_their_kind_and_pathology(spec):
    lesions = [lesion for lesion in flat(column(tiny.recipe())) if lesion["spec"] == spec]
    kind = lesions[0]["kind"]
    for term in TERM_COLUMNS:
        counts = Counter(lesion[term] for lesion in lesions)
        shares = TERM_SHARES[kind, "malignant"].get(term, {None: 1})
        assert set(counts) == set(shares)
        assert [counts[word] / len(lesions) for word in shares] == pytest.approx(list(shares.values()), abs=0.035)
    assert set(TERMS[kind]) == {term for term in TERM_COLUMNS if lesions[0][term] is not None}


def test_stated_shares_replace_those_of_one_descriptor():
    lesions = flat(column(only(descriptors={"margin": {"spiculated": 1}}), np.zeros(len(ROWS), np.int64)))
    assert {lesion["margin"] for lesion in lesions} == {"spiculated"}
    assert {lesion["shape"] for lesion in lesions} == set(TERMS["mass"]["shape"])


def test_candidates_are_as_many_as_asked_for_and_all_different():
    recipe = only(placement={"candidates": 3})
    candidates = [lesion["candidates"] for lesion in flat(column(recipe, np.zeros(len(ROWS), np.int64)))]
    assert {len(some) for some in candidates} == {3}
    sites = np.array([[candidate["site"] for candidate in some] for some in candidates])
    assert len(np.unique(sites)) == sites.size and sites.min() >= 0 and sites.max() < 1
    assert np.abs(sites.mean(0) - 0.5).max() < 0.03
    assert len({candidate["seed"] for some in candidates for candidate in some}) == sites.size


def test_a_series_steps_through_its_sizes_with_one_form():
    steps = {"diameter_mm": [5, 8, 12], "contrast": [0.2, 0.4]}
    recipe = tiny.recipe(classes={"malignant": 1}, lesions=[{**MASS, "classes": ["malignant"]}], series=steps)
    index = ROWS[:12]
    lesions = flat(column(recipe, np.zeros(12, np.int64), index // 6, index))
    sizes = [(lesion["diameter_mm"], lesion["contrast"]) for lesion in lesions]
    assert sizes == [(size, contrast) for contrast in (0.2, 0.4) for size in (5, 8, 12)] * 2
    forms = [(lesion["shape"], lesion["margin"], lesion["candidates"][0]["seed"]) for lesion in lesions]
    assert len(set(forms[:6])) == len(set(forms[6:])) == 1 and forms[0] != forms[6]


def test_codes_are_places_in_the_recipe():
    assert codes(tiny.recipe(), ["malignant", "normal"]) == [MALIGNANT, NORMAL]
