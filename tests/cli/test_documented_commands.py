"""The commands of the documentation in a terminal of 80 columns, and without one.

Commands that are quick run in full, on the tiny dataset and recipe; of the others the help is printed, which parses
their options.
"""

import json
import os
import pty
import re
import struct
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

from synthmammo.cli import main
from tests.support import commands, tiny
from tests.test_documentation import PAGES, command_lines

ROOT = Path(__file__).parents[2]
QUICK = {"check", "plan", "schema", "init", "status", "completion", "zoo list", "verify", "show", "card"}
DRIVER = """
import json, sys
from synthmammo.cli import main
for number, words in enumerate(json.load(open("commands.json"))):
    print(f"\\n@@@ {number}", flush=True)
    try:
        main(words, prog_name="synthmammo")
    except SystemExit as end:
        print(f"@@@ exit {end.code}", flush=True)
"""
"""Runs many commands in one process: starting Python for each would take minutes."""


def documented() -> list[list[str]]:
    """Commands of the documentation without their program, each once."""
    lines = [words for page in PAGES for words in command_lines(page) if words and words[0] == "synthmammo"]
    cut = [words[1 : next((n for n, word in enumerate(words) if word in (">", "|")), len(words))] for words in lines]
    return [list(words) for words in dict.fromkeys(map(tuple, cut))]


def called(words: list[str]) -> str:
    """The command that words call, e.g. "zoo list"."""
    return next(name for name in (" ".join(words[:2]), words[0]) if name in commands.COMMANDS)


def to_run(words: list[str]) -> list[str]:
    """What is run for a documented command: a quick one on tiny inputs, else its help."""
    name = called(words)
    if name not in QUICK or "--where" in words or "balanced" in " ".join(words) and name == "plan":
        return [*name.split(), "--help"]
    replaced = {"plan": "t.yaml", "check": "t.yaml", "status": "d", "verify": "d", "show": "d", "card": "d"}
    if name in replaced:
        words = [name, replaced[name], *(word for word in words[2:] if name in ("show", "plan"))]
    return [*words, "--overwrite"] if name == "init" else words


COMMANDS = [[], *([*name.split(), "--help"] for name in commands.COMMANDS), *map(to_run, documented())]
MORE = [
    ["plan", "t.yaml", "--json"],
    ["status", "d", "--json"],
    ["check", "t.yaml", "--json"],
    ["zoo", "list", "--json"],
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, built) -> Path:
    import shutil

    place = tmp_path_factory.mktemp("documented")
    shutil.copytree(built, place / "d")
    tiny.write(place / "t.yaml", size=12)
    (place / "commands.json").write_text(json.dumps([*COMMANDS, *MORE]))
    return place


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "TERM")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **more}


def in_terminal(place: Path, columns: int, **more: str) -> list[str]:
    """What the commands print in a pseudo-terminal."""
    import fcntl
    import termios

    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        **{"stdin": inner, "stdout": inner, "stderr": inner, "cwd": place, "env": environment(**more)},
    )
    os.close(inner)
    parts: list[bytes] = []

    def read() -> None:
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:  # the other end is closed
                return
            if not part:
                return
            parts.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    assert running.wait(timeout=300) == 0
    reader.join()
    os.close(outer)
    return blocks(b"".join(parts).decode().replace("\r\n", "\n"))


def blocks(text: str) -> list[str]:
    return re.split(r"\n@@@ \d+\n", text)[1:]


def shown(block: str) -> list[str]:
    """Lines as they stay on the screen: without colours, and without what a bar has overwritten."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", block)
    return [line.rpartition("\r")[2] for line in plain.splitlines()]


def finished(found: list[str]) -> None:
    """Every command has come to its end, with a message where it failed, and none with a traceback."""
    for words, block in zip([*COMMANDS, *MORE], found, strict=True):
        assert "Traceback" not in block, block
        code = re.search(r"@@@ exit (\d+)", block)
        assert code and code[1] == "0" or not words, f"{words}: {block}"


def too_wide(found: list[str], columns: int) -> list[str]:
    """Lines that a terminal would break; those of JSON and of the scripts of shells are for programs."""
    return [
        line
        for words, block in zip(COMMANDS, found, strict=False)
        for line in shown(block)
        if len(line) > columns and words[:1] not in (["schema"], ["completion"], ["zoo"])
    ]


def test_in_a_terminal_of_80_columns(workplace):
    found = in_terminal(workplace, 80)
    finished(found)
    assert too_wide(found, 80) == []
    ran = [(words, block) for words, block in zip(COMMANDS, found, strict=False) if words[-1:] != ["--help"]]
    plans = [block for words, block in ran if words[:1] == ["plan"] and "--json" not in words]
    assert plans and all("─" in block and "| ---" not in block for block in plans)


def test_without_a_terminal(workplace):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], cwd=workplace, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout and "\x1b" not in done.stderr
    found = blocks(done.stdout)
    finished(found)
    for words, block in zip([*COMMANDS, *MORE], found, strict=True):
        if words[-1:] == ["--json"]:
            json.loads(block.partition("@@@ exit")[0])
        elif words[:2] == ["zoo", "list"] and words[-1] != "--help":
            assert "| --- " in block.replace("----", "---")


@pytest.mark.slow
def test_in_a_narrow_terminal_without_colours(workplace):
    found = in_terminal(workplace, 50, NO_COLOR="1")
    finished(found)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", "".join(found)), "a colour"


def test_every_documented_command_is_one(capsys):
    for words in documented():
        context = click.Context(main)
        assert main.get_command(context, words[0]), words
