"""What one sample is: shapes, dtypes and units, stated once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from synthmammo.arguments import a_text, a_word, wrong
from synthmammo.errors import SampleError
from synthmammo.mammogram.arrays import BITS_STORED, Box, Image, Labels, Mask, Plane
from synthmammo.mammogram.history import History
from synthmammo.mammogram.origin import STATEMENT, Maker, Making, Origin, SourceType, StatedBy
from synthmammo.mammogram.pixels import as_breast, as_image, as_spacing

__all__ = [
    "BITS_STORED",
    "SPLITS",
    "Box",
    "Finding",
    "Image",
    "Kind",
    "Labels",
    "Laterality",
    "Mask",
    "Origin",
    "Pathology",
    "Plane",
    "Sample",
    "SpacingOrigin",
    "View",
]

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


@dataclass(frozen=True, repr=False)
class Finding:
    """One lesion of one image.

    Example:
        >>> from synthmammo import Box, Finding
        >>> Finding("mass", "benign", Box(row0=10, col0=20, row1=60, col1=80))
        Finding(benign mass, rows 10-60, columns 20-80)

    Attributes:
        kind: Kind of finding; a text such as "mass" is taken too.
        pathology: Benign or malignant, proven for a real finding, intended for a synthetic one; a text is taken too.
        box: Extent in pixels of the image.
        label: Value of its pixels in `Sample.lesions`; 0, the default, where the source gives no pixel mask.
        synthetic: Whether a program put it there, this package or the generator of the whole image; by default False,
            as for a real host's own finding.
        descriptors: BI-RADS terms, e.g. `{"shape": "irregular", "margin": "spiculated"}`.
    """

    kind: Kind
    pathology: Pathology
    box: Box
    label: int = 0
    synthetic: bool = False
    descriptors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Words that were given as plain texts; a frozen dataclass has no other way to say so.
        for name, words in (("kind", Kind), ("pathology", Pathology)):
            if not isinstance(getattr(self, name), words):
                object.__setattr__(self, name, a_word(getattr(self, name), words, name, SampleError))

    def __repr__(self) -> str:
        box = self.box
        own = ", synthetic" if self.synthetic else ""
        return f"Finding({self.pathology} {self.kind}, rows {box.row0}-{box.row1}, columns {box.col0}-{box.col1}{own})"


@dataclass(frozen=True, repr=False)
class Sample:
    """One image with all that is known of it; `from_array` makes one from pixels alone.

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
        arrays = {"image": np.uint16, "breast": np.bool_, "lesions": np.uint8}
        shape = np.shape(self.image)
        for name, dtype in arrays.items():
            array = getattr(self, name)
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            expected = f"{np.dtype(dtype).name} {'(H, W)' if name == 'image' else shape}"
            if found != f"{np.dtype(dtype).name} {shape}" or len(shape) != 2:
                raise SampleError(f"expected {expected}, got {found}", where=name)
        if self.bits_stored not in BITS_STORED:
            raise SampleError(f"expected one of {BITS_STORED}, got {self.bits_stored}", where="bits_stored")
        if (self.spacing_mm is None) != (self.spacing_origin is SpacingOrigin.UNKNOWN):
            message = f"{self.spacing_mm} contradicts spacing_origin '{self.spacing_origin}'"
            raise SampleError(message, where="spacing_mm")

    def __repr__(self) -> str:
        rows, columns = self.shape
        sides = sorted({f"{side:g}" for side in self.spacing_mm or ()})
        lesions = f"{len(self.findings)} finding{'s' * (len(self.findings) != 1)}"
        view = " ".join(str(word) for word in (self.laterality, self.view) if word)
        facts = [f"{rows} x {columns} of {self.bits_stored} bits", " x ".join(sides) + " mm" if sides else "", view]
        return f"Sample({', '.join(filter(None, [self.key, *facts, self.label, lesions]))})"

    @classmethod
    def from_array(
        cls,
        pixels: Any,
        *,
        spacing_mm: float | tuple[float, float] | None = None,
        view: View | str | None = None,
        laterality: Laterality | str | None = None,
        bits_stored: int | None = None,
        breast: Mask | None = None,
        key: str = "image",
        label: str = "normal",
        patient: str = "",
        generated_by: str | None = None,
    ) -> Sample:
        """A sample from an image that lies in memory; nothing is known of its lesions.

        Args:
            pixels: Image of shape (H, W), bright is dense and 0 is air: `uint8`, `uint16`, or floats in [0, 1], which
                are rounded to grey levels. What NumPy takes for such an array serves too.
            spacing_mm: Millimetres per pixel, as one number or as (row, column); None when unknown.
            view: "CC" or "MLO"; None when unknown.
            laterality: "L" or "R"; None when unknown.
            bits_stored: Bit depth, 8, 12, 14 or 16. Left out, it is 8 for `uint8`, 16 for floats, and for `uint16`
                the least of the four that holds the brightest pixel: state it where an image may be dark.
            breast: `bool (H, W)`, True on the breast; left out, the breast is looked for in the image.
            key: Name of the sample, without dots and slashes.
            label: Class of the sample.
            patient: Pseudonym of the person.
            generated_by: Name of the generator that made the image; None says that it is a real one.

        Returns:
            The sample, with an image of its own: a later change of `pixels` does not reach it.

        Raises:
            SampleError: An argument cannot be used, or no breast can be seen; the message names the argument.

        Example:
            >>> import numpy as np
            >>> from synthmammo import Sample
            >>> pixels = np.zeros((400, 300), np.uint16)
            >>> pixels[100:300, :120] = 2000
            >>> film = Sample.from_array(pixels, spacing_mm=0.5, view="MLO", laterality="L")
            >>> film
            Sample(image, 400 x 300 of 12 bits, 0.5 mm, L MLO, normal, 0 findings)
        """
        image, bits = as_image(pixels, bits_stored)
        spacing = as_spacing(spacing_mm)
        if any(sign in a_text(key, "key", SampleError) for sign in "./\\"):
            raise wrong("key", "a name without dots and slashes", key, SampleError)
        return cls(
            key=key,
            image=image,
            bits_stored=bits,
            breast=_visible_breast(image, bits) if breast is None else as_breast(breast, image.shape),
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=spacing,
            spacing_origin=SpacingOrigin.UNKNOWN if spacing is None else SpacingOrigin.KNOWN,
            view=None if view is None else a_word(view, View, "view", SampleError),
            laterality=None if laterality is None else a_word(laterality, Laterality, "laterality", SampleError),
            label=a_text(label, "label", SampleError),
            patient=a_text(patient, "patient", SampleError) if patient else "",
            provenance={STATEMENT: _stated(generated_by).record()},
        )

    @property
    def unlocated(self) -> tuple[str, ...]:
        """Findings that the source reports without a place, so without a box, e.g. ("mass malignant",)."""
        return self.history.unlocated or self.history.background.unlocated

    @property
    def history(self) -> History:
        """What the provenance says, with types."""
        return History(self.provenance)

    @property
    def making(self) -> Making:
        """How the image came about: kind of its source, what made it, and on whose word."""
        making = self.history.making
        if making.origin is Origin.REAL and any(finding.synthetic for finding in self.findings):
            return Making(SourceType.TRAINED_COMPOSITE, making.makers, making.stated_by)
        return making

    @property
    def origin(self) -> Origin:
        """Whether the image is "real", "synthetic", or "mixed": a real one that a program changed."""
        return self.making.origin

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def with_(self, **changes: Any) -> Sample:
        """A copy with the named attributes changed."""
        return replace(self, **changes)


def _stated(generated_by: object) -> Making:
    """What the caller says of an array: what a generator made, or a real image."""
    if generated_by is None:
        return Making(SourceType.CAPTURE, (), StatedBy.USER)
    return Making(SourceType.TRAINED, (Maker(a_text(generated_by, "generated_by", SampleError)),), StatedBy.USER)


def _visible_breast(image: Image, bits_stored: int) -> Mask:
    from synthmammo.mammogram.anatomy import breast_mask  # SciPy, which most who handle samples do not need

    breast = breast_mask(image, bits_stored)
    if not breast.any():
        hint = "Where the image is a patch, say breast=np.ones(pixels.shape, bool)."
        raise SampleError("no breast can be seen on it", where="pixels", hint=hint)
    return breast
