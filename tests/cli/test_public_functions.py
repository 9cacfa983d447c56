"""A command and the public function of its name do the same: the command translates its options and prints."""

import ast
import inspect
import textwrap
from pathlib import Path

import click
import pytest

import synthmammo
from synthmammo.cli import main
from synthmammo.cli.main import SECTIONS

CLI = Path(synthmammo.__file__).parent / "cli"
CALLS = {
    "init": {"write_recipe"},
    "check": {"check"},
    "plan": {"load_recipe", "plan"},
    "build": {"check", "plan", "build"},
    "merge": {"merge"},
    "schema": {"recipe_schema"},
    "status": {"status"},
    "show": {"show"},
    "verify": {"verify", "inspect"},
    "repair": {"repair"},
    "regenerate": {"regenerate"},
    "card": {"card"},
    "inspect": {"inspect"},
    "plugins": {"plugins"},
    "explore": {"explore", "export_space"},
    "ingest": {"ingest"},
    "patches": {"patches"},
    "train": {"train"},
    "sample": {"write_samples"},
    "convert": {"convert"},
    "zoo list": {"list_models", "zoo_folders"},
    "zoo show": {"find_model"},
    "zoo add": {"add_model"},
    "directions fit": {"fit_directions"},
    "directions show": {"find_directions"},
    "parts fit": {"fit_parts"},
    "sheet seeds": {"draw_seeds"},
    "sheet directions": {"draw_directions"},
    "sheet parts": {"draw_parts"},
    "sheet local": {"draw_transfers"},
    "mix": {"draw_mix"},
    "walk": {"draw_walk"},
    "invert": {"invert"},
    "audit": {"audit"},
    "benchmark classify": {"benchmark"},
    "benchmark detect": {"benchmark_detect"},
    "study new": {"new_study"},
    "study serve": {"serve_study"},
    "study score": {"score_study"},
    "study simulate": {"simulate_study"},
    "study export": {"export_study"},
    "turing": {"draw_turing_test"},
    "lineage": {"lineage"},
    "publish": {"prepare_publication", "publish"},
    "send": {"send"},
    "doctor": {"diagnose"},
    "completion": set(),
}
"""The public functions that each command calls; `completion` prints a script for the shell, which no program needs."""

OTHERS = {
    *{"insert_lesion", "remove_lesion", "sample", "shipped_recipes"},  # programs only: films and arrays in memory
    *{"make_hosts"},  # `build` and `plan` call it in a function of their own, to show how far the hosts are
    *{"build_part", "build_stored"},  # `build --part`, and `build` with an address
    *{"download"},  # `ingest --download`
    *{"set_threads"},  # the option `--threads`
}
"""Public functions without a command of their own."""

TRANSLATION = {
    "synthmammo",
    "synthmammo._version",
    "synthmammo.errors",  # to raise what is wrong with a combination of options
    "synthmammo.settings",  # texts of KEY=VALUE
    "synthmammo.dataset.layout",  # names of files to print
    "synthmammo.building.reasons",  # the reason that is printed in words of its own
}
"""What a command may import besides the rest of the command line."""


def commands(group: click.Group = main, above: str = "") -> dict[str, click.Command]:
    """Every command that makes something, by its words."""
    found = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        inside = commands(command, f"{name} ") if isinstance(command, click.Group) else {f"{above}{name}": command}
        found |= inside
    return found


def tree(command: click.Command) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(command.callback)))


def imported(node: ast.AST) -> set[str]:
    """Modules of ours that are imported for more than their types."""
    typed = {id(each) for one in ast.walk(node) if is_typing(one) for each in ast.walk(one)}
    nodes = [one for one in ast.walk(node) if id(one) not in typed]
    names = {name.name for one in nodes if isinstance(one, ast.Import) for name in one.names}
    names |= {one.module for one in nodes if isinstance(one, ast.ImportFrom)}
    return {name for name in names if name.split(".")[0] == "synthmammo"}


def is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def called(node: ast.AST) -> set[str]:
    attributes = [one for one in ast.walk(node) if isinstance(one, ast.Attribute)]
    return {one.attr for one in attributes if ast.unparse(one.value) == "synthmammo"} & set(synthmammo.__all__)


def test_every_command_is_listed():
    assert set(CALLS) == set(commands())


@pytest.mark.parametrize("name", CALLS)
def test_a_command_calls_its_public_functions(name):
    assert called(tree(commands()[name])) - {"SynthmammoError"} == CALLS[name]


COMMANDS = {path for paths in SECTIONS.values() for path in paths.values()}


@pytest.mark.parametrize("module", sorted(COMMANDS))
def test_commands_import_nothing_below_the_public_functions(module):
    ours = imported(ast.parse((CLI / f"{module}.py").read_text(encoding="utf-8")))
    assert {name for name in ours if not name.startswith("synthmammo.cli.")} <= TRANSLATION


def test_the_page_on_python_names_every_public_function():
    page = (Path(__file__).parents[2] / "docs" / "how_to" / "python.md").read_text(encoding="utf-8")
    table = page.partition("## Which function does what a command does")[2]
    public = {name for name in synthmammo._PLACES if name.islower()}
    assert {name for name in public if f"`{name}`" not in table} == set()


def test_every_public_function_has_a_command_that_calls_it():
    public = {name for name in synthmammo._PLACES if name.islower()}
    assert public - {name for names in CALLS.values() for name in names} == OTHERS
