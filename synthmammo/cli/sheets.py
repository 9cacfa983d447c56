"""The group sheet: seeds, directions, parts, local."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from synthmammo.cli.kinds import Layers, Number, NumberRange
from synthmammo.cli.main import Commands
from synthmammo.cli.options import (
    DEVICE,
    DIRECTIONS,
    FILE,
    LABEL,
    LAYERS,
    MODEL,
    PICTURE,
    TRUNCATION,
    columns_option,
    most_option,
    sample_option,
)
from synthmammo.cli.renaming import Renamed

_PARTS = click.option("--parts", type=FILE, help="Parts file to read.  [default: beside the model]")


@click.group(cls=Commands, modules=dict.fromkeys(("seeds", "directions", "parts", "local"), "sheets"))
def sheet() -> None:
    """Draw a sheet of a model's samples or edits.

    Sheets are laid out like figures 1 to 3 of Zakka et al. 2020.

    Example: synthmammo sheet seeds zoo/stylegan2-cbis-mass-128 --class malignant --seeds 0-39 --out samples.png
    """


@click.command()
@MODEL
@sample_option("0-39")
@TRUNCATION
@LABEL
@PICTURE
@DEVICE
def seeds(model: str, out: Path, **options: Any) -> None:
    """Draw uncurated samples of MODEL (figure 1).

    Example: synthmammo sheet seeds zoo/stylegan2-cbis-mass-128 --class malignant --out samples.png
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("sheet") as update:
        click.echo(synthmammo.draw_seeds(model, out, progress=update, **options))


@click.command()
@MODEL
@click.option("--sample", default="0", show_default=True, help="Sample that is moved: a seed, or FILE:KEY.")
@click.option(
    "--along",
    cls=Renamed,
    formerly="--row",
    metavar="DIRECTION",
    multiple=True,
    help="Direction to move along, one per row; may be repeated.  [default: component 0 to component 5]",
)
@most_option(2.0)
@columns_option(7, 3)
@click.option("--layers", type=Layers(), help=f"{LAYERS}  [default: all]")
@DIRECTIONS
@TRUNCATION
@LABEL
@PICTURE
@DEVICE
def directions(
    model: str,
    out: Path,
    along: tuple[str, ...],
    layers: tuple[int, int] | None,
    **options: Any,
) -> None:
    """Draw a sample moved along directions (figure 2).

    Each row leads along one direction, from -s to +s standard deviations; --columns is odd.

    Example: synthmammo sheet directions zoo/stylegan2-cbis-mass-128 --class malignant --along texture --out d.png
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    if along:
        options["along"] = along
    if layers:
        options["layers"] = range(*layers)
    with progress_bar("sheet") as update:
        click.echo(synthmammo.draw_directions(model, out, progress=update, **options))


@click.command()
@MODEL
@sample_option("0-7")
@_PARTS
@TRUNCATION
@LABEL
@PICTURE
@DEVICE
def parts(model: str, out: Path, **options: Any) -> None:
    """Draw samples with their parts in colours.

    `synthmammo parts fit` finds the parts; the sheet shows their numbers.

    Example: synthmammo sheet parts zoo/stylegan2-cbis-mass-128 --class malignant --out parts.png
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("sheet") as update:
        click.echo(synthmammo.draw_parts(model, out, progress=update, **options))


@click.command()
@MODEL
@click.option(
    "--cluster",
    cls=Renamed,
    formerly="--part",
    type=click.IntRange(0),
    required=True,
    help="Number of the part; `synthmammo sheet parts` shows it.",
)
@sample_option("0-3", "--references", "Samples that give the part, one per row")
@sample_option("10-13", "--targets", "Samples that receive the part, as many")
@click.option(
    "--strength", type=Number(), default=1.0, show_default=True, help="Share of the way from target to reference."
)
@click.option(
    "--threshold",
    type=NumberRange(0, 1),
    default=0.1,
    show_default=True,
    help="Least contribution to the part of a channel that is moved, rho / (1 + rho).",
)
@click.option(
    "--epsilon",
    type=NumberRange(0),
    default=60.0,
    show_default=True,
    help="Budget of change outside the part, in channels of 512.",
)
@_PARTS
@TRUNCATION
@LABEL
@PICTURE
@DEVICE
def local(model: str, out: Path, **options: Any) -> None:
    """Draw a part of one sample given to another (figure 3).

    A row shows the reference, the target, the target with the part of the reference, and the difference.

    Example: synthmammo sheet local zoo/stylegan2-cbis-mass-128 --class malignant --cluster 3 --out local.png
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("sheet", unit="rows") as update:
        click.echo(synthmammo.draw_transfers(model, out, progress=update, **options))
