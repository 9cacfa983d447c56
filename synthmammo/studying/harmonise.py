"""Images of several datasets brought together: one size, side, window and bit depth, nothing outside the breast.

All images of a study take the same path, whatever dataset they are from: a step that only real ones took could be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthmammo.mammogram.arrays import Image
from synthmammo.mammogram.geometry import blank, resize, square
from synthmammo.mammogram.sample import Finding, Sample
from synthmammo.studying.study import MarkedLesion

WINDOW = (8192, 57344)
"""Grey levels that percentiles 0.5 and 99.8 inside the breast become: 16 bits, with room on both sides."""

_LEAST, _MOST = 1024, 65024


@dataclass(frozen=True)
class CaseFrame:
    """What every image of a study is brought to.

    Attributes:
        size_px: Height and width, in pixels.
        bits: Bit depth: the least among the images, since a finer one would tell where they are from.
        patches: Whether the images are cut from the breast, so that they are resized alone.
    """

    size_px: int
    bits: int
    patches: bool = False

    def geometry(self, sample: Sample) -> Sample:
        """The sample at the frame's size, chest wall to the left, with zeros beside the breast."""
        if self.patches:
            return resize(sample, (self.size_px, self.size_px))
        return square(blank(sample), self.size_px, "left")

    def grey(
        self, image: Image, breast: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], ends: tuple[float, float]
    ) -> Image:
        """Grey levels in the study's window, `uint16 (H, W)`.

        Args:
            image: `uint16 (H, W)`.
            breast: `bool (H, W)`; pixels outside become 0.
            ends: Grey levels that become `WINDOW`.
        """
        low, high = ends
        step = 65536 >> self.bits
        scaled = WINDOW[0] + (image.astype(np.float64) - low) * (WINDOW[1] - WINDOW[0]) / max(high - low, 1e-9)
        levels = np.clip(np.rint(scaled / step) * step, _LEAST, _MOST)
        return np.where(breast, levels, 0).astype(np.uint16)


def grey_ends(sample: Sample) -> tuple[float, float]:
    """Percentiles 0.5 and 99.8 inside the breast."""
    inside = sample.image[sample.breast] if sample.breast.any() else sample.image.ravel()
    low, high = np.percentile(inside, [0.5, 99.8])
    return float(low), float(high)


def brought(sample: Sample, frame: CaseFrame, twin: Sample | None = None) -> tuple[Sample, Image | None]:
    """A sample in a frame, and its lesion-free twin with the same shift of grey levels.

    Args:
        sample: Any sample.
        frame: What it is brought to.
        twin: The sample without its lesions, on the same pixels; None, the default, where there is none.
    """
    fitted = frame.geometry(sample)
    ends = grey_ends(fitted)
    made = replace(fitted, image=frame.grey(fitted.image, fitted.breast, ends), bits_stored=16)
    if twin is None:
        return made, None
    other = frame.geometry(replace(twin, breast=sample.breast))
    return made, frame.grey(other.image, fitted.breast, ends)


def lesions_of(sample: Sample, image: int) -> tuple[MarkedLesion, ...]:
    """What a study keeps of a sample's findings.

    Args:
        sample: Sample, in the study's frame.
        image: Number of the image in its item, from 0.
    """
    return tuple(
        MarkedLesion(image, tuple(map(int, one.box)), outline(sample, one), lesion_words(one), contrast(sample, one))  # type: ignore[arg-type]
        for one in sample.findings
    )


def lesion_words(finding: Finding) -> str:
    """A finding in BI-RADS terms, e.g. "malignant mass: shape irregular, margin spiculated"."""
    terms = ", ".join(f"{name} {term}" for name, term in finding.descriptors.items())
    name = f"{finding.pathology} {finding.kind}"
    return f"{name}: {terms}" if terms else name


def outline(sample: Sample, finding: Finding) -> tuple[tuple[int, int], ...]:
    """Corners of the outline of a finding's largest piece, (row, column); those of its box without a mask."""
    row0, col0, row1, col1 = map(int, finding.box)
    if finding.label and (sample.lesions == finding.label).any():
        from skimage.measure import approximate_polygon, find_contours

        mask = np.pad(sample.lesions == finding.label, 1).astype(float)
        longest = max(find_contours(mask, 0.5), key=len)
        corners = approximate_polygon(longest - 1, 0.7)
        return tuple((round(float(row)), round(float(column))) for row, column in corners)
    return (row0, col0), (row0, col1), (row1, col1), (row1, col0), (row0, col0)


def contrast(sample: Sample, finding: Finding) -> float:
    """Mean grey level of a finding's box over that of the ring around it, in standard deviations of the ring."""
    row0, col0, row1, col1 = finding.box
    margin = max(3, (row1 - row0 + col1 - col0) // 4)
    ring = np.zeros(sample.shape, np.bool_)
    ring[max(0, row0 - margin) : row1 + margin, max(0, col0 - margin) : col1 + margin] = True
    ring[row0:row1, col0:col1] = False
    around = sample.image[ring & sample.breast].astype(np.float64)
    mask = sample.lesions == finding.label if finding.label else np.zeros(sample.shape, np.bool_)
    inside = sample.image[mask] if mask.any() else sample.image[row0:row1, col0:col1]
    if around.size < 2:
        return 0.0
    return round(float((inside.mean() - around.mean()) / max(around.std(), 1.0)), 3)


def difficulties(lesions: Sequence[tuple[MarkedLesion, ...]], densities: Sequence[str | None]) -> list[float | None]:
    """How hard each item is: the mean of three ranks, of low contrast, of dense tissue and of small size.

    Args:
        lesions: Lesions of each item; the easiest one of an item counts.
        densities: BI-RADS composition of each item; None counts as "b".

    Returns:
        Share of the items with lesions that are easier, 0 to 1; None for an item without lesions.
    """
    from scipy.stats import rankdata

    places = [place for place, found in enumerate(lesions) if found]
    if not places:
        return [None] * len(lesions)
    faint = [-max(abs(lesion.contrast) for lesion in lesions[place]) for place in places]
    dense = ["abcd".index(densities[place] or "b") for place in places]
    small = [-max(_extent(lesion) for lesion in lesions[place]) for place in places]
    ranks = rankdata(sum(rankdata(values) for values in (faint, dense, small)))
    hard: dict[int, float] = {
        place: round((float(rank) - 1) / max(1, len(places) - 1), 3) for place, rank in zip(places, ranks, strict=True)
    }
    return [hard.get(place) for place in range(len(lesions))]


def _extent(lesion: MarkedLesion) -> int:
    row0, col0, row1, col1 = lesion.box
    return max(row1 - row0, col1 - col0)
