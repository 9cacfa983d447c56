"""The block on memorisation: every instrument, its controls, and what all of them flag together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.discriminating import by_discriminator
from synthmammo.auditing.embedding import Embedding, train_embedding
from synthmammo.auditing.material import Material, look
from synthmammo.auditing.memorisation import (
    Embedded,
    Looks,
    PixelCopies,
    Verdict,
    judge,
    membership,
    reproduced,
    share,
)
from synthmammo.auditing.patients import CONTROL, NAME, Recognised, recognise
from synthmammo.auditing.planted import CONTROLS, planted
from synthmammo.auditing.sides import Side
from synthmammo.identity import draw_u64
from synthmammo.mammogram.sample import Sample
from synthmammo.metrics import Interval

_TRAINED = "copies/1"
"""Name of how the embedding of copies is trained; those that were kept under another are not taken."""

PLANTED = 24
"""Copies that are planted for each control."""


@dataclass(frozen=True)
class Leaks:
    """What a dataset gives away.

    Attributes:
        record: The block `memorised` of `audit.json`.
        verdicts: What each instrument found; that of registered pixels first.
        notes: What could not be looked at, and why.
    """

    record: dict[str, Any]
    verdicts: list[Verdict]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plants:
    """What the copies of training images are for: those that must be found, and an embedding that others taught.

    Attributes:
        controls: Planted copies by control.
        embedding: Embedding that was trained on copies of other training images.
    """

    controls: dict[str, Looks]
    embedding: Embedding


def leaks(
    sides: Mapping[str, Side], made: Material, real: Material, training: Material, plants: Plants | None = None
) -> Leaks:
    """Let every instrument judge the samples.

    Args:
        sides: The datasets by part: "dataset", "reference", "train".
        made: Samples to judge.
        real: Real images that the generator never saw.
        training: Real images that it was trained on.
        plants: Copies of the training images that were planted before; None to plant them.
    """
    verdicts = list(_copy_verdicts(plants or plant(sides["train"], training), made, real, training))
    recognised = recognise(made, training, real)
    copies_found = any(verdict.able for verdict in verdicts)
    if isinstance(recognised, Recognised):
        verdicts.append(recognised.verdict)
    missed = list(_missed(copies_found, recognised))
    flagged = np.zeros(len(made), np.bool_)
    for verdict in verdicts:
        flagged |= verdict.flagged & verdict.able
    scores, notes = by_discriminator(sides)
    if isinstance(recognised, str):
        notes.append(f"Same-patient recognition was not tried: {recognised}.")
    record = {
        "able": not missed,
        "verdict": _sentence(missed, flagged),
        **_ends("share", share(flagged, made.patients)),
        "keys": made.keys[flagged].tolist(),
        "training_share": round(max(reproduced(v.nearest, v.flagged & flagged, len(training)) for v in verdicts), 6),
        "n": len(made),
        "training": len(training),
        "held_out": len(real),
        "instruments": {verdict.instrument: _of_instrument(verdict, made, training) for verdict in verdicts},
        "membership_auc": _ends("value", _nearness(made, real, training)) | {"floor": 0.5},
        "discriminator": scores,
    }
    if isinstance(recognised, Recognised):
        record["instruments"][NAME]["auc"] = _ends("value", recognised.auc) | {"n": recognised.tested}
        record["instruments"][NAME]["own_patient_nearest"] = round(recognised.first, 4)
    return Leaks(record, verdicts, notes)


def _missed(copies_found: bool, recognised: Recognised | str) -> Iterator[str]:
    """Controls that were planted and not found."""
    if not copies_found:
        yield "planted copies of training images"
    if isinstance(recognised, Recognised) and not recognised.verdict.able:
        yield f"the {CONTROL}"


def plant(train: Side, training: Material) -> Plants:
    """Plant copies of some training images, and train an embedding on copies of the others, or take the one kept.

    Args:
        train: Dataset of the training images.
        training: What was gathered of them.
    """
    from synthmammo.auditing.kept import digest_of, kept_embedding
    from synthmammo.models.features import Features

    features, chosen = Features(), _chosen(training)
    originals = [sample for number, sample in enumerate(train.samples()) if number in chosen]
    controls = {name: look((planted(sample, name) for sample in originals), features) for name in CONTROLS}
    # The copies that teach the embedding are not of the images whose copies test it.
    others = np.array([number for number in range(len(training)) if number not in chosen])
    seen = training.looks.seen[others]
    embedding = kept_embedding(
        digest_of(_TRAINED, [seen, training.keys[others]]),
        lambda: train_embedding(seen, look(_one_copy_each(train, others), features).seen, groups=others),
    )
    return Plants(controls, embedding)


def _copy_verdicts(plants: Plants, made: Material, real: Material, training: Material) -> Iterator[Verdict]:
    for instrument in (PixelCopies(training.patches), Embedded(plants.embedding, "contrastive embedding")):
        yield judge(instrument, made.looks, training.looks, real.looks, plants.controls)


def _one_copy_each(train: Side, numbers: NDArray[np.int64]) -> Iterator[Sample]:
    """A planted copy of each of some training images, the controls in turn."""
    names, wanted = list(CONTROLS), set(numbers.tolist())
    return (
        planted(sample, names[number % len(names)]) for number, sample in enumerate(train.samples()) if number in wanted
    )


def _chosen(training: Material) -> set[int]:
    """Numbers of the training images that copies are planted of, the same in every audit of these images."""
    order = np.argsort([int(draw_u64(0, f"audit/{key}", 0)) for key in training.keys])
    return set(order[: min(PLANTED, len(order) // 3)].tolist())


def _nearness(made: Material, real: Material, training: Material) -> Interval:
    instrument = PixelCopies(training.patches)
    likeness = [instrument.most_alike(side.looks, made.looks).likeness for side in (training, real)]
    return membership(likeness[0], likeness[1], np.concatenate([training.patients, real.patients]))


def _ends(name: str, found: Interval) -> dict[str, float]:
    return {name: round(found.estimate, 6), "low": round(found.low, 6), "high": round(found.high, 6)}


def _sentence(missed: list[str], flagged: NDArray[np.bool_]) -> str:
    if missed:
        return f"not able to judge: {' and '.join(missed)} were not found"
    count = int(flagged.sum())
    return f"{count} of {len(flagged)} samples look like training images" if count else "no copies found"


def _of_instrument(verdict: Verdict, made: Material, training: Material) -> dict[str, Any]:
    return {
        "able": verdict.able,
        "threshold": round(verdict.threshold, 4),
        "share": round(float(verdict.flagged.mean()), 6),
        "keys": made.keys[verdict.flagged].tolist(),
        "training_keys": sorted(set(training.keys[verdict.nearest.number[verdict.flagged]].tolist())),
        "held_out_share": round(verdict.held_out_flagged, 6),
        "controls": {name: round(value, 4) for name, value in verdict.controls.items()},
    }
