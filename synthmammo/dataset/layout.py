"""The names of the files in a dataset directory."""

from __future__ import annotations

from pathlib import Path

RECIPE = "recipe.yaml"
"""The resolved recipe of a built dataset."""

PLAN = "plan.parquet"
"""Every random draw of a built dataset, one row per sample."""

PATCHES_PLAN = "patches_plan.parquet"
"""Every random draw of a dataset of patches, one row per patch."""

INDEX = "index.parquet"
"""What is known of each sample without its pixels."""

SKIPPED = "skipped.jsonl"
"""What could not become a sample, with the reason."""

PASSED_OVER = "passed_over.jsonl"
"""What lay in an archive and is no image of it; absent where there was nothing."""

CROISSANT = "croissant.json"
PROVENANCE = "provenance.json"

MANIFEST = "manifest.json"
"""Written last; a directory without it is unfinished."""

CARD = "README.md"
PICTURE = "figures/samples.png"
"""The card and its picture, written beside the content."""

SHOWN = "figures/show.png"
"""The picture that `show` writes unless told otherwise."""

AUDIT = "audit"
"""Folder of the audit that a recipe demands."""

NOT_RELEASABLE = "not_releasable.json"
"""Mark of a dataset whose audit did not pass: the reasons, and the keys of the samples to blame."""

STATE = ".unfinished"
"""Folder that lasts while the dataset is being made."""

READABLE = ("parquet", "webdataset")
"""Formats that `Dataset` reads samples from."""


def beside(out: Path) -> Path:
    """The folder in which a larger dataset is made.

    Args:
        out: Directory of the dataset that grows.
    """
    whole = out.resolve()
    return whole.with_name(f".{whole.name}.growing")
