import resource
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import synthmammo
from synthmammo import __version__
from synthmammo.cli import main
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
    assert result.exit_code == 2 and "Known: benchmark, build, card" in result.output


def test_interruptions_anywhere_exit_with_130(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(synthmammo, "load_recipe", interrupted)
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


def test_help_is_quick():
    """In processor time, which other work on the machine does not change."""
    best = 9.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "synthmammo", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert best < 0.3
