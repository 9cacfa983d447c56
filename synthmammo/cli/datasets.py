"""Commands on datasets: verify, repair, regenerate, show, status, card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from synthmammo.cli.answers import JSON, print_json
from synthmammo.cli.options import (
    DATASET_DEVICE,
    DIRECTORY,
    FILE,
    FOLDER,
    FROM_SPLIT,
    OUT_FOLDER,
    PICTURE_FILE,
    WHERE,
    WORKERS,
    columns_option,
    count_option,
    seed_option,
)
from synthmammo.cli.standings import print_standing
from synthmammo.cli.volume import note


@click.command()
@DIRECTORY
@click.option(
    "--pixels",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of samples to make again and to compare byte by byte.",
)
@seed_option("choosing these samples")
@JSON
@DATASET_DEVICE
def verify(directory: Path, pixels: int, seed: int, as_json: bool, device: str) -> None:
    """Check the hashes, counts and schema of a dataset.

    Problems of the dataset in DIRECTORY are listed, and the exit code is then 1.

    Example: synthmammo verify datasets/balanced_calc --pixels 5
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("verify", unit="checks") as update:
        found = synthmammo.verify(directory, pixels=pixels, seed=seed, device=device, progress=update)
    if as_json:
        print_json({"sound": not found.problems, **asdict(found)})
        raise SystemExit(1 if found.problems else 0)
    for text in found.notes:
        note(text)
    for problem in found.problems:
        click.secho(f"problem: {problem}", fg="red")
    if found.problems:
        click.echo(f"{directory}: {len(found.problems)} problem{'s' * (len(found.problems) > 1)}")
        if found.damaged and found.repairable:
            click.echo(f"`synthmammo repair {directory}` makes again what is missing or was changed")
        raise SystemExit(1)
    again = f", {len(found.remade)} samples made again and found equal" if found.remade else ""
    origin = synthmammo.inspect(directory).origin
    click.echo(f"{directory}: sound ({found.files} files and shards checked{again}); its images are {origin}")


@click.command()
@DIRECTORY
@WORKERS
@DATASET_DEVICE
def repair(directory: Path, workers: int | None, device: str) -> None:
    """Make again what is missing or was changed in a dataset.

    What `synthmammo verify` blames of the built dataset in DIRECTORY is made again from its recipe, to the same bytes;
    everything else stays as it is. The exit code is 1 when something is still wrong.

    Example: synthmammo repair datasets/balanced_calc
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("repair", unit="samples") as update:
        done = synthmammo.repair(directory, workers=workers, device=device, progress=update)
    for name in done.repaired:
        click.echo(f"made again: {name}")
    for problem in done.problems:
        click.secho(f"problem: {problem}", fg="red")
    if done.problems:
        raise SystemExit(1)
    click.echo(f"{directory}: sound" + ("" if done.repaired else "; there was nothing to repair"))


@click.command()
@DIRECTORY
@click.argument("key")
@click.option("--out", type=OUT_FOLDER, default=Path("."), show_default=True, help="Folder to write the files to.")
@DATASET_DEVICE
def regenerate(directory: Path, key: str, out: Path, device: str) -> None:
    """Make one sample of a dataset again.

    The sample KEY is made from the plan and the recipe in DIRECTORY alone, and compared with the dataset's; the exit
    code is 1 when its bytes differ.

    Example: synthmammo regenerate datasets/balanced_calc balanced_calc-0000003 --out again
    """
    import synthmammo

    again = synthmammo.regenerate(directory, key, out, device=device)
    for path in again.files:
        click.echo(path)
    same = "equal to the dataset's, byte for byte"
    differs = f"it differs from the dataset's by up to {again.compared.largest_difference} grey levels"
    if not again.compared.largest_difference:
        differs = "its pixels are the dataset's, but not all of its files are"
    click.echo(same if again.compared.equal_bytes else differs)
    if again.note:
        click.echo(f"note: {again.note}")
    if not again.compared.equal_bytes:
        raise SystemExit(1)


@click.command()
@click.argument("path", type=FILE)
@click.option(
    "--out",
    type=PICTURE_FILE,
    help="PNG file to write.  [default: figures/show.png in a dataset, NAME-shown.png beside an image]",
)
@count_option("samples", 12)
@columns_option(6)
@FROM_SPLIT
@click.option("--class", "label", help="Class of the samples.  [default: all]")
@WHERE
@click.option("--open", "opened", is_flag=True, help="Open the picture in the viewer of the desktop.")
def show(
    path: Path,
    out: Path | None,
    count: int,
    columns: int,
    split: str | None,
    label: str | None,
    where: str | None,
    opened: bool,
) -> None:
    """Draw samples of a dataset, or one image, on a picture.

    PATH is the directory of a dataset, or a DICOM or image file. Boxes mark the findings, and close-ups show them. A
    dataset that is still being made is drawn as far as it is finished.

    Example: synthmammo show datasets/balanced_calc --class malignant
    """
    import synthmammo

    written = synthmammo.show(path, out, count=count, columns=columns, split=split, label=label, where=where)
    click.echo(written)
    if opened:
        click.launch(str(written))


@click.command()
@DIRECTORY
@JSON
def status(directory: Path, as_json: bool) -> None:
    """Say how far the dataset in DIRECTORY has come.

    It works on finished datasets, on those that are being made, on those whose making was interrupted, and on parts of
    one: DIRECTORY is then a part, or the directory that all parts lie in.

    Example: synthmammo status datasets/balanced_calc
    """
    import synthmammo

    found = synthmammo.status(directory)
    if as_json:
        print_json(found.facts())
    else:
        print_standing(found)


@click.command()
@DIRECTORY
@click.option("--benchmark", type=FOLDER, help="Directory of a benchmark whose results the card shows.")
@click.option("--audit", type=FOLDER, help="Directory of an audit whose section the card shows.  [default: none]")
def card(directory: Path, benchmark: Path | None, audit: Path | None) -> None:
    """Write the card of a dataset again.

    The card is README.md; it is written from the files in DIRECTORY alone. It shows the tables and figures of
    benchmark.json, audit.json and quality.json where these lie in the dataset; --benchmark and --audit make the
    first two.

    Example: synthmammo card datasets/balanced_calc --benchmark benchmarks/calc
    """
    import synthmammo

    click.echo(synthmammo.card(directory, benchmark=benchmark, audit=audit))
