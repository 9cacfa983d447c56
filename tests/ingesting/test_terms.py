"""Words of annotation tables are read whatever their spelling, and unknown ones are not guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.ingesting.sources import terms
from synthmammo.mammogram.sample import Laterality, View


@pytest.mark.parametrize(
    ("parse", "word", "meaning"),
    [
        (terms.split_of, "Training", "train"),
        (terms.split_of, "val", "validation"),
        (terms.split_of, "test", "test"),
        (terms.split_of, "", None),
        (terms.density_of, "DENSITY D", "d"),
        (terms.density_of, "3", "c"),
        (terms.density_of, "0", None),
        (terms.laterality_of, "right", Laterality.RIGHT),
        (terms.laterality_of, "B", None),
        (terms.view_of, "mlo", View.MLO),
        (terms.view_of, "ML", None),
        (terms.assessment_label, "BI-RADS 2", "benign"),
        (terms.assessment_label, "4b", "suspicious"),
        (terms.assessment_label, "", "unknown"),
        (terms.assessment_label, "0", "unknown"),
        (terms.density_of, "2.0", "b"),
        (terms.density_of, "5", None),
        (terms.birads_of, "BI-RADS 4", "4"),
        (terms.birads_of, "4.0", "4"),
        (terms.birads_of, "4B", "4b"),
        (terms.birads_of, "2$4$3", "4"),
        (terms.birads_of, "BI-RADS 4 category", "4"),
        (terms.birads_of, "12", None),
        (terms.birads_of, "none", None),
    ],
)
def test_words_of_tables(parse, word, meaning):
    assert parse(word) == meaning


@given(st.text(max_size=12))
def test_any_text_is_a_known_word_or_none(word):
    assert terms.split_of(word) in ("train", "validation", "test", None)
    assert terms.density_of(word) in ("a", "b", "c", "d", None)
    assert terms.laterality_of(word) in (*Laterality, None)
    assert terms.view_of(word) in (*View, None)
    assert terms.birads_of(word) in (*terms.BIRADS, None)
    assert terms.assessment_label(word) in {*terms.ASSESSMENTS.values(), "unknown"}


@pytest.mark.parametrize("parse", [terms.split_of, terms.density_of, terms.laterality_of, terms.view_of])
def test_case_and_blanks_do_not_matter(parse):
    for word in ("train", "d", "left", "cc"):
        assert parse(f" {word.upper()} ") == parse(word)


def test_the_worst_class_of_a_breast():
    assert terms.worst_class(["normal", "suspicious", "unknown"]) == "suspicious"
    assert terms.worst_class(["benign", "unknown"]) == "unknown"
    assert terms.worst_class([]) == "unknown"
    assert {*terms.ASSESSMENTS.values()} <= {*terms.CLASSES}
