"""What is generated from the code: the README's command reference and the recipe schema.

Usage: python -m tools.reference --write    (`make docs`; a test fails where they are stale)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from synthmammo.cli.main import Commands, main
from synthmammo.recipe import recipe_schema

ROOT = Path(__file__).parents[1]
README, SCHEMA = ROOT / "README.md", ROOT / "recipes" / "recipe.schema.json"
BEGIN, END = "<!-- commands: written by `make docs` -->", "<!-- end of commands -->"


def commands() -> str:
    """`--help` of every command, as Markdown."""
    return "\n\n".join(_help_of(main, click.Context(main, info_name="synthmammo", **main.context_settings)))


def _help_of(group: Commands, above: click.Context) -> Iterator[str]:
    for name in group.modules:
        command = group.get_command(above, name)
        assert command
        context = click.Context(command, info_name=name, parent=above, max_content_width=110, terminal_width=110)
        path, text = context.command_path, command.get_help(context)
        yield f"<details>\n<summary><code>{path}</code></summary>\n\n```\n{text}\n```\n\n</details>"
        if isinstance(command, Commands):
            yield from _help_of(command, context)


def readme() -> str:
    """The README with a fresh command reference."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    return f"{before}{BEGIN}\n\n{commands()}\n\n{END}{rest.split(END)[1]}"


def schema() -> str:
    """The recipe schema as a file."""
    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    README.write_text(readme(), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")
