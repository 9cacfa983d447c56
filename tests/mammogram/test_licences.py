"""What licences allow: known by their whole names, unknown ones allow nothing, and the narrowest of many counts."""

import pytest

from synthmammo.mammogram.licences import Terms, narrowest, stated_terms, terms_of


@pytest.mark.parametrize(
    ("licence", "terms"),
    [
        ("CC-BY-3.0", "open"),
        (" cc0-1.0 ", "open"),
        ("apache-2.0", "open"),
        ("cc-by-nc-4.0", "non-commercial"),
        ("cc-by-nc-sa-4.0", "non-commercial"),
        ("cc-by-nd-4.0", "restricted"),
        ("cc-by-nc-nd-4.0", "restricted"),
        ("cc-by-4.0 for members only", "restricted"),
        ("mitigated", "restricted"),
        ("other", "restricted"),
        ("", "restricted"),
    ],
)
def test_a_licence_is_known_by_its_whole_name(licence, terms):
    assert terms_of(licence) == terms


def test_a_word_that_is_none_of_the_three_is_restricted():
    assert [stated_terms(text) for text in ("open", "non-commercial", "free for all", "")] == [
        Terms.OPEN,
        Terms.NON_COMMERCIAL,
        Terms.RESTRICTED,
        Terms.RESTRICTED,
    ]


def test_the_narrowest_counts():
    assert narrowest([Terms.OPEN, Terms.RESTRICTED, Terms.NON_COMMERCIAL]) is Terms.RESTRICTED
    assert narrowest([Terms.OPEN, Terms.NON_COMMERCIAL]) is Terms.NON_COMMERCIAL
    assert narrowest([]) is Terms.OPEN
