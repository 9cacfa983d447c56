"""The group parts: fit."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, FILE, MODEL, NumberRange


@click.group(cls=Commands, modules={"fit": "parts"})
def parts() -> None:
    """Find the parts of a model's images, for local edits.

    Example: synthmammo parts fit zoo/stylegan2-cbis-mass-128
    """


@click.command()
@MODEL
@click.option(
    "--samples", type=click.IntRange(2), default=200, show_default=True, help="Number of samples that are clustered."
)
@click.option("--parts", type=click.IntRange(2), default=10, show_default=True, help="Number of parts.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed for drawing the samples and the initial centroids.",
)
@click.option(
    "--truncation", type=NumberRange(0), default=1.0, show_default=True, help="Truncation psi of the samples."
)
@click.option(
    "--pairs", type=click.IntRange(1), default=8, show_default=True, help="Number of sample pairs to try each part on."
)
@click.option("--out", type=FILE, help="Parts file to write.  [default: beside the model]")
@DEVICE
def fit(
    model: str, samples: int, parts: int, seed: int, truncation: float, pairs: int, out: Path | None, device: str
) -> None:
    """Cluster the activations of MODEL into parts.

    Each part is then taken from one sample to another, on some pairs. The table gives the mean change inside and
    outside the part, their ratio, and the ratio when as many channels drawn at random are moved instead.

    Example: synthmammo parts fit zoo/stylegan2-cbis-mass-128 --samples 400
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.parts.fit import PartsOptions, fit_parts

    options = PartsOptions(samples, parts, seed, truncation, pairs)
    with progress_bar("parts") as update:
        reports = fit_parts(model, out, options, device=device, progress=update)
    click.echo("part   area  brightness  centre (row, column)  inside  outside  ratio  of random channels")
    for found in reports:
        centre = f"{found.row:.2f}, {found.column:.2f}"
        change = f"{found.inside:6.3f}  {found.outside:7.3f}  {found.ratio:5.1f}  {found.random_ratio:18.1f}"
        click.echo(f"{found.part:4}  {found.area:4.0%}  {found.brightness:11.2f}  {centre:>20}  {change}")
