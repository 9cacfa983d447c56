"""Commands on trained models: convert, sample."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("source")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--spacing-mm", type=float, help="Millimetres per pixel of what the model makes; unknown by default.")
@click.option("--bits", type=click.Choice(["8", "12", "14", "16"]), default="8", show_default=True, help="Bit depth.")
@click.option("--licence", default="other", show_default=True, help="Of the weights, as the Hugging Face Hub names it.")
@click.option("--class", "classes", multiple=True, help="Name of a class of a conditional model; once for each.")
@click.option("--about", default="", help="A few sentences on the model; attribution.")
@click.option("--half", is_flag=True, help="Store 16-bit floats: half the size.")
def convert(
    source: str,
    out: Path,
    spacing_mm: float | None,
    bits: str,
    licence: str,
    classes: tuple[str, ...],
    about: str,
    half: bool,
) -> None:
    """Convert the model SOURCE to OUT, whose ending says the format.

    SOURCE is a StyleGAN2 or StyleGAN2-ADA .pkl, a rosinality .pt, or a model of this package. OUT is .safetensors for
    this package or .pt for rosinality's stylegan2-pytorch. Nothing in SOURCE is executed.

    Example: synthmammo convert network-snapshot-010000.pkl mammo.safetensors --spacing-mm 0.4 --licence cc-by-4.0
    """
    from synthmammo.models.convert import Facts
    from synthmammo.models.convert import convert as run

    click.echo(run(source, out, Facts(spacing_mm, int(bits), licence, classes, about), half=half))


@click.command()
@click.argument("model")
@click.option("--seeds", default="0-35", show_default=True, help="Which images, e.g. 0-35 or 1,5,7-9.")
@click.option(
    "--truncation", type=click.FloatRange(0), default=1.0, show_default=True, help="psi; less is more typical."
)
@click.option("--class", "label", help="Class of a conditional model.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .png sheet, a .npy array, or a folder.")
@click.option("--device", default="cpu", show_default=True, help="Where the network runs, e.g. cuda.")
def sample(model: str, seeds: str, truncation: float, label: str | None, out: Path, device: str) -> None:
    """Sample the StyleGAN2 MODEL: zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION.

    A seed gives the picture it gives in the published tools.

    Example: synthmammo sample zoo/stylegan2-cbis-mass-128 --class malignant --seeds 0-35 --out sheet.png
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.sample import Sampling, parse_seeds
    from synthmammo.editing.sample import sample as run

    numbers = parse_seeds(seeds)
    with progress_bar("sample") as update:
        run(model, Sampling(numbers, truncation, label, device), out, progress=update)
    click.echo(out)
