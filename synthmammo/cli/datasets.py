"""Commands on finished datasets: verify, repair, regenerate, show, card."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.options import DIRECTORY, FILE, FOLDER, WHERE, WORKERS


@click.command()
@DIRECTORY
@click.option(
    "--pixels",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of samples to make again and to compare byte by byte.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed for choosing these samples.")
def verify(directory: Path, pixels: int, seed: int) -> None:
    """Check the hashes, counts and schema of a dataset.

    Problems of the dataset in DIRECTORY are listed, and the exit code is then 1.

    Example: synthmammo verify datasets/balanced_calc --pixels 5
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.manifest import Manifest

    with progress_bar("verify", unit="checks") as update:
        found = synthmammo.verify(directory, pixels=pixels, seed=seed, progress=update)
    for note in found.notes:
        click.echo(f"note: {note}")
    for problem in found.problems:
        click.secho(f"problem: {problem}", fg="red")
    if found.problems:
        click.echo(f"{directory}: {len(found.problems)} problem{'s' * (len(found.problems) > 1)}")
        if found.damaged and found.repairable:
            click.echo(f"`synthmammo repair {directory}` makes again what is missing or was changed")
        raise SystemExit(1)
    again = f", {len(found.remade)} samples made again and found equal" if found.remade else ""
    origin = Manifest.read(directory).origin
    click.echo(f"{directory}: sound ({found.files} files and shards checked{again}); its images are {origin}")


@click.command()
@DIRECTORY
@WORKERS
def repair(directory: Path, workers: int | None) -> None:
    """Make again what is missing or was changed in a dataset.

    What `synthmammo verify` blames of the built dataset in DIRECTORY is made again from its recipe, to the same bytes;
    everything else stays as it is. The exit code is 1 when something is still wrong.

    Example: synthmammo repair datasets/balanced_calc
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("repair", unit="samples") as update:
        done = synthmammo.repair(directory, workers=workers, progress=update)
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
@click.option("--out", type=FOLDER, default=Path("."), show_default=True, help="Folder for the files of the sample.")
def regenerate(directory: Path, key: str, out: Path) -> None:
    """Make one sample of a dataset again.

    The sample KEY is made from the plan and the recipe in DIRECTORY alone, and compared with the dataset's; the exit
    code is 1 when its bytes differ.

    Example: synthmammo regenerate datasets/balanced_calc balanced_calc-0000003 --out again
    """
    import synthmammo

    again = synthmammo.regenerate(directory, key, out)
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
@DIRECTORY
@click.option("--out", type=FILE, help="PNG file to write.  [default: figures/show.png in DIRECTORY]")
@click.option("--count", type=click.IntRange(1), default=12, show_default=True, help="Number of samples to draw.")
@click.option("--columns", type=click.IntRange(1), default=6, show_default=True, help="Number of tiles per row.")
@click.option("--split", help="Split of the samples.  [default: all]")
@click.option("--class", "label", help="Class of the samples.  [default: all]")
@WHERE
def show(
    directory: Path,
    out: Path | None,
    count: int,
    columns: int,
    split: str | None,
    label: str | None,
    where: str | None,
) -> None:
    """Draw samples of a dataset on one picture.

    Boxes mark the findings, and close-ups show them.

    Example: synthmammo show datasets/balanced_calc --class malignant
    """
    from synthmammo.dataset.show import show as run

    out = out or directory / "figures" / "show.png"
    click.echo(run(directory, out, count=count, columns=columns, split=split, label=label, where=where))


@click.command()
@DIRECTORY
@click.option("--benchmark", type=FOLDER, help="Directory of a benchmark whose results the card shows.")
def card(directory: Path, benchmark: Path | None) -> None:
    """Write the card of a dataset again.

    The card is README.md; it is written from the files in DIRECTORY alone. It shows the tables and figures of
    benchmark.json and quality.json where these lie in the dataset; --benchmark makes the first of them.

    Example: synthmammo card datasets/balanced_calc --benchmark benchmarks/calc
    """
    import synthmammo

    click.echo(synthmammo.card(directory, benchmark=benchmark))
