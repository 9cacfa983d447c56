"""Readers of known skill: what a study would find if its readers were like these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from synthmammo.arguments import a_number, a_real
from synthmammo.errors import DatasetError
from synthmammo.studying.answers import AnswerRecord, Reader, reader_id, write_readers
from synthmammo.studying.study import Study
from synthmammo.studying.tasks import BIRADS, CLASSIFY, FIND, PICK, SCALE, Rules, offered, order, right, rounds

_SECONDS = 8.0


def skill_distance(skill: float) -> float:
    """Distance of the two normal distributions, in standard deviations, at which six ratings give an area.

    Ratings tie, which costs some area against the continuous impression behind them; the distance makes up for it.

    Args:
        skill: Area under the ROC curve of the ratings, 0.05 to 0.95.
    """
    return float(optimize.brentq(lambda shift: _area(shift) - skill, -6, 6))


def _area(shift: float) -> float:
    edges = _edges(shift)
    positive, negative = (np.diff(stats.norm.cdf(edges, centre)) for centre in (shift / 2, -shift / 2))
    below = np.cumsum(negative) - negative / 2
    return float(positive @ below)


def _edges(shift: float) -> NDArray[np.float64]:
    """Edges between the ratings: each rating is given to about as many of the cases."""
    spread = np.sqrt(1 + shift**2 / 4)
    return np.concatenate([[-np.inf], stats.norm.ppf(np.arange(1, len(SCALE)) / len(SCALE)) * spread, [np.inf]])


def ratings(
    skill: float, positive: NDArray[np.bool_], rng: np.random.Generator, shared: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Ratings of a reader of known skill.

    Args:
        skill: Area under the ROC curve, 0.05 to 0.95.
        positive: Whether each case is generated, `bool (N)`.
        rng: Source of the reader's own impressions.
        shared: What all readers see alike in a case, standard normal `(N)`, weighing 0.3 of the variance; None, the
            default, for readers who err independently.

    Returns:
        Ratings from 1 to 6, `int64 (N)`.
    """
    shift = skill_distance(skill)
    own = rng.normal(size=len(positive))
    noise = own if shared is None else np.sqrt(0.7) * own + np.sqrt(0.3) * shared
    impression = noise + np.where(positive, shift / 2, -shift / 2)
    return np.searchsorted(_edges(shift)[1:-1], impression) + 1


def simulate(study: Study, skills: Sequence[float], *, seed: int = 0, rules: Rules | None = None) -> list[Path]:
    """Write the answers of readers of known skill, to all tasks that the study has.

    Args:
        study: The study.
        skills: Area under the ROC curve of each reader, 0.05 to 0.95.
        seed: Seed of all draws.
        rules: How the study is read.

    Returns:
        The files of answers.

    Raises:
        DatasetError: A skill is no such area.
        OutputError: These readers are there already, or the study cannot be written.
    """
    a_number(seed, "seed", DatasetError, least=0)
    rules = rules or Rules()
    for skill in skills:
        a_real(skill, "skills", DatasetError, least=0.05, most=0.95)
    shared = np.random.default_rng([seed, 1]).normal(size=len(study.items))
    made = []
    for number, skill in enumerate(skills, 1):
        name = f"simulated {number}, AUC {skill:g}"
        made.append((name, _answers(study, name, skill, np.random.default_rng([seed, 2, number]), shared, rules)))
    return write_readers(study.path, made)


def _answers(
    study: Study, name: str, skill: float, rng: np.random.Generator, shared: NDArray[np.float64], rules: Rules
) -> list[AnswerRecord]:
    reader = Reader(reader_id(name), name)
    tasks, records = offered(study, rules), list[AnswerRecord]()
    if CLASSIFY in tasks:
        positive = np.array([truth.generated for truth in study.truths.values()])
        given = dict(zip(study.by_name, map(int, ratings(skill, positive, rng, shared)), strict=True))
        for number, item in enumerate(order(study, reader.id, CLASSIFY, rules)):
            records.append(_record(CLASSIFY, number, rng) | {"item": item, "rating": given[item]})
    if PICK in tasks:
        records += _picks(study, reader, skill_distance(skill), rng, rules)
    if FIND in tasks:
        for number, item in enumerate(order(study, reader.id, FIND, rules)):
            records.append(_record(FIND, number, rng) | {"item": item, "marks": _marks(study, item, skill, rng)})
    return records


def _picks(study: Study, reader: Reader, shift: float, rng: np.random.Generator, rules: Rules) -> list[AnswerRecord]:
    records, wrong_answers = list[AnswerRecord](), 0
    for number, shown in enumerate(rounds(study, reader.id, rules)):
        looks = [rng.normal() + shift * study.truths[name].generated for name in shown]
        record = _record(PICK, number, rng) | {"shown": [*shown], "chosen": shown[int(np.argmax(looks))]}
        records.append(record)
        wrong_answers += not right(study, record)
        if wrong_answers >= rules.wrong_answers:
            break
    return records


def _marks(study: Study, item: str, skill: float, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Each lesion is seen with a chance of 2 skill - 1, and a false mark is made with a chance of 1 - skill."""
    marks = []
    for lesion in study.truths[item].lesions:
        if rng.random() < 2 * skill - 1:
            row0, col0, row1, col1 = lesion.box
            place = {"image": lesion.image, "row": (row0 + row1) / 2, "column": (col0 + col1) / 2}
            marks.append(place | {"birads": BIRADS[int(rng.integers(2, len(BIRADS)))]})
    if rng.random() < 1 - skill:
        place = {
            "image": 0,
            "row": float(rng.uniform(0, study.shape[0])),
            "column": float(rng.uniform(0, study.shape[1])),
        }
        marks.append(place | {"birads": BIRADS[int(rng.integers(0, 4))]})
    return marks


def _record(task: str, number: int, rng: np.random.Generator) -> AnswerRecord:
    seconds = round(float(_SECONDS * np.exp(rng.normal() / 2)), 1)
    return {"task": task, "mode": "study", "number": number, "seconds": seconds}
