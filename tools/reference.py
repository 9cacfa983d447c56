"""What is generated from the code: the reference pages of the documentation and the recipe schema.

Usage: python -m tools.reference --write    (`make docs`; a test fails where they are stale)
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from synthmammo.recipe import own_schema
from tools import reference_commands, reference_python, reference_recipe

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
PYTHON = PAGES / "python"
CARDS = {ROOT / "cards": PAGES / "cards", ROOT / "synthmammo" / "models" / "shipped": PAGES / "models"}
"""Folders of cards, with those of the pages that show them."""


def schema() -> str:
    """The recipe schema as a file."""
    return json.dumps(own_schema(), indent=2, ensure_ascii=False) + "\n"


def files() -> dict[Path, Callable[[], str]]:
    """Every generated file, with the function that makes its text.

    Raises:
        Undocumented: From the functions, where a command, an option, a recipe key or a public name has no description.
    """
    pages = {PYTHON / f"{name}.md": text for name, text in reference_python.pages().items()}
    cards = {
        pages / card.name: partial(_stub, card, pages)
        for folder, pages in CARDS.items()
        for card in folder.glob("*.md")
    }
    return {
        PAGES / "commands.md": reference_commands.page,
        PAGES / "recipe.md": reference_recipe.page,
        ROOT / "recipes" / "recipe.schema.json": schema,
        **pages,
        **cards,
    }


def _stub(file: Path, folder: Path) -> str:
    return f"```{{include}} {os.path.relpath(file, folder)}\n```\n"


def stale() -> list[Path]:
    """Generated files that are not there, or say something else than the code; and pages of names that are gone."""
    wanted = files()
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text()]
    return changed + [
        path for folder in (PYTHON, *CARDS.values()) for path in folder.glob("*.md") if path not in wanted
    ]


def write() -> None:
    """Write the stale files again, and remove the pages of names that are gone."""
    wanted = files()
    for path in stale():
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path](), encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    write()
