"""The command benchmark classify."""

from __future__ import annotations

from pathlib import Path

import click

_DIRECTORY = click.Path(path_type=Path)


@click.command()
@click.option("--real", type=_DIRECTORY, required=True, help="Dataset of real images; tested on its test patients.")
@click.option("--synthetic", type=_DIRECTORY, help="Dataset, or folder with a subfolder of images for each class.")
@click.option("--out", type=_DIRECTORY, required=True, help="Directory of the results; the same command goes on there.")
def classify(real: Path, synthetic: Path | None, out: Path) -> None:
    """Train classifiers on real and synthetic images in several ratios, and test them on real ones.

    Example: synthmammo benchmark classify --real datasets/cbis --synthetic datasets/cbis_made --out benchmarks/cbis
    """
