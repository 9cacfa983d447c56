"""The group parts: fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from synthmammo.cli.answers import print_table
from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, FITTED_MODEL, OUT_FILE, seed_option, truncation_option
from synthmammo.cli.renaming import Renamed


@click.group(cls=Commands, modules={"fit": "parts"})
def parts() -> None:
    """Find the parts of a model's images, for local edits.

    Example: synthmammo parts fit zoo/stylegan2-cbis-mass-128
    """


@click.command()
@FITTED_MODEL
@click.option(
    "--samples",
    type=click.IntRange(2, 100_000),
    default=200,
    show_default=True,
    help="Number of samples to draw, whose activations are clustered.",
)
@click.option(
    "--clusters",
    cls=Renamed,
    formerly="--parts",
    type=click.IntRange(2, 64),
    default=10,
    show_default=True,
    help="Number of parts to find.",
)
@seed_option("drawing the samples and the initial centroids")
@truncation_option(1.0)
@click.option(
    "--pairs", type=click.IntRange(1), default=8, show_default=True, help="Number of sample pairs to try each part on."
)
@click.option("--out", type=OUT_FILE, help="Parts file to write.  [default: beside the model]")
@DEVICE
def fit(model: str, out: Path | None, **options: Any) -> None:
    """Cluster the activations of MODEL into parts.

    Each part is then taken from one sample to another, on some pairs. The table gives its centre (row, column), the
    mean change inside and outside the part, their ratio, and the ratio when as many channels are drawn at random.

    Example: synthmammo parts fit zoo/stylegan2-cbis-mass-128 --samples 400
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("parts") as update:
        written, reports = synthmammo.fit_parts(model, out, progress=update, **options)
    columns = ("part", "area", "brightness", "centre", "inside", "outside", "ratio", "random")
    rows = [
        (
            *(found.part, f"{found.area:.0%}", f"{found.brightness:.2f}", f"{found.row:.2f}, {found.column:.2f}"),
            *(f"{found.inside:.3f}", f"{found.outside:.3f}", f"{found.ratio:.1f}", f"{found.random_ratio:.1f}"),
        )
        for found in reports
    ]
    print_table(columns, rows, texts=())
    click.echo(written)
