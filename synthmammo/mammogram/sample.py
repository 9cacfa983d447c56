"""What one sample is: shapes, dtypes and units, stated once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.history import History

Image = NDArray[np.uint16]
"""Pixels, `uint16 (H, W)`, MONOCHROME2 (bright is dense), 0 is air outside the breast."""

Mask = NDArray[np.bool_]
"""`bool (H, W)`."""

Labels = NDArray[np.uint8]
"""`uint8 (H, W)`: 0 is no lesion, k the lesion whose `Finding.label` is k."""

Plane = NDArray[np.float32]
"""`float32 (H, W)`: one number per pixel, such as an intensity, a slope or a lesion channel."""

BITS_STORED = (8, 12, 14, 16)

SPLITS = ("train", "validation", "test")
"""Parts of a dataset, in the order they are listed in; no patient is in two of them."""


class View(StrEnum):
    """Standard screening projections (ACR)."""

    CC = "CC"
    MLO = "MLO"


class Laterality(StrEnum):
    """Which breast."""

    LEFT = "L"
    RIGHT = "R"


class Kind(StrEnum):
    """What a finding is, in the terms of the annotation tables of the public collections."""

    MASS = "mass"
    CALCIFICATION = "calcification"
    DISTORTION = "architectural distortion"
    ASYMMETRY = "asymmetry"
    OTHER = "other"


class Pathology(StrEnum):
    """What a finding was proven, or made, to be."""

    MALIGNANT = "malignant"
    BENIGN = "benign"
    UNKNOWN = "unknown"


class SpacingOrigin(StrEnum):
    """Where the pixel spacing comes from; an assumed one is recorded and shown as such."""

    KNOWN = "known"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


class Box(NamedTuple):
    """Half-open rectangle in pixels: rows `row0 <= r < row1`, columns `col0 <= c < col1`."""

    row0: int
    col0: int
    row1: int
    col1: int

    @property
    def height(self) -> int:
        """Rows covered, in pixels."""
        return self.row1 - self.row0

    @property
    def width(self) -> int:
        """Columns covered, in pixels."""
        return self.col1 - self.col0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index that crops an `(H, W)` array to the box."""
        return slice(self.row0, self.row1), slice(self.col0, self.col1)

    def overlap(self, other: Box) -> Box | None:
        """The part that lies in both boxes; None where there is none."""
        edges = (max(self.row0, other.row0), max(self.col0, other.col0), min(self.row1, other.row1))
        both = Box(*edges, min(self.col1, other.col1))
        return both if both.height > 0 and both.width > 0 else None

    def moved(self, rows: int, columns: int) -> Box:
        """The box shifted down by `rows` and to the right by `columns` pixels."""
        return Box(self.row0 + rows, self.col0 + columns, self.row1 + rows, self.col1 + columns)

    @classmethod
    def around(cls, mask: Mask) -> Box | None:
        """Smallest box that holds every True pixel of a `bool (H, W)` mask; None for an empty one."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            return None
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


@dataclass(frozen=True)
class Finding:
    """One lesion of one image.

    Attributes:
        kind: Kind of finding, e.g. a mass.
        pathology: Benign or malignant, proven for a real finding, intended for a synthetic one.
        box: Extent in pixels of the image.
        label: Value of its pixels in `Sample.lesions`; 0, the default, where the source gives no pixel mask.
        synthetic: Whether this package put it there; by default False, as for a real host's own finding.
        descriptors: BI-RADS terms, e.g. `{"shape": "irregular", "margin": "spiculated"}`.
    """

    kind: Kind
    pathology: Pathology
    box: Box
    label: int = 0
    synthetic: bool = False
    descriptors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One image with all that is known of it.

    Attributes:
        key: Unique name without dots or slashes.
        image: `uint16 (H, W)`, MONOCHROME2, 0 is air; values below `2 ** bits_stored`.
        bits_stored: Bit depth: 8, 12, 14 or 16.
        breast: `bool (H, W)`, True on the breast (labels, tape and air are False).
        lesions: `uint8 (H, W)` instance labels.
        findings: Lesions in the order of their labels.
        spacing_mm: Millimetres per pixel as (row, column); None when unknown, never invented.
        spacing_origin: Origin of the spacing: known, assumed or unknown.
        view: Projection; None when unknown.
        laterality: Side of the body; None when unknown.
        label: Class of the sample in its dataset, e.g. "normal" or "malignant".
        split: "train", "validation" or "test".
        patient: Pseudonym of the person, real or synthetic; splits never divide one.
        provenance: Record of how the sample was made or read, of values that JSON can hold.
    """

    key: str
    image: Image
    bits_stored: int
    breast: Mask
    lesions: Labels
    findings: tuple[Finding, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    spacing_origin: SpacingOrigin = SpacingOrigin.UNKNOWN
    view: View | None = None
    laterality: Laterality | None = None
    label: str = "normal"
    split: str = "train"
    patient: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint16 or self.image.ndim != 2:
            raise ValueError(f"image: expected uint16 (H, W), got {self.image.dtype} {self.image.shape}")
        for name, array, dtype in (("breast", self.breast, np.bool_), ("lesions", self.lesions, np.uint8)):
            if array.dtype != dtype or array.shape != self.image.shape:
                expected = f"{np.dtype(dtype).name} {self.image.shape}"
                raise ValueError(f"{name}: expected {expected}, got {array.dtype} {array.shape}")
        if self.bits_stored not in BITS_STORED:
            raise ValueError(f"bits_stored: expected one of {BITS_STORED}, got {self.bits_stored}")
        if (self.spacing_mm is None) != (self.spacing_origin is SpacingOrigin.UNKNOWN):
            raise ValueError(f"spacing_mm {self.spacing_mm} contradicts spacing_origin '{self.spacing_origin}'")

    @property
    def unlocated(self) -> tuple[str, ...]:
        """Findings that the source reports without a place, so without a box, e.g. ("mass malignant",)."""
        return self.history.unlocated or self.history.background.unlocated

    @property
    def history(self) -> History:
        """What the provenance says, with types."""
        return History(self.provenance)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def with_(self, **changes: Any) -> Sample:
        """A copy with the named attributes changed."""
        return replace(self, **changes)
