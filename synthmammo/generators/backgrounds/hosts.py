"""Images that are there already: what they lack for DICOM, by what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthmammo.generators.backgrounds.base import Lack


def unfit(rows: Sequence[Mapping[str, Any]], assume: str) -> Lack | None:
    """What images lack of spacing, view and laterality; None where all have all.

    Args:
        rows: What is known of each image.
        assume: What to do about spacings that are not known.
    """
    for name, hint in (("spacing_mm", assume), ("view", ""), ("laterality", "")):
        if lacking := sum(row[name] is None for row in rows):
            return Lack(f"{lacking} of {len(rows)} hosts have no {name.removesuffix('_mm')}", hint)
    return None
