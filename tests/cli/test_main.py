import os
import pty
import resource
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from unittest.mock import Mock

import pytest

import synthmammo
from synthmammo import __version__
from synthmammo.cli import main
from synthmammo.cli.main import DONE_WITH_SKIPS, INTERRUPTED
from synthmammo.interruption import Interrupted
from tests.support import tiny


def test_no_arguments_print_the_commands():
    result = tiny.run()
    assert all(name in result.output for name in main.modules)
    assert tiny.run("--help").exit_code == 0 and tiny.run("-h").exit_code == 0


def test_version():
    assert tiny.run("--version").output == f"synthmammo, version {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("biuld", "build"), ("verfy", "verify"), ("ingets", "ingest")])
def test_a_mistyped_command_is_answered_with_the_nearest(typed, meant):
    result = tiny.run(typed)
    assert result.exit_code == 2 and f"Did you mean '{meant}'?" in result.output


def test_a_word_that_is_near_nothing_lists_all():
    result = tiny.run("xyzzy")
    assert result.exit_code == 2 and "Known: audit, benchmark, build, card" in result.output


def test_interruptions_anywhere_exit_with_130(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(synthmammo, "load_recipe", interrupted)
    result = tiny.run("plan", tmp_path / "t.yaml")
    assert result.exit_code == 130 and "interrupted" in result.output


def test_an_interruption_says_what_is_kept_and_nothing_where_it_does_not_know(tmp_path, monkeypatch):
    for error in (Interrupted("2 finished shards kept"), KeyboardInterrupt()):
        monkeypatch.setattr(synthmammo, "load_recipe", Mock(side_effect=error))
        said = f"interrupted; {error}" if str(error) else "interrupted"
        assert tiny.run("plan", tmp_path / "t.yaml").output == f"\n{said}\n"


def test_messages_go_to_the_error_stream(tmp_path):
    command = [sys.executable, "-m", "synthmammo", "verify", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout and "error: " in done.stderr


def test_output_can_be_piped_to_a_reader_that_stops():
    command = f"{sys.executable} -m synthmammo schema | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout == "{\n" and "Traceback" not in done.stderr


def test_a_reader_that_goes_away_while_the_command_works_is_no_error():
    code = """if True:
        import click
        from synthmammo.cli.main import Commands, main

        @click.command()
        def talk():
            for _ in range(9999):
                click.echo("x" * 999)

        Commands.get_command = lambda *_: talk
        main.modules["talk"] = ""
        main(["talk"])
    """
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -n 1; echo ${PIPESTATUS[0]}', "-", sys.executable, "-c", code],
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[1] == "1" and done.stderr == ""


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}], ids=str)
def test_errors_are_red_on_terminals_unless_colours_are_unwanted(plain, tmp_path):
    """In a terminal of its own, since colours are left out elsewhere anyway."""
    first, second = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "synthmammo", "status", str(tmp_path)]
    done = subprocess.run(command, stderr=second, env=environment | plain)
    os.close(second)
    said = os.read(first, 4096)
    os.close(first)
    assert done.returncode == 1 and b"error: " in said and (b"\x1b[" in said) == (not plain)


def test_the_exit_codes_are_documented():
    page = (Path(__file__).parents[2] / "docs" / "how_to" / "scripts.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert [int(row) for row in rows if row.isdecimal()] == [0, 1, 2, DONE_WITH_SKIPS, INTERRUPTED]


def test_the_console_script_is_this_command():
    scripts = {script.name: script for script in entry_points(group="console_scripts")}
    assert scripts["synthmammo"].load() is main


def test_help_is_quick():
    """In processor time, which other work on the machine does not change."""
    best = 9.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "synthmammo", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert best < 0.3
