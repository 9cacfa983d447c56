"""The group benchmark: classify, detect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from synthmammo.cli.answers import JSON, print_json, print_markdown_table
from synthmammo.cli.kinds import Choice, ModelName, Percents
from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, FILE, FOLDER, OUT_FOLDER, WHERE, Decorated, settings_option
from synthmammo.cli.renaming import Renamed
from synthmammo.cli.volume import note

if TYPE_CHECKING:
    from synthmammo.benchmarking.pages import Written

_ROWS = ("real", "synthetic", "both")
_OUT = click.option("--out", type=OUT_FOLDER, required=True, help="Directory to write the results to, or to continue.")
_FOLDS = click.option(
    "--folds",
    type=int,
    help="Number of folds of a cross-validation by patient over all splits.  [default: none, the splits are used]",
)
_EXTERNAL = click.option(
    "--external", type=FOLDER, help="Dataset of real images of another source, tested on too.  [default: none]"
)
_SET = settings_option("the preset", "batch_size=16")


def _repeats(per: str) -> Callable[[Decorated], Decorated]:
    text = f"Number of trainings per {per}, each with a seed of its own.  [default: the preset's]"
    return click.option("--repeats", "seeds", cls=Renamed, formerly="--seeds", type=click.IntRange(1), help=text)


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
@click.option("--synthetic", type=FOLDER, help="Dataset of synthetic images, or folder with one subfolder per class.")
@_OUT
@_EXTERNAL
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
@_repeats("ratio and share")
@click.option(
    "--images-shown",
    "samples",
    cls=Renamed,
    formerly="--samples",
    type=click.IntRange(1),
    help="Number of images shown in a training.  [default: the preset's]",
)
@click.option(
    "--backbone",
    help="Network: efficientnet-lite0, or an image classifier of transformers by name or path.  "
    "[default: the preset's]",
)
@click.option("--weights", help="Initial weights of the network: imagenet, none, or a path.  [default: the preset's]")
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
@JSON
def classify(
    real: Path,
    synthetic: Path | None,
    out: Path,
    external: Path | None,
    preset: str,
    config: Path | None,
    generator: str | None,
    settings: tuple[str, ...],
    device: str,
    as_json: bool,
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
            external=external,
            preset=preset,
            config=config,
            settings=_changes(settings, options),
            generator=generator,
            device=device,
            progress=update,
        )
    _print(written, as_json)


@click.command()
@click.option("--real", type=FOLDER, required=True, help="Dataset of real whole images with boxes.")
@click.option("--synthetic", type=FOLDER, help="Dataset of synthetic whole images with boxes.")
@_OUT
@_EXTERNAL
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    help="Preset: quick or rt-detr; the documentation of benchmarks describes them.",
)
@click.option("--config", type=FILE, help="YAML file of changes to the preset.")
@click.option(
    "--train-on",
    "rows",
    cls=Renamed,
    formerly="--row",
    type=Choice(_ROWS),
    multiple=True,
    help="Images to train on; may be repeated.  [default: each of the three]",
)
@click.option(
    "--detector",
    help="Detector: centre, rt-detr, or an object detector of transformers by name or path.  [default: the preset's]",
)
@click.option(
    "--weights",
    help="Initial weights of the network: imagenet or none, of centre and rt-detr.  [default: the preset's]",
)
@click.option("--kind", "kinds", multiple=True, help="Kind of finding to detect; may be repeated.  [default: mass]")
@_FOLDS
@_repeats("row and fold")
@click.option(
    "--steps", type=click.IntRange(1), help="Number of optimisation steps per training.  [default: the preset's]"
)
@WHERE
@_SET
@DEVICE
@JSON
def detect(
    real: Path,
    synthetic: Path | None,
    out: Path,
    external: Path | None,
    preset: str,
    config: Path | None,
    rows: tuple[Any, ...],
    settings: tuple[str, ...],
    device: str,
    as_json: bool,
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
            external=external,
            rows=rows or _ROWS,
            preset=preset,
            config=config,
            settings=_changes(settings, options),
            device=device,
            progress=update,
        )
    _print(written, as_json)


def _changes(settings: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The settings, and over them the options that were given."""
    from synthmammo.errors import TrainingError
    from synthmammo.settings import assignments

    given = {name: value for name, value in options.items() if value not in (None, ())}
    return assignments(settings, TrainingError) | given


def _print(written: Written, as_json: bool) -> None:
    if as_json:
        files = {"report": written.html, "markdown": written.markdown}
        more = {name: rows for name in ("external", "subgroups") if (rows := getattr(written, name))}
        print_json({"verdict": written.verdict, "rows": written.rows, **more, "notes": written.notes, **files})
        return
    click.echo(f"{written.verdict}\n")
    print_markdown_table(written.table)
    for text in written.notes:
        note(text)
    click.echo(f"\n  report  {written.html}\n  table   {written.markdown}")
