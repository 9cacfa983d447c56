"""The names of the files in a dataset directory."""

from __future__ import annotations

MANIFEST = "manifest.json"
INDEX = "index.parquet"

RECIPE = "recipe.yaml"

PLAN = "plan.parquet"

CROISSANT = "croissant.json"

PROVENANCE = "provenance.json"

CARD = "README.md"
PICTURE = "figures/samples.png"

STATE = ".unfinished"
SKIPPED = "skipped.jsonl"
