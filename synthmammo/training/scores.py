"""How near a generator's images are to real ones it never saw, and whether their classes carry over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthmammo.metrics import LinearProbe, auc, frechet_distance, kernel_distance
from synthmammo.models.features import Features, scale_means
from synthmammo.training.images import ImageSet

Scores = dict[str, float]

_BATCH = 32


class Scorer:
    """Compares sets of images with held-out real ones; its features are computed once.

    Args:
        held_out: Real images that nothing was trained on.
        extractor: Extractor of the features that are compared.
    """

    def __init__(self, held_out: ImageSet, extractor: Features) -> None:
        self.extractor, self.classes = extractor, held_out.classes
        self.labels = held_out.labels
        self.pooled, self.means = self._features(_batches(held_out, np.arange(len(held_out))))

    def of(self, images: Callable[[Tensor], Tensor], labels: Tensor) -> Scores:
        """Scores of generated images.

        Args:
            images: Function from numbers of images (`int64 (N)`, at most 32) to images `float32 (N, 1, H, W)`.
            labels: Class of each image, `int64 (N)`.

        Returns:
            `kernel_distance_x1000` (no bias, so 0 is a perfect score), `frechet_distance` (its floor depends on the
            numbers of images; see `floor`), and with two classes `probe_auc`: the area under the curve of a linear
            classifier that was fitted to the given images alone, on the held-out ones.
        """
        batches = (images(which) for which in torch.split(torch.arange(len(labels)), _BATCH))
        return self._compare(*self._features(batches), labels.cpu().numpy())

    def floor(self, real: ImageSet, count: int, seed: int = 0) -> Scores:
        """The same scores of real training images, as many as are generated: what a perfect generator would get."""
        which = np.random.default_rng(seed).permutation(len(real))[:count]
        return self._compare(*self._features(_batches(real, which)), real.labels[which])

    def _compare(self, pooled: NDArray[np.float32], means: NDArray[np.float32], labels: NDArray[np.int64]) -> Scores:
        scores = {
            "images": float(len(labels)),
            "held_out": float(len(self.labels)),
            "kernel_distance_x1000": 1000 * kernel_distance(pooled, self.pooled),
            "frechet_distance": frechet_distance(pooled, self.pooled),
        }
        if len(self.classes) == 2 and len(np.unique(labels)) == 2:
            logits = LinearProbe.fit(means, labels).logits(self.means)
            scores["probe_auc"] = auc(logits[:, 1] - logits[:, 0], self.labels == 1)
        return scores

    @torch.no_grad()
    def _features(self, batches: Iterable[Tensor]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        pooled, means = [], []
        for batch in batches:
            images = batch.to(self.extractor.mean.device).clamp(-1, 1)
            pooled.append(self.extractor.pooled(images).cpu())
            means.append(scale_means(self.extractor.scales(images)).cpu())
        return torch.cat(pooled).numpy(), torch.cat(means).numpy()


def _batches(images: ImageSet, which: NDArray[np.integer]) -> list[Tensor]:
    parts = np.array_split(which, -(-len(which) // _BATCH))
    return [torch.from_numpy(images.pixels(part)) for part in parts]
