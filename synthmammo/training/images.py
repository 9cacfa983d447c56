"""A training set in memory, and the order its images are shown in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthmammo.dataset.reader import Dataset
from synthmammo.errors import DatasetError, nearest
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.lesion_stand_in import stand_in
from synthmammo.mammogram.sample import Box, Sample
from synthmammo.mammogram.terms import VIEWS
from synthmammo.models.file import Scale

_PAIRED = ("lesion", "host", "removed")

LEAST_IMAGES = 32
"""Fewer images than this are learned by heart in minutes, whatever the objective."""


@dataclass(frozen=True)
class ImageSet:
    """Images of one split, all of one size.

    Attributes:
        grey: Grey levels, `uint16 (N, H, H)`.
        low: Grey level of each image that becomes -1, `float32 (N)`.
        high: Grey level of each image that becomes 1, `float32 (N)`.
        labels: Number of the class of each image, `int64 (N)`.
        classes: Names of the classes.
        bits_stored: The largest bit depth among the images.
        spacing_mm: Millimetres per pixel, where all images have the same; else None.
        twins: Number of each image's other half in a pair, `int64 (N)`; -1 where there is none.
        boxes: Boxes of the findings of each image; () where they are not known.
    """

    grey: NDArray[np.uint16]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    bits_stored: int
    spacing_mm: float | None
    twins: NDArray[np.int64]
    boxes: tuple[tuple[Box, ...], ...] = ()

    def __len__(self) -> int:
        """Number of images."""
        return len(self.grey)

    @property
    def resolution(self) -> int:
        """Side of the images, in pixels."""
        return int(self.grey.shape[1])

    def smaller(self, side_px: int | None) -> ImageSet:
        """The same images, averaged down to a side; None leaves them.

        Raises:
            DatasetError: The side is not theirs divided by 1, 2, 4 ..., or below 8.
        """
        if side_px is None or side_px == self.resolution:
            return self
        if side_px not in [2**power for power in range(3, self.resolution.bit_length())]:
            hint = "It can be theirs, or that divided by 2, 4, ..., down to 8."
            message = f"images of {self.resolution} pixels cannot be averaged down to {side_px}"
            raise DatasetError(message, where="data.side_px", hint=hint)
        block = self.resolution // side_px
        blocks = self.grey.reshape(len(self), side_px, block, side_px, block)
        grey = np.stack([np.rint(image.mean((1, 3))).astype(np.uint16) for image in blocks])
        boxes = tuple(tuple(Box(*(edge // block for edge in box)) for box in of_one) for of_one in self.boxes)
        return replace(self, grey=grey, spacing_mm=self.spacing_mm and self.spacing_mm * block, boxes=boxes)

    def of_class(self, *names: str) -> ImageSet:
        """The images of some classes, as one class and without twins."""
        return self._taken(self._of(names), " and ".join(names))

    def twins_of(self, *names: str) -> ImageSet:
        """The other halves of the pairs of `of_class`, in the same order.

        Raises:
            DatasetError: Some have none.
        """
        numbers = self.twins[self._of(names)]
        if (numbers < 0).any():
            message = f"{int((numbers < 0).sum())} images of {' and '.join(names)} have no untouched twin"
            hint = "Build pairs, list the class of the twins in data.classes, or set network.discriminator_images to 1."
            raise DatasetError(message, where="data", hint=hint)
        return self._taken(numbers, "twins")

    def without_lesions(self, *names: str) -> ImageSet:
        """The images of `of_class` less a stand-in for the lesion in each box; see `mammogram.lesion_stand_in`.

        Raises:
            DatasetError: Some have no box.
        """
        which = self._of(names)
        if missing := sum(not (self.boxes and self.boxes[number]) for number in which):
            message = f"{missing} images of {' and '.join(names)} have no box of a lesion"
            hint = "Cut the patches from images whose findings have boxes, or set data.lesions to pairs."
            raise DatasetError(message, where="data.lesions: boxes", hint=hint)
        stand_ins = np.stack([stand_in(self.grey[number], self.boxes[number]) for number in which])
        without = np.clip(np.rint(self.grey[which] - stand_ins), 0, 2**self.bits_stored - 1).astype(np.uint16)
        return replace(self._taken(which, "without lesions"), grey=without)

    def _of(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        return np.flatnonzero(np.isin(self.labels, [self.classes.index(name) for name in names]))

    def _taken(self, which: NDArray[np.int64], name: str) -> ImageSet:
        arrays = (self.grey[which], self.low[which], self.high[which], np.zeros(len(which), np.int64))
        return ImageSet(*arrays, (name,), self.bits_stored, self.spacing_mm, np.full(len(which), -1))

    def pixels(self, which: NDArray[np.integer]) -> NDArray[np.float32]:
        """The images of the given numbers, `float32 (N, 1, H, H)` in [-1, 1]."""
        low, high = self.low[which, None, None], self.high[which, None, None]
        units = (self.grey[which].astype(np.float32) - low) * (2 / (high - low)) - 1
        return np.asarray(np.clip(units, -1, 1)[:, None], np.float32)

    def at(self, position: int, count: int, seed: int) -> NDArray[np.int64]:
        """Numbers of the images shown at a position of the endless, reshuffled sequence; a pure function.

        Args:
            position: Number of images shown before.
            count: Number of images wanted.
            seed: Random seed for the order of the images.
        """
        epochs = range(position // len(self), (position + count - 1) // len(self) + 1)
        order = np.concatenate([np.random.default_rng([seed, epoch]).permutation(len(self)) for epoch in epochs])
        start = position - epochs[0] * len(self)
        return order[start : start + count]


def load_images(
    directory: Path,
    split: str,
    scale: Scale = Scale.FULL_RANGE,
    classes: tuple[str, ...] | None = None,
    least: int = LEAST_IMAGES,
    classes_are: Literal["labels", "views"] = "labels",
) -> ImageSet:
    """Read one split of a dataset into memory.

    Args:
        directory: The dataset.
        split: Split of the images.
        scale: Mapping of grey levels to [-1, 1].
        classes: Labels, or views, to keep, in the order of their numbers; None for all of the dataset, or both views.
        least: Number of images that are needed.
        classes_are: What the classes are, "labels", the default, or "views".

    Raises:
        DatasetError: There are too few images, a class has none, a view is not known, or sizes are mixed or not
            a power of 2.
    """
    dataset = Dataset.open(directory)
    known = VIEWS if classes_are == "views" else dataset.label_names
    classes = classes or known
    for name in classes:
        if name not in known:
            what = classes_are.removesuffix("s").replace("label", "class")
            raise DatasetError(f"no {what} is called '{name}'", where=directory, hint=nearest(name, known))
    class_of = _view_of if classes_are == "views" else _label_of
    kept = [sample for sample in dataset.samples(split) if class_of(sample) in classes]
    _check(kept, [class_of(sample) for sample in kept], classes, least, f"{directory}, split '{split}'")
    ends = np.array([_ends(sample, scale) for sample in kept], np.float32)
    spacings = {sample.spacing_mm for sample in kept}
    spacing = spacings.pop() if len(spacings) == 1 else None
    return ImageSet(
        grey=np.stack([sample.image for sample in kept]),
        low=ends[:, 0],
        high=ends[:, 1],
        labels=np.array([classes.index(class_of(sample)) for sample in kept], np.int64),
        classes=classes,
        bits_stored=max(sample.bits_stored for sample in kept),
        spacing_mm=spacing[0] if spacing and spacing[0] == spacing[1] else None,
        twins=_twins(kept),
        boxes=tuple(tuple(finding.box for finding in sample.findings) for sample in kept),
    )


def _twins(samples: list[Sample]) -> NDArray[np.int64]:
    """Number of the sample that was made as a pair with each; -1 where there is none."""
    halves = [
        (*history.pair, history.pair[1] ^ 1) if history.role in _PAIRED else None
        for history in (sample.history for sample in samples)
    ]
    places = {half[:2]: number for number, half in enumerate(halves) if half}
    return np.array([places.get((half[0], half[2]), -1) if half else -1 for half in halves], np.int64)


def _ends(sample: Sample, scale: Scale) -> tuple[float, float]:
    if scale is Scale.FULL_RANGE:
        return 0.0, float(2**sample.bits_stored - 1)
    if known := sample.history.intensity:
        # That of the whole image that a patch is from, as it will be when the model is used.
        return known
    intensity = Intensity.of(sample.image, sample.breast)
    return intensity.low, intensity.high


def _label_of(sample: Sample) -> str:
    return sample.label


def _view_of(sample: Sample) -> str:
    if sample.view is None:
        hint = "Ingest the dataset with its views, or set data.classes_are to labels."
        raise DatasetError("its view is not known", where=f"{sample.key}, data.classes_are: views", hint=hint)
    return sample.view


def _check(samples: list[Sample], labels: list[str], classes: tuple[str, ...], least: int, where: str) -> None:
    counts = Counter(labels)
    if len(samples) < least:
        message = f"{len(samples)} images of the classes {', '.join(classes)}; at least {least} are needed"
        raise DatasetError(message, where=where, hint="`synthmammo patches` cuts more out of whole images.")
    if missing := [name for name in classes if not counts[name]]:
        hint = "Leave it out of `data.classes`, or add such images."
        raise DatasetError(f"no image of the class {missing[0]}", where=where, hint=hint)
    sizes = Counter(sample.shape for sample in samples)
    if len(sizes) > 1:
        listed = ", ".join(f"{number} of {h} x {w}" for (h, w), number in sizes.most_common(3))
        hint = "`synthmammo patches`, or `ingest --geometry square512`, gives images of one size."
        raise DatasetError(f"images of mixed sizes: {listed}", where=where, hint=hint)
    height, width = samples[0].shape
    if height != width or height & (height - 1) or height < 8:
        message = f"images of {height} x {width} pixels; squares with a side of 8, 16, ... 1024 are needed"
        raise DatasetError(message, where=where)
