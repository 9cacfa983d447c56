"""The documentation: generated pages are fresh, commands and recipes in it are understood, links lead somewhere."""

import ast
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml

import synthmammo
from synthmammo import __version__
from synthmammo.cli.kinds import Device, KnownModel
from synthmammo.cli.main import main
from synthmammo.models import suitable
from synthmammo.recipe import Recipe, load_recipe
from tests.support.commands import understand
from tools import reference, reference_commands, reference_python, reference_recipe, rooms
from tools.undocumented import Undocumented

ROOT = Path(__file__).parents[1]
WRITTEN = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("synthmammo/models/shipped/*.md")]
PAGES = [path for path in WRITTEN if path not in reference.files()]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of a language, "" for those without one."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def command_lines(page: Path) -> list[list[str]]:
    """Commands in a page's blocks, as words; continued lines are joined and remarks left out."""
    text = "\n".join(blocks(page, "")).replace("\\\n", " ")
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


@pytest.mark.parametrize("path", reference.files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_files_are_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == reference.files()[path](), "run `make docs`"


def test_no_page_is_left_of_a_name_that_is_gone() -> None:
    assert [path for path in reference.stale() if path not in reference.files()] == []


def test_the_picture_of_the_rooms_is_fresh() -> None:
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.svg(), "run `make docs`"


def test_the_page_on_architecture_explains_every_dashed_arrow() -> None:
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\* `(\w+)` imports `(\w+)`", text, re.MULTILINE)
    assert sorted(explained) == sorted(rooms.against_the_floors())


def test_the_page_on_architecture_lists_every_room() -> None:
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    listed = {name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    there = {path.stem for path in rooms.PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert listed == there - {"__init__", "__main__", "_version", "__pycache__"}


def test_a_key_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recipe.model_fields["seed"], "description", None)
    with pytest.raises(Undocumented, match=r"\.seed has no description"):
        reference_recipe.page()


@pytest.mark.parametrize(("part", "words"), [("help", "build: the command has"), ("params", "build: --nothing has")])
def test_a_command_or_option_without_help_is_refused(part: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build = main.get_command(click.Context(main, **main.context_settings), "build")
    assert build
    monkeypatch.setattr(build, part, {"help": "", "params": [click.Option(["--nothing"])]}[part])
    with pytest.raises(Undocumented, match=words):
        reference_commands.page()


def test_a_public_name_without_a_docstring_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def bare() -> None: ...

    monkeypatch.setattr(reference_python, "public", lambda: {"bare": bare})
    with pytest.raises(Undocumented, match=r"synthmammo\.bare"):
        reference_python.index()


def test_citation_and_changelog_name_the_release() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest and citation["version"] == newest[1].rstrip(",") == __version__


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 220


def test_every_shipped_recipe_is_listed() -> None:
    text = (ROOT / "docs" / "reference" / "recipes.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\(\.\./\.\./(recipes/[\w/-]+\.yaml)\)", text))
    assert listed == {str(path.relative_to(ROOT)) for path in (ROOT / "recipes").rglob("*.yaml")}


@every_page
def test_commands_are_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (click.Path, Device, KnownModel):  # neither a file nor a device nor a model has to be there
        monkeypatch.setattr(kind, "convert", lambda self, value, param, ctx: value)
    monkeypatch.setattr(suitable, "require_stylegan2", lambda model: None)
    for program, *words in command_lines(page):
        if program == "synthmammo":
            understand(main, words)


@every_page
def test_names_of_the_library_are_public(page: Path) -> None:
    used = {name for text in blocks(page, "python") for name in re.findall(r"\bsm\.(\w+)", text)}
    assert used <= set(synthmammo.__all__)
    for text in blocks(page, "python"):
        ast.parse(text)


@every_page
def test_scripts_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\n", " ")
    named = re.findall(r"python -m ((?:benchmarks|tools)\.\w+)", text)
    assert [name for name in named if not name.endswith(".NAME") and find_spec(name) is None] == []
    assert re.findall(r"(?:tests|benchmarks|tools)/\w+\.py(?= [A-Z-])", text) == [], "scripts are run with python -m"


@every_page
def test_complete_recipes_are_valid(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "yaml"):
        content = yaml.safe_load(text)
        if isinstance(content, dict) and "version" in content:
            (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
            load_recipe(tmp_path / "recipe.yaml")
        else:
            check_fragment(content)


def check_fragment(content: dict[str, object]) -> None:
    """Check a part of a recipe as if it stood in a small one."""
    classes = {"malignant": 1} if "lesions" in content else {"normal": 1}
    Recipe.model_validate({"version": 1, "name": "x", "seed": 1, "size": 4, "classes": classes} | content)


@every_page
def test_files_that_are_linked_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []
