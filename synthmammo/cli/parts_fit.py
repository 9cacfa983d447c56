"""The command parts fit."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model")
@click.option("--samples", type=click.IntRange(2), default=200, show_default=True, help="Images that are clustered.")
@click.option("--parts", type=click.IntRange(2), default=10, show_default=True, help="Number of parts.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of images and first centroids.")
@click.option("--truncation", type=click.FloatRange(0), default=1.0, show_default=True, help="psi of the images.")
@click.option("--pairs", type=click.IntRange(1), default=8, show_default=True, help="Pairs to try each part on.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: beside the model]")
@click.option("--device", default="cpu", show_default=True, help="Where the network runs, e.g. cuda.")
def fit(
    model: str, samples: int, parts: int, seed: int, truncation: float, pairs: int, out: Path | None, device: str
) -> None:
    """Cluster the activations of MODEL into parts, and say how locally each can be changed.

    Each part is then taken from one image to another, on some pairs: printed is the mean change inside the part over
    that outside it, and the same where as many channels drawn at random are moved.

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
