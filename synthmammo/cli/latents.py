"""Commands on latents: invert, mix, walk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from synthmammo.cli.kinds import Choice, Layers, ModelName, NewFile, NumberRange
from synthmammo.cli.options import (
    ASSUME_SPACING,
    DEVICE,
    FILE,
    FROM_SPLIT,
    LABEL,
    LAYERS,
    LIMIT,
    MODEL,
    OUT_FILE,
    PICTURE,
    PICTURE_FILE,
    TRUNCATION,
    most_option,
    sample_option,
    seed_option,
)
from synthmammo.cli.renaming import Renamed


@click.command()
@click.argument("images", metavar="IMAGE", type=FILE)
@click.option(
    "--model",
    type=ModelName(),
    required=True,
    help="Model in which the latents are found: zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION.",
)
@click.option("--out", type=OUT_FILE, required=True, help="File of latents to write or to add to.")
@click.option(
    "--space",
    type=Choice(["w", "w+"]),
    default="w+",
    show_default=True,
    help="Space of the latents: one w for all layers, or one per layer.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=500, show_default=True, help="Number of optimisation steps per image."
)
@click.option(
    "--noise",
    type=Choice(["fit", "fixed"]),
    default="fit",
    show_default=True,
    help="Noise maps: fitted to the image, or the model's own.",
)
@click.option("--key", "keys", multiple=True, help="Key of a sample of the dataset; may be repeated.  [default: all]")
@FROM_SPLIT
@LIMIT
@ASSUME_SPACING
@seed_option("starting the optimisation")
@click.option(
    "--picture", type=PICTURE_FILE, help="PNG file to write with image, result and difference.  [default: none]"
)
@LABEL
@DEVICE
def invert(
    images: Path,
    model: str,
    out: Path,
    **options: Any,
) -> None:
    """Find the latents of real mammograms.

    IMAGE is an image file or a dataset directory. Recipes take the file OUT as background.latents; other commands take
    OUT:KEY in place of a seed. Images that OUT holds already are not inverted again, so the same command continues
    after an interruption.

    Example: synthmammo invert patch.png --model zoo/stylegan2-cbis-mass-128 --class malignant --out p.latents
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("invert", unit="steps") as update:
        found = synthmammo.invert(model, images, out, progress=update, **options)
    for image in found:
        reached = ", ".join(f"{phase} {error['psnr_db']:.1f} dB" for phase, error in image.facts.errors.items())
        last = image.facts.reached
        click.echo(f"{image.facts.key}: {reached}; RMSE {last['rmse']:.3f}, perceptual {last['perceptual']:.3f}")
    click.echo(out)


@click.command()
@MODEL
@sample_option("0-3", "--targets", "Samples that receive the layers, one per row", cls=Renamed, formerly="--rows")
@sample_option(
    "10-15",
    "--references",
    "Samples that give their layers, one per column",
    cls=Renamed,
    formerly="--columns",
)
@click.option("--layers", type=Layers(), required=True, help=LAYERS)
@PICTURE
@TRUNCATION
@LABEL
@DEVICE
def mix(
    model: str,
    layers: tuple[int, int],
    out: Path,
    **options: Any,
) -> None:
    """Draw a sheet of samples of MODEL with mixed layers.

    Each target, a row, takes some layers from each reference, a column. A sample is named by a seed, or by FILE:KEY
    when it is an inverted image. Low layers are shape and position, high layers texture.

    Example: synthmammo mix zoo/stylegan2-cbis-mass-128 --class malignant --layers 6-11 --out mix.png
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("mix") as update:
        synthmammo.draw_mix(model, out, layers=range(*layers), progress=update, **options)
    click.echo(out)


@click.command()
@MODEL
@click.argument("stops", nargs=-1, required=True, metavar="SAMPLE...")
@click.option(
    "--along",
    metavar="DIRECTION",
    help="Direction to walk along from one sample, e.g. density or 'component 3'.  [default: none]",
)
@most_option(3.0)
@click.option(
    "--pictures",
    cls=Renamed,
    formerly="--steps",
    type=click.IntRange(2, 10_000),
    default=9,
    show_default=True,
    help="Number of pictures from stop to stop.",
)
@click.option(
    "--seconds", type=NumberRange(0.1), default=2.0, show_default=True, help="Time in seconds from stop to stop."
)
@click.option(
    "--out",
    type=NewFile(".png", ".gif", ".webp", ".apng"),
    required=True,
    help="Strip (.png) or animation (.gif, .webp, .apng) to write.",
)
@TRUNCATION
@LABEL
@DEVICE
def walk(
    model: str,
    stops: tuple[str, ...],
    out: Path,
    **options: Any,
) -> None:
    """Walk through MODEL from sample to sample.

    A SAMPLE is named by a seed, or by FILE:KEY when it is an inverted image. With --along the walk leads from one
    sample along a direction.

    Example: synthmammo walk zoo/stylegan2-cbis-mass-128 --class malignant 3 17 --pictures 30 --out walk.gif
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("walk") as update:
        synthmammo.draw_walk(model, stops, out, progress=update, **options)
    click.echo(out)
