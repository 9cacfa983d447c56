"""How much the commands say: `--quiet` and `--verbose`, which every command takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from synthmammo.errors import PluginWarning

_QUIET, _VERBOSE = "synthmammo:quiet", "synthmammo:verbose"
"""Keys of what the contexts of one command line share."""


def quiet() -> bool:
    """Whether the command that runs was asked for its result alone."""
    return _asked(_QUIET)


def verbose() -> bool:
    """Whether the command that runs was asked to tell more."""
    return _asked(_VERBOSE)


def note(text: str) -> None:
    """Say something beside the result, on the error stream; nothing with `--quiet`."""
    if not quiet():
        click.echo(f"note: {text}", err=True)


@contextmanager
def saying_warnings() -> Iterator[None]:
    """Have a warning about a plug-in printed as one sentence; other warnings as Python prints them."""
    with warnings.catch_warnings():
        printed = warnings.showwarning

        def say(message: Any, category: Any, *more: Any, **others: Any) -> None:
            if issubclass(category, PluginWarning):
                click.secho("warning: ", fg="yellow", bold=True, nl=False, err=True)
                click.echo(str(message), err=True)
            else:
                printed(message, category, *more, **others)

        warnings.showwarning = say
        yield


def with_volume(command: click.Command) -> click.Command:
    """A command with the options `--quiet` and `--verbose`; a group has them in its commands."""
    taken = {name for parameter in command.params for name in parameter.opts}
    if not isinstance(command, click.Group) and "--quiet" not in taken:
        command.params += [_flag("-q", "--quiet", _QUIET, _QUIET_HELP), _flag("-v", "--verbose", _VERBOSE, _LOUD_HELP)]
    return command


_QUIET_HELP = "Print the result and errors only: no progress, no notes."
_LOUD_HELP = "Also print what the libraries log, and where an error arose."


def _flag(short: str, name: str, key: str, text: str) -> click.Option:
    def noted(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[key] = True
        if value and key == _VERBOSE:
            _log_everything()

    return click.Option([name, short], is_flag=True, expose_value=False, callback=noted, help=text)


def _log_everything() -> None:
    import logging

    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")


def _asked(key: str) -> bool:
    context = click.get_current_context(silent=True)
    found: Any = context.meta.get(key, False) if context else False
    return bool(found)
