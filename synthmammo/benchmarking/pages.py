"""Pages of a report: sections as Markdown, and as one HTML file with everything in it."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Heading of the section.
        paragraphs: Paragraphs of plain text.
        table: Rows of cells, the header first.
        pictures: PNG files with their captions.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    pictures: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True)
class Written:
    """What a report left.

    Attributes:
        table: The main table, Markdown.
        markdown: `report.md`.
        html: `report.html`.
        notes: What was checked, and what could not be.
        verdict: What was compared, the gain, its interval, and whether it is shown, in one sentence.
        rows: The main table as values by name, for programs.
        external: The same of a second test set; empty where there is none.
        subgroups: The same by subgroup of the tested images.
    """

    table: str
    markdown: Path
    html: Path
    notes: tuple[str, ...] = ()
    verdict: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    external: tuple[dict[str, Any], ...] = ()
    subgroups: tuple[dict[str, Any], ...] = ()


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """A header and rows as a Markdown table.

    Args:
        lines: Rows of cells, the header first.
    """
    header, *rows = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([header, "| " + " | ".join("---" for _ in lines[0]) + " |", *rows])


def markdown_page(title: str, sections: Iterable[Section], out: Path) -> str:
    """A page that lies in `out` and names its pictures relative to it."""
    parts = [f"# {title}"]
    for section in sections:
        parts += [f"## {section.title}", *section.paragraphs]
        parts += [markdown_table(section.table)] if section.table else []
        parts += [f"![{text}]({path.relative_to(out).as_posix()})" for path, text in section.pictures]
    return "\n\n".join(parts) + "\n"


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap; }
th { border-bottom: 2px solid #888; white-space: normal; vertical-align: bottom; }
figure { margin: 1rem 1rem 1rem 0; display: inline-block; vertical-align: top; }
figcaption { color: #666; font-size: 13px; }
img { max-width: 100%; height: auto; }
p { max-width: 75ch; overflow-wrap: anywhere; }
h2:first-of-type + p { font-size: 1.25em; font-weight: 600; }
@media (max-width: 700px) {
  body { margin: 1rem auto; padding: 0 .6rem; }
  figure { display: block; margin: 1rem 0; }
}
"""


def html_page(title: str, sections: Iterable[Section]) -> str:
    """One page with everything in it: nothing is fetched when it is opened."""
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for section in sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        parts += [f"<p>{html.escape(text)}</p>" for text in section.paragraphs]
        parts += [_html_table(section.table)] if section.table else []
        for path, text in section.pictures:
            data = base64.b64encode(path.read_bytes()).decode()
            picture = f'<img alt="{html.escape(text)}" src="data:image/png;base64,{data}">'
            parts.append(f"<figure>{picture}<figcaption>{html.escape(text)}</figcaption></figure>")
    fits = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{fits}<title>{html.escape(title)}</title><style>{_STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


def _html_table(lines: Sequence[Sequence[str]]) -> str:
    return "<table>" + _html_row(lines[0], "th") + "".join(_html_row(cells, "td") for cells in lines[1:]) + "</table>"


def _html_row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
