"""The tree of errors: what they say, how they travel, and the hints that name the nearest name."""

import errno
import os
import pickle
import re

import pytest

from synthmammo import errors
from synthmammo.errors import OutputError, RecipeError, SynthmammoError, nearest, unwritable

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SynthmammoError)]
LEAVES = [kind for kind in KINDS if kind is not SynthmammoError]


def test_the_tree_in_the_docstring_is_the_tree():
    named = re.findall(r"[├└]── (\w+)", errors.__doc__)
    assert sorted(named) == sorted(kind.__name__ for kind in LEAVES)
    assert all(kind.__bases__[0] is SynthmammoError for kind in LEAVES)
    assert [kind for kind in LEAVES if len(kind.__bases__) > 1] == [errors.SampleError]  # a ValueError too


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_is_caught_as_one_of_ours_and_none_as_another(kind):
    with pytest.raises(SynthmammoError):
        raise kind("went wrong")
    assert not any(issubclass(kind, other) for other in LEAVES if other is not kind)


@pytest.mark.parametrize(
    ("where", "hint", "text"),
    [
        (None, None, "no such key"),
        ("recipe.yaml", None, "recipe.yaml: no such key"),
        (None, "Remove it.", "no such key\n  Remove it."),
        ("recipe.yaml: sise", "Remove it.", "recipe.yaml: sise: no such key\n  Remove it."),
        (0, None, "0: no such key"),
    ],
)
def test_the_message_says_where_what_and_what_to_do(where, hint, text):
    assert str(RecipeError("no such key", where=where, hint=hint)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_the_way_between_processes(kind, tmp_path):
    error = kind("went wrong", where=tmp_path, hint="Try again.")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind and str(back) == str(error)
    assert (back.where, back.message, back.hint) == (str(tmp_path), "went wrong", "Try again.")
    assert pickle.loads(pickle.dumps(kind("bare"))).where is None


def test_a_place_that_cannot_be_written_says_why():
    error = unwritable("out", OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(error, OutputError) and error.where == "out"
    assert error.message == "cannot be written (No space left on device)" and error.hint
    assert "cannot be written (odd)" in str(unwritable("out", OSError("odd")))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pahntom", "Did you mean 'phantom'? Known: ingested, phantom, stylegan2."),
        ("stylegan", "Did you mean 'stylegan2'? Known: ingested, phantom, stylegan2."),
        ("xyz", "Known: ingested, phantom, stylegan2."),
        ("", "Known: ingested, phantom, stylegan2."),
    ],
)
def test_the_hint_names_the_nearest_or_all(name, hint):
    assert nearest(name, ["stylegan2", "phantom", "ingested"]) == hint


def test_known_names_may_be_anything_that_can_be_gone_through():
    assert nearest("b", iter(("b2", "a"))) == nearest("b", {"a": 1, "b2": 2})


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "Free some space"), (errno.EACCES, "may write"), (errno.EISDIR, "name a file"), (None, "Choose")],
)
def test_the_advice_fits_the_cause(number, advice):
    cause = OSError(number, os.strerror(number)) if number else OSError("strange")
    assert advice in str(unwritable("place", cause))
