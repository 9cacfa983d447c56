import re
import shlex

import click
import pytest
from click.testing import CliRunner

from synthmammo.cli import main
from tests.support import commands, tiny

every_command = pytest.mark.parametrize("name", commands.COMMANDS)
OPTIONS = {
    f"{name} {option.opts[0]}": option
    for name, command in commands.COMMANDS.items()
    for option in commands.options(command)
}

UNITS = {"_mm": "mm", "_px": "pixels", "hours": "hours", "seconds": "seconds"}
ABSENT_BY_DEFAULT = {"shares", "settings", "counts", "user", "about", "synthetic", "config", "benchmark", "label"}
"""Names of options without which nothing takes their place."""
VERBS = {"Only", "Change", "Choose", "Chooses", "Make", "Turn", "Also", "Resample", "Stop", "To", "At", "Where"}


@every_command
def test_help_is_printed_with_an_example(name):
    result = tiny.run(*name.split(), "--help")
    assert result.exit_code == 0 and f"Example:\n    synthmammo {name}" in result.output
    assert result.output.count("Example:") == 1


@every_command
def test_the_example_is_understood(name, monkeypatch):
    command = commands.COMMANDS[name]
    words = shlex.split(example(name).partition(" > ")[0])[1:]
    assert words[: len(name.split())] == name.split()
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)  # no file has to be there
    commands.understand(command, words[len(name.split()) :])


def example(name: str) -> str:
    """The example of a command, as a shell joins its lines."""
    return tiny.run(*name.split(), "--help").output.partition("Example:\n")[2].replace("\\\n", " ").strip()


@pytest.mark.parametrize("width", [80, 60])
@every_command
def test_help_fits_the_terminal(name, width):
    shown = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=width)
    help_, _, example = shown.output.partition("Example:\n")
    assert [line for line in help_.splitlines() if len(line) > width or re.search(r"[a-z]\.\.\.$", line)] == []
    assert max(map(len, example.splitlines())) <= 80, "its lines are to be copied, so they stay as they are"


def test_the_list_of_commands_is_whole_and_grouped():
    text = tiny.run("--help").output
    assert max(map(len, text.splitlines())) <= 80
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == ["Options", "Make", "Look", "Real data", "Models", "Edit", "Judge", "Share", "This installation"]
    for name in commands.COMMANDS:
        if " " not in name:
            assert re.search(rf"^  {name} .*\.$", text, re.MULTILINE), f"the sentence of {name} is cut"


@pytest.mark.parametrize("line", re.findall(r"^  (synthmammo .*?)   ", main.epilog, re.MULTILINE))
def test_the_examples_of_all_are_understood(line, monkeypatch):
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)
    commands.understand(main, shlex.split(line)[1:])


@every_command
def test_the_first_sentence_fits_into_the_list_of_commands(name):
    first = commands.COMMANDS[name].help.partition("\n")[0]
    assert first.endswith(".") and len(first) <= 60, "a terminal of 80 columns would cut it"


@every_command
def test_sentences_are_plain(name):
    text = commands.help_of(name)
    assert not re.search(r"(?:^|[.:;]|  ) *Of ", text, re.MULTILINE), "no sentence begins with 'Of'"
    assert not re.search(r"\b(?:one|images|patches|processes|samples|tiles|steps) an? \w+", text, re.IGNORECASE), "per"
    assert not re.search(r" a second\b|seed ?1\b|seed paper|\bverb\b", text)


def test_options_are_explained_by_sentences():
    helps = {name: option.help.partition("  [default")[0] for name, option in OPTIONS.items()}
    assert [name for name, text in helps.items() if not (text[0].isupper() and text.endswith("."))] == []


def test_options_that_take_a_value_are_noun_phrases():
    assert [n for n, o in OPTIONS.items() if not o.is_flag and re.match(r"\w+", o.help)[0] in VERBS] == []


def test_defaults_are_told():
    told = {n for n, o in OPTIONS.items() if o.required or o.is_flag or o.show_default or "[default: " in o.help}
    assert [name for name in OPTIONS.keys() - told if OPTIONS[name].name not in ABSENT_BY_DEFAULT] == []


def test_units_are_told():
    silent = [
        name
        for name, option in OPTIONS.items()
        for ending, unit in UNITS.items()
        if option.name.endswith(ending) and not re.search(rf"\b{unit}\b", option.help)
    ]
    assert silent == []


def test_options_of_one_name_that_are_shared_say_the_same():
    for name in ("--device", "--workers", "--class"):
        shared = [option for option in OPTIONS.values() if name in option.opts and not option.multiple]
        found = {option.help for option in shared if "[default: all]" not in option.help}
        assert len(found) == 1, found
