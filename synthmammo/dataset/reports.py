"""Results measured on a dataset after it was made, kept beside its manifest so that its card can show them.

`benchmark.json`, `audit.json` and `quality.json` in the dataset directory hold a title, the command that measured,
Markdown, and figures by path. They are not part of the dataset's content: its manifest and digests stay as they were.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.release import audit_record
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.mammogram.licences import Terms, stated_terms

REPORTS = ("benchmark.json", "audit.json", "quality.json")
"""Files that the card looks for, in the order in which it shows them."""

BENCHMARK_FIGURES = {
    "auc.png": "AUC on real images against the synthetic share; ticks are seeds",
    "froc.png": "FROC on real images; bars are 95 % intervals by patients",
}
"""Captions of the figures of a benchmark that a card shows, by file name."""


@dataclass(frozen=True)
class CardReport:
    """The part of a card that shows what was measured on a dataset.

    Attributes:
        title: Heading of the part.
        command: Command that measured it.
        markdown: Sentences and tables, without headings.
        figures: Captions of the figures by path, relative to the dataset directory.
    """

    title: str
    command: str
    markdown: str
    figures: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write the report; returns the path.

        Args:
            path: Path of one of `REPORTS` in a dataset directory.

        Raises:
            OutputError: The file cannot be written.
        """
        with writing(path) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> CardReport:
        """Read a report, and make sure that its figures are there.

        Args:
            path: Path of one of `REPORTS` in a dataset directory.

        Raises:
            DatasetError: It is no report, or a figure is missing.
        """
        hint = "Run the command that measured it again, or remove the file."
        try:
            report = cls(**json.loads(path.read_text(encoding="utf-8")))
            missing = [name for name in report.figures if not (path.parent / name).is_file()]
        except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
            raise DatasetError(f"is not a report that a card can show ({error})", where=path, hint=hint) from error
        if missing:
            raise DatasetError(f"names the figure {missing[0]}, which is not there", where=path, hint=hint)
        return report


def reports(directory: Path) -> dict[str, CardReport]:
    """The reports in a dataset directory, by file name.

    Raises:
        DatasetError: One of them cannot be read.
    """
    return {name: CardReport.read(directory / name) for name in REPORTS if (directory / name).is_file()}


def attach_benchmark(directory: Path, results: Path) -> Path:
    """Bring what `synthmammo benchmark` measured with a dataset into it, for its card.

    Args:
        directory: Directory of the dataset, which was the synthetic side of the benchmark.
        results: Folder of the benchmark's results, its `out`.

    Returns:
        Path of the report in the dataset.

    Raises:
        DatasetError: There is no finished benchmark, or it was measured with another dataset.
        OutputError: The dataset directory cannot be written.
    """
    facts, manifest = _benchmark_facts(results), Manifest.read(directory)
    measured = (facts.get("synthetic") or {}).get("digest")
    if measured != manifest.digest:
        message = f"was measured with a dataset of the digest {measured}, this one has {manifest.digest}"
        raise DatasetError(message, where=results, hint="Give the benchmark whose synthetic images this dataset was.")
    line = results / "card_line.md"
    try:
        sentence = line.read_text(encoding="utf-8").strip() if line.is_file() else ""
        table = _first_table((results / "report.md").read_text(encoding="utf-8"))
    except OSError as error:
        hint = "Run the benchmark's command again; it ends with its report."
        raise DatasetError(f"is no finished benchmark ({error.strerror})", where=error.filename, hint=hint) from error
    figures = {}
    for name, caption in BENCHMARK_FIGURES.items():
        if (results / "figures" / name).is_file():
            figures[f"figures/benchmark-{name}"] = caption
            with writing(directory / "figures" / f"benchmark-{name}") as partial:
                partial.write_bytes((results / "figures" / name).read_bytes())
    real, kind = facts["real"]["name"], facts.get("benchmark", "classify")
    command = f"synthmammo benchmark {kind} --real {real} --synthetic {manifest.name} --config benchmark.yaml"
    notes = "".join(f"\n* {note}" for note in facts.get("notes", []))
    report = CardReport(
        "Measured on real images", command, "\n\n".join(filter(None, [sentence, table, notes])), figures
    )
    return report.write(directory / "benchmark.json")


def attach_audit(directory: Path, results: Path) -> Path:
    """Bring what `synthmammo audit` found of a dataset into it, for its card.

    The sheet of closest pairs shows training images: it comes along only where their licence lets everybody pass them
    on, with the attribution.

    Args:
        directory: Directory of the dataset that was audited.
        results: Directory of the audit, its `out`.

    Returns:
        Path of the report in the dataset.

    Raises:
        DatasetError: There is no finished audit, or it is of another dataset.
        OutputError: The dataset directory cannot be written.
    """
    record, manifest = audit_record(results / "audit.json"), Manifest.read(directory)
    if record["dataset"].get("digest") != manifest.digest:
        message = f"is the audit of {record['dataset']['name']}, digest {record['dataset'].get('digest') or 'unknown'}"
        hint = f"`synthmammo audit {directory}` makes that of this dataset."
        raise DatasetError(message, where=results, hint=hint)
    try:
        text = (results / "card.md").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DatasetError(f"is no finished audit ({error.strerror})", where=error.filename) from error
    figures, train, sheet = {}, record["train"], results / "figures" / "closest.png"
    if sheet.is_file() and stated_terms(train.get("terms", "")) is not Terms.RESTRICTED:
        name = "figures/audit-closest.png"
        figures[name] = f"The samples most like a training image, each beside it. {train.get('citation', '')}".strip()
        with writing(directory / name) as partial:
            partial.write_bytes(sheet.read_bytes())
    command = f"synthmammo audit {manifest.name} --reference {record['reference']['name']} --train {train['name']}"
    return CardReport("Audit", command, text, figures).write(directory / "audit.json")


def _benchmark_facts(results: Path) -> dict[str, Any]:
    path = results / "benchmark.yaml"
    try:
        facts = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(facts, dict) and isinstance(facts.get("real"), dict):
            return facts
        raise DatasetError("is not the record of a benchmark", where=path)
    except (OSError, yaml.YAMLError) as error:
        hint = "Give the directory that `synthmammo benchmark` wrote (out)."
        raise DatasetError("there is no benchmark", where=results, hint=hint) from error


def _first_table(markdown: str) -> str:
    """The first table of a Markdown text; empty where it has none."""
    lines = markdown.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("|")), len(lines))
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    return "\n".join(lines[start:end])
