"""An archive of real mammograms becomes a dataset directory with the layout of every other dataset.

Images stream one at a time. A shard is the unit of work: a finished one is never made again, and what was found in
it waits in `.unfinished/` until the manifest is written, last. A file that cannot be read is listed in
`skipped.jsonl` with the reason, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from synthmammo.arguments import a_function, a_path, a_text, wrong
from synthmammo.arguments import options as as_options
from synthmammo.dataset.card import card
from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.layout import SKIPPED
from synthmammo.dataset.libraries import ingest_versions
from synthmammo.dataset.manifest import Manifest, machine
from synthmammo.dataset.reader import Dataset, MadeDataset
from synthmammo.dataset.shards import Formats, Made, run_shards, write_shard
from synthmammo.dataset.splits import assign_splits
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.dataset.workers.base import Engine, Report
from synthmammo.dataset.workers.local import chosen, local
from synthmammo.errors import OutputError, SourceError
from synthmammo.identity import digest
from synthmammo.ingesting.listing import list_images, passed_over_notes, skip_row, write_passed_over
from synthmammo.ingesting.options import IngestOptions
from synthmammo.ingesting.sources.archive_files import size_of
from synthmammo.ingesting.sources.base import Record, Skipped, Source, brought_by, open_source
from synthmammo.ingesting.sources.samples import to_sample
from synthmammo.mammogram.geometry import blank, square, turn
from synthmammo.mammogram.sample import SPLITS, Sample
from synthmammo.progress import Progress, Steps, silent, stage
from synthmammo.settings import changed

SQUARE_PX = 512
"""Side of the square images of Zakka et al. 2020, section III, in pixels."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IngestSummary:
    """What came of an ingest.

    Attributes:
        path: Directory of the dataset.
        manifest: Manifest of the dataset: counts, shards, licence.
        skipped: Files that could not become samples, with the reason.
        notes: Sentences on what the reader and the splitting found.
        made: Number of images read by this run; fewer than the dataset's when it was resumed.
    """

    path: Path
    manifest: Manifest
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    made: int = 0

    @property
    def reasons(self) -> dict[str, int]:
        """Number of skipped files by reason."""
        return dict(Counter(skip.reason for skip in self.skipped).most_common())


def ingest(
    source: str,
    path: str | Path,
    out: str | Path,
    *,
    workers: int | None = 1,
    progress: Progress = silent,
    **options: Any,
) -> MadeDataset:
    r"""Read an archive of real mammograms and write it as a dataset, with its card.

    A file that cannot be read is listed in `skipped.jsonl` of the dataset and in `manifest.failed`, with the reason,
    and the log has a warning; the rest goes on. After an interruption the same call goes on where it was.

    Args:
        source: Name of the archive's reader: "dicom", "folder", "mini_mias", "cbis_ddsm", "cbis_ddsm_views",
            "ddsm", "vindr_mammo", "inbreast", "optimam", "embed", "rsna_2022", "cmmd", "csaw_cc" or "cdd_cesm".
        path: Folder of the archive, or a zip archive of it; "package:NAME" reads the files of an installed package.
        out: Directory to make; an unfinished one is continued, a finished one of the same content is left alone.
        workers: Number of processes; 1 is this process, None one per core. A script that asks for more than one
            starts its work below `if __name__ == "__main__":`.
        progress: Function that is called with images done and images in all, resumed ones included.
        options: Any attribute of `IngestOptions` by its name, e.g. `assume_spacing_mm=0.05`, `geometry="full"`,
            `split="draw"`; `settings` of the reader as a mapping or as KEY=VALUE texts.

    Returns:
        The dataset. `manifest.failed` lists the files that were skipped, `notes` say what the reader found.

    Raises:
        SourceError: The archive as a whole cannot be used, or an argument makes no sense (its name comes first).
        OutputError: The directory holds something else, or cannot be written.

    Example:
        >>> import tempfile, numpy as np, synthmammo as sm
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "films").mkdir()
        ...     pixels = np.zeros((96, 64), np.uint8)
        ...     pixels[10:80, :40] = 120
        ...     Image.fromarray(pixels).save(Path(folder, "films", "p1.png"))
        ...     _ = Path(folder, "films", "table.csv").write_text("file,patient,label\np1.png,p1,normal")
        ...     len(sm.ingest("folder", f"{folder}/films", f"{folder}/dataset"))
        1
    """
    a_text(source, "source", SourceError)
    a_path(path, "path", SourceError)
    chosen_options = _options(options)
    summary = ingest_archive(
        source,
        path,
        a_path(out, "out", SourceError),
        chosen_options,
        engine=local(workers, SourceError),
        progress=a_function(progress, "progress", SourceError),
    )
    for note in summary.notes:
        _log.info(note)
    if summary.skipped:
        _log.warning("%d files were skipped, listed in %s", len(summary.skipped), summary.path / SKIPPED)
    card(summary.path)
    return MadeDataset(summary.path, summary.manifest, summary.made, notes=summary.notes)


def _options(given: dict[str, Any]) -> IngestOptions:
    settings = given.get("settings", {})
    if not isinstance(settings, Mapping):
        given = {**given, "settings": changed({}, settings, SourceError, "settings")}
    options = as_options(IngestOptions, given, SourceError)
    if not options.formats:
        raise wrong("formats", "one format at least", options.formats, SourceError)
    return options


def ingest_archive(
    source: str,
    path: str | Path,
    out: Path,
    options: IngestOptions | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> IngestSummary:
    """What `ingest` does, with an account of it: what was skipped, and what is worth saying.

    Args:
        source: Name of the archive's reader, one of `SOURCES`.
        path: Path of the archive.
        out: Directory to make; an unfinished one is continued, a finished one of the same content is left alone.
        options: Options that decide the content; None for the defaults.
        engine: Engine that makes the shards, this process by default. A script that gives `Local(4)` starts its
            work below `if __name__ == "__main__":`, since each of the four processes imports the script.
        progress: Function that is called as images are done, resumed ones included.

    Returns:
        What was made and what was skipped.

    Raises:
        SourceError: The archive as a whole cannot be used, or not one image of it can be read.
        OutputError: The directory holds something else, or cannot be written.
    """
    engine = chosen(engine)
    options = options or IngestOptions()
    frames = {} if options.frames is None else {"frames": options.frames}
    reader = open_source(source, path, {**options.settings, **frames})
    stage(progress, "listing the archive")
    listed = list_images(reader, path, options.limit, options.where)
    records = listed.records
    images = [(record.patient, record.label, record.split) for record in records]
    splits, notes = assign_splits(images, options.split, options.shares, options.seed)
    content = {"kind": "ingested", "source": source, "options": _plain(options), "images": _listing(records, splits)}
    state = Unfinished(Path(out), content, ingest_versions(source, _formats(options)))
    manifest, made = state.manifest(), 0
    if manifest is None:
        labels = tuple(sorted({record.label for record in records}))
        job = _Job(reader, source, options, labels, state.out, state.digest)
        done = _results(job, _shards(records, splits, options.shard_size), state, engine, progress)
        made = done.samples
        _refuse_empty(done.results, state, path)
        files = write_passed_over(listed, reader, state.out)
        skipped = [skip_row(skip, reader) for skip in listed.skipped]
        manifest = state.finish(done.results, skipped, _facts(job), files)
    failed = tuple(Skipped(Path(skip["file"]), skip["reason"]) for skip in manifest.failed)
    said = (*reader.notes, *listed.notes, *passed_over_notes(listed), *notes, *_scaled(state.out, manifest))
    return IngestSummary(state.out, manifest, failed, said, made)


def _scaled(out: Path, manifest: Manifest) -> Iterator[str]:
    """A note on the images that were scaled down to go onto a canvas, which only their provenance tells."""
    if any(shard.format == "parquet" for shard in manifest.shards) and (scaled := Dataset.open(out).scaled_to_fit()):
        yield (
            f"{scaled} of {manifest.samples:,} images were too large for the canvas and scaled down: their pixel "
            "spacing is coarser than that of the others (`scaled_to_fit` in the provenance is the factor)"
        )


def _refuse_empty(results: Sequence[ShardResult], state: Unfinished, path: str | Path) -> None:
    """An ingest of nothing is no dataset, and leaves nothing behind."""
    if any(result.rows for result in results):
        return
    state.forget()
    reasons = Counter(skip["reason"] for result in results for skip in result.skipped)
    shown = "; ".join(f"{reason} ({number} files)" for reason, number in reasons.most_common(3))
    raise SourceError(f"not one of {reasons.total():,} images can be used: {shown}", where=path)


@dataclass(frozen=True)
class _Shard:
    name: str
    split: str
    first: int
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True)
class _Job:
    reader: Source
    source: str
    options: IngestOptions
    labels: tuple[str, ...]
    out: Path
    digest: str


def _shards(records: Sequence[Record], splits: Mapping[str, str], size: int) -> list[_Shard]:
    shards: list[_Shard] = []
    first = 0
    for split in SPLITS:
        members = [record for record in records if splits[record.patient] == split]
        for number, start in enumerate(range(0, len(members), size)):
            part = tuple(members[start : start + size])
            shards.append(_Shard(f"{split}-{number:05d}", split, first, part))
            first += len(part)
    return shards


def _results(job: _Job, shards: Sequence[_Shard], state: Unfinished, engine: Engine, progress: Progress) -> Made:
    advance = Steps(progress, sum(map(len, shards)))
    return run_shards(state, engine, partial(_make_shard, job), shards, advance)


def _make_shard(job: _Job, shard: _Shard, report: Report) -> tuple[str, ShardResult]:
    options = _formats(job.options)
    for name, more in (("parquet", {"label_names": job.labels}), ("dicom", {"dataset": job.digest})):
        if name in options:
            options[name] |= more
    return write_shard(Formats(job.out, options), shard.name, _samples(job, shard), report)


def _formats(options: IngestOptions) -> dict[str, dict[str, Any]]:
    """Options by name of the formats; in DICOM an archive keeps all that it says of its findings."""
    return {name: {"findings": ("segmentation", "report")} if name == "dicom" else {} for name in options.formats}


def _samples(job: _Job, shard: _Shard) -> Iterator[tuple[int, Sample | dict[str, str]]]:
    for number, record in enumerate(shard.records, shard.first):
        try:
            sample = _sample(job, record, shard.split)
            if "dicom" in job.options.formats:
                _check_dicom(sample)
            yield number, sample
        except (SourceError, OutputError) as error:
            yield number, skip_row(Skipped(record.path, error.message), job.reader)


def _check_dicom(sample: Sample) -> None:
    from synthmammo.dataset.writers.dicom_modules import require

    require(sample)


def _sample(job: _Job, record: Record, split: str) -> Sample:
    options, picture = job.options, job.reader.read(record)
    spacing_mm = options.assume_spacing_mm
    sample = to_sample(
        record,
        picture,
        source=job.source,
        split=split,
        assume_spacing_mm=spacing_mm,
        generated_by=options.generated_by,
    )
    if brought := brought_by(job.source):
        sample = sample.with_(provenance={**sample.provenance, **brought})
    if record.is_patch:
        return sample
    if options.geometry == "square512":
        sample = square(sample, SQUARE_PX, options.chest_wall or "right")
    elif options.chest_wall:
        sample = turn(sample, options.chest_wall)
    # Last, or the geometry "square512" would take the blanked film for padding.
    return blank(sample) if options.background == "blank" else sample


def _facts(job: _Job) -> Manifest:
    return Manifest(
        kind="ingested",
        name=job.out.name,
        digest="",
        options={"source": job.source, **_plain(job.options)},
        machine=machine(),
        licence=job.reader.licence,
        citation=job.reader.citation,
    )


def _plain(options: IngestOptions) -> dict[str, Any]:
    # Shard size and formats do not decide pixels, but a directory cannot hold shards of two kinds.
    values = asdict(options) | {"formats": list(options.formats), "shares": dict(options.shares)}
    # A dataset that was begun without these keeps its digest.
    return {name: value for name, value in values.items() if value is not None or name not in ("where", "frames")}


def _listing(records: Sequence[Record], splits: Mapping[str, str]) -> str:
    """Digest of what is to be read; a file that changed its size, or a new one, makes it another archive."""
    return digest([[record.key, splits[record.patient], size_of(record.path)] for record in records])
