"""Whether synthetic images differ from each other as real ones do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.figure import LEAST, Figure, percentiles
from synthmammo.auditing.material import Material
from synthmammo.auditing.thumbnails import SIDE_PX

DUPLICATE = 0.9
"""Correlation of thumbnails from which two images are near-duplicates; held-out real films reach 0.72 at most."""

_COVERED = ("view", "laterality", "density", "label", "lesion")
"""Facts that synthetic images can have too; they have no age."""

_PAIRS = 400
_SCALES = 3


def diversity(made: Material, real: Material) -> dict[str, Any]:
    """Figures of variety: distances within a class, structural similarity, groups of near-duplicates, attributes.

    Args:
        made: Synthetic images.
        real: Real images.
    """
    groups = near_duplicates(made.thumbnails)
    return {
        "distance_within_class": {name: figure.record() for name, figure in within_classes(made, real).items()},
        "ms_ssim": _similarity(made, real).record(),
        "near_duplicates": {
            "groups": [made.keys[group].tolist() for group in groups],
            "share": sum(map(len, groups)) / len(made),
            "threshold": DUPLICATE,
            "n": len(made),
        },
        "attributes_covered": {name: covered(made.groups[name], real.groups[name]) for name in _COVERED},
    }


def within_classes(made: Material, real: Material) -> dict[str, Figure]:
    """Mean distance of two images of one class, over that of two real images; below 1 a class varies too little."""
    found = {}
    for name in np.unique(made.groups["label"]):
        ours, theirs = made.pooled[made.groups["label"] == name], real.pooled[real.groups["label"] == name]
        theirs = theirs if len(theirs) >= LEAST else real.pooled
        if len(ours) < LEAST or len(theirs) < LEAST:
            continue
        pairs = _distances(ours), _distances(theirs)
        rng = np.random.default_rng(0)
        values = np.array([_mean(pairs[0], rng) / _mean(pairs[1], rng) for _ in range(200)])
        low, high = percentiles(values)
        value = float(pairs[0].mean() / pairs[1].mean())
        found[str(name)] = Figure(value, low, high, 1.0, len(ours), len(theirs), made.extractor)
    return found


def _distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distances of pairs of different vectors, drawn once."""
    rng = np.random.default_rng(0)
    first = rng.integers(len(vectors), size=_PAIRS * 5)
    second = (first + rng.integers(1, len(vectors), size=len(first))) % len(vectors)
    return np.asarray(np.linalg.norm((vectors[first] - vectors[second]).astype(np.float64), axis=1))


def _mean(values: NDArray[np.float64], rng: np.random.Generator) -> float:
    return float(values[rng.integers(len(values), size=len(values))].mean())


def _similarity(made: Material, real: Material) -> Figure:
    """Mean multi-scale structural similarity of pairs of synthetic images; the floor is that of real pairs."""
    values, floor = _pair_similarities(made.shown), _pair_similarities(real.shown)
    rng = np.random.default_rng(0)
    low, high = percentiles(np.array([_mean(values, rng) for _ in range(200)]))
    seen_by = f"MS-SSIM of {len(values)} pairs of frames of 128 pixels, {_SCALES} scales"
    return Figure(float(values.mean()), low, high, float(floor.mean()), len(made), len(real), seen_by)


def _pair_similarities(shown: NDArray[np.uint8]) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    count = min(_PAIRS, len(shown) * (len(shown) - 1) // 2)
    first = rng.integers(len(shown), size=count)
    second = (first + rng.integers(1, len(shown), size=count)) % len(shown)
    return np.array([ms_ssim(shown[a], shown[b]) for a, b in zip(first, second, strict=True)])


def ms_ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Product of the structural similarities of two pictures at halved sizes (Wang et al. 2003, equal weights).

    Args:
        first: `uint8 (H, W)`.
        second: `uint8 (H, W)`.
    """
    from skimage.measure import block_reduce
    from skimage.metrics import structural_similarity

    a, b = first.astype(np.float64), second.astype(np.float64)
    value = 1.0
    for _ in range(_SCALES):
        value *= max(float(structural_similarity(a, b, data_range=255)), 0.0)
        a, b = block_reduce(a, (2, 2), np.mean), block_reduce(b, (2, 2), np.mean)
    return float(value ** (1 / _SCALES))


def near_duplicates(thumbnails: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Groups of images that are nearly the same, as numbers; an image without one is in none.

    Args:
        thumbnails: `(N, 64, 64)`, see `thumbnails.thumbnail`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    flat = thumbnails.reshape(len(thumbnails), SIDE_PX * SIDE_PX)
    pairs = []
    for start in range(0, len(flat), 1024):
        rows, columns = np.nonzero(flat[start : start + 1024] @ flat.T > DUPLICATE)
        pairs.append(np.stack([rows + start, columns]))
    found = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(found.shape[1], np.bool_), (found[0], found[1])), shape=(len(flat), len(flat)))
    _, numbers = connected_components(graph, directed=False)
    counts = np.bincount(numbers)
    return [np.flatnonzero(numbers == number) for number in np.flatnonzero(counts > 1)]


def covered(made: NDArray[np.str_], real: NDArray[np.str_]) -> dict[str, Any]:
    """Which values of a fact real images have and synthetic ones lack, and both shares.

    Args:
        made: Value of each synthetic image, `(N)`.
        real: Value of each real image, `(M)`.
    """
    known = sorted({*made.tolist(), *real.tolist()})
    shares = {name: [round(float((side == name).mean()), 4) for side in (made, real)] for name in known}
    return {"lacking": [name for name, (ours, theirs) in shares.items() if theirs and not ours], "shares": shares}
