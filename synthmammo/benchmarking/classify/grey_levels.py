"""How much of the classes four grey-level statistics give away: a floor that a network must pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.classify.folds import Fold
from synthmammo.benchmarking.classify.images import _Grey
from synthmammo.metrics import LinearProbe, auc


def grey_level_auc(grey: _Grey, positive: NDArray[np.bool_], folds: Sequence[Fold], tested: NDArray[np.intp]) -> float:
    """Area under the ROC curve of a linear classifier of mean, deviation and percentiles 5 and 95.

    Args:
        grey: Grey levels of the real images, `(N, H, W)`.
        positive: Whether each is positive, `bool (N)`.
        folds: Images that are trained and tested on.
        tested: Numbers of the tested images.
    """
    flat = grey.reshape(len(grey), -1)
    features = np.stack([flat.mean(1), flat.std(1), *np.percentile(flat, [5, 95], axis=1)], 1)
    found = np.zeros(len(grey))
    for fold in folds:
        labels = positive[fold.train].astype(np.int64)
        logits = LinearProbe.fit(features[fold.train], labels, penalty=1e-3).logits(features[fold.test])
        found[fold.test] = logits[:, 1] - logits[:, 0]
    return auc(found[tested], positive[tested])
