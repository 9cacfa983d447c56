"""The command turing."""

from __future__ import annotations

from pathlib import Path

import click

_DIRECTORY = click.Path(path_type=Path)


@click.command()
@click.argument("pool", type=_DIRECTORY)
@click.argument("real", type=_DIRECTORY)
@click.option("--count", type=click.IntRange(1), default=100, show_default=True, help="Images in all.")
@click.option("--real-share", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Chance of a real one.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Only real images of this split.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draws.")
@click.option("--out", type=_DIRECTORY, required=True, help="Folder to make.")
def turing(pool: Path, real: Path, count: int, real_share: float, split: str | None, seed: int, out: Path) -> None:
    """Draw the images of a visual Turing test from the dataset POOL of generated images and the dataset REAL.

    Writes numbered 8-bit PNG files in one geometry and one window, a sheet of them, and answers.csv, to be kept from
    the readers. POOL is what recipes/turing_test.yaml builds.

    Example: synthmammo turing datasets/turing_test datasets/mammograms --count 16 --out turing
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.studying.turing import TuringOptions
    from synthmammo.studying.turing import turing as run

    with progress_bar("turing") as update:
        counts = run(pool, real, out, TuringOptions(count, seed, real_share, split), progress=update)
    click.echo(f"{out}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()))
