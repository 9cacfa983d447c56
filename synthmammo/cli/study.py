"""The command on readers: turing."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.options import FOLDER, SPLIT, NumberRange


@click.command()
@click.argument("pool", type=FOLDER)
@click.argument("real", type=FOLDER)
@click.option("--count", type=click.IntRange(1), default=100, show_default=True, help="Number of images in all.")
@click.option(
    "--real-share",
    type=NumberRange(0, 1),
    default=0.5,
    show_default=True,
    help="Probability that an image is a real one.",
)
@click.option("--split", type=SPLIT, help="Split of the real images.  [default: all]")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed for drawing the images."
)
@click.option("--out", type=FOLDER, required=True, help="Folder to make.")
def turing(pool: Path, real: Path, count: int, real_share: float, split: str | None, seed: int, out: Path) -> None:
    """Draw the images of a visual Turing test.

    POOL is a dataset of generated images, as recipes/turing_test.yaml makes; REAL is a dataset of real ones. The folder
    holds numbered 8-bit PNG files in one geometry and one window, a sheet of them, and answers.csv, which the readers
    may not see.

    Example: synthmammo turing datasets/turing_test datasets/mammograms --count 16 --out turing
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.studying.turing import TuringOptions
    from synthmammo.studying.turing import turing as run

    with progress_bar("turing") as update:
        counts = run(pool, real, out, TuringOptions(count, seed, real_share, split), progress=update)
    click.echo(f"{out}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()))
