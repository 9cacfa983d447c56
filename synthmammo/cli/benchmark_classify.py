"""The command benchmark classify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


class Percents(click.ParamType[tuple[float, ...]]):
    """Numbers between commas."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """As click."""
        try:
            return value if isinstance(value, tuple) else tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not numbers between commas, as 0,25,50", param, ctx)


@click.command()
@click.option("--real", type=_PATH, required=True, help="Dataset of real images, split by patient.")
@click.option("--synthetic", type=_PATH, help="Dataset, or folder with a subfolder of images for each class.")
@click.option("--out", type=_PATH, required=True, help="Directory of the results; the same command goes on there.")
@click.option("--preset", default="quick", show_default=True, help="quick, lite0 or paper; see the README.")
@click.option("--config", type=_PATH, help="YAML file over the preset; `benchmark.yaml` of a run has all its keys.")
@click.option("--ratios", type=Percents(), help="Percent of synthetic images at the start.  [default: the preset's]")
@click.option("--shares", type=Percents(), help="Percent of the real training images: the low-data sweep.")
@click.option("--seeds", type=click.IntRange(1), help="Trainings of each.  [default: the preset's]")
@click.option("--samples", type=click.IntRange(1), help="Images shown in a training.  [default: the preset's]")
@click.option("--backbone", help="efficientnet-lite0, or an image classifier of transformers by name or path.")
@click.option("--weights", help="imagenet, none, or a path.  [default: imagenet]")
@click.option("--positive", multiple=True, help="Class that counts as positive.  [default: those with malignant]")
@click.option("--test-on", help="Split to test on.  [default: test]")
@click.option("--select-on", help="Split that chooses the weights.  [default: a tenth of the training patients]")
@click.option("--folds", type=int, help="Cross-validate by patient over all splits.  [default: use the splits]")
@click.option("--generator", help="Model that made a folder of images, to check what it was trained on.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change any other value of the preset.")
@click.option("--device", default="cpu", show_default=True, help="Where networks run, e.g. cuda.")
def classify(
    real: Path,
    synthetic: Path | None,
    out: Path,
    preset: str,
    config: Path | None,
    generator: str | None,
    settings: tuple[str, ...],
    device: str,
    **options: Any,
) -> None:
    """Train classifiers on real and synthetic images in several ratios, and test them on real ones.

    Writes results.jsonl (a finished training is not run again), figures, report.html and report.md.

    Example: synthmammo benchmark classify --real datasets/cbis --synthetic datasets/cbis_made --out benchmarks/cbis
    """
    from synthmammo.benchmarking.classify.classify import classify as run
    from synthmammo.benchmarking.classify.config import load_classify_config
    from synthmammo.benchmarking.classify.report import report
    from synthmammo.cli.progress import progress_bar

    given = {name: value for name, value in options.items() if value not in (None, ())}
    chosen = load_classify_config(preset, config, settings, given)
    with progress_bar("benchmark") as update:
        compared = run(chosen, real, synthetic, out, generator=generator, device=device, progress=update)
    written = report(compared)
    click.echo(written.table)
    for note in compared.notes:
        click.echo(f"note: {note}")
    click.echo(f"\n  report  {written.html}\n  table   {written.markdown}")
