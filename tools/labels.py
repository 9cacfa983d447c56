"""The page on labels: how the words of every archive are mapped onto one vocabulary.

Usage: python -m tools.labels --write    (`make docs`; a test fails where the page is stale)

The tables are the readers' own `vocabulary`, and a test reads a small archive with each word of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from synthmammo.ingesting.sources.base import SOURCES
from synthmammo.ingesting.sources.terms import NONE, VOCABULARY

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "labels.md"
TITLES = {
    "class": "Class",
    "pathology": "Pathology",
    "birads": "BI-RADS",
    "density": "Density",
    "view": "View",
    "side": "Side",
    "kind": "Kind of a finding",
}
WHERE = {
    "class": "the image's `label`. The worst of what is known of the breast",
    "pathology": "of a finding: proven by biopsy or follow-up, never from an assessment below 6",
    "birads": '`provenance["birads"]` of an image, or the descriptor `birads` of a finding',
    "density": 'BI-RADS breast composition, `provenance["density"]`',
    "view": "the projection; another than these two is none",
    "side": "of the body",
    "kind": "of a finding",
}
INTRODUCTION = """\
# What labels mean

Every archive has words of its own. Its reader maps them onto one vocabulary, so that datasets of different archives can
be used together:

"""
AFTER = """
"none" means that a word has no meaning here: no finding, or a value that is not kept. What an archive does not publish
is left out below, and unknown in the dataset. An opinion is not a proof: images that were only assessed have a class
("suspicious"), while the pathology of their findings stays unknown. What the classes of an archive mean beyond these
words (whether "normal" was followed up, what holds for the breast and what for the view) is in the docstring of its
reader, repeated below.

This page is made from the readers (`python -m tools.labels --write`), and a test reads a small archive with each of
these words.
"""


def page() -> str:
    """The page as Markdown."""
    fields = [f"* **{TITLES[name]}**: {WHERE[name]}. {_listed(words)}" for name, words in VOCABULARY.items()]
    return INTRODUCTION + "\n".join(fields) + "\n" + AFTER + "".join(_archive(name) for name in SOURCES)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _archive(name: str) -> str:
    reader = _reader(name)
    summary = reader.__doc__.partition("\n    Args:")[0]
    text = "\n\n".join(" ".join(part.split()) for part in summary.split("\n\n"))
    rows = [_row(field, reader.vocabulary[field]) for field in VOCABULARY if field in reader.vocabulary]
    licence = getattr(reader, "licence", "as its user states it")
    head = f"\n## `{name}`\n\n{text.strip()}\n\nLicence: {licence}.\n\n| field | in the archive | here |\n"
    return head + "| --- | --- | --- |\n" + "".join(f"| {line} |\n" for row in rows for line in row)


def _row(field: str, words: dict[str, str]) -> Iterator[str]:
    """Lines of a field: one per word here and column there, in the order of the vocabulary."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for word, meaning in words.items():
        column, _, value = word.partition("=")
        grouped.setdefault((meaning, column), []).append(f"`{value}`")
    order = {word: i for i, word in enumerate((*VOCABULARY[field], NONE))}
    for (meaning, column), values in sorted(grouped.items(), key=lambda item: order[item[0][0]]):
        yield f"{TITLES[field]} | {column}: {', '.join(values)} | {meaning}"


def _reader(name: str) -> Any:
    module, _, attribute = SOURCES[name].partition(":")
    return getattr(import_module(module), attribute)


if __name__ == "__main__" and "--write" in sys.argv[1:]:
    PAGE.write_text(page(), encoding="utf-8")
