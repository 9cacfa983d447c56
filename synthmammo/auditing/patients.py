"""Whether a sample shows a training patient, though it is a copy of none of the films: same-patient recognition.

An embedding learns from films of one training patient (both views, both sides) what a woman's films share. It is tested
on patients that it did not learn from: one film of each is taken out of the training set and looked for among the
others, and must come out nearer to its patient's other films than held-out patients' films come to anybody's. It sees
coarse structure alone: the noise of a film would tell the machine, which a synthetic image does not have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.measure import block_reduce

from synthmammo.auditing.embedding import Embedding, discriminant_embedding
from synthmammo.auditing.material import Material
from synthmammo.auditing.memorisation import Alike, Verdict, threshold, told_from
from synthmammo.identity import draw_u64
from synthmammo.metrics import Interval
from synthmammo.metrics.distances import Vectors

LEAST_PATIENTS = 60
"""Training patients with two films or more that are needed: a third of them test what the others teach."""

NAME = "same patient"
CONTROL = "other film of a training patient"


@dataclass(frozen=True)
class Recognised:
    """What same-patient recognition found.

    Attributes:
        verdict: Verdict on the samples; its control is the share of other films above the threshold, which is the
            instrument's power. It is able where the whole interval of `auc` lies above 0.5.
        auc: How well likeness tells the other films of training patients from held-out patients' films.
        first: Share of the other films whose nearest training film is one of their own patient.
        tested: Number of patients that the control is made of.
    """

    verdict: Verdict
    auc: Interval
    first: float
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
    films = _films(training)
    if len(films) < LEAST_PATIENTS:
        return f"{len(films)} training patients have two films or more, {LEAST_PATIENTS} are needed"
    tested = sorted(films, key=lambda patient: int(draw_u64(0, f"audit/patient/{patient}", 0)))[: len(films) // 3]
    teaching = training.taken(np.isin(training.patients, sorted(set(films) - set(tested))))
    embedding = discriminant_embedding(_seen(teaching), teaching.patients)
    # What is looked for must not be among what it is looked for in.
    asked = np.array([films[patient][0] for patient in tested])
    rest = training.taken(np.setdiff1d(np.arange(len(training)), asked))
    others, apart = (_most_alike(embedding, side, rest) for side in (training.taken(asked), held_out))
    patients = np.concatenate([np.array(tested), held_out.patients])
    auc = told_from(others.likeness, apart.likeness, patients)
    limit = threshold(apart.likeness)
    found = _most_alike(embedding, made, training)
    control = {CONTROL: float((others.likeness > limit).mean())}
    held = float((apart.likeness > limit).mean())
    verdict = Verdict(NAME, limit, found.likeness > limit, found, held, control, able=auc.low > 0.5)
    first = float((rest.patients[others.number] == np.array(tested)).mean())
    return Recognised(verdict, auc, first, len(tested))


def _films(training: Material) -> dict[str, NDArray[np.int64]]:
    """Numbers of the films of each patient who has two or more."""
    names, numbers = np.unique(training.patients, return_inverse=True)
    found = {str(name): np.flatnonzero(numbers == number) for number, name in enumerate(names)}
    return {name: films for name, films in found.items() if len(films) > 1}


def _seen(side: Material) -> Vectors:
    """Means of the extractor's maps, and the picture at 16 x 16 pixels, `(N, D)`."""
    small = block_reduce(side.shown.astype(np.float32), (1, 8, 8), np.mean) / 255
    return np.concatenate([side.means, small.reshape(len(side), -1)], 1)


def _most_alike(embedding: Embedding, queries: Material, training: Material) -> Alike:
    cosines = embedding(_seen(queries)) @ embedding(_seen(training)).T
    return Alike(cosines.argmax(1), cosines.max(1))
