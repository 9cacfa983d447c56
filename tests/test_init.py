import subprocess
import sys

import pytest

import synthmammo


@pytest.mark.parametrize("name", synthmammo.__all__)
def test_every_public_name_is_there(name):
    assert getattr(synthmammo, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Datset'"):
        _ = synthmammo.Datset


def test_importing_the_package_imports_nothing_else():
    code = "import sys, synthmammo; print([m for m in ('numpy', 'pydantic', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
