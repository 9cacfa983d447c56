"""The command line: one thin command per verb; heavy imports happen inside the commands."""

from synthmammo.cli.main import main

__all__ = ["main"]
