"""Conditions hold for the rows they should, and what is not understood is one clear error; nothing is executed."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.errors import RecipeError, SourceError, SynthmammoError
from synthmammo.mammogram.where import DEEPEST, LONGEST, parse

KINDS = {"view": "text", "density": "text", "modifier": "texts", "kvp": "number", "magnification": "number"} | {
    "implant": "boolean",
    "partial_view": "boolean",
}
ROW = {
    "view": "CC",
    "density": "b",
    "modifier": ["magnification", "spot compression"],
    "kvp": 28.0,
    "magnification": None,
    "implant": None,
    "partial_view": True,
}


def holds(text, row=ROW):
    return parse(text, KINDS, RecipeError)(row)


@pytest.mark.parametrize(
    "text",
    [
        "view = 'CC'",
        'view == "cc"',
        "view != 'MLO'",
        "kvp >= 28 and kvp < 28.5",
        "kvp in (27, 28)",
        "kvp > -1e2",
        "28 <= kvp",
        "density < 'c'",
        "view in ('CC', 'MLO')",
        "view not in ('ML')",
        "modifier = 'magnification'",
        "modifier in ('spot compression')",
        "'Magnification' in modifier",
        "'tangential' not in modifier",
        "modifier != 'rolled lateral'",
        "modifier is not null",
        "magnification is null",
        "partial_view",
        "partial_view = true",
        "not implant",
        "implant is null",
        "not (implant or view = 'MLO')",
        "not not partial_view",
        "view = 'MLO' and kvp > 5 or partial_view",
        "view = 'CC' OR kvp > 50 AND implant",
        "view <> density",
    ],
)
def test_conditions_that_hold(text):
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "view = 'MLO'",
        "modifier is null and not implant",
        "modifier != 'magnification'",
        "modifier = 'magnif'",
        "implant",
        "implant = false",
        "implant != true",
        "magnification < 2",
        "magnification != 2",
        "magnification > 0 or magnification <= 0",
        "(view = 'CC' or kvp > 50) and implant",
        "view = density",
    ],
)
def test_conditions_that_do_not(text):
    assert not holds(text)


@pytest.mark.parametrize("empty", [None, "", [], math.nan])
def test_nothing_holds_of_an_empty_column_but_that_it_is_empty(empty):
    row = dict.fromkeys(KINDS, empty)
    for column, value in (("view", "'CC'"), ("modifier", "'x'"), ("kvp", "3"), ("implant", "true")):
        assert not holds(f"{column} = {value}", row)
        assert not holds(f"{column} != {value}", row)
        assert holds(f"not {column} = {value}", row)
        assert holds(f"{column} is null", row)
    assert holds("view is null", {}), "an absent column is empty too"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "expected a condition, found ''", "E.g."),
        (7, "expected a condition, found 7", "E.g."),
        ("veiw = 'CC'", "no column is called 'veiw'", "Did you mean 'view'?"),
        ("view = CC", "no column is called 'CC'", "Known: "),
        ("view = 3", "view is a text, 3 is a number", "Compare values of one kind"),
        ("kvp = '28'", "kvp is a number, '28' is a text", "Compare values of one kind"),
        ("kvp in (28, 'a')", "kvp is a number, 'a' is a text", "Compare values of one kind"),
        ("implant > false", "implant has no order", "Use = or !="),
        ("modifier < 'a'", "modifier has no order", "Use = or !="),
        ("view", "view is a text, and is compared with nothing", 'E.g. "view = '),
        ("not kvp", "kvp is a number, and is compared with nothing", 'E.g. "kvp = 1"'),
        ("view =", "expected a column or a value, found the end", "E.g."),
        ("view = 'CC' kvp", "expected and, or, or the end, found 'kvp' at character 13", "E.g."),
        ("(view = 'CC'", "expected `)`, found the end", "E.g."),
        ("view is 'CC'", "expected `null`, found ''CC'' at character 9", "E.g."),
        ("view = 'CC", "a text has no end at character 8", "Texts stand in"),
        ("view = 'CC'; kvp", "';' is not understood at character 12", "Signs are"),
        ("'CC' is null", "expected a column before `is null`, found 'CC'", "E.g."),
        ("view in kvp", "kvp does not hold several texts", "After `in` come values"),
        ("view in ()", "expected a column or a value, found ')'", "E.g."),
        ("12abc = 1", "'1' is not understood at character 1", "Signs are"),
        ("__import__('os') = 'x'", "no column is called '__import__'", "Known: "),
        ("(" * (DEEPEST + 1) + "implant", f"more than {DEEPEST} parentheses", "E.g."),
        ("not " * 3000, "a condition of 12,000 characters", None),
    ],
)
def test_what_is_not_understood_is_said(text, message, hint):
    with pytest.raises(RecipeError) as error:
        holds(text)
    assert message in error.value.message
    assert error.value.where == "where"
    assert (error.value.hint or "").startswith(hint or "")


def test_a_column_that_is_known_elsewhere_says_so():
    with pytest.raises(SourceError, match="'height' is not known here") as error:
        parse("height > 3", KINDS, SourceError, "--where", {"height": "Only once pixels are read."})
    assert error.value.where == "--where"
    assert error.value.hint == "Only once pixels are read."


def test_a_condition_names_its_columns():
    assert parse("kvp > 3 and not implant", KINDS, RecipeError).columns == {"kvp", "implant"}


@given(st.text(alphabet=st.sampled_from(" ()'\"<>=!,andornotinis viewkvpimplt0123.-+eE_\\;%é漢\n"), max_size=60))
def test_any_text_is_understood_or_is_the_projects_error(text):
    try:
        assert holds(text) in (True, False)
    except SynthmammoError as error:
        assert pickle.loads(pickle.dumps(error)).message == error.message


def test_the_longest_condition_is_read():
    text = " or ".join(["implant"] * 300)
    assert len(text) < LONGEST and not holds(text)
