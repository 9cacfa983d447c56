"""Commands that make datasets from recipes: build, merge, schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthmammo.building.reasons import LEFT_OUT
from synthmammo.cli.kinds import Choice, NewDataset
from synthmammo.cli.options import DATASET_DEVICE, FILE, FOLDER, OUT_FOLDER, RECIPE, SETTINGS, SIZE, WORKERS
from synthmammo.cli.plans import make_hosts, print_plan
from synthmammo.cli.volume import note

if TYPE_CHECKING:
    from synthmammo.dataset.manifest import Manifest
    from synthmammo.recipe import Recipe


@click.command()
@RECIPE
@click.option(
    "--out",
    type=NewDataset(),
    help="Dataset directory to write, or s3://BUCKET/NAME.  [default: datasets/NAME of the recipe]",
)
@SIZE
@SETTINGS
@WORKERS
@click.option(
    "--engine",
    type=Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="What the workers are: processes of this machine, or actors of a Ray.",
)
@click.option("--address", help="Ray that runs, as HOST:6379 or auto.  [default: one started for the build]")
@DATASET_DEVICE
@click.option(
    "--batch",
    type=click.IntRange(1),
    help="Number of images or lesions that a network makes together.  [default: 32 on a device]",
)
@click.option("--part", help="Part of the shards to make, e.g. 3/64, for merge.  [default: all of them]")
@click.option("--shards", help="Shards to make, from 0, e.g. 0-99 or 0-4,7, for merge.  [default: all of them]")
@click.option("--overwrite", is_flag=True, help="Replace what is there: a dataset, finished or not.")
@click.option("--without", type=FILE, help="File of keys to leave out, e.g. not_releasable.json.  [default: none]")
@click.option("--dry-run", is_flag=True, help="Print what would be made, and make nothing.")
def build(
    recipe: Path,
    out: Path | str | None,
    size: int | None,
    settings: tuple[str, ...],
    workers: int | None,
    engine: str,
    address: str | None,
    device: str,
    batch: int | None,
    part: str | None,
    shards: str | None,
    overwrite: bool,
    without: Path | None,
    dry_run: bool,
) -> None:
    """Make the dataset of RECIPE.

    RECIPE is a file, or the name of a shipped recipe. After an interruption the same command continues where it
    stopped. Samples that could not be made are listed in skipped.jsonl with the reason, and the exit code is then 3.
    Where the recipe demands an audit (quality.audit), a dataset that does not pass is marked as not releasable;
    --without builds anew without the samples to blame.

    With --engine ray the workers of a Ray make it, to the same bytes; the shard of a worker that is lost is made again
    by another. With an address as --out the shards go into that storage as they are made.

    With --part or --shards some of the dataset is made, on one machine of many; `synthmammo merge` makes one dataset of
    all parts, byte-equal to that of a single build.

    Device, batch and precision decide pixels: they belong to the dataset and cannot change in the middle.

    Example: synthmammo build balanced_calc --size 100
    """
    import synthmammo

    loaded = synthmammo.check(recipe, settings=settings, size=size)
    make_hosts(loaded, workers)
    chosen: dict[str, Any] = {"workers": workers, "device": device, "batch": batch, "overwrite": overwrite}
    if part is not None or shards is not None:
        if dry_run:
            raise click.UsageError("--dry-run is about the whole dataset: leave --part and --shards out.")
        if without is not None:
            raise click.UsageError("--without is about the whole dataset: leave --part and --shards out.")
        if engine != "local" or isinstance(out, str):
            raise click.UsageError("a Ray and a storage have the whole dataset: leave --part and --shards out.")
        _build_part(loaded, out, part=part, shards=shards, **chosen)
        return
    out = out or Path("datasets") / loaded.name
    if dry_run:
        drawn = synthmammo.plan(loaded)
        print_plan(drawn, drawn.estimate(workers))
        click.echo(f"Nothing was made. Without --dry-run the dataset goes to {out}")
        return
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import CARD, PICTURE, SKIPPED

    cluster: dict[str, Any] = {"engine": engine, "address": address}
    if isinstance(out, str):
        if without is not None:
            raise click.UsageError("--without asks for an audit, which reads all samples: build in a folder.")
        if device != "cpu" or batch is not None:
            raise click.UsageError("a storage is built on the processor: leave --device and --batch out.")
        _build_stored(loaded, out, workers=workers, overwrite=overwrite, **cluster)
        return
    with progress_bar(loaded.name, loaded.size, "samples") as update:
        made = synthmammo.build(loaded, out, without=without, progress=update, **chosen, **cluster)
    _print_built(made.manifest.samples, made.made, made.seconds)
    click.echo(f"  dataset  {out}\n  card     {out / CARD}")
    if (out / PICTURE).is_file():
        click.echo(f"  picture  {out / PICTURE}")
    _print_gate(made.unmet, out)
    _end(made.manifest, f"{out / SKIPPED}", made.lost_classes)


def _build_stored(recipe: Recipe, url: str, **options: Any) -> None:
    """Make a dataset in a storage, and say what came of it."""
    import synthmammo
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import SKIPPED

    with progress_bar(recipe.name, recipe.size, "samples") as update:
        made = synthmammo.build_stored(recipe, url, progress=update, **options)
    _print_built(made.manifest.samples, made.made, made.seconds)
    click.echo(f"  dataset  {made.url}")
    _end(made.manifest, f"{made.url}/{SKIPPED}", made.lost_classes)


def _end(manifest: Manifest, skipped: str, lost: Iterable[str]) -> None:
    """Say what could not be made, and end with the code for it."""
    left_out = sum(failed["reason"] == LEFT_OUT for failed in manifest.failed)
    if left_out:
        click.echo(f"{left_out} samples were left out, as asked")
    if failed := len(manifest.failed) - left_out:
        from synthmammo.cli.main import DONE_WITH_SKIPS

        click.echo(f"{failed} samples could not be made; see {skipped}", err=True)
        for label in lost:
            click.secho(f"no sample of the class {label} could be made", fg="red", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


def _build_part(recipe: Recipe, out: Path | None, **options: Any) -> None:
    """Make a part of a dataset, and say what came of it."""
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar(recipe.name, None, "samples") as update:
        made = synthmammo.build_part(recipe, out, progress=update, **options)
    _print_built(made.samples, made.made, made.seconds)
    click.echo(f"  part     {made.path}, {len(made.shards):,} shards of the dataset")
    if made.failed:
        click.echo(f"{made.failed} samples could not be made; the merged dataset lists them", err=True)


@click.command()
@click.argument("parts", nargs=-1, required=True, type=FOLDER, metavar="PART...")
@click.option("--out", type=OUT_FOLDER, required=True, help="Dataset directory to write.")
def merge(parts: tuple[Path, ...], out: Path) -> None:
    """Make one dataset of all parts of it.

    Each PART is a directory that `synthmammo build --part` or `--shards` has written. The dataset is byte-equal to that
    of a single build. Files are linked where the disk can do that, else copied; the parts stay as they are.

    Example: synthmammo merge parts/1 parts/2 --out datasets/balanced_calc
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import CARD

    with progress_bar("merge", None, "shards") as update:
        made = synthmammo.merge(parts, out, progress=update)
    click.echo(f"{made.manifest.samples:,} samples of {len(parts)} part{'s' * (len(parts) > 1)}")
    click.echo(f"  dataset  {out}\n  card     {out / CARD}")
    _print_gate(made.unmet, out)
    for name, value in made.manifest.machine.items():
        if ", " in value:
            note(f"parts were made on machines that differ ({name}: {value}), so equal bytes are not promised")
    if made.manifest.failed:
        from synthmammo.cli.main import DONE_WITH_SKIPS

        click.echo(f"{len(made.manifest.failed)} samples could not be made; see {out / 'skipped.jsonl'}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes.

    Editors complete and check recipes with it. It has the keys that installed plug-ins add.

    Example: synthmammo schema > recipe.schema.json
    """
    import json

    import synthmammo

    click.echo(json.dumps(synthmammo.recipe_schema(), indent=2))


def _print_gate(unmet: Sequence[str], out: Path) -> None:
    """Say why a dataset is not releasable."""
    from synthmammo.dataset.layout import NOT_RELEASABLE

    if unmet:
        click.echo(f"not releasable, see {out / NOT_RELEASABLE}:")
    for reason in unmet:
        click.echo(f"  {reason}")


def _print_built(samples: int, made: int, seconds: dict[str, float]) -> None:
    busy = sum(seconds.values())
    shares = ", ".join(f"{name} {value / busy:.0%}" for name, value in seconds.items()) if busy else ""
    click.echo(
        f"{samples:,} samples, {made:,} of them made now" + (f" ({shares} of the workers' time)" if shares else "")
    )
