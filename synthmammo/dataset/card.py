"""`card`: the README.md of a dataset, generated from its manifest, index and recipe and from nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from synthmammo.arguments import a_path
from synthmammo.dataset import statements
from synthmammo.dataset.index import IndexRow, read_index
from synthmammo.dataset.layout import CARD, PICTURE, RECIPE
from synthmammo.dataset.loading import filled_text, loading
from synthmammo.dataset.losses import lost_classes
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.origins import makers, origin_sentences
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.release import release_reasons
from synthmammo.dataset.reports import CardReport, attach_audit, attach_benchmark, reports
from synthmammo.dataset.show import draw_dataset
from synthmammo.dataset.writers.parquet import features_yaml
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.mammogram.sample import SPLITS

_PICTURE_TEXT = "Samples of every class"
_BOXES_TEXT = "; boxes and close-ups show the inserted findings (orange malignant, blue benign)"
_LOCATED_TASKS = ("object-detection", "image-segmentation")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(path: str | Path, *, benchmark: str | Path | None = None, audit: str | Path | None = None) -> Path:
    """Write the card and the picture of a finished dataset, from its files alone.

    Args:
        path: Directory of the dataset; the picture needs its Parquet.
        benchmark: Directory of a benchmark whose findings are shown too; None shows those the dataset has already.

        audit: Directory of an audit of the dataset whose section is shown too; None shows one the dataset has already.

    Returns:
        Path of the card.

    Raises:
        DatasetError: The directory is no finished dataset, or the other one no finished benchmark or
            audit of it.
        OutputError: The card cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> sm.card("masses").read_text().splitlines()[1]
        'license: cc-by-4.0'
    """
    directory = a_path(path, "path", DatasetError)
    if benchmark is not None:
        attach_benchmark(directory, a_path(benchmark, "benchmark", DatasetError))
    if audit is not None:
        attach_audit(directory, a_path(audit, "audit", DatasetError))
    return write_card(directory)


def write_card(directory: Path, pictured_from: Dataset | None = None) -> Path:
    """Write the card and the picture of a finished dataset.

    Args:
        directory: Directory of the dataset.
        pictured_from: Where the samples of the picture are read from; None, the default, for the directory.

    Returns:
        Path of the card.

    Raises:
        DatasetError: The directory is no finished dataset.
        OutputError: The card cannot be written.
    """
    manifest = Manifest.read(directory)
    rows: list[IndexRow] = read_index(directory).to_pylist()
    pictured = "parquet" in statements.formats(manifest)
    scaled = Dataset.open(directory).scaled_to_fit() if pictured and manifest.kind == "ingested" else 0
    if pictured:
        draw_dataset(directory, directory / PICTURE, dataset=pictured_from)
    content = filled_text(
        "card",
        title=manifest.name,
        description=statements.description(manifest),
        picture=f"![{_PICTURE_TEXT}{_BOXES_TEXT if manifest.findings else ''}]({PICTURE})\n\n" if pictured else "",
        shown=" ".join(origin_sentences(manifest, rows)),
        nature=_nature(rows),
        composition=_composition(manifest),
        findings=_findings(manifest),
        properties=_table(_properties(manifest, rows, scaled)),
        failures=_not_releasable(directory) + _failures(directory, manifest),
        measured="".join(_report(report) for report in reports(directory).values()),
        loading=loading(manifest),
        making=_making(manifest, rows),
        origin="The resolved recipe" if (directory / RECIPE).is_file() else "The options",
        recipe=_recipe(directory, manifest),
        facts=_table(_origins(manifest)),
        uses=_points(statements.use_cases(manifest)),
        unclaimed=_points(statements.not_claimed(manifest)),
        limits=_points(statements.limitations(manifest, rows) + statements.biases(manifest)),
        persons=" ".join(statements.sensitive_information(manifest)),
        licence=_licence(manifest),
    )
    written = directory / CARD
    with writing(written) as partial:
        partial.write_text(_header(directory, manifest, len(rows)) + "\n" + content + "\n", encoding="utf-8")
    return written


def _header(directory: Path, manifest: Manifest, samples: int) -> str:
    """The Hub's YAML block: one configuration, the Parquet, with its features declared."""
    tags = ["mammography", "medical", "breast-cancer", "synthmammo"]
    header: dict[str, Any] = {
        "license": manifest.licence.partition(" ")[0].lower(),
        "pretty_name": manifest.name,
        "task_categories": ["image-classification", *(_LOCATED_TASKS if manifest.findings else [])],
        "tags": [*tags, "synthetic"] if statements.synthetic(manifest) else tags,
        "size_categories": [next((name for limit, name in _SIZES if samples < limit), "n>1M")],
    }
    if "parquet" in statements.formats(manifest):
        splits = [split for split in SPLITS if manifest.counts.get(split)]
        data_files = [{"split": split, "path": f"parquet/{split}-*.parquet"} for split in splits]
        header["configs"] = [{"config_name": "default", "data_files": data_files}]
        header["dataset_info"] = {"features": features_yaml(Dataset.open(directory).label_names)}
    return "---\n" + yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=120) + "---\n"


def _table(rows: Iterable[Sequence[object]]) -> str:
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def _nature(rows: Sequence[IndexRow]) -> str:
    made, real = statements.finding_counts(rows)
    sentences = []
    if made and real:
        sentences.append(
            f"{made} of the {made + real} boxed findings were put in by a program; {real} are the hosts' own."
        )
    elif made:
        sentences.append("Every boxed finding was put in by a program.")
    if any(row["unlocated"] for row in rows):
        sentences.append("**What is not boxed is not healthy**: see the limits.")
    return " ".join(sentences)


def _points(points: Iterable[str]) -> str:
    return "\n".join(f"* {point}" for point in points)


def _report(report: CardReport) -> str:
    figures = "".join(f"\n\n![{caption}]({path})" for path, caption in report.figures.items())
    return f"## {report.title}\n\n{report.markdown.strip()}\n\nMeasured with `{report.command}`.{figures}\n\n"


def _composition(manifest: Manifest) -> str:
    splits = [split for split in SPLITS if manifest.counts.get(split)]
    labels = sorted({label for split in splits for label in manifest.counts[split]})
    total = max(1, manifest.samples)
    lines: list[Sequence[object]] = [("class", *splits, "all", "share"), ("---",) * (len(splits) + 3)]
    for label in labels:
        numbers = [manifest.counts[split].get(label, 0) for split in splits]
        lines.append((label, *numbers, sum(numbers), f"{sum(numbers) / total:.1%}"))
    sums = [sum(manifest.counts[split].values()) for split in splits]
    lines.append(("**all**", *sums, manifest.samples, "100 %"))
    return _table(lines) + "\n\nNo patient, real or synthetic, is in more than one split."


def _findings(manifest: Manifest) -> str:
    if not manifest.findings:
        return "No finding has a box."
    pathologies = sorted({name for counts in manifest.findings.values() for name in counts})
    lines: list[Sequence[object]] = [("finding", *pathologies), ("---",) * (len(pathologies) + 1)]
    lines += [(kind, *(counts.get(name, 0) for name in pathologies)) for kind, counts in manifest.findings.items()]
    return _table(lines)


def _properties(manifest: Manifest, rows: Sequence[IndexRow], scaled: int) -> Iterable[tuple[str, str]]:
    yield "samples", f"{len(rows):,}"
    yield "patients", f"{len({row['patient'] for row in rows}):,}"
    yield "size", _tally(f"{row['height']} x {row['width']}" for row in rows)
    yield "bits stored", _tally(row["bits_stored"] for row in rows)
    yield "pixel spacing", _tally(_spacing(row) for row in rows)
    if scaled:
        yield "scaled down to fit", f"{scaled} of {len(rows):,}, which have a coarser spacing than the others"
    for name in ("view", "laterality", "density"):
        if any(row[name] for row in rows):
            yield name, _tally(row[name] or "unknown" for row in rows)
    attempts = Counter(attempt for row in rows for attempt in row["attempts"])
    if attempts:
        discarded = sum(attempt * number for attempt, number in attempts.items())
        yield "lesion candidates", f"{attempts.total()} taken, {discarded} discarded before them"
    yield from _chosen(manifest, rows)
    for name in sorted(statements.formats(manifest)):
        size = sum(shard.bytes for shard in manifest.shards if shard.format == name)
        number = sum(shard.format == name for shard in manifest.shards)
        yield name, f"{number} shard{'s' * (number != 1)}, {size / 1e6:,.1f} MB"


def _chosen(manifest: Manifest, rows: Sequence[IndexRow]) -> Iterable[tuple[str, str]]:
    """How many backgrounds were edited, and how many rejected for their looks."""
    edits = Counter(name for row in rows for name in row["edits"] or ())
    if edits:
        yield "edits", ", ".join(f"{name} ({number} samples)" for name, number in edits.most_common())
    tried = {row["patient"]: row["host_attempt"] for row in rows if row["host_attempt"] is not None}
    if tried:
        yield "backgrounds", f"{len(tried)} taken, {sum(tried.values())} rejected before them (`require`)"


def _spacing(row: IndexRow) -> str:
    if not row["spacing_mm"]:
        return "unknown"
    spacing = sorted({f"{side:g}" for side in row["spacing_mm"]})
    assumed = " (**assumed**, not in the source)" if row["spacing_origin"] == "assumed" else ""
    return " x ".join(spacing) + " mm" + assumed


def _tally(values: Iterable[object], most: int = 4) -> str:
    counts = Counter(map(str, values))
    if len(counts) == 1:
        return next(iter(counts))
    shown = ", ".join(
        f"{value} ({number})" for value, number in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:most]
    )
    return shown + (f" and {len(counts) - most} more" if len(counts) > most else "")


def _not_releasable(directory: Path) -> str:
    """That the audit of a dataset did not pass, and why; empty where it did, or none was demanded."""
    return "".join(f"**Not releasable: {reason}.**\n\n" for reason in release_reasons(directory))


def _failures(directory: Path, manifest: Manifest) -> str:
    if not manifest.failed:
        return "Every planned sample was made." if manifest.kind == "built" else ""
    what = "planned samples could not be made" if manifest.kind == "built" else "files could not be read"
    reasons = Counter(failed["reason"] for failed in manifest.failed)
    lines = "\n".join(f"* {number} x {reason}" for reason, number in reasons.most_common(10))
    lost = [f"**No sample of the class {label} could be made.**" for label in lost_classes(directory, manifest)]
    return "\n\n".join([*lost, f"{len(manifest.failed)} {what} and are listed in `skipped.jsonl`:", lines])


def _making(manifest: Manifest, rows: Sequence[IndexRow]) -> str:
    collection = " ".join(statements.collection(manifest, rows))
    return (
        filled_text("making", collection=collection)
        if manifest.kind == "built"
        else f"{collection} Its options are below."
    )


def _recipe(directory: Path, manifest: Manifest) -> str:
    path = directory / RECIPE
    if path.is_file():
        return path.read_text(encoding="utf-8").strip()
    return yaml.safe_dump(manifest.options, sort_keys=False, allow_unicode=True, width=120).strip()


def _origins(manifest: Manifest) -> Iterable[tuple[str, str]]:
    yield "digest", f"`{manifest.digest}`"
    for name, value in manifest.sources.items():
        yield f"source `{name}`", f"`{value}`"
    yield "origin", manifest.origin
    for maker in makers(manifest):
        yield "made by", f"`{maker}`"
    yield "pixels version", str(manifest.pixels_version)
    yield "bytes version", str(manifest.bytes_version)
    yield "versions", ", ".join(f"{name} {value}" for name, value in manifest.versions.items())
    yield "machine", ", ".join(manifest.machine.values())


def _licence(manifest: Manifest) -> str:
    text = f"Licence: {manifest.licence}."
    return f"{text}\n\n{manifest.citation}" if manifest.citation else text
