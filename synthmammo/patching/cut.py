"""Cutting a patch out of a whole image: place, window, resizing, flip and turn; image, masks and boxes together.

After "Dataset details" in Wu et al. 2020: at least 90 % of a patch is breast; a normal patch may be anywhere, one with
a lesion has a random pixel of the lesion at a random offset of up to 128 pixels from its middle in either direction.
The paper does not say how a patch that was resized by 0.8 to 1.2 is 256 x 256 again: here a window of 256 / scale
pixels is cut and resized to 256. Windows stay inside the image without its padding of exact zeros, or a
black band at an edge would tell where in the image a patch was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.columns import recorded
from synthmammo.mammogram.geometry import crop, mirror, resize, resize_mask, rotated
from synthmammo.mammogram.history import cut_record
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.origin import STATEMENT
from synthmammo.mammogram.sample import Box, Finding, Sample
from synthmammo.patching.options import NORMAL, PatchOptions
from synthmammo.patching.plan import PatchRow, WindowDraw

_GRID = 512
"""Number of rows and columns, about, on which places of a normal patch are looked for."""

EXTENT_UNKNOWN = "unknown"
"""Value of `extent` in the record of a patch with a lesion of which nobody knows how far it reaches."""

_Site = tuple[int, int]


class NoPatch(Exception):
    """A planned patch that cannot be cut; the message says why."""


class WholeImage:
    """One image, ready to be cut.

    Args:
        sample: The image.
        options: Options of the patches.
    """

    def __init__(self, sample: Sample, options: PatchOptions) -> None:
        self.original_shape = sample.shape
        self.sample, self._options = resampled(sample, options.spacing_mm), options
        self._field = Box.around(self.sample.image > 0) or Box(0, 0, *self.sample.shape)
        self._pixels: dict[int, NDArray[np.int64]] = {}
        self._sums: NDArray[np.int32] | None = None
        self._ends: Intensity | None = None

    def patch(self, row: PatchRow) -> Sample:
        """Cut the patch of a plan's row.

        Args:
            row: The row; its target is a part of this image.

        Raises:
            NoPatch: None of the row's windows will do.
        """
        reasons = []
        for attempt, candidate in enumerate(row.candidates[: 1 if row.target.whole else None]):
            try:
                box, pixel = self._window(row, candidate)
                patch = self._cut(row, box)
            except NoPatch as reason:
                reasons.append(str(reason))
            else:
                return self._described(row, patch, box, pixel, attempt)
        often = max(dict.fromkeys(reasons), key=reasons.count)
        raise NoPatch(often if len(reasons) == 1 else f"no window of {len(reasons)} will do, mostly: {often}")

    def _window(self, row: PatchRow, candidate: WindowDraw) -> tuple[Box, _Site | None]:
        """Window of a candidate, and the lesion's pixel it was placed by."""
        if row.target.whole:
            side = min(self.sample.shape)
            row0, col0 = ((length - side) // 2 for length in self.sample.shape)
            return Box(row0, col0, row0 + side, col0 + side), None
        side = max(1, round(self._options.size_px / candidate.scale))
        if side > min(self._field.height, self._field.width):
            raise NoPatch("the image is smaller than the window")
        if row.target.finding is None:
            return self._normal_window(side, candidate.site), None
        pixel = self._lesion_pixel(row.target.finding, candidate.site)
        first, last = self._field[:2], self._field[2:]
        offsets = (round((2 * u - 1) * self._options.offset_share * side) for u in (candidate.row, candidate.column))
        row0, col0 = map(_start, pixel, offsets, (side, side), first, last)
        box = Box(row0, col0, row0 + side, col0 + side)
        if box.overlap(Box(*pixel, pixel[0] + 1, pixel[1] + 1)) is None:
            raise NoPatch("the lesion lies in the padding of the image")
        return box, pixel

    def _lesion_pixel(self, number: int, draw: float) -> _Site:
        """The floor(draw n)-th of the n pixels of a lesion: of its mask, or of its box where it has none."""
        finding = self.sample.findings[number]
        box, width = finding.box, self.sample.shape[1]
        if not finding.label:
            row, column = divmod(int(draw * box.height * box.width), box.width)
            return box.row0 + row, box.col0 + column
        if number not in self._pixels:
            self._pixels[number] = np.flatnonzero(self.sample.lesions == finding.label)
        pixels = self._pixels[number]
        if not len(pixels):
            raise NoPatch("the lesion's mask is empty")
        row, column = divmod(int(pixels[int(draw * len(pixels))]), width)
        return row, column

    def _normal_window(self, side: int, draw: float) -> Box:
        """The floor(draw n)-th of the n windows with enough breast and without findings."""
        if self.sample.unlocated:
            raise NoPatch("the image has findings without a place")
        field, sums = self._field, self._tissue_sums()
        stride = max(1, max(self.sample.shape) // _GRID)
        first = [slice(low, high - side + 1, stride) for low, high in (field[::2], field[1::2])]
        last = [slice(low + side, high + 1, stride) for low, high in (field[::2], field[1::2])]
        tissue = sums[last[0], last[1]] - sums[first[0], last[1]] - sums[last[0], first[1]] + sums[first[0], first[1]]
        good = tissue >= self._options.tissue_share * side**2
        distance = self._options.beside_findings_px or 0
        for finding in self.sample.findings:
            good[_grid_near(finding.box, field, side, distance, stride)] = False
        places = np.flatnonzero(good)
        if not len(places):
            raise NoPatch(f"no place has {self._options.tissue_share:.0%} breast")
        row, column = divmod(int(places[int(draw * len(places))]), good.shape[1])
        row0, col0 = field.row0 + row * stride, field.col0 + column * stride
        return Box(row0, col0, row0 + side, col0 + side)

    def _tissue_sums(self) -> NDArray[np.int32]:
        """`int32 (H + 1, W + 1)`: breast pixels above and to the left."""
        if self._sums is None:
            height, width = self.sample.shape
            self._sums = np.zeros((height + 1, width + 1), np.int32)
            np.cumsum(self.sample.breast, axis=1, dtype=np.int32, out=self._sums[1:, 1:])
            np.add.accumulate(self._sums, axis=0, out=self._sums)
        return self._sums

    def _cut(self, row: PatchRow, box: Box) -> Sample:
        size = self._options.size_px
        # On the patch's own grid, so that the share can be counted again from what is written.
        tissue = float(resize_mask(self.sample.breast[box.slices], (size, size)).mean())
        if tissue < self._options.tissue_share:
            raise NoPatch(f"less than {self._options.tissue_share:.0%} of the window is breast")
        patch = crop(self.sample, box)
        if row.target.finding is not None and not patch.findings:
            raise NoPatch("the lesion lies outside the window")
        others = {self._options.class_of(finding.kind, finding.pathology) for finding in patch.findings} - {row.label}
        if others:
            raise NoPatch(f"the window also holds a finding of class '{min(others)}'")
        patch = resize(patch, (size, size))
        return rotated(mirror(patch) if row.flip else patch, row.turns)

    def _described(self, row: PatchRow, patch: Sample, box: Box, pixel: _Site | None, attempt: int) -> Sample:
        target, source = row.target, self.sample
        finding = None if target.finding is None else source.findings[target.finding]
        facts = recorded(source.history.background.record)
        provenance: dict[str, Any] = {
            "source": target.source,
            "source_shape": list(self.original_shape),
            "resampled_shape": list(source.shape),
            **self._whole(row, box),
            "scale": self._options.size_px / box.height,
            "flip": row.flip,
            "turns": row.turns,
            "seed": self._options.seed,
            "attempts": [attempt],
            "density": source.history.density,
            **{name: value for name, value in facts.items() if value is not None},
            # The whole image's: a patch beside an inserted lesion still comes from an image that a program changed.
            STATEMENT: source.making.record(),
        }
        if finding is not None:
            provenance |= {"finding": target.finding, "lesion_share": _share(source, finding, box)}
        if pixel is not None:
            provenance |= {"pixel": list(pixel), "pixel_in_patch": list(self._moved(pixel, box, row))}
        if extent_unknown(row, finding):
            provenance["extent"] = EXTENT_UNKNOWN
        return patch.with_(key=row.key, label=row.label, split=row.split, patient=target.patient, provenance=provenance)

    def _whole(self, row: PatchRow, box: Box) -> dict[str, Any]:
        """Place of a patch in its image and that image's grey levels; of an image that is a patch nothing is known."""
        if row.target.whole:
            return {"crop": list(box)}
        if self._ends is None:
            self._ends = Intensity.of(self.sample.image, self.sample.breast)
        return cut_record(box, self._ends.low, self._ends.high)

    def _moved(self, pixel: _Site, box: Box, row: PatchRow) -> _Site:
        size, side = self._options.size_px, box.height
        place_row, place_column = (
            int((2 * (place - start) + 1) * size / (2 * side))
            for place, start in zip(pixel, (box.row0, box.col0), strict=True)
        )
        if row.flip:
            place_column = size - 1 - place_column
        for _ in range(row.turns):
            place_row, place_column = size - 1 - place_column, place_row
        return place_row, place_column


def extent_unknown(row: PatchRow, finding: Finding | None) -> bool:
    """Whether a patch has a lesion of which nobody knows how far it reaches."""
    if finding is None:
        return row.label != NORMAL
    return finding.descriptors.get("extent") == EXTENT_UNKNOWN or (row.target.whole and not finding.label)


def _start(place: int, offset: int, side: int, first: int, last: int) -> int:
    """Start of a window of `side` whose middle is `offset` before a pixel, moved to lie between first and last."""
    start = place - side // 2 - offset
    start = min(max(start, place - side + 1), place)
    return min(max(start, first), last - side)


def _grid_near(box: Box, field: Box, side: int, distance_px: int, stride: int) -> tuple[slice, slice]:
    """The windows of `side`, beginning on a grid in the field, that come nearer than a distance to a box."""

    def along(low: int, high: int, start: int) -> slice:
        begin, end = low - distance_px - side + 1 - start, high + distance_px - start
        return slice(max(0, -(-begin // stride)), max(0, -(-end // stride)))

    return along(box.row0, box.row1, field.row0), along(box.col0, box.col1, field.col0)


def _share(source: Sample, finding: Finding, box: Box) -> float:
    """Share of a lesion that lies in a box."""
    if finding.label:
        lesion = source.lesions == finding.label
        return float(np.count_nonzero(lesion[box.slices]) / np.count_nonzero(lesion))
    inside = finding.box.overlap(box)
    return inside.height * inside.width / (finding.box.height * finding.box.width) if inside else 0.0


def resampled(sample: Sample, spacing_mm: float | None) -> Sample:
    """The sample at another spacing.

    Args:
        sample: The sample; it is returned as it is where its own spacing is unknown.
        spacing_mm: Millimetres per pixel; None keeps the sample as it is.
    """
    if spacing_mm is None or sample.spacing_mm is None:
        return sample
    height, width = (
        max(1, round(length * side / spacing_mm)) for length, side in zip(sample.shape, sample.spacing_mm, strict=True)
    )
    return resize(sample, (height, width))
