"""Completion by the shell: what is offered, and that bash understands it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from synthmammo.cli import main
from tests.support import commands, tiny

VARIABLE = "_SYNTHMAMMO_COMPLETE"
ROOT = Path(__file__).parents[2]
SHELLS = ("bash", "zsh", "fish")


def completed(*words: str) -> list[tuple[str, str]]:
    """Type and value of what is offered for the last word."""
    found = ShellComplete(main, {}, "synthmammo", VARIABLE).get_completions(list(words[:-1]), words[-1])
    return [(item.type, item.value) for item in found]


def names(*words: str) -> list[str]:
    return [value for kind, value in completed(*words) if kind == "plain"]


def test_commands():
    assert names("") == list(main.modules)
    assert names("bu") == ["build"] and names("parts", "") == ["fit"] and names("zoo", "") == ["list", "show", "add"]


def test_options():
    assert names("build", "r.yaml", "--s") == ["--size", "--set", "--shards"]
    assert names("sheet", "local", "--th") == ["--threshold", "--threads"]


def test_options_of_the_benchmark_without_a_name():
    assert names("benchmark", "--ra") == ["--ratios"]
    assert names("benchmark", "--real", "x", "--ra") == ["--ratios"]
    assert names("benchmark", "detect", "--tr") == ["--train-on"]


def test_recipes():
    assert names("build", "balanced_m") == ["balanced_mass"] and "balanced_mass" in names("init", "x", "--like", "")


def test_values():
    assert names("ingest", "folder", "x", "--geometry", "") == ["full", "square512"]
    assert names("ingest", "mini") == ["mini_mias"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("build", "rec"), "file"),
        (("init", "mine", "--like", "rec"), "file"),
        (("show", "d"), "file"),
        (("build", "r.yaml", "--out", "d"), "dir"),
        (("ingest", "folder", "arch"), "file"),
        (("verify", "datasets/b"), "dir"),
        (("sample", "runs/m"), "file"),
        (("invert", "p.png", "--picture", "x"), "file"),
    ],
)
def test_paths(words, kind):
    assert completed(*words) == [(kind, words[-1])]


def test_models_of_the_zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHMAMMO_ZOO", str(tmp_path))
    (tmp_path / "mine.safetensors").touch()
    assert "zoo/mine" in names("sample", "zoo/") and names("zoo", "show", "zoo/mi") == ["zoo/mine"]
    assert names("invert", "p.png", "--model", "zoo/mi") == ["zoo/mine"]


def test_a_mistyped_command_completes_to_nothing():
    assert names("biuld", "--s") == [] and names("zoo", "ad", "--n") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_lines_of_the_help_and_of_the_page_are_those_of_the_shells(shell):
    page = (ROOT / "docs" / "how_to" / "completion.md").read_text(encoding="utf-8")
    line = f"synthmammo completion {shell}"
    assert line in commands.help_of("completion") and line in page
    assert f"{VARIABLE}={shell}_complete" in tiny.run("completion", shell).stdout


@pytest.fixture
def path(tmp_path) -> str:
    """PATH with a program `synthmammo` on it."""
    program = tmp_path / "synthmammo"
    code = "import sys; sys.argv[0] = 'synthmammo'; from synthmammo.cli import main; main()"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    program.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes(path):
    script = """
        eval "$(synthmammo completion bash)"
        complete -p synthmammo
        COMP_WORDS=(synthmammo build r.yaml --dry); COMP_CWORD=3
        _synthmammo_completion synthmammo
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == ["complete -o nosort -F _synthmammo_completion synthmammo", "--dry-run"]
    assert not done.stderr
