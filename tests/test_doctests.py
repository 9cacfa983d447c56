"""Every public name says what it is, and its example does what it says."""

import doctest
import inspect

import pytest

import synthmammo

FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
PUBLIC = [name for name in synthmammo.__all__ if not name.startswith("__")]
# What they say is seen in the others' examples; a recipe's docstring is also the schema's description.
WITHOUT = {"Box", "Recipe", "SynthmammoError"}
NAMES = ["synthmammo", *PUBLIC]


def examples(name):
    found = synthmammo if name == "synthmammo" else getattr(synthmammo, name)
    tests = doctest.DocTestFinder(recurse=not inspect.ismodule(found)).find(found, name, globs={})
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_public_names_do_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    tests = examples(name)
    assert tests or name in WITHOUT, f"{name} has no example"
    said: list[str] = []
    for test in tests:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isfunction(getattr(synthmammo, name))])
def test_functions_document_every_parameter_and_what_they_raise(name):
    function = getattr(synthmammo, name)
    for parameter in inspect.signature(function).parameters:
        assert f"\n        {parameter}: " in inspect.getdoc(function).replace("\n    ", "\n        "), parameter
