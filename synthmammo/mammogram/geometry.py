"""Flips, crops, padding and new sizes of a whole sample: image, masks, boxes and spacing stay together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.anatomy import Side, chest_wall_side, exposed
from synthmammo.mammogram.sample import Box, Finding, Image, Labels, Sample


def mirror(sample: Sample) -> Sample:
    """The sample flipped left to right; its laterality stays, since that is a side of the body."""
    width = sample.shape[1]
    return _moved(
        sample,
        lambda array: np.ascontiguousarray(array[:, ::-1]),
        lambda box: Box(box.row0, width - box.col1, box.row1, width - box.col0),
    )


def turn(sample: Sample, side: Side) -> Sample:
    """The sample, flipped where its chest wall is on the other side; the provenance then says `mirrored`.

    Args:
        sample: Any sample.
        side: Side of the image that the chest wall shall be on.
    """
    if chest_wall_side(sample.image, sample.breast) == side:
        return sample
    mirrored = not sample.provenance.get("mirrored")  # a reader may have flipped it before
    return replace(mirror(sample), provenance=sample.provenance | {"mirrored": mirrored})


def blank(sample: Sample) -> Sample:
    """The sample with everything outside the breast set to 0: labels, tape, writing and the noise of the air."""
    return replace(sample, image=np.where(sample.breast, sample.image, np.uint16(0)))


def square(sample: Sample, size_px: int, side: Side) -> Sample:
    """The sample as a square, after Zakka et al. 2020, section III: reduced to a height, filled up with zeros.

    Padding of exact zeros is cut off first, or the breast would float in it. The zeros go to the side away from the
    chest wall. An image that is wider than high is reduced to the width instead, and the zeros go below it.

    Args:
        sample: Any sample.
        size_px: Side of the square, in pixels.
        side: Side of the image that the chest wall shall be on.

    Returns:
        A sample of (size_px, size_px); the provenance says `original_shape`.
    """
    original_shape = list(sample.shape)
    sample = turn(trim_padding(sample), side)
    height, width = (max(1, round(length * size_px / max(sample.shape))) for length in sample.shape)
    sample = resize(sample, (height, width))
    sample = pad(sample, (size_px, size_px), columns_before=size_px - width if side == "right" else 0)
    return replace(sample, provenance=sample.provenance | {"original_shape": original_shape})


def trim_padding(sample: Sample) -> Sample:
    """Without the padding around the exposed film or detector (`anatomy.exposed`).

    Findings outside what is left cannot exist, since their pixels would be padding; boxes are cut to it.
    """
    content = exposed(sample.image)
    if content is None:
        return sample
    rows, columns = content
    shape = rows.stop - rows.start, columns.stop - columns.start
    if shape == sample.shape:
        return sample
    return _moved(
        sample,
        lambda array: np.ascontiguousarray(array[content]),
        lambda box: _within(box.moved(-rows.start, -columns.start), shape),
    )


def resize(sample: Sample, shape: tuple[int, int]) -> Sample:
    """The sample at another size; the spacing changes with it.

    The image is averaged over areas (interpolated linearly where it grows) and masks take the nearest pixel. A lesion
    that loses all its pixels keeps the one at the middle of its box.

    Args:
        sample: Any sample.
        shape: New (H, W), in pixels.
    """
    if shape == sample.shape:
        return sample
    rows, columns = shape[0] / sample.shape[0], shape[1] / sample.shape[1]

    def scaled(box: Box) -> Box:
        edges = floor(box.row0 * rows), floor(box.col0 * columns), ceil(box.row1 * rows), ceil(box.col1 * columns)
        return _within(Box(*edges), shape)

    moved = _moved(sample, lambda array: resize_mask(array, shape), scaled)
    spacing = sample.spacing_mm
    return replace(
        moved,
        image=_resized_image(sample.image, shape),
        lesions=_with_small_lesions(moved),
        spacing_mm=(spacing[0] / rows, spacing[1] / columns) if spacing else None,
    )


def pad(sample: Sample, shape: tuple[int, int], *, columns_before: int = 0) -> Sample:
    """The sample at the top of a larger canvas of zeros.

    Args:
        sample: Any sample.
        shape: (H, W) of the canvas, in pixels, at least that of the sample.
        columns_before: Columns of zeros to the left of the sample; 0 by default.
    """
    if shape == sample.shape:
        return sample
    height, width = sample.shape
    margins = ((0, shape[0] - height), (columns_before, shape[1] - width - columns_before))
    return _moved(
        sample,
        lambda array: np.pad(array, margins),
        lambda box: box.moved(0, columns_before),
    )


def crop(sample: Sample, box: Box) -> Sample:
    """The part of a sample inside a box; findings without a pixel left are dropped.

    Args:
        sample: Any sample.
        box: Part to keep, inside the image.
    """

    def findings(lesions: NDArray[np.uint8]) -> Iterator[Finding]:
        for finding in sample.findings:
            inside = finding.box.overlap(box)
            if inside and finding.label:
                part = Box.around(lesions == finding.label)
            else:
                part = inside and inside.moved(-box.row0, -box.col0)
            if part:
                yield replace(finding, box=part)

    lesions = sample.lesions[box.slices].copy()
    return sample.with_(
        image=sample.image[box.slices].copy(),
        breast=sample.breast[box.slices].copy(),
        lesions=lesions,
        findings=tuple(findings(lesions)),
    )


def rotated(sample: Sample, quarter_turns: int) -> Sample:
    """The sample rotated against the clock; the box of a lesion with a mask is the box of its pixels.

    Args:
        sample: Any sample.
        quarter_turns: Number of quarter turns; a negative number rotates with the clock.
    """
    lesions = np.ascontiguousarray(np.rot90(sample.lesions, quarter_turns))

    def box_of(finding: Finding) -> Box:
        if finding.label and (around := Box.around(lesions == finding.label)):
            return around
        return _rotated_box(finding.box, sample.shape, quarter_turns)

    spacing = sample.spacing_mm
    return sample.with_(
        image=np.ascontiguousarray(np.rot90(sample.image, quarter_turns)),
        breast=np.ascontiguousarray(np.rot90(sample.breast, quarter_turns)),
        lesions=lesions,
        findings=tuple(replace(finding, box=box_of(finding)) for finding in sample.findings),
        spacing_mm=spacing[::-1] if spacing and quarter_turns % 2 else spacing,
    )


def _rotated_box(box: Box, shape: tuple[int, int], quarter_turns: int) -> Box:
    height, width = shape
    for _ in range(quarter_turns % 4):
        box = Box(width - box.col1, box.row0, width - box.col0, box.row1)
        height, width = width, height
    return box


def _moved(sample: Sample, array: Callable[[NDArray[Any]], NDArray[Any]], box: Callable[[Box], Box]) -> Sample:
    return replace(
        sample,
        image=array(sample.image),
        breast=array(sample.breast),
        lesions=array(sample.lesions),
        findings=tuple(replace(finding, box=box(finding.box)) for finding in sample.findings),
    )


def _within(box: Box, shape: tuple[int, int]) -> Box:
    # At least one pixel, and inside.
    row0, col0 = min(max(box.row0, 0), shape[0] - 1), min(max(box.col0, 0), shape[1] - 1)
    return Box(row0, col0, max(min(box.row1, shape[0]), row0 + 1), max(min(box.col1, shape[1]), col0 + 1))


def _resized_image(image: Image, shape: tuple[int, int]) -> Image:
    from PIL import Image as Picture

    shrinks = shape[0] <= image.shape[0] and shape[1] <= image.shape[1]
    method = Picture.Resampling.BOX if shrinks else Picture.Resampling.BILINEAR
    planes = Picture.fromarray(image.astype(np.float32)).resize((shape[1], shape[0]), method)
    return np.asarray(np.rint(np.asarray(planes)), np.uint16)


def resize_mask(mask: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """A mask or label image `(H, W)` at another size; each new pixel takes the value of the nearest old one."""
    rows = ((np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(int)
    return np.ascontiguousarray(mask[rows[:, None], columns])


def _with_small_lesions(sample: Sample) -> Labels:
    lesions, present = sample.lesions, set(np.unique(sample.lesions).tolist())
    for finding in sample.findings:
        if finding.label not in present:
            row0, col0, row1, col1 = finding.box
            lesions[(row0 + row1) // 2, (col0 + col1) // 2] = finding.label
    return lesions


def crop_box(centre: tuple[int, int], size_px: int, shape: tuple[int, int]) -> Box:
    """The square around a pixel, moved as far as needed to lie inside the image.

    Args:
        centre: (row, column) of the pixel.
        size_px: Side of the square, in pixels.
        shape: (H, W) of the image, in pixels; a smaller image is overhung below and to the right.
    """
    row0, col0 = (
        min(max(place - size_px // 2, 0), max(side - size_px, 0)) for place, side in zip(centre, shape, strict=True)
    )
    return Box(row0, col0, row0 + size_px, col0 + size_px)
