"""Words of annotation tables, in the terms of `synthmammo.mammogram.sample`: the one vocabulary of all archives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from synthmammo.mammogram.sample import Kind, Laterality, Pathology, View

ASSESSMENTS = {
    "1": "normal",
    "2": "benign",
    "3": "probably benign",
    "4": "suspicious",
    "5": "suspicious",
    "6": "malignant",
}
"""Class of an image by its BI-RADS assessment category."""

CLASSES = ("malignant", "suspicious", "unknown", "probably benign", "benign", "normal")
"""Classes of images, the worst first. "unknown" stands before the harmless ones: what is not known may be worse."""
BIRADS = ("0", "1", "2", "3", "4", "4a", "4b", "4c", "5", "6")
"""BI-RADS assessment categories, as `provenance["birads"]` of an image and the descriptor `birads` of a finding."""
DENSITIES = ("a", "b", "c", "d")
"""BI-RADS breast compositions."""
NONE = "none"
"""What a vocabulary says of words that mean nothing here, such as a projection that is neither CC nor MLO."""

VOCABULARY: Mapping[str, tuple[str, ...]] = {
    "class": CLASSES,
    "pathology": tuple(Pathology),
    "birads": BIRADS,
    "density": DENSITIES,
    "view": tuple(View),
    "side": tuple(Laterality),
    "kind": tuple(Kind),
}
"""Fields of the vocabulary that all archives are read into, and the words of each."""

Vocabulary = Mapping[str, Mapping[str, str]]
"""How a reader maps its archive's words: by a field of `VOCABULARY`, "column=word" of the archive to the word here. A
field that the archive does not publish is left out."""

_BIRADS = re.compile(r"(?<![0-9])(4[abc](?![a-z])|[0-6](?![0-9]))")


def words(column: str, meanings: Mapping[str, str]) -> dict[str, str]:
    """Part of a `Vocabulary`: the words of one column.

    Args:
        column: Name of the column, or of what stands for one in the archive.
        meanings: Words here by the words of the archive.
    """
    return {f"{column}={word}": str(meaning) for word, meaning in meanings.items()}


_NO_FINDING = ("no finding", "no findings", "no abnormality", "no lesion", "none", "normal", "negative", "nan", "n/a")


def no_finding(words: str) -> bool:
    """Whether a table's words for a finding say that there is none, as "No Finding"."""
    return " ".join(re.split(r"[\s_-]+", words.strip().lower())).strip("[]'\"") in _NO_FINDING


def split_of(name: str) -> str | None:
    """The split an archive means by a word such as "training" or "val"; None for an empty or unknown one."""
    word = name.strip().lower()
    starts = {"train": "train", "val": "validation", "dev": "validation", "test": "test"}
    return next((split for start, split in starts.items() if word.startswith(start)), None)


def density_of(name: str) -> str | None:
    """BI-RADS composition "a" to "d" from "a", "B", "3", "3.0" or "DENSITY D"; None for anything else."""
    last = name.strip().lower().removesuffix(".0")[-1:]
    letter = "abcd"[int(last) - 1] if last in ("1", "2", "3", "4") else last
    return letter if letter in DENSITIES else None


def laterality_of(name: str) -> Laterality | None:
    """Side from "L", "left", "RIGHT" and the like; None for anything else."""
    word = name.strip().upper()
    return Laterality(word[0]) if word in ("L", "LEFT", "R", "RIGHT") else None


def view_of(name: str) -> View | None:
    """Projection from its name; None for one that is neither CC nor MLO."""
    word = name.strip().upper()
    return View(word) if word in ("CC", "MLO") else None


def birads_of(category: str) -> str | None:
    """BI-RADS category from "4", "4.0", "BI-RADS 4" or "4A"; the highest of several; None for anything else."""
    return max(_BIRADS.findall(category.lower()), default=None)


def assessment_label(category: str) -> str:
    """Class of an image by its BI-RADS assessment ("1", "BI-RADS 4", "4a", ...), in the words of the atlas.

    An assessment is an opinion: only category 6 is proven. Category 0, an examination that is not complete, is
    "unknown".
    """
    return ASSESSMENTS.get((birads_of(category) or "")[:1], "unknown")


def worst_class(labels: Iterable[str]) -> str:
    """The first of `CLASSES` among some; "unknown" for none."""
    found = set(labels)
    return next((label for label in CLASSES if label in found), "unknown")
