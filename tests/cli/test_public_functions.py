"""A command and the public function of its name do the same: the command translates its options and prints."""

import ast
from pathlib import Path

import pytest

import synthmammo

CLI = Path(synthmammo.__file__).parent / "cli"
CALLS = {
    "build": {"check", "plan", "build"},
    "merge": {"merge"},
    "plan": {"load_recipe", "plan"},
    "check": {"check"},
    "ingest": {"ingest"},
    "patches": {"patches"},
    "verify": {"verify"},
    "repair": {"repair"},
    "regenerate": {"regenerate"},
    "card": {"card"},
    "publish": {"prepare_publication", "publish"},
    "train": {"train"},
    "convert": {"convert"},
    "sample": {"write_samples"},
    "classify": {"benchmark"},
    "detect": {"benchmark_detect"},
    "audit": {"audit"},
    "lineage": {"lineage"},
    "inspect": {"inspect"},
    "plugins": {"plugins"},
}
"""The public functions that each command calls; all there are, but those that no command does."""

OTHERS = {"insert_lesion", "remove_lesion", "sample", "set_threads", "shipped_recipes", "make_hosts"} | {
    *("build_part", "build_stored")
}
"""Public functions without a command of their name; `build` and `plan` call `make_hosts` to show how far the hosts are,
`build --part` calls `build_part`, with an address `build_stored`, and `set_threads` is the option `--threads`."""

TRANSLATION = {"synthmammo", "synthmammo.errors", "synthmammo.settings", "synthmammo.dataset.layout"}
"""What a command may import: the public functions, errors to raise, KEY=VALUE texts, names of files to print."""


def functions() -> dict[str, ast.FunctionDef]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in CLI.glob("*.py")]
    found = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in found if node.name in CALLS and any(map(_is_command, node.decorator_list))}


def _is_command(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "click.command"


def imported(function: ast.FunctionDef) -> set[str]:
    names = {name.name for node in ast.walk(function) if isinstance(node, ast.Import) for name in node.names}
    return names | {node.module for node in ast.walk(function) if isinstance(node, ast.ImportFrom)}


def called(function: ast.FunctionDef) -> set[str]:
    attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if ast.unparse(node.value) == "synthmammo"} & set(synthmammo.__all__)


@pytest.mark.parametrize("command", CALLS)
def test_a_command_calls_the_public_function_and_nothing_below_it(command):
    function = functions()[command]
    ours = {name for name in imported(function) if name.split(".")[0] == "synthmammo"}
    assert {name for name in ours if not name.startswith("synthmammo.cli.")} <= TRANSLATION
    assert called(function) - {"SynthmammoError"} == CALLS[command]


def test_every_public_function_has_a_command_that_calls_it():
    public = {name for name in synthmammo._PLACES if name.islower()}
    assert public - {name for names in CALLS.values() for name in names} == OTHERS
