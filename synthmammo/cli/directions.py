"""The command directions: a group with fit and show."""

from __future__ import annotations

import click

from synthmammo.cli.main import Commands


class Directions(Commands):
    """What can be done about directions."""

    modules = {"fit": "directions_fit", "show": "directions_fit"}


@click.group(cls=Directions)
def directions() -> None:
    """Find, measure and show the directions that the images of a StyleGAN2 can be moved along.

    Example: synthmammo directions fit zoo/stylegan2-cbis-mass-128
    """
