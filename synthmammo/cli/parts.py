"""The command parts: a group."""

from __future__ import annotations

import click

from synthmammo.cli.main import Commands


class Parts(Commands):
    """Commands on the parts of a model's images."""

    modules = {"fit": "parts_fit"}


@click.group(cls=Parts)
def parts() -> None:
    """Find the parts of a model's images, for local edits.

    Example: synthmammo parts fit zoo/stylegan2-cbis-mass-128
    """
