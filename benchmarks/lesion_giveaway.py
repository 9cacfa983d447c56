r"""What gives patches with a made lesion away: two-sample classifiers on what is left after smoothing, and on spectra.

Usage: python -m benchmarks.lesion_giveaway REAL [--made NAME=DATASET ...] [--most N]

REAL and DATASET as in `lesion_measures`. For every DATASET, patches with a made mass against as many real ones with a
mass (of the train split, other patients): the area under the ROC curve of a linear classifier, cross-validated by
patient, 0.5 for not to be told, that sees

* residues: features of the high-pass residue, as an audit does;
* noise: standard deviation of that residue inside and outside the box;
* spectrum: power in eight bands of frequency.

Beside them the floor (real masses of train against those of validation), and the difference of the mean power by band
in dB, which says where the spectra part.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.lesion_measures import drawn
from synthmammo.auditing.classifying import held_out_scores
from synthmammo.auditing.framing import residue
from synthmammo.mammogram.sample import Box, Sample
from synthmammo.metrics import auc
from synthmammo.models.features import Features, scale_means

BANDS = 8
_PENALTY = 1.0
_LEAST = 1e-9


class Looked(NamedTuple):
    """What is kept of the patches of one side.

    Attributes:
        residues: Features of high-pass residues, `float32 (N, 496)`.
        noise: Logarithms of the residue's deviation inside and outside the box, `float64 (N, 2)`.
        spectrum: Logarithm of the power by band, `float64 (N, 8)`.
        patients: Patient of each, `(N)`.
    """

    residues: NDArray[np.float32]
    noise: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    patients: NDArray[np.str_]


def looked(samples: Sequence[Sample], network: Features) -> Looked:
    """Look at patches whose first finding is their mass."""
    fine = np.stack([residue(sample) for sample in samples])
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(fine)[:, None], 32)
        features = torch.cat([scale_means(network.scales(part)) for part in parts]).numpy()
    noise = np.stack([_noise(sample) for sample in samples])
    spectrum = np.stack([bands(sample.image / 2.0**sample.bits_stored) for sample in samples])
    return Looked(features, noise, spectrum, np.array([sample.patient or sample.key for sample in samples]))


def _noise(sample: Sample) -> NDArray[np.float64]:
    from scipy import ndimage

    image = sample.image / 2.0**sample.bits_stored
    rest = image - ndimage.gaussian_filter(image, 1.0)
    inside = np.zeros(image.shape, bool)
    inside[Box(*sample.findings[0].box).slices] = True
    parts = (rest[inside], rest[~inside] if not inside.all() else rest)
    return np.log([part.std() + _LEAST for part in parts])


def bands(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the mean power in `BANDS` rings of equal width, from 0 to the highest frequency, `(8)`."""
    window = np.hanning(len(image))[:, None] * np.hanning(image.shape[1])
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    rows, columns = (np.fft.fftfreq(side) for side in image.shape)
    ring = np.minimum((np.hypot(rows[:, None], columns) * 2 * BANDS).astype(int), BANDS - 1)
    return np.log(np.bincount(ring.ravel(), power.ravel(), BANDS) / np.bincount(ring.ravel(), minlength=BANDS) + _LEAST)


def told_apart(made: Looked, real: Looked) -> str:
    """Areas under the ROC curve by what the classifier sees, as text."""
    count = min(len(made.patients), len(real.patients))
    truth = np.repeat([False, True], count)
    found = []
    for name in ("residues", "noise", "spectrum"):
        vectors = np.concatenate([getattr(side, name)[:count] for side in (real, made)]).astype(np.float64)
        patients = np.concatenate(
            [np.char.add(prefix, side.patients[:count]) for prefix, side in (("r", real), ("m", made))]
        )
        deviation = vectors.std(0) + _LEAST
        scores = held_out_scores((vectors - vectors.mean(0)) / deviation, truth, patients, _PENALTY)
        found.append(f"{name} {auc(scores, truth):.3f}")
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--made", action="append", default=[], metavar="NAME=DATASET")
    parser.add_argument("--most", type=int, default=300)
    given = parser.parse_args()
    network = Features()
    real, held_out = (looked(drawn(given.real, split, True, given.most), network) for split in ("train", "validation"))
    print(f"floor (validation against train): {told_apart(held_out, real)}", flush=True)
    for text in given.made:
        name, folder = text.split("=", 1)
        made = looked(drawn(Path(folder), None, True, given.most), network)
        decibels = (made.spectrum.mean(0) - real.spectrum.mean(0)) * 10 / np.log(10)
        print(
            f"{name}: {told_apart(made, real)}; dB by band {', '.join(f'{step:+.1f}' for step in decibels)}", flush=True
        )


if __name__ == "__main__":
    main()
