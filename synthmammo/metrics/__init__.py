"""Numbers that judge: distances between sets of images, areas under curves, tests and intervals."""

from synthmammo.metrics.curves import (
    DeLong,
    auc,
    aucs,
    average_precision,
    delong_interval,
    delong_test,
    holm,
    roc_curve,
    sensitivity_at_specificity,
    threshold_at_specificity,
)
from synthmammo.metrics.distances import frechet_distance, kernel_distance, weighted_kernel_distances
from synthmammo.metrics.intervals import Interval, bootstrap, interval
from synthmammo.metrics.neighbours import Overlap, overlap
from synthmammo.metrics.probe import LinearProbe, held_out_scores

__all__ = [
    "DeLong",
    "Interval",
    "LinearProbe",
    "Overlap",
    "auc",
    "aucs",
    "average_precision",
    "bootstrap",
    "delong_interval",
    "delong_test",
    "frechet_distance",
    "held_out_scores",
    "holm",
    "interval",
    "kernel_distance",
    "overlap",
    "roc_curve",
    "sensitivity_at_specificity",
    "threshold_at_specificity",
    "weighted_kernel_distances",
]
