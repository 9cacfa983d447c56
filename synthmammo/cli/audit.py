"""The command on what a dataset is like and what it gives away: audit."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.options import DEVICE, FILE, FOLDER, OUT_FOLDER


@click.command()
@click.argument("dataset", type=FOLDER)
@click.option("--reference", type=FOLDER, required=True, help="Dataset of real images; its splits other than train.")
@click.option("--train", type=FOLDER, required=True, help="Dataset the generator was trained on; its split train.")
@click.option("--out", type=OUT_FOLDER, required=True, help="Directory of the report to write.")
@click.option("--extractor", type=FILE, help="Network to measure with, on disk.  [default: EfficientNet-Lite0]")
@DEVICE
def audit(dataset: Path, reference: Path, train: Path, out: Path, extractor: Path | None, device: str) -> None:
    """Measure how real, varied and private a dataset is.

    DATASET is judged whole, against real images that its generator never saw (--reference) and those that it was
    trained on (--train); one dataset may serve both. The directory holds audit.json, audit.html, card.md and figures.
    The command ends with exit code 0 whenever it could judge, whatever it found.

    Example: synthmammo audit datasets/made --reference datasets/films --train datasets/films --out audits/made
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("audit") as update:
        found = synthmammo.audit(dataset, reference, train, out, extractor=extractor, device=device, progress=update)
    click.echo(f"{found.record['memorised']['verdict']}")
    for row in found.record["scorecard"]:
        click.echo(f"  {row['criterion']:<14} {row['found']}")
    click.echo(f"  page           {found.html}\n  numbers        {found.json}\n  for the card   {found.card}")
