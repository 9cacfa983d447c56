"""All that an audit finds, from what was gathered of the three sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthmammo.auditing.bias import bias
from synthmammo.auditing.diversity import diversity
from synthmammo.auditing.figure import LEAST
from synthmammo.auditing.leaks import Plants, leaks
from synthmammo.auditing.mammography import statistics
from synthmammo.auditing.material import Material
from synthmammo.auditing.memorisation import Verdict
from synthmammo.auditing.realism import realism
from synthmammo.auditing.seams import seams
from synthmammo.auditing.sides import Side
from synthmammo.errors import DatasetError


@dataclass(frozen=True)
class Findings:
    """What an audit found.

    Attributes:
        record: Blocks of `audit.json`: memorised, realism, diversity, mammography, seams, bias.
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


def examine(sides: Mapping[str, Side], materials: Mapping[str, Material], plants: Plants | None = None) -> Findings:
    """Measure everything that the numbers of images allow.

    Args:
        sides: The datasets by part: "dataset", "reference", "train".
        materials: What was gathered of each.
        plants: Copies of training images that were planted before; None to plant them.

    Raises:
        DatasetError: One holds patches and another views, which are not compared.
    """
    made, real, training = (materials[name] for name in ("dataset", "reference", "train"))
    for name in ("reference", "train"):
        if materials[name].patches != made.patches:
            what = ["whole views", "patches"]
            message = f"holds {what[materials[name].patches]}, and the dataset that is judged {what[made.patches]}"
            hint = "Cut patches of both with `synthmammo patches`, or give whole views for both."
            raise DatasetError(message, where=f"{name} {sides[name].path}", hint=hint)
    found = leaks(sides, made, real, training, plants)
    record: dict[str, Any] = {
        "memorised": found.record,
        "realism": {name: figure.record() for name, figure in realism(made, real, training).items()},
        "diversity": diversity(made, real),
        "mammography": statistics(made, real),
        "seams": seams(made, real),
        "bias": bias(made, real, np.isin(made.keys, found.record["keys"])),
    }
    nearest = found.verdicts[0].nearest
    closest = np.argsort(-nearest.likeness)[:12]
    pairs = [(int(number), int(nearest.number[number])) for number in closest]
    notes = [*_notes(materials), *found.notes]
    return Findings(record, notes, pairs, found.verdicts, made, training)


def check_enough(sides: Mapping[str, Side]) -> None:
    """Refuse sides that are too small for any figure, before anything is read.

    Args:
        sides: The datasets by part.

    Raises:
        DatasetError: One side is too small; names it and says how many there are.
    """
    for name, side in sides.items():
        if len(side) < LEAST:
            wanted = ", ".join(side.splits)
            hint = f"At least {LEAST} images on each side are needed for any figure to mean something."
            message = f"holds {len(side)} images of the splits {wanted}, expected at least {LEAST}"
            raise DatasetError(message, where=f"{name} {side.path}", hint=hint)


def _notes(materials: Mapping[str, Material]) -> Iterator[str]:
    held_out = len(materials["reference"])
    if held_out < 100:
        yield f"{held_out} held-out images set the thresholds: a share of one in a hundred is known coarsely."
    formats = {name: Counter(material.formats.tolist()).most_common(1)[0][0] for name, material in materials.items()}
    if len({format for material in materials.values() for format in material.formats.tolist()}) > 1:
        listed = ", ".join(f"{name} {text}" for name, text in formats.items())
        yield f"Sizes or bit depths differ (most often: {listed}); all were brought to one frame and one grey scale."
