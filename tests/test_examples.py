"""The examples in the docstrings of public functions, run in an empty folder."""

import doctest
import inspect

import pytest

import synthmammo

_FUNCTIONS = [name for name in synthmammo.__all__ if inspect.isroutine(getattr(synthmammo, name))]


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_the_example_of_a_public_function_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.DocTestFinder(recurse=False).find(getattr(synthmammo, name), name, globs={})
    examples = [test for test in found if test.examples]
    assert examples or name in _WITHOUT, f"{name} has no example"
    for example in examples:
        failed = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=(told := []).append)
        assert not failed.failed, "".join(told)


_WITHOUT = {"load_recipe"}
