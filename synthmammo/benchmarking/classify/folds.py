"""Who is trained on, who chooses the weights, and who is tested on: never the same patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.classify.config import ClassifyConfig
from synthmammo.benchmarking.classify.images import LabelledImages
from synthmammo.dataset.splits import Patient, draw_splits
from synthmammo.errors import DatasetError, nearest
from synthmammo.identity import digest, draw_u64

ImageNumbers = NDArray[np.intp]


@dataclass(frozen=True)
class Fold:
    """Numbers of the real images of one training and its test.

    Attributes:
        train: Numbers of the images that are trained on, `(N)`.
        select: Numbers of the images that choose the best weights, `(M)`.
        test: Numbers of the images that are tested on, `(K)`.
    """

    train: ImageNumbers
    select: ImageNumbers
    test: ImageNumbers


def make_folds(real: LabelledImages, positive: NDArray[np.bool_], config: ClassifyConfig) -> list[Fold]:
    """The one fold of fixed splits, or those of a cross-validation by patient.

    Raises:
        DatasetError: A patient is in several splits, or a part is empty or holds one class only.
    """
    drawn = _cross_validation(real, config) if config.folds else [_fixed(real, config)]
    for number, fold in enumerate(drawn):
        where = f"{real.where}, fold {number}" if config.folds else real.where
        for name, part in (("training", fold.train), ("selection", fold.select), ("test", fold.test)):
            _check_classes(positive[part], name, where)
    return drawn


def _check_classes(positive: NDArray[np.bool_], name: str, where: object) -> None:
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        message = f"the {name} images are {positives} positives and {negatives} negatives; both are needed"
        raise DatasetError(message, where=where, hint="Choose other classes (positive) or splits (test_on, select_on).")


def _fixed(real: LabelledImages, config: ClassifyConfig) -> Fold:
    _check_patients(real)
    names = [config.train_on, config.test_on] + ([config.select_on] if config.select_on else [])
    known = sorted(set(real.splits.tolist()))
    for name in names:
        if name not in known:
            option = {config.test_on: "test_on", config.train_on: "train_on"}.get(name, "select_on")
            hint = f"{nearest(name, known)} Choose one with {option}."
            raise DatasetError(f"no images in the split '{name}'", where=real.where, hint=hint)
    if len(set(names)) < len(names):
        message = f"training, selection and test cannot share a split: {', '.join(names)}"
        raise DatasetError(message, where=real.where, hint="Leave select_on out to hold back training patients.")
    train, test = (np.flatnonzero(real.splits == name) for name in names[:2])
    if config.select_on:
        return Fold(train, np.flatnonzero(real.splits == config.select_on), test)
    kept, held = _held_back(real, train, config.selection_share, 0)
    return Fold(kept, held, test)


def _check_patients(real: LabelledImages) -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    for patient, split in zip(real.patients.tolist(), real.splits.tolist(), strict=True):
        splits[patient].add(split)
    divided = sorted(patient for patient, names in splits.items() if len(names) > 1)
    if divided:
        message = f"{len(divided)} patients are in several splits, e.g. {divided[0]} in {sorted(splits[divided[0]])}"
        hint = "Split by patient, as `synthmammo ingest` does; or cross-validate with folds, which does so itself."
        raise DatasetError(message, where=real.where, hint=hint)


def _held_back(
    real: LabelledImages, numbers: ImageNumbers, share: float, seed: int
) -> tuple[ImageNumbers, ImageNumbers]:
    """Numbers of the images of the patients that stay, and of those held back."""
    split = draw_splits(_patients(real, numbers), {"train": 1 - share, "validation": share}, seed)
    held = np.array([split[patient] == "validation" for patient in real.patients[numbers].tolist()])
    return numbers[~held], numbers[held]


def _patients(real: OfPatients, numbers: Iterable[np.intp]) -> list[Patient]:
    labels: dict[str, list[str]] = defaultdict(list)
    for number in numbers:
        labels[str(real.patients[number])].append(str(real.labels[number]))
    return [Patient(name, tuple(found)) for name, found in sorted(labels.items())]


def _cross_validation(real: LabelledImages, config: ClassifyConfig) -> list[Fold]:
    everyone = np.arange(len(real))
    left, folds = everyone, []
    for number in range(config.folds):
        share = 1 / (config.folds - number)
        left, test = _held_back(real, left, share, number) if share < 1 else (left[:0], left)
        train, select = _held_back(real, np.setdiff1d(everyone, test), config.selection_share, number)
        folds.append(Fold(train, select, test))
    return folds


class OfPatients(Protocol):
    """Images with their patients and classes."""

    @property
    def patients(self) -> NDArray[np.str_]:
        """Patient of each image, `(N)`."""

    @property
    def labels(self) -> NDArray[np.str_]:
        """Class of each image, `(N)`."""


def low_data(real: OfPatients, train: ImageNumbers, share: float, seed: int) -> ImageNumbers:
    """A part of the training images: whole patients, the share of every class, a smaller share inside a larger one.

    Args:
        real: All real images.
        train: Numbers of the training images.
        share: Share of the training images, 0 to 1.
        seed: Random seed for the order in which patients are taken.
    """
    if share >= 1:
        return train
    patients = _patients(real, train)
    classes = Counter(label for patient in patients for label in patient.labels)
    groups: dict[str, list[Patient]] = defaultdict(list)
    for patient in sorted(patients, key=lambda patient: _order(patient.name, seed)):
        groups[min(patient.labels, key=lambda label: (classes[label], label))].append(patient)
    kept: set[str] = set()
    for group in groups.values():
        before = np.cumsum([0, *(len(patient.labels) for patient in group)])
        kept |= {patient.name for patient, start in zip(group, before, strict=False) if start < share * before[-1]}
    return train[np.isin(real.patients[train], sorted(kept))]


LEAST_PATIENTS = 2
"""Patients of a class below which a share says more of them than of anything else."""


def check_share(
    real: OfPatients, train: ImageNumbers, positive: NDArray[np.bool_], share: float, where: object
) -> None:
    """Refuse a share of the training images that are of too few patients.

    Args:
        real: All real images.
        train: Numbers of the training images of the share.
        positive: Whether each real image is positive, or shows what shall be found, `bool (N)`.
        share: The share, in percent; all of the images are not looked at.
        where: What the message names.

    Raises:
        DatasetError: They are too few.
    """
    counts = [len(np.unique(real.patients[train][positive[train] == value])) for value in (True, False)]
    if share < 100 and min(counts) < LEAST_PATIENTS:
        message = f"{share:g} % of the training images are of {counts[0]} patients with positives and {counts[1]} with "
        hint = "Give larger shares, or the images of more patients."
        raise DatasetError(f"{message}negatives; at least {LEAST_PATIENTS} of each are needed", where=where, hint=hint)


def _order(name: str, seed: int) -> int:
    return int(draw_u64(seed, "low data", int(digest(name)[:15], 16)))
