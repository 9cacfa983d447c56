"""Every command of the command line, and its parts."""

from __future__ import annotations

from collections.abc import Iterator

import click

from synthmammo.cli import main


def walk(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it; a group comes before its commands."""
    context = click.Context(group, **group.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))


COMMANDS = {" ".join(path): command for path, command in walk()}
"""By the words that call them."""


def options(command: click.Command) -> list[click.Option]:
    """The options of a command, in the order of its help."""
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def help_of(name: str) -> str:
    """What `--help` prints of a command, on lines that are not broken."""
    context = click.Context(main, info_name="synthmammo", **main.context_settings)
    for word in name.split():
        group = context.command
        assert isinstance(group, click.Group)
        command = group.get_command(context, word)
        assert command
        context = click.Context(
            command, info_name=word, parent=context, terminal_width=10_000, max_content_width=10_000
        )
    return context.command.get_help(context)


def understand(command: click.Command, words: list[str], above: click.Context | None = None) -> None:
    """Parse a command line down to the last subcommand.

    A subcommand is parsed below its group, as in a call: click keeps the help option of its first context for good.

    Raises:
        click.UsageError: A command or an option is not known, or an argument is missing or superfluous.
    """
    context = command.make_context(command.name, list(words), parent=above)
    if isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner
        understand(inner, rest, context)
