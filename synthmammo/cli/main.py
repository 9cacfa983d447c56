"""The group of commands, and what every command does with errors and interruptions."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from synthmammo._version import __version__
from synthmammo.errors import SynthmammoError, nearest

INTERRUPTED = 130
DONE_WITH_SKIPS = 3

_WHERE = {
    "build": "recipes",
    "plan": "recipes",
    "check": "recipes",
    "schema": "recipes",
    "ingest": "archives",
    "patches": "archives",
    "verify": "datasets",
    "repair": "datasets",
    "regenerate": "datasets",
    "show": "datasets",
    "card": "datasets",
    "inspect": "inspection",
    "send": "sharing",
    "publish": "sharing",
    "train": "training",
    "convert": "models",
    "sample": "models",
    "parts": "parts",
    "invert": "latents",
    "mix": "latents",
    "walk": "latents",
    "sheet": "sheets",
    "turing": "study",
    "directions": "directions",
    "zoo": "models",
    "benchmark": "benchmark",
}


class Commands(click.Group):
    """A group that turns our errors into one message and imports a command's module only when it is called for.

    Args:
        modules: Modules of this package by name of a command, in the order of the work; `module:function` where the
            function has another name than the command.
    """

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the work."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now; None when there is none of that name."""
        from importlib import import_module

        if cmd_name not in self.modules:
            return None
        module, _, function = self.modules[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"synthmammo.cli.{module}"), function or cmd_name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click, with the nearest command named for a mistyped one."""
        known = args[0] in self.modules or args[0].startswith("-")
        if not known and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command '{args[0]}'. {nearest(args[0], self.modules)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; our errors and interruptions become one message and an exit code."""
        try:
            return super().invoke(ctx)
        except SynthmammoError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            print_error(_in_options(error, command.params if command else ()))
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; what is finished is kept, and the same command goes on from there", err=True)
            sys.exit(INTERRUPTED)
        except OSError as error:
            # The last net: a path nobody could foresee must not end in a traceback.
            print_error(f"{error.filename or 'system'}: {error.strerror or error}")
            sys.exit(1)


def _in_options(error: SynthmammoError, parameters: Iterable[click.Parameter]) -> SynthmammoError:
    """The error, in which an argument of a public function is called as the option of the command is."""
    options = {parameter.name: parameter.opts[0] for parameter in parameters if isinstance(parameter, click.Option)}
    name, space, rest = str(error.where).partition(" ")
    if name not in options:
        return error
    return type(error)(error.message, where=f"{options[name]}{space}{rest}", hint=error.hint)


def print_error(error: object) -> None:
    """Say on the error stream what went wrong."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(str(error), err=True)


_COMPLETION = """\b
Completion of commands, options and files by the tab key, one line per shell:
  bash  eval "$(_SYNTHMAMMO_COMPLETE=bash_source synthmammo)"             in ~/.bashrc
  zsh   eval "$(_SYNTHMAMMO_COMPLETE=zsh_source synthmammo)"              in ~/.zshrc
  fish  _SYNTHMAMMO_COMPLETE=fish_source synthmammo | source              in ~/.config/fish/config.fish
"""


@click.group(
    cls=Commands,
    modules=_WHERE,
    epilog=_COMPLETION,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="synthmammo")
def main() -> None:
    """Turn mammogram generators into datasets.

    A recipe says what to make. `synthmammo build RECIPE` makes it as WebDataset, Parquet or DICOM, with boxes, masks
    and a card.
    """
