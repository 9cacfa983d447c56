"""Commands on latents: invert, mix, walk."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.options import (
    DEVICE,
    FILE,
    LABEL,
    MODEL,
    PICTURE,
    SPACING,
    SPLIT,
    TRUNCATION,
    ModelName,
    Number,
    NumberRange,
)


@click.command()
@click.argument("images", metavar="IMAGE", type=FILE)
@click.option(
    "--model",
    type=ModelName(),
    required=True,
    help="Model in which the latents are found: zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION.",
)
@click.option("--out", type=FILE, required=True, help="File of latents to make or to add to.")
@click.option(
    "--space",
    type=click.Choice(["w", "w+"]),
    default="w+",
    show_default=True,
    help="Space of the latents: one w for all layers, or one per layer.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=500, show_default=True, help="Number of optimisation steps per image."
)
@click.option(
    "--noise",
    type=click.Choice(["fit", "fixed"]),
    default="fit",
    show_default=True,
    help="Noise maps: fitted to the image, or the model's own.",
)
@click.option("--key", "keys", multiple=True, help="Key of a sample of the dataset; may be repeated.  [default: all]")
@click.option("--split", type=SPLIT, help="Split of the dataset.  [default: all]")
@click.option("--limit", type=click.IntRange(1), help="Number of images to invert, the first ones.  [default: all]")
@click.option(
    "--assume-spacing-mm",
    type=SPACING,
    help="Pixel spacing in mm of images without one; recorded as assumed.  [default: unknown]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed for starting the optimisation."
)
@click.option("--picture", type=FILE, help="PNG file to write with image, result and difference.  [default: none]")
@LABEL
@DEVICE
def invert(
    images: Path,
    model: str,
    out: Path,
    space: str,
    steps: int,
    noise: str,
    keys: tuple[str, ...],
    split: str | None,
    limit: int | None,
    assume_spacing_mm: float | None,
    seed: int,
    picture: Path | None,
    label: str | None,
    device: str,
) -> None:
    """Find the latents of real mammograms.

    IMAGE is an image file or a dataset directory. Recipes take the file OUT as background.latents; other commands take
    OUT:KEY in place of a seed. Images that OUT holds already are not inverted again, so the same command continues
    after an interruption.

    Example: synthmammo invert patch.png --model zoo/stylegan2-cbis-mass-128 --class malignant --out p.latents
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.inversion.invert import Inverting, Which, invert_images
    from synthmammo.editing.inversion.options import InversionOptions

    in_w = steps if space == "w" else steps * 2 // 5
    options = InversionOptions(w_steps=in_w, plus_steps=steps - in_w, fit_noise=noise == "fit", seed=seed)
    with progress_bar("invert", unit="steps") as update:
        which = Which(keys, split, limit, label, assume_spacing_mm)
        inverting = Inverting(options, which, device)
        found = invert_images(model, images, out, inverting, picture=picture, progress=update)
    for image in found:
        reached = ", ".join(f"{phase} {error['psnr_db']:.1f} dB" for phase, error in image.facts.errors.items())
        last = image.facts.reached
        click.echo(f"{image.facts.key}: {reached}; RMSE {last['rmse']:.3f}, perceptual {last['perceptual']:.3f}")
    click.echo(out)


@click.command()
@MODEL
@click.option("--rows", default="0-3", show_default=True, help="Samples that keep their other layers, one per row.")
@click.option(
    "--columns",
    default="10-15",
    show_default=True,
    help="Samples that the layers are taken from, one per column.",
)
@click.option("--layers", metavar="FIRST:END", required=True, help="Layers of w that are taken; END is not taken.")
@PICTURE
@TRUNCATION
@LABEL
@DEVICE
def mix(
    model: str,
    rows: str,
    columns: str,
    layers: str,
    out: Path,
    truncation: float,
    label: str | None,
    device: str,
) -> None:
    """Draw a sheet of samples of MODEL with mixed layers.

    Each row takes some layers from each column. A sample is named by a seed (0-3 or 1,5), or by FILE:KEY when it is an
    inverted image. Low layers are shape and position, high layers texture.

    Example: synthmammo mix zoo/stylegan2-cbis-mass-128 --class malignant --layers 6:12 --out mix.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures.mix import draw_mix
    from synthmammo.editing.samples import Samples, parse_layers, parse_names

    samples = Samples.of(model, truncation, label, device)
    with progress_bar("mix") as update:
        draw_mix(samples, parse_names(rows), parse_names(columns), parse_layers(layers), out, progress=update)
    click.echo(out)


@click.command()
@MODEL
@click.argument("stops", nargs=-1, required=True, metavar="SAMPLE...")
@click.option(
    "--along",
    metavar="DIRECTION",
    help="Direction to walk along from one sample, e.g. density or 'component 3'.  [default: none]",
)
@click.option(
    "--most",
    type=Number(),
    default=3.0,
    show_default=True,
    help="Largest distance along the direction, both ways, in standard deviations.",
)
@click.option(
    "--steps", type=click.IntRange(2), default=9, show_default=True, help="Number of images from stop to stop."
)
@click.option(
    "--seconds", type=NumberRange(0.1), default=2.0, show_default=True, help="Time in seconds from stop to stop."
)
@click.option("--out", type=FILE, required=True, help="Strip (.png) or animation (.gif, .webp, .apng) to write.")
@TRUNCATION
@LABEL
@DEVICE
def walk(
    model: str,
    stops: tuple[str, ...],
    along: str | None,
    most: float,
    steps: int,
    seconds: float,
    out: Path,
    truncation: float,
    label: str | None,
    device: str,
) -> None:
    """Walk through MODEL from sample to sample.

    A SAMPLE is named by a seed, or by FILE:KEY when it is an inverted image. With --along the walk leads from one
    sample along a direction.

    Example: synthmammo walk zoo/stylegan2-cbis-mass-128 --class malignant 3 17 --steps 30 --out walk.gif
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.pictures.walk import Way, along_direction, draw_walk
    from synthmammo.editing.samples import Samples

    samples = Samples.of(model, truncation, label, device)
    named = tuple(samples.named(stop) for stop in stops)
    way = Way(along_direction(samples, named, along, most) if along else named, steps, seconds)
    with progress_bar("walk") as update:
        draw_walk(samples, way, out, progress=update)
    click.echo(out)
