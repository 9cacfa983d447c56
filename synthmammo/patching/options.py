"""The options of a patch dataset: what decides its content beside the images that it is cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from synthmammo.dataset.selecting import condition
from synthmammo.errors import RecipeError

NORMAL = "normal"
FORMATS = ("parquet", "webdataset")


@dataclass(frozen=True)
class PatchOptions:
    """What decides the content of a patch dataset, beside the images.

    Attributes:
        size_px: Side of a patch in pixels, 256 by default.
        spacing_mm: Millimetres per pixel that images are resampled to first; None, the default, keeps their own. Images
            of unknown spacing keep their pixels.
        classes: Names of the classes: "label", the default, gives normal, benign and malignant; "kind" splits them by
            kind, as in "malignant mass".
        per_lesion: Number of patches per lesion, 10 by default. Each split gets as many normal patches as patches with
            lesions.
        per_class: Number of patches per class in each split, in place of `per_lesion`; None by default.
        counts: Number of patches by "class" or "split/class", which comes before `per_class`; empty by default.
        offset_px: Largest distance of the chosen pixel of a lesion from the middle of the patch along rows and columns,
            in pixels of the patch; None, the default, for half of the patch.
        tissue_share: Least share of breast in a patch, 0.9 by default.
        scale: Lowest and highest factor of the random resizing, 0.8 and 1.2 by default.
        augment: Whether patches are flipped, turned and resized at random; True by default.
        beside_findings_px: Least distance, in resampled pixels, of normal patches from the findings of their image;
            None, the default, takes normal patches from healthy images alone.
        where: Condition on the columns of the index that images meet, in the grammar of `mammogram.where`; None, the
            default, for all images.
        healthy: Classes of the images that are healthy if they have no findings; "normal" by default.
        seed: Random seed for all draws, 0 by default.
        candidates: Number of windows that are tried for a patch before it is given up, 16 by default.
        formats: Formats to write, "parquet" by default; other commands read "parquet", and "webdataset" where there is
            none.
        shard_size: Number of patches per shard, 1000 by default.

    Raises:
        RecipeError: A value makes no sense; names the option.
    """

    size_px: int = 256
    spacing_mm: float | None = None
    classes: Literal["label", "kind"] = "label"
    per_lesion: int = 10
    per_class: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    offset_px: int | None = None
    tissue_share: float = 0.9
    scale: tuple[float, float] = (0.8, 1.2)
    augment: bool = True
    beside_findings_px: int | None = None
    where: str | None = None
    healthy: tuple[str, ...] = (NORMAL,)
    seed: int = 0
    candidates: int = 16
    formats: tuple[str, ...] = ("parquet",)
    shard_size: int = 1000

    def __post_init__(self) -> None:
        checks = {
            "size_px": (_whole(self.size_px, 8, 8192), "8 to 8192 pixels"),
            "spacing_mm": (self.spacing_mm is None or _number(self.spacing_mm, 0.01, 5), "0.01 to 5 mm"),
            "classes": (self.classes in ("label", "kind"), "'label' or 'kind'"),
            "per_lesion": (_whole(self.per_lesion, 1), "1 or more"),
            "per_class": (self.per_class is None or _whole(self.per_class), "0 or more"),
            "counts": (_counts(self.counts), "whole numbers of 0 or more"),
            "offset_px": (self._offset_fits(), "0 to half a patch"),
            "tissue_share": (_number(self.tissue_share, 0, 1), "0 to 1"),
            "scale": (_ordered(self.scale, 0.1, 10), "0.1 to 10, the lower one first"),
            "augment": (isinstance(self.augment, bool), "True or False"),
            "beside_findings_px": (self.beside_findings_px is None or _whole(self.beside_findings_px), "0 or more"),
            "healthy": (_texts(self.healthy), "names of classes"),
            "seed": (_whole(self.seed, -(2**63)), "a whole number"),
            "candidates": (_whole(self.candidates, 1, 255), "1 to 255"),
            "formats": (_texts(self.formats, FORMATS), f"some of {', '.join(FORMATS)}"),
            "shard_size": (_whole(self.shard_size, 1), "1 or more"),
        }
        if self.where is not None:
            condition(self.where, RecipeError)
        for name, (sound, expected) in checks.items():
            if not sound:
                raise RecipeError(f"cannot be {getattr(self, name)}", where=name, hint=f"Expected {expected}.")

    def _offset_fits(self) -> bool:
        return self.offset_px is None or (_whole(self.size_px) and _whole(self.offset_px, 0, self.size_px // 2))

    def class_of(self, kind: str, pathology: str) -> str:
        """Class of a patch around a finding.

        Args:
            kind: Kind of the finding, e.g. "mass".
            pathology: Pathology of the finding, e.g. "malignant".
        """
        return pathology if self.classes == "label" else f"{pathology} {kind}"

    @property
    def offset_share(self) -> float:
        """Largest distance of the chosen pixel of a lesion from the middle, as a share of the patch's side."""
        return 0.5 if self.offset_px is None else self.offset_px / self.size_px

    @property
    def resizing(self) -> tuple[float, float]:
        """Lowest and highest factor of the resizing that is carried out."""
        return self.scale if self.augment else (1.0, 1.0)

    def plain(self) -> dict[str, Any]:
        """The options as JSON-able values."""
        values = asdict(self) | {"counts": dict(self.counts)}
        if self.where is None:
            del values["where"]  # a dataset that was made without it keeps its digest
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _number(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _whole(value: object, least: int = 0, most: int = 2**63) -> bool:
    return isinstance(value, int) and _number(value, least, most)


def _counts(counts: object) -> bool:
    return isinstance(counts, Mapping) and all(_whole(number) for number in counts.values())


def _ordered(pair: object, least: float, most: float) -> bool:
    if not isinstance(pair, tuple) or len(pair) != 2:
        return False
    return all(_number(end, least, most) for end in pair) and pair[0] <= pair[1]


def _texts(texts: object, known: tuple[str, ...] | None = None) -> bool:
    if not isinstance(texts, tuple) or not texts or not all(isinstance(text, str) for text in texts):
        return False
    return known is None or set(texts) <= set(known)
