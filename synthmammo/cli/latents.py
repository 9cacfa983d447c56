"""Commands on latents: invert, mix, walk."""

from __future__ import annotations

from pathlib import Path

import click

_MODEL = click.argument("model")
_TRUNCATION = click.option(
    "--truncation", type=click.FloatRange(0), default=0.65, show_default=True, help="psi of seeds; not of images."
)
_LABEL = click.option("--class", "label", help="Class of a conditional model.")
_DEVICE = click.option("--device", default="cpu", show_default=True, help="Where the network runs, e.g. cuda.")


@click.command()
@click.argument("images", metavar="IMAGE", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File of latents to make or to add to.")
@click.option("--space", type=click.Choice(["w", "w+"]), default="w+", show_default=True, help="One w, or one a layer.")
@click.option("--steps", type=click.IntRange(1), default=500, show_default=True, help="Of the optimisation.")
@click.option("--noise", type=click.Choice(["fit", "fixed"]), default="fit", show_default=True, help="The noise maps.")
@click.option("--key", "keys", multiple=True, help="Sample of a dataset; may be repeated.  [default: all]")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Only this split of a dataset.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many.")
@click.option("--assume-spacing-mm", type=float, help="Pixel spacing of images without one; recorded as assumed.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search.")
@click.option("--picture", type=click.Path(path_type=Path), help="PNG to write: image, result, difference.")
@_LABEL
@_DEVICE
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
    """Find the latents of real mammograms: of the file IMAGE, or of the samples of a dataset directory.

    Recipes take the file as background.latents, other commands take OUT:KEY for a seed. Images that OUT holds already
    are not done again, so the same command goes on after a break.

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
@_MODEL
@click.option("--rows", default="0-3", show_default=True, help="Samples that keep their other layers.")
@click.option("--columns", default="10-15", show_default=True, help="Samples that the layers are taken from.")
@click.option("--layers", metavar="FIRST:END", required=True, help="Layers of w that are taken; END is not.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="PNG to write.")
@_TRUNCATION
@_LABEL
@_DEVICE
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
    """Mix samples of MODEL: a sheet on which each row takes some layers from each column.

    Samples are seeds (0-3 or 1,5) or FILE:KEY of inverted images. Low layers are shape and position, high ones texture.

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
@_MODEL
@click.argument("stops", nargs=-1, required=True, metavar="SAMPLE...")
@click.option("--along", metavar="DIRECTION", help="From one sample along this, e.g. density or 'component 3'.")
@click.option("--most", type=float, default=3.0, show_default=True, help="Standard deviations along it, both ways.")
@click.option("--steps", type=click.IntRange(2), default=9, show_default=True, help="Images from stop to stop.")
@click.option("--seconds", type=click.FloatRange(0.1), default=2.0, show_default=True, help="From stop to stop.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .png strip; or .gif, .webp, .apng.")
@_TRUNCATION
@_LABEL
@_DEVICE
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
    """Walk through MODEL from sample to sample: seeds, or FILE:KEY of inverted images; or along a direction.

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
