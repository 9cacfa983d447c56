"""What is installed from the wheel, far from the checkout: the command, the recipes by name, the library."""

import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "synthmammo", "recipes")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy: a build leaves its folders where it ran, and would find those of another."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*pip, "-w", out, copy], check=True, capture_output=True, text=True)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """An interpreter that has the wheel's package, and of this one's packages all that is not this checkout."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=False, symlinks=True)
    (packages,) = place.glob("lib/python*/site-packages")
    # Lines of a .pth are folders to look in; the .pth files in these, which lead to checkouts, are not followed.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return place / "bin" / "python"


def run(python: Path, folder: Path, *arguments: str) -> str:
    """What an isolated interpreter says, which knows neither PYTHONPATH nor the folder it runs in."""
    done = subprocess.run([python, "-I", *arguments], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_recipes_travel_in_the_wheel(wheel):
    found = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("synthmammo/recipe/shipped/")}
    there = {path.relative_to(ROOT / "recipes").as_posix() for path in (ROOT / "recipes").rglob("*.*")}
    assert found == {f"synthmammo/recipe/shipped/{name}" for name in there} and len(found) > 20


def test_the_page_of_a_study_travels_in_the_wheel(wheel):
    there = {f"synthmammo/studying/page/{path.name}" for path in (ROOT / "synthmammo/studying/page").iterdir()}
    assert there <= {*zipfile.ZipFile(wheel).namelist()} and len(there) > 5


def test_the_wheel_holds_nothing_of_the_checkout_but_the_package(wheel):
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert top == {"synthmammo", wheel.name.partition("-py3")[0] + ".dist-info"}


def test_the_command_builds_a_shipped_recipe_in_another_folder(python, tmp_path):
    output = run(python, tmp_path, "-m", "synthmammo", "build", "balanced_mass", "--size", "2", "--workers", "1")
    assert "2 samples, 2 of them made now" in output
    assert (tmp_path / "datasets" / "balanced_mass" / "README.md").is_file()
    assert "ok  balanced_calc" in run(python, tmp_path, "-m", "synthmammo", "check", "balanced_calc")


def test_the_library_is_the_installed_one_and_includes_are_found(python, tmp_path):
    code = (
        "import synthmammo as sm\n"
        f"assert not sm.__file__.startswith({str(ROOT)!r}), sm.__file__\n"
        "recipe = sm.check('calcification_pairs_256')\n"
        "print(recipe.patch.size_px, len(sm.shipped_recipes()))\n"
        "print(sm.build('balanced_mass', 'out', size=2, settings={'background.spacing_mm': 2}))"
    )
    first, second = run(python, tmp_path, "-c", code).splitlines()
    assert first == f"256 {len(list((ROOT / 'recipes').glob('*.yaml')) + list((ROOT / 'recipes/pairs').glob('*')))}"
    assert second == "Dataset(balanced_mass: 2 samples, 2 train)"
