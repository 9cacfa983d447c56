"""The reference page of the commands: what `--help` says of each."""

from __future__ import annotations

from collections.abc import Iterator

import click

from synthmammo.cli.main import Commands, main
from tools.undocumented import Undocumented

WIDTH = 110
BEFORE = """# Commands

This page is written from `--help` of every command by `make docs`. Commands that make something go on after a break:
run the same command again.

"""
AFTER = """
## Exit codes

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | refused or failed, with one message |
| 2 | the command line was not understood |
| 3 | done, with some samples skipped |
| 130 | interrupted |
"""


def page() -> str:
    """The page, as Markdown.

    Raises:
        Undocumented: A command or an option has no help.
    """
    settings = {**main.context_settings, "max_content_width": WIDTH}
    context = click.Context(main, info_name="synthmammo", terminal_width=WIDTH, **settings)
    all_of_them = f"```text\n{main.get_help(context)}\n```\n\n"
    return BEFORE + all_of_them + "\n".join(_sections(main, context, "##")) + AFTER


def _sections(group: Commands, above: click.Context, heading: str) -> Iterator[str]:
    for name in group.modules:
        command = group.get_command(above, name)
        assert command
        context = click.Context(command, info_name=name, parent=above, max_content_width=WIDTH, terminal_width=WIDTH)
        _refuse_undocumented(command, context.command_path)
        title = context.command_path.removeprefix("synthmammo ")
        yield f"{heading} {title}\n\n```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, Commands):
            yield from _sections(command, context, heading + "#")


def _refuse_undocumented(command: click.Command, path: str) -> None:
    if not command.help:
        raise Undocumented(f"{path}: the command has no help")
    for option in command.params:
        if isinstance(option, click.Option) and not option.help:
            raise Undocumented(f"{path}: {option.opts[0]} has no help")
