"""Whether a sample shows a training patient, though it is a copy of none of the films: same-patient recognition.

An embedding learns from pairs of films of one training patient (both views, both sides) what a woman's films share. It
is tested on patients that it did not learn from: one film of each is taken out of the training set and looked for among
the others, and must come out nearer to its patient's other films than held-out patients' films come to anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.material import Material
from synthmammo.auditing.memorisation import Alike, Embedded, Verdict, threshold, told_from
from synthmammo.identity import draw_u64
from synthmammo.metrics import Interval

LEAST_PATIENTS = 30
"""Training patients with two films or more that are needed: a third of them test what the others teach."""

NAME = "same patient"
CONTROL = "other film of a training patient"

_MOST_PAIRS = 6
"""Pairs that one patient contributes."""


@dataclass(frozen=True)
class Recognised:
    """What same-patient recognition found.

    Attributes:
        verdict: Verdict on the samples; its control is the share of other films above the threshold, which is the
            instrument's power. It is able where the whole interval of `auc` lies above 0.5.
        auc: How well likeness tells the other films of training patients from held-out patients' films.
        tested: Number of patients that the control is made of.
    """

    verdict: Verdict
    auc: Interval
    tested: int


def recognise(made: Material, training: Material, held_out: Material) -> Recognised | str:
    """Look for training patients among samples.

    Args:
        made: Samples to judge.
        training: Training films with their patients.
        held_out: Films of other patients.

    Returns:
        What was found, or why it could not be tried.
    """
    from synthmammo.auditing.embedding import train_embedding

    films = _films(training)
    if len(films) < LEAST_PATIENTS:
        return f"{len(films)} training patients have two films or more, {LEAST_PATIENTS} are needed"
    tested = sorted(films, key=lambda patient: int(draw_u64(0, f"audit/patient/{patient}", 0)))[: len(films) // 3]
    taught = [pair for patient in films if patient not in tested for pair in _pairs(films[patient])]
    first, second = np.array(taught).T
    means = training.means
    embedding = train_embedding(means[first], means[second], groups=training.patients[first])
    instrument = Embedded(embedding, NAME)
    # What is looked for must not be among what it is looked for in.
    asked = np.array([films[patient][0] for patient in tested])
    rest = training.taken(np.setdiff1d(np.arange(len(training)), asked))
    others = instrument.most_alike(training.taken(asked).looks, rest.looks).likeness
    apart = instrument.most_alike(held_out.looks, rest.looks).likeness
    auc = told_from(others, apart, np.concatenate([np.array(tested), held_out.patients]))
    limit = threshold(apart)
    found: Alike = instrument.most_alike(made.looks, training.looks)
    flagged, power = found.likeness > limit, float((others > limit).mean())
    held = float((apart > limit).mean())
    verdict = Verdict(NAME, limit, flagged, found, held, {CONTROL: power}, able=auc.low > 0.5)
    return Recognised(verdict, auc, len(tested))


def _films(training: Material) -> dict[str, NDArray[np.int64]]:
    """Numbers of the films of each patient who has two or more."""
    names, numbers = np.unique(training.patients, return_inverse=True)
    found = {str(name): np.flatnonzero(numbers == number) for number, name in enumerate(names)}
    return {name: films for name, films in found.items() if len(films) > 1}


def _pairs(films: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in combinations(films.tolist(), 2)][:_MOST_PAIRS]
