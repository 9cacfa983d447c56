import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from synthmammo import __version__
from synthmammo.cli import main
from tests.support import tiny

COMMANDS = list(main.modules)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    result = tiny.run(name, "--help")
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert f"Example: synthmammo {name}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_every_example_is_understood(name):
    command = main.get_command(click.Context(main), name)
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name
    example = re.search(r"Example: synthmammo \w+(.*)", " ".join(command.help.split()))[1]
    arguments = example.partition(" > ")[0].split()
    command.make_context(name, arguments, resilient_parsing=False)


def test_no_arguments_print_the_commands():
    result = tiny.run()
    assert all(name in result.output for name in COMMANDS)
    assert tiny.run("--help").exit_code == 0 and tiny.run("-h").exit_code == 0


def test_version():
    assert tiny.run("--version").output == f"synthmammo, version {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("biuld", "build"), ("verfy", "verify"), ("ingets", "ingest")])
def test_a_mistyped_command_is_answered_with_the_nearest(typed, meant):
    result = tiny.run(typed)
    assert result.exit_code == 2 and f"Did you mean '{meant}'?" in result.output


def test_a_word_that_is_near_nothing_lists_all():
    result = tiny.run("xyzzy")
    assert result.exit_code == 2 and "Known: benchmark, build, card" in result.output


@pytest.fixture
def places(tmp_path) -> dict[str, Path]:
    (tmp_path / "file").write_text("some text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("")
    return {"absent": tmp_path / "absent", "file": tmp_path / "file", "folder": tmp_path / "folder"}


@pytest.mark.parametrize("place", ["absent", "file", "folder"])
@pytest.mark.parametrize("command", ["build", "plan", "verify", "show", "card", "regenerate", "ingest", "patches"])
def test_a_wrong_path_gives_a_message_and_changes_nothing(places, command, place):
    path = places[place]
    arguments = {
        "regenerate": [path, "key", "--out", path.parent / "out"],
        "ingest": ["folder", path, "--out", path.parent / "out"],
        "patches": [path, "--out", path.parent / "out"],
    }.get(command, [path])
    before = tiny.files(path.parent)
    result = tiny.run(command, *arguments)
    assert result.exit_code == 1
    assert "error: " in result.output and str(path) in result.output.replace("\n", "")
    left = {name for name in tiny.files(path.parent) if not name.startswith("out")}
    assert left == set(before)


WRONG = {
    "text for a number": ["build", "x.yaml", "--size", "ten"],
    "no workers": ["build", "x.yaml", "--workers", "0"],
    "unknown option": ["build", "x.yaml", "--sise", "3"],
    "no recipe": ["build"],
    "two recipes": ["plan", "a.yaml", "b.yaml"],
    "negative pixels": ["verify", ".", "--pixels", "-1"],
    "argument to schema": ["schema", "x"],
    "unknown geometry": ["ingest", "dicom", ".", "--out", "o", "--geometry", "round"],
    "no output": ["ingest", "dicom", "."],
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_exits_with_2(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tiny.run(*WRONG[case]).exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_that_is_none(tmp_path, size):
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), "--size", size, "--out", tmp_path / "out")
    assert result.exit_code == 1 and f"found {size}" in result.output and not (tmp_path / "out").exists()


def test_dry_run_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), "--dry-run", "--size", 24)
    assert result.exit_code == 0 and "24 samples on 24 backgrounds" in result.output
    assert "datasets/tiny" in result.output and "Nothing was made" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["t.yaml"]


def test_plan_prints_and_writes(tmp_path):
    result = tiny.run("plan", tiny.write(tmp_path / "t.yaml"), "--out", tmp_path / "plan.parquet")
    assert result.exit_code == 0 and (tmp_path / "plan.parquet").is_file()
    for word in ("normal", "malignant", "train", "33.33%", "4 malignant calcification"):
        assert word in result.output


def test_build_goes_to_datasets_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), "--size", 3, "--workers", 1)
    assert result.exit_code == 0
    for name in ("README.md", "manifest.json", "figures/samples.png"):
        assert (tmp_path / "datasets" / "tiny" / name).is_file()
    assert "card     datasets/tiny/README.md" in result.output and "3 of them made now" in result.output


def test_card_and_schema(built, tmp_path):
    import json
    import shutil

    copy = shutil.copytree(built, tmp_path / "copy")
    (copy / "README.md").unlink()
    assert tiny.run("card", copy).output.strip() == str(copy / "README.md")
    assert tiny.files(copy) == tiny.files(built)
    assert json.loads(tiny.run("schema").output)["title"] == "synthmammo recipe"


def test_interruptions_anywhere_exit_with_130(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("synthmammo.recipe.load_recipe", interrupted)
    result = tiny.run("plan", tmp_path / "t.yaml")
    assert result.exit_code == 130 and "interrupted" in result.output


def test_messages_go_to_the_error_stream(tmp_path):
    command = [sys.executable, "-m", "synthmammo", "verify", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout and "error: " in done.stderr


def test_output_can_be_piped_to_a_reader_that_stops():
    command = f"{sys.executable} -m synthmammo schema | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout == "{\n" and "Traceback" not in done.stderr


def test_the_console_script_is_this_command():
    scripts = {script.name: script for script in entry_points(group="console_scripts")}
    assert scripts["synthmammo"].load() is main


@pytest.mark.slow
def test_help_is_quick():
    import time

    best = 9.0
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "synthmammo", "--help"], capture_output=True, check=True)
        best = min(best, time.perf_counter() - start)
    assert best < 0.4
