"""The command sheet: a group."""

from __future__ import annotations

import click

from synthmammo.cli.main import Commands


class Sheets(Commands):
    """Sheets by what they show."""

    modules = {"seeds": "sheets", "directions": "sheets", "parts": "sheets", "local": "sheets"}


@click.group(cls=Sheets)
def sheet() -> None:
    """Draw a sheet of what a model makes, or of how it can be edited; after figures 1 to 3 of Zakka et al. 2020.

    Example: synthmammo sheet seeds zoo/stylegan2-cbis-mass-128 --class malignant --seeds 0-39 --out samples.png
    """
