"""The terms and their shares belong together: every kind, every descriptor, every term."""

from itertools import product

import pytest

from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.mammogram.terms import DENSITIES, DENSITY_SHARES, TERM_SHARES, TERMS
from synthmammo.recipe.lesions import LESION_DEFAULTS

DRAWN = (Pathology.MALIGNANT, Pathology.BENIGN)
CELLS = list(product(TERMS, DRAWN))


def test_masses_and_calcifications_have_shares_in_both_pathologies():
    assert set(TERMS) == {Kind.MASS, Kind.CALCIFICATION}
    assert list(TERM_SHARES) == CELLS
    assert set(LESION_DEFAULTS) == set(CELLS)


@pytest.mark.parametrize(("kind", "pathology"), CELLS)
def test_every_descriptor_has_shares_of_its_own_terms_that_sum_to_one(kind, pathology):
    shares = TERM_SHARES[kind, pathology]
    assert list(shares) == list(TERMS[kind])
    for descriptor, by_term in shares.items():
        assert set(by_term) <= set(TERMS[kind][descriptor])
        assert sum(by_term.values()) == pytest.approx(1) and min(by_term.values()) > 0


@pytest.mark.parametrize("kind", TERMS)
def test_every_term_is_drawn_for_some_pathology(kind):
    for descriptor, terms in TERMS[kind].items():
        drawn = {term for pathology in DRAWN for term in TERM_SHARES[kind, pathology][descriptor]}
        assert drawn == set(terms) and len(terms) == len(set(terms))


@pytest.mark.parametrize(
    ("kind", "descriptor", "term"),
    [
        (Kind.MASS, "shape", "irregular"),
        (Kind.MASS, "margin", "spiculated"),
        (Kind.CALCIFICATION, "morphology", "pleomorphic"),
        (Kind.CALCIFICATION, "morphology", "fine linear branching"),
        (Kind.CALCIFICATION, "distribution", "segmental"),
    ],
)
def test_suspicious_terms_are_more_frequent_in_malignant_lesions(kind, descriptor, term):
    malignant, benign = (TERM_SHARES[kind, pathology][descriptor].get(term, 0) for pathology in DRAWN)
    assert malignant > 2 * benign


def test_the_densities_of_a_population():
    assert tuple(DENSITY_SHARES) == DENSITIES and sum(DENSITY_SHARES.values()) == pytest.approx(1)
