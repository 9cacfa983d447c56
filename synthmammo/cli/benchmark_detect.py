"""The command benchmark detect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)
_ROWS = ("real", "synthetic", "both")


@click.command()
@click.option("--real", type=_PATH, required=True, help="Dataset of real whole images with boxes.")
@click.option("--synthetic", type=_PATH, help="Dataset of synthetic whole images with boxes.")
@click.option("--out", type=_PATH, required=True, help="Directory of the results; the same command goes on there.")
@click.option("--preset", default="quick", show_default=True, help="quick or rt-detr; see the README.")
@click.option("--config", type=_PATH, help="YAML file over the preset.")
@click.option("--row", "rows", type=click.Choice(_ROWS), multiple=True, help="Train on this.  [default: all three]")
@click.option("--detector", help="centre, rt-detr, or an object detector of transformers by name or path.")
@click.option("--weights", help="Of the features that centre and rt-detr work on: imagenet or none.")
@click.option("--kind", "kinds", multiple=True, help="Kind of finding to be found; may be repeated.  [default: mass]")
@click.option("--folds", type=int, help="Cross-validate by patient over all splits.  [default: use the splits]")
@click.option("--seeds", type=click.IntRange(1), help="Trainings of each row and fold.  [default: 1]")
@click.option("--steps", type=click.IntRange(1), help="Steps of a training.  [default: the preset's]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change any other value of the preset.")
@click.option("--device", default="cpu", show_default=True, help="Where networks run, e.g. cuda.")
def detect(
    real: Path,
    synthetic: Path | None,
    out: Path,
    preset: str,
    config: Path | None,
    rows: tuple[Any, ...],
    settings: tuple[str, ...],
    device: str,
    **options: Any,
) -> None:
    """Train detectors of lesions on real images, synthetic ones and both, and test them on real ones.

    Writes results.jsonl (a finished training is not run again), the FROC figure, report.html and report.md.

    Example: synthmammo benchmark detect --real datasets/mini_mias --synthetic datasets/films --folds 3 --out bench
    """
    from synthmammo.benchmarking.detect.config import load_detect_config
    from synthmammo.benchmarking.detect.detect import detect as run
    from synthmammo.benchmarking.detect.report import report
    from synthmammo.cli.progress import progress_bar

    given = {name: value for name, value in options.items() if value not in (None, ())}
    chosen = load_detect_config(preset, config, settings, given)
    with progress_bar("benchmark") as update:
        detected = run(
            chosen,
            real,
            synthetic,
            out,
            rows=rows or _ROWS,
            device=device,
            progress=update,
        )
    written = report(detected)
    click.echo(written.table)
    for note in detected.notes:
        click.echo(f"note: {note}")
    click.echo(f"\n  report  {written.html}\n  table   {written.markdown}")
