"""The group benchmark: classify, detect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, FILE, FOLDER, WHERE, ModelName, Percents

if TYPE_CHECKING:
    from synthmammo.benchmarking.pages import Written

_ROWS = ("real", "synthetic", "both")
_OUT = click.option("--out", type=FOLDER, required=True, help="Directory of the results, to make or to continue.")
_FOLDS = click.option(
    "--folds",
    type=int,
    help="Number of folds of a cross-validation by patient over all splits.  [default: none, the splits are used]",
)
_SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Value of any other key of the preset; may be repeated.",
)


class Benchmarks(Commands):
    """Benchmarks by name; options without a name are those of `classify`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click, with the name of the default put in where there is none."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["classify", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click; options are those of the default."""
        default = self.get_command(ctx, "classify")
        if default and incomplete.startswith("-"):
            return default.shell_complete(click.Context(default, parent=ctx), incomplete)
        return super().shell_complete(ctx, incomplete)


@click.group(cls=Benchmarks, modules={"classify": "benchmark", "detect": "benchmark"})
def benchmark() -> None:
    """Measure what synthetic images add to a training.

    Models are trained on real and synthetic images and tested on real ones. Options that follow `benchmark` directly
    are those of `benchmark classify`.

    Example: synthmammo benchmark --real datasets/cbis --synthetic datasets/cbis_made --out benchmarks/cbis
    """


@click.command()
@click.option("--real", type=FOLDER, required=True, help="Dataset of real images, split by patient.")
@click.option("--synthetic", type=FOLDER, help="Dataset, or folder with one subfolder of images per class.")
@_OUT
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    help="Preset: quick, lite0 or paper; the documentation of benchmarks describes them.",
)
@click.option("--config", type=FILE, help="YAML file of changes to the preset, as benchmark.yaml of a run.")
@click.option(
    "--ratios",
    type=Percents(),
    help="Percentages of synthetic images at the start of a training.  [default: the preset's]",
)
@click.option(
    "--shares", type=Percents(), help="Percentages of the real training images to use.  [default: the preset's]"
)
@click.option(
    "--seeds", type=click.IntRange(1), help="Number of trainings per ratio and share.  [default: the preset's]"
)
@click.option(
    "--samples", type=click.IntRange(1), help="Number of images shown in a training.  [default: the preset's]"
)
@click.option(
    "--backbone",
    help="Network: efficientnet-lite0, or an image classifier of transformers by name or path.  "
    "[default: the preset's]",
)
@click.option("--weights", help="Initial weights: imagenet, none, or a path.  [default: the preset's]")
@click.option(
    "--positive",
    multiple=True,
    help="Class that counts as positive; may be repeated.  [default: those with malignant in their name]",
)
@click.option("--test-on", help="Split to test on.  [default: test]")
@click.option("--select-on", help="Split that chooses the weights.  [default: a tenth of the training patients]")
@_FOLDS
@click.option(
    "--generator",
    type=ModelName(),
    help="Model that made a folder of images, to check what it was trained on.  [default: unknown]",
)
@WHERE
@_SET
@DEVICE
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
    """Train classifiers on real and synthetic images.

    The images are mixed in several ratios, and the classifiers are tested on real images. The command writes
    results.jsonl, figures, report.html and report.md; a finished training is not run again.

    Example: synthmammo benchmark classify --real datasets/cbis --synthetic datasets/cbis_made --out benchmarks/cbis
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("benchmark") as update:
        written = synthmammo.benchmark(
            real,
            out,
            synthetic=synthetic,
            preset=preset,
            config=config,
            settings=_changes(settings, options),
            generator=generator,
            device=device,
            progress=update,
        )
    _print(written)


@click.command()
@click.option("--real", type=FOLDER, required=True, help="Dataset of real whole images with boxes.")
@click.option("--synthetic", type=FOLDER, help="Dataset of synthetic whole images with boxes.")
@_OUT
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    help="Preset: quick or rt-detr; the documentation of benchmarks describes them.",
)
@click.option("--config", type=FILE, help="YAML file of changes to the preset.")
@click.option(
    "--row",
    "rows",
    type=click.Choice(_ROWS),
    multiple=True,
    help="Images to train on; may be repeated.  [default: each of the three]",
)
@click.option(
    "--detector",
    help="Detector: centre, rt-detr, or an object detector of transformers by name or path.  [default: the preset's]",
)
@click.option(
    "--weights", help="Weights of the features that centre and rt-detr use: imagenet or none.  [default: the preset's]"
)
@click.option("--kind", "kinds", multiple=True, help="Kind of finding to detect; may be repeated.  [default: mass]")
@_FOLDS
@click.option("--seeds", type=click.IntRange(1), help="Number of trainings per row and fold.  [default: the preset's]")
@click.option("--steps", type=click.IntRange(1), help="Number of steps of a training.  [default: the preset's]")
@WHERE
@_SET
@DEVICE
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
    """Train detectors of lesions on real and synthetic images.

    One row trains on real images, one on synthetic ones, one on both; all are tested on real images. The command writes
    results.jsonl, the FROC figure, report.html and report.md; a finished training is not run again.

    Example: synthmammo benchmark detect --real datasets/mini_mias --synthetic datasets/films --folds 3 --out bench
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("benchmark") as update:
        written = synthmammo.benchmark_detect(
            real,
            out,
            synthetic=synthetic,
            rows=rows or _ROWS,
            preset=preset,
            config=config,
            settings=_changes(settings, options),
            device=device,
            progress=update,
        )
    _print(written)


def _changes(settings: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The settings, and over them the options that were given."""
    from synthmammo.errors import TrainingError
    from synthmammo.settings import assignments

    given = {name: value for name, value in options.items() if value not in (None, ())}
    return assignments(settings, TrainingError) | given


def _print(written: Written) -> None:
    click.echo(written.table)
    for note in written.notes:
        click.echo(f"note: {note}")
    click.echo(f"\n  report  {written.html}\n  table   {written.markdown}")
