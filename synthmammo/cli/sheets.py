"""The group sheet: seeds, directions, parts, local."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_PARTS = click.option("--parts", "file", type=FILE, help="Parts file to read.  [default: beside the model]")


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
def seeds(model: str, seeds: str, truncation: float, label: str | None, out: Path, device: str) -> None:
    """Draw uncurated samples of MODEL (figure 1).

    Example: synthmammo sheet seeds zoo/stylegan2-cbis-mass-128 --class malignant --out samples.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_names

    with progress_bar("sheet") as update:
        samples = Samples.of(model, truncation, label, device, progress=update)
        picture = sheet.draw_seeds(samples, parse_names(seeds), progress=update)
    _write(picture, out, samples.packet(*parse_names(seeds)))


@click.command()
@MODEL
@click.option("--sample", "name", default="0", show_default=True, help="Sample that is moved: a seed, or FILE:KEY.")
@click.option(
    "--along",
    "rows",
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
    name: str,
    rows: tuple[str, ...],
    most: float,
    columns: int,
    layers: tuple[int, int] | None,
    file: Path | None,
    truncation: float,
    label: str | None,
    out: Path,
    device: str,
) -> None:
    """Draw a sample moved along directions (figure 2).

    Each row leads along one direction, from -s to +s standard deviations; --columns is odd.

    Example: synthmammo sheet directions zoo/stylegan2-cbis-mass-128 --class malignant --along texture --out d.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.directions.file import require_directions
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples

    require_directions(model, file)
    scale = sheet.Scale(most, columns, layers, file)
    rows = rows or tuple(f"component {number}" for number in range(6))
    with progress_bar("sheet") as update:
        samples = Samples.of(model, truncation, label, device, progress=update)
        picture = sheet.draw_directions(samples, name, rows, scale, progress=update)
    _write(picture, out, samples.packet(name))


@click.command()
@MODEL
@sample_option("0-7")
@_PARTS
@TRUNCATION
@LABEL
@PICTURE
@DEVICE
def parts(
    model: str, seeds: str, file: Path | None, truncation: float, label: str | None, out: Path, device: str
) -> None:
    """Draw samples with their parts in colours.

    `synthmammo parts fit` finds the parts; the sheet shows their numbers.

    Example: synthmammo sheet parts zoo/stylegan2-cbis-mass-128 --class malignant --out parts.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.parts.file import require_parts
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_names

    require_parts(model, file)
    with progress_bar("sheet") as update:
        samples = Samples.of(model, truncation, label, device, progress=update)
        picture = sheet.draw_parts(samples, parse_names(seeds), file, progress=update)
    _write(picture, out, samples.packet(*parse_names(seeds)))


@click.command()
@MODEL
@click.option(
    "--cluster",
    "part",
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
def local(
    model: str,
    part: int,
    references: str,
    targets: str,
    strength: float,
    threshold: float,
    epsilon: float,
    file: Path | None,
    truncation: float,
    label: str | None,
    out: Path,
    device: str,
) -> None:
    """Draw a part of one sample given to another (figure 3).

    A row shows the reference, the target, the target with the part of the reference, and the difference.

    Example: synthmammo sheet local zoo/stylegan2-cbis-mass-128 --class malignant --cluster 3 --out local.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.parts.file import require_parts
    from synthmammo.editing.pictures import sheet
    from synthmammo.editing.samples import Samples, parse_names

    require_parts(model, file)
    transfer = sheet.Transfer(part, strength, threshold, epsilon, file)
    with progress_bar("sheet", unit="rows") as update:
        samples = Samples.of(model, truncation, label, device, progress=update)
        picture = sheet.draw_transfers(
            samples, parse_names(references), parse_names(targets), transfer, progress=update
        )
    _write(picture, out, samples.packet(*parse_names(references), *parse_names(targets)))


def _write(picture: Picture, out: Path, packet: str) -> None:
    from synthmammo.files import writing
    from synthmammo.mammogram import png

    with writing(out) as partial:
        png.save(picture, partial, packet)
    click.echo(out)
