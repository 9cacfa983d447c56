"""Whether images are copies of training images, by registered thumbnails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from synthmammo.auditing.thumbnails import SIDE_PX
from synthmammo.progress import Progress, silent

_SHORTLIST = 16
"""Training images that a query is registered with: those most alike before it is moved."""
_SCALES = (0.94, 0.97, 1.0, 1.03, 1.06)
_FARTHEST_PX = 5
"""Shift that registration may need, in pixels of a thumbnail: 8 percent of the breast's box."""
_BLOCK = 256

Thumbnails = NDArray[np.float32]
"""`(N, SIDE_PX, SIDE_PX)`, see `thumbnails.thumbnail`."""


@dataclass(frozen=True)
class Likeness:
    """How much queries are like the training image that is most like them.

    Attributes:
        number: Number of that training image, `int64 (N)`.
        correlation: Correlation with it, registered, `float32 (N)`, up to 1.
    """

    number: NDArray[np.int64]
    correlation: NDArray[np.float32]


def most_alike(queries: Thumbnails, training: Thumbnails, *, patches: bool, progress: Progress = silent) -> Likeness:
    """The training image that each query is most like, and how much.

    Each query is compared with all training images as they lie, then registered with the most alike: shifted by up to
    8 percent of the breast's box and scaled by up to 6 percent. Patches, which have no side of their own, are also
    turned and mirrored.

    Args:
        queries: Thumbnails to look for, `(N, S, S)`.
        training: Thumbnails of the training images, `(M, S, S)`, M at least 1.
        patches: Whether they are patches rather than views.
        progress: Called with queries done and in all.

    Raises:
        ValueError: There are no training images.
    """
    if not len(training):
        raise ValueError("expected at least one training image")
    spectra = fft.rfft2(training, workers=1)
    numbers = np.zeros(len(queries), np.int64)
    best = np.full(len(queries), -1, np.float32)
    flat = training.reshape(len(training), -1)
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        for turned in _orientations(block) if patches else [block]:
            alike = turned.reshape(len(block), -1) @ flat.T
            for number, query in enumerate(turned, start):
                found, correlation = _registered(query, alike[number - start], spectra)
                if correlation > best[number]:
                    numbers[number], best[number] = found, correlation
        progress(start + len(block), len(queries))
    return Likeness(numbers, best)


def _orientations(planes: Thumbnails) -> list[Thumbnails]:
    return [np.rot90(side, turn, (1, 2)) for side in (planes, planes[:, :, ::-1]) for turn in range(4)]


def _registered(
    query: NDArray[np.float32], alike: NDArray[np.float32], spectra: NDArray[np.complex64]
) -> tuple[int, float]:
    """Number of the training image most like a query, and their correlation once registered.

    Args:
        query: Thumbnail, `(S, S)`.
        alike: Correlation with each training image as they lie, `(M)`.
        spectra: Fourier transforms of the training images.
    """
    count = min(_SHORTLIST, len(alike))
    shortlist = np.argpartition(-alike, count - 1)[:count]
    scaled = np.stack([_scaled(query, scale) for scale in _SCALES])
    products = np.conj(fft.rfft2(scaled, workers=1))[:, None] * spectra[shortlist][None]
    correlations = fft.irfft2(products, s=(SIDE_PX, SIDE_PX), workers=1)
    near = np.r_[0 : _FARTHEST_PX + 1, SIDE_PX - _FARTHEST_PX : SIDE_PX]
    highest = correlations[:, :, near][:, :, :, near].max((0, 2, 3))
    place = int(highest.argmax())
    return int(shortlist[place]), float(highest[place])


def _scaled(plane: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """A thumbnail scaled about its middle, of length 1 again."""
    if scale == 1:
        return plane
    middle = (SIDE_PX - 1) / 2
    found = ndimage.affine_transform(plane, np.eye(2) / scale, middle - middle / scale, order=1)
    length = float(np.linalg.norm(found))
    return np.asarray(found / length if length > 0 else found, np.float32)
