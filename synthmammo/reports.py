"""Results measured on a dataset after it was made, kept beside its manifest so that its card can show them.

`benchmark.json` and `quality.json` in the dataset directory hold a title, the command that measured, Markdown, and
figures by path. They are not part of the dataset's content: its manifest and digests stay as they were.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synthmammo.errors import DatasetError
from synthmammo.manifest import writing

REPORTS = ("benchmark.json", "quality.json")
"""Files that the card looks for, in the order in which it shows them."""


@dataclass(frozen=True)
class Report:
    """What one measurement has to say on a card.

    Attributes:
        title: Heading.
        command: What was typed to measure it.
        markdown: Sentences and tables, without headings.
        figures: Captions by path, relative to the dataset directory.
    """

    title: str
    command: str
    markdown: str
    figures: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it as one of `REPORTS` in a dataset directory; returns the path.

        Raises:
            OutputError: The file cannot be written.
        """
        with writing(path) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read one, and find its figures.

        Raises:
            DatasetError: It is not such a file, or a figure is missing.
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


def reports(directory: Path) -> dict[str, Report]:
    """The reports in a dataset directory, by file name.

    Raises:
        DatasetError: One of them cannot be read.
    """
    return {name: Report.read(directory / name) for name in REPORTS if (directory / name).is_file()}
