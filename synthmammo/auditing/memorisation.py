"""What a synthetic dataset gives away of the images and the patients that its generator was trained on.

Each instrument says how alike two images are. What held-out real images reach with the training set sets its threshold:
at most one in a hundred of them is called a copy. Copies that the audit plants itself show whether it can see at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from skimage.measure import block_reduce

from synthmammo.auditing.classifying import auc_interval
from synthmammo.auditing.copies import most_alike
from synthmammo.auditing.embedding import Embedding
from synthmammo.auditing.thumbnails import SIDE_PX
from synthmammo.metrics import Interval, bootstrap, interval

HELD_OUT_FLAGGED = 0.01
"""Share of held-out real images that a threshold may call copies."""

DEVIATIONS = 4.0
"""Robust standard deviations above the median of held-out images that no copy may lie below."""

FOUND = 0.95
"""Share of a control's planted copies that must be found; below it the instrument cannot judge."""

LEAST_HELD_OUT = 30
"""Fewer held-out images set no threshold."""

_BLOCK_PX = 4
"""Pixels of a thumbnail that an embedding sees as one."""


@dataclass(frozen=True)
class Looks:
    """Images as the instruments see them, N of them.

    Attributes:
        thumbnails: `float32 (N, 64, 64)`, see `thumbnails.thumbnail`.
        means: Means of the extractor's maps, `float32 (N, 496)`.
    """

    thumbnails: NDArray[np.float32]
    means: NDArray[np.float32]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.thumbnails)

    @property
    def seen(self) -> NDArray[np.float32]:
        """What embeddings of copies are trained on, `float32 (N, 752)`.

        The means of the maps change with noise and grey levels, which the thumbnails ignore; these change with shifts
        and scale, which the means ignore.
        """
        small = block_reduce(self.thumbnails, (1, _BLOCK_PX, _BLOCK_PX), np.mean) * SIDE_PX
        return np.concatenate([self.means, small.reshape(len(self), -1)], 1, dtype=np.float32)


@dataclass(frozen=True)
class Alike:
    """The training image that each image is most like: its number `int64 (N)`, and how much, `float32 (N)`."""

    number: NDArray[np.int64]
    likeness: NDArray[np.float32]


class Instrument(Protocol):
    """Something that tells how alike images are."""

    @property
    def name(self) -> str:
        """What it is called in a report."""

    def most_alike(self, queries: Looks, training: Looks) -> Alike:
        """The training image that each query is most like."""


@dataclass(frozen=True)
class PixelCopies:
    """Correlation of registered thumbnails."""

    patches: bool
    name: str = "registered pixels"

    def most_alike(self, queries: Looks, training: Looks) -> Alike:
        """See `Instrument`."""
        found = most_alike(queries.thumbnails, training.thumbnails, patches=self.patches)
        return Alike(found.number, found.correlation)


@dataclass(frozen=True)
class Embedded:
    """Cosine of two images in an embedding that the audit trained on `Looks.seen`."""

    embedding: Embedding
    name: str

    def most_alike(self, queries: Looks, training: Looks) -> Alike:
        """See `Instrument`."""
        cosines = self.embedding(queries.seen) @ self.embedding(training.seen).T
        return Alike(cosines.argmax(1), cosines.max(1))


@dataclass(frozen=True)
class Verdict:
    """What one instrument found.

    Attributes:
        instrument: Its name.
        threshold: Likeness above which an image is called a copy.
        flagged: Which samples are called copies, `bool (N)`.
        nearest: Training image that each sample is most like, and how much.
        held_out_flagged: Share of held-out real images above the threshold.
        controls: Share of planted copies found, by control.
        able: Whether every control was found.
    """

    instrument: str
    threshold: float
    flagged: NDArray[np.bool_]
    nearest: Alike
    held_out_flagged: float
    controls: dict[str, float]
    able: bool


def judge(
    instrument: Instrument,
    samples: Looks,
    training: Looks,
    held_out: Looks,
    controls: dict[str, Looks],
    needed: frozenset[str] | None = None,
) -> Verdict:
    """Let an instrument look for copies among samples, held-out images and planted copies.

    Args:
        instrument: The instrument.
        samples: Images to judge.
        training: Training images.
        held_out: Real images that the generator never saw, at least `LEAST_HELD_OUT`.
        controls: Planted copies by control.
        needed: Controls that the instrument must find; None, the default, for all.
    """
    apart = instrument.most_alike(held_out, training).likeness
    limit = threshold(apart)
    found = instrument.most_alike(samples, training)
    reached = {name: instrument.most_alike(looks, training).likeness for name, looks in controls.items()}
    shares = {name: float((likeness > limit).mean()) for name, likeness in reached.items()}
    able = all(share >= FOUND for name, share in shares.items() if needed is None or name in needed)
    held = float((apart > limit).mean())
    return Verdict(instrument.name, limit, found.likeness > limit, found, held, shares, able)


def threshold(held_out: NDArray[np.float32]) -> float:
    """The likeness above which an image is called a copy.

    At most `HELD_OUT_FLAGGED` of the held-out images exceed it, and it lies at least `DEVIATIONS` robust standard
    deviations above their median: the highest of a hundred is soon exceeded among thousands of samples.

    Args:
        held_out: Likeness of each held-out image to the training image that it is most like, `(N)`.

    Raises:
        ValueError: There are fewer than `LEAST_HELD_OUT`.
    """
    if len(held_out) < LEAST_HELD_OUT:
        raise ValueError(f"expected at least {LEAST_HELD_OUT} held-out images, got {len(held_out)}")
    allowed = int(HELD_OUT_FLAGGED * len(held_out))
    middle = float(np.median(held_out))
    deviation = 1.4826 * float(np.median(np.abs(held_out - middle)))
    return max(float(np.sort(held_out)[-1 - allowed]), middle + DEVIATIONS * deviation)


def reproduced(nearest: Alike, flagged: NDArray[np.bool_], training: int) -> float:
    """Share of training images that some flagged sample is most like."""
    return len(np.unique(nearest.number[flagged])) / training


def share(flagged: NDArray[np.bool_], clusters: NDArray[np.generic]) -> Interval:
    """Share of flagged samples with its interval, whole clusters resampled.

    Resampling makes nothing of nothing, so the interval is at least as wide as the exact one (Clopper and Pearson 1934)
    of as many independent samples as there are clusters.

    Args:
        flagged: Whether each sample is flagged, `(N)`.
        clusters: Patient of each, `(N)`.
    """
    estimate, count = float(flagged.mean()), len(np.unique(clusters))
    resampled = interval(estimate, bootstrap(lambda which: flagged[which].mean(), clusters, resamples=500)[:, 0])
    found = estimate * count
    low = float(stats.beta.ppf(0.025, found, count - found + 1)) if found > 0 else 0.0
    high = float(stats.beta.ppf(0.975, found + 1, count - found)) if found < count else 1.0
    return Interval(estimate, min(resampled.low, low), max(resampled.high, high))


def told_from(
    first: NDArray[np.float32], second: NDArray[np.float32], clusters: NDArray[np.generic] | None = None
) -> Interval:
    """AUC by which a score tells one set from another, with its interval; 0.5 is not at all.

    Args:
        first: Scores of the set that should score higher, `(N)`.
        second: Scores of the other, `(M)`.
        clusters: Patient of each, those of the first set before those of the second; None for one per score.
    """
    scores = np.concatenate([first, second])
    truth = np.repeat([True, False], [len(first), len(second)])
    return auc_interval(scores, truth, np.arange(len(scores)) if clusters is None else clusters, 300)


def membership(
    training: NDArray[np.float32], held_out: NDArray[np.float32], clusters: NDArray[np.generic] | None = None
) -> Interval:
    """How well nearness to the synthetic images tells training images from held-out ones: AUC, 0.5 for not at all.

    After Chen et al. 2020 (GAN-Leaks, section 4.1): a generator that learned its training images by heart makes images
    nearer to these than to others.

    Args:
        training: Likeness of each training image to the synthetic image most like it, `(N)`.
        held_out: The same of real images that it never saw, `(M)`.
        clusters: Patient of each, those of training images first; None for one per image.
    """
    return told_from(training, held_out, clusters)
