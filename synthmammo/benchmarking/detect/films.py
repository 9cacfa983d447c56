"""Films for a detector: whole images on one canvas, with the boxes of what shall be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.properties import property_of
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.selecting import selected_keys
from synthmammo.errors import DatasetError
from synthmammo.mammogram.geometry import blank, pad, resize, trim_padding, turn
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.sample import Kind, Sample
from synthmammo.metrics.detection import Truth
from synthmammo.progress import Progress, silent

_Names = NDArray[np.str_]

LEAST_SHARE = 0.5
"""Images whose longer side is below this share of the canvas's are patches, or too coarse to show anything."""


@dataclass(frozen=True)
class Films:
    """Images of one dataset on one canvas: nothing but the breast, its chest wall on the right.

    Attributes:
        where: Directory they are from.
        pixels: Pixels in [-1, 1], by percentiles inside the breast, `float16 (N, H, W)`.
        breasts: Outline of each breast, `bool (N, H, W)`.
        keys: Names of the samples, `(N)`.
        patients: Patient of each image, `(N)`; in a built dataset with real hosts, the patient of the host.
        splits: Split of each image, `(N)`.
        labels: Class of each image, `(N)`.
        truths: Boxes on each image, `float32` in pixels of the canvas: what shall be found, and what does not count.
        digest: Digest of the content.
        manifest: Manifest of the dataset.
        properties: Properties of the images by name, `(N)` each, empty texts where they are not known.
    """

    where: Path
    pixels: NDArray[np.float16]
    breasts: NDArray[np.bool_]
    keys: _Names
    patients: _Names
    splits: _Names
    labels: _Names
    truths: tuple[Truth, ...]
    digest: str
    manifest: Manifest = field(repr=False)
    properties: dict[str, _Names] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.keys)

    @property
    def with_lesions(self) -> NDArray[np.bool_]:
        """Whether something shall be found on each image, `bool (N)`."""
        return np.array([len(truth.lesions) > 0 for truth in self.truths])

    @property
    def trainable(self) -> NDArray[np.bool_]:
        """Whether an image has no findings of other kinds, which a detector can be taught neither way, `bool (N)`."""
        return np.array([not len(truth.ignored) for truth in self.truths])


def load_films(
    directory: Path,
    canvas_px: tuple[int, int],
    kinds: Collection[Kind],
    *,
    split: str | None = None,
    where: str | None = None,
    properties: Sequence[str] = (),
    progress: Progress = silent,
) -> Films:
    """Read a dataset into memory.

    Args:
        directory: The dataset.
        canvas_px: Height and width of the canvas that every breast is fitted into.
        kinds: Kinds of findings to be found.
        split: Split of the images that are read; None for all.
        where: Condition on the columns of the index that the images meet; None for all.
        properties: Names of properties to read of every image, see `property_of`; none by default.
        progress: Called with images read and images in all.

    Raises:
        DatasetError: It is no finished dataset of whole images, or none of them has a box of these kinds.
    """
    dataset, manifest = Dataset.open(directory), Manifest.read(directory)
    _check_findings(manifest, directory, kinds)
    total = sum(manifest.counts.get(split, {}).values()) if split else manifest.samples
    if not total:
        hint = f"It has {', '.join(manifest.counts) or 'no images at all'}."
        raise DatasetError(f"no images in the split '{split}'", where=directory, hint=hint)
    rows, known = [], []
    kept = selected_keys(directory, where)
    for number, sample in enumerate(dataset.samples(split), 1):
        if kept is not None and sample.key not in kept:
            continue
        _check_size(sample, directory, canvas_px)
        rows.append(_film(on_canvas(sample, canvas_px), kinds))
        known.append([property_of(sample, name) for name in properties])
        progress(number, total)
    if not rows:
        raise DatasetError(f"no images of the split '{split}' meet the condition '{where}'", where=directory)
    pixels, breasts, truths, names = zip(*rows, strict=True)
    if not any(len(truth.lesions) for truth in truths):
        raise _no_boxes(directory, kinds, "in the chosen images")
    keys, patients, splits, labels = (np.array(column, np.str_) for column in zip(*names, strict=True))
    arrays = (np.stack(pixels), np.stack(breasts), keys, patients, splits, labels)
    named = {name: np.array(column, np.str_) for name, column in zip(properties, zip(*known, strict=True), strict=True)}
    return Films(directory, *arrays, truths, manifest.digest, manifest, named)


def on_canvas(sample: Sample, canvas_px: tuple[int, int]) -> Sample:
    """The breast alone, fitted into (height, width): its chest wall on the right, zeros around it, boxes with it.

    A finding outside the breast's outline keeps a box at the edge, so that a wrong outline cannot hide it.
    """
    # Films carry labels and tape, phantoms do not: unblanked, they would tell real and synthetic images apart.
    sample = turn(trim_padding(blank(sample)), "right")
    scale = min(canvas / side for canvas, side in zip(canvas_px, sample.shape, strict=True))
    height, width = (max(1, round(side * scale)) for side in sample.shape)
    return pad(resize(sample, (height, width)), canvas_px, columns_before=canvas_px[1] - width)


def _film(
    sample: Sample, kinds: Collection[Kind]
) -> tuple[NDArray[np.float16], NDArray[np.bool_], Truth, tuple[str, str, str, str]]:
    pixels = Intensity.of(sample.image, sample.breast).units(sample.image)
    boxes: dict[bool, list[tuple[int, ...]]] = {True: [], False: []}
    for finding in sample.findings:
        boxes[finding.kind in kinds].append(finding.box)
    lesions, ignored = (np.array(boxes[wanted], np.float32).reshape(-1, 4) for wanted in (True, False))
    names = (sample.key, sample.patient or sample.key, sample.split, sample.label)
    return pixels.astype(np.float16), sample.breast, Truth(lesions, ignored), names


def _check_findings(manifest: Manifest, directory: Path, kinds: Collection[Kind]) -> None:
    if manifest.kind == "patches":
        hint = "Give the dataset that the patches were cut from."
        raise DatasetError("is a dataset of patches; a detector needs whole images", where=directory, hint=hint)
    if not any(kind in manifest.findings for kind in kinds):
        raise _no_boxes(directory, kinds, f"among {_counted(manifest)}")


def _no_boxes(directory: Path, kinds: Collection[Kind], where: str) -> DatasetError:
    hint = "Choose other kinds to find; findings without a place have no box."
    return DatasetError(f"no box of kind {' or '.join(kinds)} {where}", where=directory, hint=hint)


def _counted(manifest: Manifest) -> str:
    counts = Counter({kind: sum(found.values()) for kind, found in manifest.findings.items()})
    return ", ".join(f"{number} x {kind}" for kind, number in counts.most_common()) or "its findings: there are none"


def _check_size(sample: Sample, directory: Path, canvas_px: tuple[int, int]) -> None:
    if max(sample.shape) < LEAST_SHARE * max(canvas_px):
        height, width = sample.shape
        message = f"an image of {height} x {width} pixels, for a canvas of {canvas_px[0]} x {canvas_px[1]}"
        hint = "Give larger images, or a smaller canvas (height_px and width_px)."
        raise DatasetError(message, where=f"{directory}, sample {sample.key}", hint=hint)
