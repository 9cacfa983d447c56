"""How commands look: their example as lines that can be copied, and what a value is, in their help."""

from __future__ import annotations

import shlex
from inspect import cleandoc

import click

EXAMPLE = "\n\nExample: "
LONGEST = 74
"""Characters of a line of an example; with its indentation it fits into 80 columns."""


def with_example(command: click.Command) -> click.Command:
    """A command whose example stands at the end of its help, on lines that a shell takes as they are."""
    text, _, example = cleandoc(command.help or "").partition(EXAMPLE)
    if example and not command.epilog:
        command.help = text
        command.epilog = "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines_of(example.strip()))
    return command


def lines_of(example: str) -> list[str]:
    """A command line, broken before options where it is too long for one line."""
    lines: list[str] = []
    for word in shlex.split(example):
        word = word if word in (">", "|") else shlex.quote(word)
        if not lines:
            lines.append(word)
        elif len(lines[-1]) + len(word) + 3 <= LONGEST - 12 * word.startswith("--"):
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(f"    {word}")
    return lines


def metavar(option: click.Option) -> str | None:
    """What stands for the value of an option that is a number: N, or X where it need not be whole."""
    if option.metavar or option.is_flag or option.nargs != 1:
        return option.metavar
    if isinstance(option.type, click.types.IntParamType):
        return "N"
    return "X" if isinstance(option.type, click.types.FloatParamType) else None


def with_metavars(command: click.Command) -> click.Command:
    """A command whose options say N and X in place of INTEGER RANGE and FLOAT RANGE."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.metavar = metavar(option)
    return command
