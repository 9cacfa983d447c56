import re
import shlex

import click
import pytest

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
VERBS = {"Only", "Change", "Choose", "Chooses", "Make", "Turn", "Also", "Resample", "Stop", "To", "At", "Where", "Of"}


@every_command
def test_help_is_printed_with_an_example(name):
    result = tiny.run(*name.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: synthmammo {name} " in " ".join(result.output.split()).replace("zoo list", "zoo list ") + " "


@every_command
def test_the_example_is_understood(name, monkeypatch):
    command = commands.COMMANDS[name]
    words = shlex.split(re.search(r"Example: synthmammo (.*)", " ".join(command.help.split()))[1].partition(" > ")[0])
    assert words[: len(name.split())] == name.split()
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)  # no file has to be there
    understand(command, words[len(name.split()) :])


def understand(command: click.Command, words: list[str]) -> None:
    """Parse a command line down to the last subcommand."""
    context = command.make_context(command.name, list(words))
    if isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        understand(inner, rest)


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
