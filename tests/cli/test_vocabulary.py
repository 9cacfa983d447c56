"""One vocabulary of options: the table of CONTRIBUTING, the commands, and the names of the release before."""

import re
from collections import defaultdict
from pathlib import Path

import click
import pytest

from synthmammo.cli.kinds import Layers, Seed
from synthmammo.cli.renaming import Renamed, renamed
from tests.support import commands, tiny

ROOT = Path(__file__).parents[2]
USES = defaultdict(list)
for name, command in commands.COMMANDS.items():
    for option in commands.options(command):
        if not option.hidden:
            USES[option.opts[0]].append((name, option))
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Options of commands")[2].split("\n## ")[0]
TABLE = dict(re.findall(r"^\| `(--[\w-]+)` \| [^|]+ \| (.+) \|$", SECTION, re.MULTILINE))
RENAMED = [(name, option) for uses in USES.values() for name, option in uses if isinstance(option, Renamed)]


def test_an_option_of_several_commands_stands_in_the_table():
    shared = {option for option, uses in USES.items() if len(uses) > 1}
    assert shared == TABLE.keys()


@pytest.mark.parametrize("option", TABLE)
def test_it_means_the_same_everywhere(option):
    pattern = ".*".join(map(re.escape, TABLE[option].split("…")))
    assert [(name, use.help) for name, use in USES[option] if not re.match(pattern, use.help)] == []


@pytest.mark.parametrize("option", TABLE)
def test_it_takes_the_same_kind_of_value_everywhere(option):
    kinds = {(use.is_flag, isinstance(use.type, (click.types.IntParamType))) for _, use in USES[option]}
    assert len(kinds) == 1


def test_kinds_of_values():
    assert all(isinstance(use.type, Seed) for _, use in USES["--seed"])
    assert all(isinstance(use.type, Layers) for _, use in USES["--layers"])
    assert all(use.multiple and use.metavar == "KEY=VALUE" for _, use in USES["--set"])


@pytest.mark.parametrize(("name", "option"), RENAMED, ids=lambda part: part if isinstance(part, str) else part.formerly)
def test_former_names_work_with_a_note(name, option):
    former, present = option.formerly, option.opts[0]
    assert former not in {other.opts[0] for _, other in RENAMED if _ == name}
    result = tiny.run(*name.split(), former, *([] if option.is_flag else ["1"]), "--help")
    assert result.exit_code == 0
    assert result.stderr == f"note: {former} is now called {present}; the next release knows only that.\n"
    assert not tiny.run(*name.split(), former, "1", "--quiet", "--help").stderr


def test_the_documentation_lists_the_former_names():
    page = (ROOT / "docs" / "how_to" / "command_line.md").read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in page.partition("## Options of the release before")[2].splitlines()]
    listed = {
        (name, before)
        for command, before, _ in (row for row in rows if len(row) == 3)
        for name in re.findall(r"`([^`]+)`", command)
        for before in re.findall(r"(--[\w-]+)", before)
    }
    assert {(name, option.formerly) for name, option in RENAMED} <= listed


def test_words_that_are_no_options_stay_as_they_are():
    option = Renamed(["--quota"], formerly="--count")
    command = click.Command("x", params=[option])
    assert renamed(command, ["a", "--count=b=c", "--", "--count"]) == ["a", "--quota=b=c", "--", "--count"]


@pytest.mark.parametrize(("text", "layers"), [("4-7", (4, 8)), ("4", (4, 5)), ("0-0", (0, 1))])
def test_layers_are_first_and_last(text, layers):
    assert Layers().convert(text, None, None) == layers


def test_the_former_notation_of_layers_is_understood(capsys):
    assert Layers().convert("0:4", None, None) == (0, 4)
    assert "now written 0-3" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "x", "9-2", "9:2", "4:4", "-1", "1-", "1-2-3", "99999"])
def test_what_is_no_range_of_layers_is_refused(text):
    with pytest.raises(click.BadParameter, match="names no layers"):
        Layers().convert(text, None, None)


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_a_range_is_written_with_a_dash(name):
    assert not re.search(r"\d:\d", commands.help_of(name))
