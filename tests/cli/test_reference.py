from __future__ import annotations

from tools import reference


def test_command_reference_is_fresh() -> None:
    assert reference.README.read_text(encoding="utf-8") == reference.readme(), "run `make docs`"


def test_recipe_schema_is_fresh() -> None:
    assert reference.SCHEMA.read_text(encoding="utf-8") == reference.schema(), "run `make docs`"
