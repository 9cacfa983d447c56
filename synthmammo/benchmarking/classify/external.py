"""A second test set: real images of another source, on which every classifier of a benchmark is tested too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.classify.fit import Classifier, LogOdds, log_odds
from synthmammo.benchmarking.classify.images import LabelledImages, read_images
from synthmammo.benchmarking.classify.inputs import Inputs
from synthmammo.benchmarking.lineage import check_other_patients, check_unseen
from synthmammo.errors import DatasetError, nearest


class External:
    """The images of a second test set, checked against those that are trained on.

    Args:
        path: Dataset of real images; all of its splits are tested on.
        real: The real images of the benchmark.
        synthetic: The synthetic ones; None where there are none.
        positives: Classes that count as positive.
        properties: Properties that are read of every image, for subgroups.
        generator: Model that made the synthetic images, where no manifest says so.

    Raises:
        DatasetError: The images have another size, depth or classes, share patients with the real ones, hold one class
            only, or a generator was trained on them.

    Attributes:
        images: The images.
        positive: Whether each is positive, `bool (N)`.
    """

    def __init__(
        self,
        path: Path,
        real: LabelledImages,
        synthetic: LabelledImages | None,
        positives: Sequence[str],
        properties: Sequence[str] = (),
        generator: str | None = None,
    ) -> None:
        self.images = read_images(path, properties=properties)
        _check_alike(self.images, real, positives)
        check_other_patients(self.images, real)
        if synthetic is not None:
            check_unseen(self.images, synthetic, generator)
        self.positive: NDArray[np.bool_] = self.images.positive(positives)
        if self.positive.all() or not self.positive.any():
            message = f"the external images are {int(self.positive.sum())} positives and {int((~self.positive).sum())} "
            hint = "Give a dataset with both, whose classes are called as in the real one."
            raise DatasetError(f"{message}negatives; both are needed", where=path, hint=hint)

    def scores(self, fitted: Sequence[tuple[Classifier, Inputs]]) -> LogOdds:
        """Log-odds of the positive class, `float64 (N)`: the mean over the folds' classifiers.

        Args:
            fitted: The classifier of every fold, with the external images as its inputs.
        """
        numbers = np.arange(len(self.images))
        return np.asarray(np.mean([log_odds(network, inputs, numbers) for network, inputs in fitted], 0))


def _check_alike(images: LabelledImages, real: LabelledImages, positives: Collection[str]) -> None:
    sizes = [(*side.grey.shape[1:], side.bits_stored) for side in (images, real)]
    if sizes[0] != sizes[1]:
        found, expected = ("{} x {} pixels and {} bits".format(*size) for size in sizes)
        hint = "Make both of the same size and depth, with `synthmammo patches`."
        raise DatasetError(f"images of {found}; the real ones have {expected}", where=images.where, hint=hint)
    known = sorted(set(real.labels.tolist()) | set(positives))
    for name in sorted(set(images.labels.tolist()) - set(known)):
        hint = f"{nearest(name, known)} Ingest or cut it with the same classes."
        raise DatasetError(f"class '{name}' is not one of the real images", where=images.where, hint=hint)
