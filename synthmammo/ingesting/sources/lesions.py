"""From an archive's annotations to findings and instance labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthmammo.ingesting.sources.base import Annotation
from synthmammo.mammogram.sample import Box, Finding, Kind, Labels, Mask, Pathology

MAX_LABEL = 255
"""Most lesions of one image that can have a pixel mask: labels are `uint8`."""


def locate(
    annotations: Sequence[Annotation], shape: tuple[int, int], masks: Mapping[int, Mask] | None = None
) -> tuple[tuple[Finding, ...], Labels]:
    """Findings and instance labels of one image.

    Where two lesions share pixels the smaller one keeps them. A lesion without a place is left out; one with a box
    only, or one that a smaller one covers, or one past `MAX_LABEL`, has label 0.

    Args:
        annotations: Lesions of the image.
        shape: Shape (H, W) of the image.
        masks: `bool (H, W)` by the index of the annotation, for those that have `mask_files`.

    Returns:
        The findings in the order of their labels (label 0 last), and `uint8 (H, W)` labels.
    """
    drawn = {i: extent for i, annotation in enumerate(annotations) if (extent := _draw(annotation, shape)) is not None}
    drawn.update({i: extent for i, mask in (masks or {}).items() if (extent := Extent.of(mask)) is not None})
    numbers = {i: k for k, i in enumerate(sorted(drawn)[:MAX_LABEL], start=1)}
    lesions = np.zeros(shape, np.uint8)
    for i in sorted(numbers, key=lambda i: -int(drawn[i].mask.sum())):
        lesions[drawn[i].box.slices][drawn[i].mask] = numbers[i]
    visible = set(np.unique(lesions).tolist())
    findings = []
    for i, annotation in enumerate(annotations):
        box = drawn[i].box if i in drawn else clip(annotation.box, shape)
        if box is not None:
            label = numbers[i] if i in numbers and numbers[i] in visible else 0
            findings.append(Finding(annotation.kind, annotation.pathology, box, label, False, annotation.descriptors))
    return tuple(sorted(findings, key=lambda finding: finding.label or MAX_LABEL + 1)), lesions


def in_common(annotations: Sequence[Annotation], otherwise: Kind = Kind.OTHER) -> Annotation:
    """What is true of every lesion of an image, where an archive does not say which place is which lesion's.

    Args:
        annotations: Lesions of the image, at least one; their places are not looked at.
        otherwise: Kind where they differ in kind, "other" by default.

    Returns:
        A lesion without a place, of the common kind, pathology and descriptors; unknown where they differ.
    """
    kinds, pathologies = {lesion.kind for lesion in annotations}, {lesion.pathology for lesion in annotations}
    terms = set.intersection(*(set(lesion.descriptors.items()) for lesion in annotations))
    return Annotation(
        kinds.pop() if len(kinds) == 1 else otherwise,
        pathologies.pop() if len(pathologies) == 1 else Pathology.UNKNOWN,
        {name: word for name, word in annotations[0].descriptors.items() if (name, word) in terms},
    )


class Extent(NamedTuple):
    """Pixels of one lesion: its box, and a `bool` mask of the box's size."""

    box: Box
    mask: Mask

    @classmethod
    def of(cls, mask: Mask, row0: int = 0, col0: int = 0) -> Extent | None:
        """Smallest extent of a mask that lies at (row0, col0) of the image; None for an empty mask."""
        box = Box.around(mask)
        if box is None:
            return None
        placed = Box(box.row0 + row0, box.col0 + col0, box.row1 + row0, box.col1 + col0)
        return cls(placed, mask[box.slices])


def _draw(annotation: Annotation, shape: tuple[int, int]) -> Extent | None:
    if annotation.circle is not None:
        row, column, radius = annotation.circle
        corners = np.array([(row - radius, column - radius), (row + radius, column + radius)])
    elif annotation.outline:
        corners = np.array(annotation.outline, float)
    else:
        return None
    (row0, col0), (row1, col1) = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
    box = clip(Box(int(row0), int(col0), int(row1), int(col1)), shape)
    if box is None:
        return None
    if annotation.circle is not None:
        rows, columns = np.ogrid[box.row0 : box.row1, box.col0 : box.col1]
        return Extent.of((rows - row) ** 2 + (columns - column) ** 2 <= radius**2, box.row0, box.col0)
    return Extent.of(_fill(corners - (box.row0, box.col0), (box.height, box.width)), box.row0, box.col0)


def _fill(corners: NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    from PIL import Image, ImageDraw

    canvas = Image.new("1", (shape[1], shape[0]))
    points = [(int(column), int(row)) for row, column in np.rint(corners)]
    draw = ImageDraw.Draw(canvas)
    # The line is drawn too: an outline of one or two points encloses nothing.
    draw.line([*points, points[0]], fill=1)
    if len(points) > 2:
        draw.polygon(points, fill=1, outline=1)
    return np.asarray(canvas, np.bool_)


def clip(box: Box | None, shape: tuple[int, int]) -> Box | None:
    """The part of a box inside an image of (H, W); None where nothing is left."""
    if box is None:
        return None
    clipped = Box(max(box.row0, 0), max(box.col0, 0), min(box.row1, shape[0]), min(box.col1, shape[1]))
    return clipped if clipped.height > 0 and clipped.width > 0 else None
