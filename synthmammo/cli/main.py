"""The group of commands, and what every command does with errors and interruptions."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import click

from synthmammo._version import __version__
from synthmammo.cli.appearance import with_example, with_metavars
from synthmammo.cli.renaming import renamed
from synthmammo.cli.volume import saying_warnings, verbose, with_volume
from synthmammo.errors import SynthmammoError, nearest

INTERRUPTED = 130
DONE_WITH_SKIPS = 3

SECTIONS: dict[str, dict[str, str]] = {
    "Make": {
        "init": "beginning",
        "check": "plans",
        "plan": "plans",
        "build": "recipes",
        "merge": "recipes",
        "schema": "recipes",
    },
    "Look": {
        "status": "datasets",
        "show": "datasets",
        "verify": "datasets",
        "repair": "datasets",
        "regenerate": "datasets",
        "card": "datasets",
        "inspect": "inspection",
        "explore": "explore",
    },
    "Real data": {"ingest": "archives", "patches": "archives"},
    "Models": {"train": "training", "sample": "models", "convert": "models", "zoo": "models"},
    "Edit": {
        "directions": "directions",
        "parts": "parts",
        "sheet": "sheets",
        "mix": "latents",
        "walk": "latents",
        "invert": "latents",
    },
    "Judge": {"audit": "audit", "benchmark": "benchmark", "study": "study", "turing": "study", "lineage": "lineage"},
    "Share": {"publish": "sharing", "send": "sharing"},
    "This installation": {"doctor": "installation", "plugins": "installation", "completion": "installation"},
}
"""Modules of the commands, by the headings under which the help lists them, in the order of the work."""


class Commands(click.Group):
    """A group that turns our errors into one message and imports a command's module only when it is called for.

    Args:
        modules: Modules of this package by name of a command, in the order of the work; `module:function` where the
            function has another name than the command.
        sections: Names of commands by the heading under which the help lists them; by default all under one.
    """

    def __init__(
        self,
        *arguments: Any,
        modules: Mapping[str, str],
        sections: Mapping[str, Iterable[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.modules = modules
        self.sections = sections or {"Commands": modules}

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
        return with_example(with_metavars(with_volume(command)))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click, with the nearest command named for a mistyped one, and options by their present names."""
        known = args[0] in self.modules or args[0].startswith("-")
        if not known and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command '{args[0]}'. {nearest(args[0], self.modules)}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, renamed(command, rest) if command else rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click, under headings; the first sentence of each command is printed whole."""
        for heading, names in self.sections.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, _first_sentence(command)) for name, command in commands if command]
            with formatter.section(heading):
                formatter.write_dl(rows, col_max=max(map(len, self.modules)))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; our errors and interruptions become one message and an exit code."""
        try:
            with saying_warnings():
                return super().invoke(ctx)
        except SynthmammoError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            print_error(_in_options(error, command.params if command else ()))
            if verbose():
                traceback.print_exception(error)
            sys.exit(1)
        except KeyboardInterrupt as stop:
            kept = str(stop)  # the text of an `Interrupted`
            click.echo(f"\ninterrupted; {kept}" if kept else "\ninterrupted", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # its reader has seen enough: click ends without a word
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


def _first_sentence(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


def print_error(error: object) -> None:
    """Say on the error stream what went wrong."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(str(error), err=True)


_EXAMPLES = """\b
Examples:
  synthmammo init mine --like balanced_mass      a recipe to change
  synthmammo build mine.yaml --size 10           its dataset, ten samples
  synthmammo show datasets/mine                  a picture of them
  synthmammo completion bash                     how the tab key completes
"""


@click.group(
    cls=Commands,
    modules={name: module for section in SECTIONS.values() for name, module in section.items()},
    sections=SECTIONS,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="synthmammo")
def main() -> None:
    """Turn mammogram generators into datasets.

    A recipe says what to make. `synthmammo build RECIPE` makes it as WebDataset, Parquet or DICOM, with boxes, masks
    and a card.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        click.get_current_context().color = False  # see https://no-color.org
