"""All that an audit finds, from what was gathered of the three sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.bias import bias
from synthmammo.auditing.diversity import diversity
from synthmammo.auditing.figure import LEAST
from synthmammo.auditing.mammography import statistics
from synthmammo.auditing.material import Material, look
from synthmammo.auditing.memorisation import (
    Embedded,
    PixelCopies,
    Verdict,
    judge,
    membership,
    reproduced,
    share,
)
from synthmammo.auditing.planted import CONTROLS, planted
from synthmammo.auditing.realism import realism
from synthmammo.auditing.scorecard import scorecard
from synthmammo.auditing.sides import Side
from synthmammo.errors import DatasetError
from synthmammo.identity import draw_u64
from synthmammo.mammogram.sample import Sample

PLANTED = 24
"""Copies that are planted for each control."""


@dataclass(frozen=True)
class Findings:
    """What an audit found.

    Attributes:
        record: Blocks of `audit.json`: memorised, realism, diversity, mammography, bias, scorecard.
        notes: What could not be measured, and why.
        pairs: Numbers of the samples that are most like a training image, and of these images, the most alike first.
        verdicts: What each instrument of memorisation found.
        made: The synthetic images.
        training: The training images.
    """

    record: dict[str, Any]
    notes: list[str]
    pairs: list[tuple[int, int]]
    verdicts: list[Verdict]
    made: Material
    training: Material


def examine(sides: Mapping[str, Side], materials: Mapping[str, Material]) -> Findings:
    """Measure everything that the numbers of images allow.

    Args:
        sides: The datasets by part: "dataset", "reference", "train".
        materials: What was gathered of each.

    Raises:
        DatasetError: One side is too small for any figure.
    """
    made, real, training = (materials[name] for name in ("dataset", "reference", "train"))
    for name, material in materials.items():
        if len(material) < LEAST:
            hint = f"At least {LEAST} images on each side are needed for any figure to mean something."
            raise DatasetError(f"{name}: {len(material)} images", where=sides[name].path, hint=hint)
    verdicts = list(_verdicts(sides["train"], made, real, training))
    memorised = _memorised(verdicts, made, real, training)
    record: dict[str, Any] = {
        "memorised": memorised,
        "realism": {name: figure.record() for name, figure in realism(made, real, training).items()},
        "diversity": diversity(made, real),
        "mammography": statistics(made, real),
        "bias": bias(made, real),
    }
    record["scorecard"] = scorecard(record)
    nearest = verdicts[0].nearest
    closest = np.argsort(-nearest.likeness)[:12]
    pairs = [(int(number), int(nearest.number[number])) for number in closest]
    return Findings(record, _notes(real), pairs, verdicts, made, training)


def _notes(real: Material) -> list[str]:
    if len(real) < 100:
        return [f"{len(real)} held-out images set the thresholds: a share of one in a hundred is known coarsely."]
    return []


def _verdicts(train: Side, made: Material, real: Material, training: Material) -> Iterator[Verdict]:
    from synthmammo.auditing.embedding import train_embedding
    from synthmammo.models.features import Features

    extractor, chosen = Features(), _chosen(training)
    controls = {name: look(_copies(train, chosen, name), extractor) for name in CONTROLS}
    yield judge(PixelCopies(training.patches), made.looks, training.looks, real.looks, controls)
    # The copies that teach the embedding are not of the images whose copies test it.
    others = np.array([number for number in range(len(training)) if number not in chosen])
    positives = look(_one_copy_each(train, others), extractor)
    embedding = train_embedding(training.means[others], positives.means, groups=others)
    name = "contrastive embedding"
    yield judge(Embedded(embedding, name), made.looks, training.looks, real.looks, controls)


def _copies(train: Side, chosen: set[int], control: str) -> Iterator[Sample]:
    """Planted copies of some training images, made by one control."""
    return (planted(sample, control) for number, sample in enumerate(train.samples()) if number in chosen)


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


def _memorised(verdicts: list[Verdict], made: Material, real: Material, training: Material) -> dict[str, Any]:
    able = any(verdict.able for verdict in verdicts)
    flagged = np.zeros(len(made), np.bool_)
    for verdict in verdicts:
        if verdict.able:
            flagged |= verdict.flagged
    found = share(flagged, made.patients)
    instrument = PixelCopies(training.patches)
    nearer = membership(*(instrument.most_alike(side.looks, made.looks).likeness for side in (training, real)))
    return {
        "able": able,
        "verdict": _sentence(able, flagged),
        "share": round(found.estimate, 6),
        "low": round(found.low, 6),
        "high": round(found.high, 6),
        "keys": made.keys[flagged].tolist(),
        "training_share": round(max(reproduced(v.nearest, v.flagged & flagged, len(training)) for v in verdicts), 6),
        "n": len(made),
        "training": len(training),
        "held_out": len(real),
        "instruments": {verdict.instrument: _of_instrument(verdict, made) for verdict in verdicts},
        "membership_auc": {
            "value": round(nearer.estimate, 4),
            "low": round(nearer.low, 4),
            "high": round(nearer.high, 4),
            "floor": 0.5,
        },
    }


def _sentence(able: bool, flagged: NDArray[np.bool_]) -> str:
    if not able:
        return "not able to judge: planted copies of training images were not found"
    count = int(flagged.sum())
    return f"{count} of {len(flagged)} samples look like copies of training images" if count else "no copies found"


def _of_instrument(verdict: Verdict, made: Material) -> dict[str, Any]:
    return {
        "able": verdict.able,
        "threshold": round(verdict.threshold, 4),
        "share": round(float(verdict.flagged.mean()), 6),
        "keys": made.keys[verdict.flagged].tolist(),
        "held_out_share": round(verdict.held_out_flagged, 6),
        "controls": {name: round(value, 4) for name, value in verdict.controls.items()},
    }
