"""Results on the output stream: as JSON for programs, tables as tables in a terminal and as Markdown in a pipe."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

MOST_FOLDED = 1.6
"""How much wider than the terminal a table may be and still be drawn, its cells folded."""

_NAMES = 14
"""Width of the names in `print_facts`."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")


def print_json(result: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a result as JSON; paths become texts."""
    click.echo(json.dumps(result, indent=2, ensure_ascii=False, default=str))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", texts: Sequence[int] = (0,)
) -> None:
    """Print a table: drawn and broken to the width in a terminal, as Markdown in a pipe or a file.

    Args:
        columns: Headings of the columns.
        rows: Cells of each row, one per column.
        title: Text above the table; by default none.
        texts: Numbers of the columns that hold text and stand on the left; the others hold numbers.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, cells, title, texts)
    else:
        click.echo(markdown_table(columns, cells, title=title, texts=texts))


def markdown_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", texts: Sequence[int] = (0,)
) -> str:
    """A table as Markdown, its columns padded so that it can be read as it is; see `print_table`."""
    bars = [[cell.replace("|", r"\|") for cell in row] for row in [columns, *rows]]
    widths = [max(3, *(len(row[place]) for row in bars)) for place in range(len(columns))]
    rule = ["-" * width if place in texts else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    lines = [_line(row, widths, texts) for row in [bars[0], rule, *bars[1:]]]
    return "\n".join([title, "", *lines] if title else lines)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print names and texts, the names on the right of their column; in a terminal, texts are broken to its width."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    indent = " " * (_NAMES + 2)
    for name, text in facts:
        line = f"{name:>{_NAMES}}  {text}"
        click.echo(textwrap.fill(line, max(width, 40), subsequent_indent=indent) if width else line)


def print_markdown_table(text: str) -> None:
    """Print a table that is Markdown already; see `print_table`."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.strip().splitlines()]
    if sys.stdout.isatty():
        _draw(rows[0], rows[2:], "", range(len(rows[0])))
    else:
        click.echo(text)


def _line(row: Sequence[str], widths: Sequence[int], texts: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if place in texts else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str, texts: Sequence[int]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if _width(columns, rows) > MOST_FOLDED * console.width:
        _list(columns, rows, title)
        return
    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "padding": (0, 1, 0, 0), "pad_edge": False}
    if title:
        console.print(Text(title))  # as the title of the table it would be broken to the width of that
    table = Table(**look)
    for place, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if place in texts else "right", no_wrap=not place)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Characters of a line in which no cell is folded."""
    return sum(max(len(row[place]) for row in [columns, *rows]) + 2 for place in range(len(columns)))


def _list(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Print each row as a block of lines: a table that is much wider than the terminal cannot be read."""
    longest = max(map(len, columns))
    lines = [title, ""] if title else []
    for row in rows:
        lines += [f"{name:>{longest}}  {cell}" for name, cell in zip(columns, row, strict=True) if cell] + [""]
    click.echo("\n".join(lines))
