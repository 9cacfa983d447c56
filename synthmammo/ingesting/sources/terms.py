"""Words of annotation tables, in the terms of `synthmammo.mammogram.sample`."""

from __future__ import annotations

from synthmammo.mammogram.sample import Laterality, View

ASSESSMENTS = {
    "1": "normal",
    "2": "benign",
    "3": "probably benign",
    "4": "suspicious",
    "5": "suspicious",
    "6": "malignant",
}
"""Class of an image by its BI-RADS assessment category."""


def split_of(name: str) -> str | None:
    """The split an archive means by a word such as "training" or "val"; None for an empty or unknown one."""
    word = name.strip().lower()
    starts = {"train": "train", "val": "validation", "dev": "validation", "test": "test"}
    return next((split for start, split in starts.items() if word.startswith(start)), None)


def density_of(name: str) -> str | None:
    """BI-RADS composition "a" to "d" from "a", "B", "3" or "DENSITY D"; None for anything else."""
    last = name.strip().lower()[-1:]
    letter = "abcd"[int(last) - 1] if last in ("1", "2", "3", "4") else last
    return letter if letter in ("a", "b", "c", "d") else None


def laterality_of(name: str) -> Laterality | None:
    """Side from "L", "left", "RIGHT" and the like; None for anything else."""
    word = name.strip().upper()
    return Laterality(word[0]) if word in ("L", "LEFT", "R", "RIGHT") else None


def view_of(name: str) -> View | None:
    """Projection from its name; None for one that is neither CC nor MLO."""
    word = name.strip().upper()
    return View(word) if word in ("CC", "MLO") else None


def assessment_label(category: str) -> str:
    """Class of an image by its BI-RADS assessment ("1", "BI-RADS 4", "4a", ...), in the words of the atlas.

    An assessment is an opinion: only category 6 is proven.
    """
    digit = next((character for character in category if character.isdigit()), "")
    return ASSESSMENTS.get(digit, "unknown")
