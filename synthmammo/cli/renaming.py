"""Names of options that a release has given up: they keep working for one release, with a note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class Renamed(click.Option):
    """An option that is also understood by a name of the release before.

    Args:
        formerly: That name, e.g. `--count`; it must not be the name of another option of the command.
    """

    def __init__(self, *arguments: Any, formerly: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.formerly = formerly


def renamed(command: click.Command, words: Sequence[str]) -> list[str]:
    """Words of a command line with the present names of options in place of former ones; each is noted once.

    Args:
        command: Command whose options they name.
        words: Words after the command's name; those after `--` stay as they are.
    """
    present = {option.formerly: option.opts[0] for option in command.params if isinstance(option, Renamed)}
    ends = words.index("--") if "--" in words else len(words)
    changed = []
    for word in words[:ends]:
        name, equals, value = word.partition("=")
        changed.append(present.get(name, name) + equals + value)
    used = {word.partition("=")[0] for word in words[:ends]} & present.keys()
    if not any(word in ("-q", "--quiet") for word in words[:ends]):
        for name in sorted(used):
            click.echo(f"note: {name} is now called {present[name]}; the next release knows only that.", err=True)
    return [*changed, *words[ends:]]
