import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import synthmammo


@pytest.mark.parametrize("name", synthmammo.__all__)
def test_every_public_name_is_there(name):
    assert getattr(synthmammo, name) is not None


def test_public_names_are_listed_once_and_shown():
    assert [name for name in synthmammo.__all__ if name != "__version__"] == list(synthmammo._PLACES)
    assert set(synthmammo.__all__) <= set(dir(synthmammo))
    tree = ast.parse(Path(synthmammo.__file__).read_text(encoding="utf-8"))
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {name.name: node.module for node in typed.body for name in node.names}
    assert imported == {name: f"synthmammo.{place}" for name, place in synthmammo._PLACES.items()}


def test_no_function_has_the_name_of_a_room():
    rooms = {path.stem for path in Path(synthmammo.__file__).parent.iterdir()}
    assert not rooms & set(synthmammo.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Datset'"):
        _ = synthmammo.Datset


def test_importing_the_package_imports_nothing_else():
    code = "import sys, synthmammo; print([m for m in ('numpy', 'pydantic', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_of_the_package_is_read_where_it_stands():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    module, _, name = project["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    assert getattr(importlib.import_module(module), name) == synthmammo.__version__ == "0.2.0"
