"""The command on readers: turing."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.kinds import NumberRange
from synthmammo.cli.options import FOLDER, FROM_SPLIT, OUT_FOLDER, count_option, seed_option


@click.command()
@click.argument("pool", type=FOLDER)
@click.argument("real", type=FOLDER)
@count_option("images", 100)
@click.option(
    "--real-share",
    type=NumberRange(0, 1),
    default=0.5,
    show_default=True,
    help="Probability that an image is a real one.",
)
@FROM_SPLIT
@seed_option("drawing the images")
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to write.")
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
