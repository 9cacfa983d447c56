"""How well marks on images find lesions: FROC, average precision, and what chance would give.

A mark is a box with a score. Two questions are asked of the same marks:

* FROC, with the criterion of computer-aided detection: a lesion is found at a threshold where a mark of at least that
  score has its *centre inside the lesion's box*. Several marks on one lesion find it once and are no false marks; a
  mark on no lesion is one. Sensitivity is per lesion, the rate of false marks is per image, over all images.
* mAP@0.5, with the criterion of object detection: a mark is right where its *intersection over union* with a lesion
  not yet taken is at least 0.5, marks taken from the highest score; a second mark on the same lesion is wrong.

In both, a mark whose centre lies in an ignored box, and which is not right, is neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating]
"""`(K, 4)`: edges as (row0, col0, row1, col1), half-open."""

RATES = (0.25, 0.5, 1.0, 2.0)
"""False marks per image at which sensitivities are stated."""

LEAST_IOU = 0.5


class Marks(NamedTuple):
    """What a detector says of one image.

    Attributes:
        boxes: Edges of the marks in pixels, `(K, 4)`.
        scores: Scores of the marks, `(K)`, finite; greater is more suspicious.
    """

    boxes: Boxes
    scores: NDArray[np.floating]


@dataclass(frozen=True)
class Truth:
    """What is on one image.

    Attributes:
        lesions: Boxes of the lesions to be found, `(L, 4)`.
        ignored: Boxes where marks do not count, `(M, 4)`.
    """

    lesions: Boxes
    ignored: Boxes


def centre_inside(marks: Boxes, boxes: Boxes) -> NDArray[np.bool_]:
    """Which marks have their centre in which boxes, `bool (K, L)`."""
    rows, columns = (marks[:, 0] + marks[:, 2]) / 2, (marks[:, 1] + marks[:, 3]) / 2
    inside_rows = (boxes[:, 0] <= rows[:, None]) & (rows[:, None] < boxes[:, 2])
    return np.asarray(inside_rows & (boxes[:, 1] <= columns[:, None]) & (columns[:, None] < boxes[:, 3]))


def intersection_over_union(marks: Boxes, boxes: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each mark with each box, `float64 (K, L)`; 0 where both are empty."""
    a, b = marks.astype(np.float64)[:, None], boxes.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = sides.clip(0).prod(-1)
    either = (a[..., 2:] - a[..., :2]).clip(0).prod(-1) + (b[..., 2:] - b[..., :2]).clip(0).prod(-1) - both
    return np.asarray(np.divide(both, either, out=np.zeros_like(both), where=either > 0))


@dataclass(frozen=True)
class Froc:
    """Marks held against lesions: what every point of the FROC curve follows from.

    Attributes:
        lesion_scores: Highest score of the marks on each lesion, `float64 (L)`; -inf without one.
        lesion_images: Number of the image of each lesion, `(L)`.
        false_scores: Scores of the marks on no lesion, `float64 (F)`.
        false_images: Number of the image of each of these marks, `(F)`.
        images: Number of images, those without lesions included.
    """

    lesion_scores: NDArray[np.float64]
    lesion_images: NDArray[np.intp]
    false_scores: NDArray[np.float64]
    false_images: NDArray[np.intp]
    images: int

    @classmethod
    def of(cls, marks: Sequence[Marks], truths: Sequence[Truth]) -> Froc:
        """Hold the marks on each image against its lesions.

        Raises:
            ValueError: There are no lesions, the numbers of images differ, or a score is no number.
        """
        _check(marks, truths)
        found = [_found(mark, truth) for mark, truth in zip(marks, truths, strict=True)]
        lesion_scores, false_scores = zip(*found, strict=True)
        return cls(
            np.concatenate(lesion_scores).astype(np.float64),
            np.repeat(np.arange(len(found)), [len(scores) for scores in lesion_scores]),
            np.concatenate(false_scores).astype(np.float64),
            np.repeat(np.arange(len(found)), [len(scores) for scores in false_scores]),
            len(found),
        )

    def curve(self, images: NDArray[np.intp] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points of the curve, from (0, 0), one for each distinct score of a mark.

        Args:
            images: Numbers of the images that count, with repetitions (of a resample); all by default.

        Returns:
            False marks per image and sensitivities, `float64 (K)`, both rising; NaN sensitivities where the images
            have no lesions.
        """
        counts = _counts(images, self.images)
        places, right, last = self._ranked
        weights, lesions = counts[places], counts[self.lesion_images].sum()
        sensitivity = np.append(0.0, np.cumsum(weights * right)[last]) / (lesions or np.nan)
        return np.append(0.0, np.cumsum(weights * ~right)[last]) / counts.sum(), sensitivity

    @cached_property
    def _ranked(self) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
        """All marks, the highest score first: image, whether on a lesion, whether the last of its score."""
        marked = np.isfinite(self.lesion_scores)
        scores = np.concatenate([self.lesion_scores[marked], self.false_scores])
        order = np.argsort(-scores, kind="stable")
        images = np.concatenate([self.lesion_images[marked], self.false_images])[order]
        return images, (np.arange(len(scores)) < marked.sum())[order], _last_of_equals(scores[order])

    def sensitivities(
        self, rates: Sequence[float] | NDArray[np.floating] = RATES, images: NDArray[np.intp] | None = None
    ) -> NDArray[np.float64]:
        """Highest sensitivities with at most so many false marks per image, `float64 (K)`; see `curve`."""
        false_marks, sensitivity = self.curve(images)
        # Rounded, since 3 / 12 marks must not exceed a rate of 0.25.
        places = np.searchsorted(np.round(false_marks, 9), np.asarray(rates), side="right") - 1
        return np.asarray(sensitivity[places])


def _found(marks: Marks, truth: Truth) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Scores of the image's lesions, and of its false marks."""
    on_lesion = centre_inside(marks.boxes, truth.lesions)
    scores = np.where(on_lesion, marks.scores[:, None], -np.inf).max(0, initial=-np.inf)
    false = ~on_lesion.any(1) & ~centre_inside(marks.boxes, truth.ignored).any(1)
    return scores, marks.scores[false]


@dataclass(frozen=True)
class Precision:
    """Marks of all images, judged for average precision at an intersection over union of at least 0.5.

    Attributes:
        scores: Scores of the marks, `float64 (K)`.
        right: Whether each mark is right, `bool (K)`.
        mark_images: Number of the image of each mark, `(K)`.
        lesions: Number of lesions of each image, `(N)`.
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    mark_images: NDArray[np.intp]
    lesions: NDArray[np.int64]

    @classmethod
    def of(cls, marks: Sequence[Marks], truths: Sequence[Truth]) -> Precision:
        """Judge the marks on each image; raises as `Froc.of`."""
        _check(marks, truths)
        judged = [_judged(mark, truth) for mark, truth in zip(marks, truths, strict=True)]
        scores, right = zip(*judged, strict=True)
        return cls(
            np.concatenate(scores).astype(np.float64),
            np.concatenate(right),
            np.repeat(np.arange(len(judged)), [len(part) for part in scores]),
            np.array([len(truth.lesions) for truth in truths]),
        )

    def average(self, images: NDArray[np.intp] | None = None) -> float:
        """Area under the precision-recall curve, precision made to fall with recall (PASCAL VOC from 2010 on).

        Lesions are the only class, so this is mAP@0.5 as well.

        Args:
            images: Numbers of the images that count, with repetitions; all by default.

        Returns:
            0 to 1; NaN where the images have no lesions.
        """
        counts = _counts(images, len(self.lesions))
        lesions = float(counts @ self.lesions)
        if not lesions:
            return float("nan")
        # Marks of equal score come together, so that their order does not matter.
        order, last = self._ranked
        weights = counts[self.mark_images][order]
        hits, marks = np.cumsum(weights * self.right[order])[last], np.cumsum(weights)[last]
        precision = np.divide(hits, marks, out=np.zeros_like(hits), where=marks > 0)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(hits, prepend=0.0) / lesions * falling))

    @cached_property
    def _ranked(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Order of the marks, the highest score first, and whether one is the last of its score."""
        order = np.argsort(-self.scores, kind="stable")
        return order, _last_of_equals(self.scores[order])


def _counts(images: NDArray[np.intp] | None, size: int) -> NDArray[np.float64]:
    """How often each image counts."""
    return np.ones(size) if images is None else np.bincount(images, minlength=size).astype(np.float64)


def _last_of_equals(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.append(scores[1:] != scores[:-1], True)[: len(scores)]


def _judged(marks: Marks, truth: Truth) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Scores of an image's marks that count, and which of them are right."""
    overlap = intersection_over_union(marks.boxes, truth.lesions)
    right = np.zeros(len(marks.scores), np.bool_)
    for mark in np.argsort(-marks.scores, kind="stable"):
        if overlap.shape[1] and overlap[mark].max() >= LEAST_IOU:
            right[mark] = True
            overlap[:, overlap[mark].argmax()] = -1  # a lesion is found once
    counts = right | ~centre_inside(marks.boxes, truth.ignored).any(1)
    return marks.scores[counts], right[counts]


def chance_sensitivities(
    marks: Sequence[Marks],
    truths: Sequence[Truth],
    rates: Sequence[float] = RATES,
    *,
    swaps: int = 200,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Sensitivities that the same marks reach on lesions of other images: what knowing nothing of an image gives.

    The lesions of all images that have any are dealt out anew among these images. A detector that only knows where
    lesions usually lie, or which images have some, does as well here as on the lesions' own images.

    Args:
        marks: Marks on all images, on one canvas.
        truths: Lesions of the same images.
        rates: Rates of false marks per image.
        swaps: Number of times the lesions are dealt out.
        seed: Random seed for dealing out the lesions.

    Returns:
        Sensitivities at the rates, `float64 (swaps, K)`.

    Raises:
        ValueError: Fewer than two images have lesions, or as `Froc.of`.
    """
    _check(marks, truths)
    holders = [number for number, truth in enumerate(truths) if len(truth.lesions)]
    if len(holders) < 2:
        raise ValueError("chance: lesions of a single image cannot be swapped; expected two images with lesions")
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(swaps):
        dealt = list(truths)
        for place, origin in zip(holders, rng.permutation(holders), strict=True):
            dealt[place] = replace(truths[place], lesions=truths[origin].lesions)
        values.append(Froc.of(marks, dealt).sensitivities(rates))
    return np.array(values)


def _check(marks: Sequence[Marks], truths: Sequence[Truth]) -> None:
    if len(marks) != len(truths):
        raise ValueError(f"marks of {len(marks)} images and truth of {len(truths)}; expected as many")
    if not sum(len(truth.lesions) for truth in truths):
        raise ValueError(f"no lesions on {len(truths)} images; sensitivity is that of finding some")
    if not all(np.isfinite(mark.scores).all() for mark in marks):
        raise ValueError("scores of marks: NaN or infinite; expected finite numbers")
