"""What readers' answers say: areas, shares and times per reader, and of several readers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import DatasetError
from synthmammo.metrics import detection
from synthmammo.metrics.curves import aucs, delong_interval
from synthmammo.metrics.detection import RATES, Froc, Marks
from synthmammo.metrics.intervals import RESAMPLES, Interval, interval
from synthmammo.studying.answers import AnswerRecord, Reader, read_answers
from synthmammo.studying.obuchowski import Readers, read_by_several
from synthmammo.studying.study import Study
from synthmammo.studying.tasks import BIRADS, CLASSIFY, FIND, GENERATED_FROM, PICK, learning_curve, right

NAN = float("nan")


@dataclass(frozen=True)
class Classified:
    """Task 1 of one reader; "generated" is positive.

    Attributes:
        reader: Name of the reader.
        answers: Number of answers.
        auc: Area under the ROC curve with DeLong's interval.
        precision: Share of the generated ones among those called generated.
        sensitivity: Share of the generated ones that are called generated.
        specificity: Share of the real ones that are called real.
        seconds: Median time of an answer, in seconds.
        ratings: Rating of each case that was answered, 1 to 6, by name.
    """

    reader: str
    answers: int
    auc: Interval
    precision: float
    sensitivity: float
    specificity: float
    seconds: float
    ratings: dict[str, int]


@dataclass(frozen=True)
class Picked:
    """Task 2 of one reader.

    Attributes:
        reader: Name of the reader.
        rounds: Number of rounds until the last wrong answer that was allowed, that one included.
        right: Number of right answers.
        seconds: Mean time per round, in seconds.
    """

    reader: str
    rounds: int
    right: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """Task 3 of one reader.

    Attributes:
        reader: Name of the reader.
        answers: Number of cases that were answered.
        froc: Marks held against the lesions.
        sensitivities: Sensitivities at `detection.RATES` false marks per image.
        seconds: Median time of an answer, in seconds.
    """

    reader: str
    answers: int
    froc: Froc
    sensitivities: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class StudyScores:
    """All results of a study.

    Attributes:
        classified: Task 1, one per reader.
        picked: Task 2, one per reader.
        found: Task 3, one per reader.
        together: Mean area of the readers who finished task 1 (Obuchowski & Rockette, Hillis); None where fewer than
            two did. Readers who are still reading are left out, since only cases that all have read can be used.
        resampled: The same mean with an interval by bootstrap over readers and cases; None where that is.
        finished: Names of the readers who finished task 1.
        learners: Share of right answers among the last ten, by reader and task, in teaching mode.
    """

    classified: tuple[Classified, ...]
    picked: tuple[Picked, ...]
    found: tuple[Found, ...]
    together: Readers | None
    resampled: Interval | None
    finished: tuple[str, ...]
    learners: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def scores_of(study: Study, *, resamples: int = RESAMPLES, seed: int = 0) -> StudyScores:
    """Score the answers of a study.

    Args:
        study: The study.
        resamples: Number of resamples of the bootstrap over readers and cases.
        seed: Seed of the bootstrap.

    Raises:
        DatasetError: Nobody has answered anything yet, or answers cannot be read.
    """
    readers = read_answers(study.path)
    if not any(reader.records for reader in readers):
        hint = f"Read it first: synthmammo study serve {study.path}"
        raise DatasetError("nobody has answered anything yet", where=study.path, hint=hint)
    _check_items(study, readers)
    classified = tuple(_classified(study, one) for one in readers if one.of(CLASSIFY))
    finished = tuple(one for one in classified if len(one.ratings) == len(study.items))
    ratings, positive = common_ratings(study, finished)
    several = len(finished) > 1 and 0 < positive.sum() < len(positive)
    return StudyScores(
        classified,
        tuple(_picked(study, one) for one in readers if one.of(PICK)),
        tuple(_found(study, one) for one in readers if one.of(FIND)),
        read_by_several(positive, ratings) if several else None,
        resampled_mean(positive, ratings, resamples=resamples, seed=seed) if several else None,
        tuple(one.reader for one in finished),
        _learners(study, readers),
    )


def common_ratings(study: Study, read: Sequence[Classified]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Ratings `(R, N)` of the cases that all readers answered, and whether each case is generated, `(N)`."""
    names = [name for name in study.by_name if all(name in one.ratings for one in read)] if read else []
    ratings = np.array([[one.ratings[name] for name in names] for one in read], np.float64)
    return ratings.reshape(len(read), len(names)), np.array([study.truths[name].generated for name in names], np.bool_)


def resampled_mean(
    positive: NDArray[np.bool_], ratings: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean area of several readers, with a percentile interval by drawing readers and cases with replacement.

    Cases are drawn among the positives and among the negatives, so that both keep their numbers.

    Args:
        positive: Whether each case is positive, `bool (N)`; both present.
        ratings: Ratings, one row per reader, `(R, N)`.
        resamples: Number of resamples.
        seed: Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    classes = np.flatnonzero(positive), np.flatnonzero(~positive)
    values = np.empty(resamples)
    for number in range(resamples):
        cases = np.concatenate([rng.choice(places, len(places)) for places in classes])
        drawn = rng.integers(len(ratings), size=len(ratings))
        values[number] = aucs(ratings[np.ix_(drawn, cases)], positive[cases]).mean()
    return interval(float(aucs(ratings, positive).mean()), values)


def _check_items(study: Study, readers: Sequence[Reader]) -> None:
    for reader in readers:
        for one in reader.records:
            names = [one.get("item")] if "item" in one else one.get("shown", [])
            if unknown := [name for name in names if name not in study.by_name]:
                hint = "Are these the answers of another study?"
                where = study.path / "answers" / f"{reader.id}.jsonl"
                raise DatasetError(f"answers case {unknown[0]}, which the study does not have", where=where, hint=hint)


def _classified(study: Study, reader: Reader) -> Classified:
    answers = reader.of(CLASSIFY)
    ratings = {one["item"]: int(one["rating"]) for one in answers}
    positive = np.array([study.truths[name].generated for name in ratings])
    values = np.array([*ratings.values()], np.float64)
    called = values >= GENERATED_FROM
    both = 0 < positive.sum() < len(positive)
    area = delong_interval(positive, values) if both else Interval(NAN, NAN, NAN)
    seconds = float(np.median([one["seconds"] for one in answers]))
    shares = _share(positive[called]), _share(called[positive]), _share(~called[~positive])
    return Classified(reader.name, len(ratings), area, *shares, seconds, ratings)


def _share(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else NAN


def _picked(study: Study, reader: Reader) -> Picked:
    answers = reader.of(PICK)
    rights = sum(right(study, one) for one in answers)
    return Picked(reader.name, len(answers), rights, float(np.mean([one["seconds"] for one in answers])))


def _found(study: Study, reader: Reader) -> Found:
    answers = reader.of(FIND)
    pairs = [pair for one in answers for pair in _marks_and_truths(study, one)]
    marks, truths = [mark for mark, _ in pairs], [truth for _, truth in pairs]
    lesions = sum(len(truth.lesions) for truth in truths)
    froc = Froc.of(marks, truths) if lesions else _nothing_to_find(len(pairs))
    values = tuple(map(float, froc.sensitivities())) if lesions else (NAN,) * len(RATES)
    return Found(reader.name, len(answers), froc, values, float(np.median([one["seconds"] for one in answers])))


def _nothing_to_find(images: int) -> Froc:
    """What is known of images without lesions, which have no sensitivity."""
    none, nowhere = np.zeros(0), np.zeros(0, np.intp)
    return Froc(none, nowhere, none, nowhere, images)


def _marks_and_truths(study: Study, record: AnswerRecord) -> list[tuple[Marks, detection.Truth]]:
    """What the benchmark's FROC takes, one pair per image of a case; the score of a mark is its category's place."""
    truth, pairs = study.truths[record["item"]], []
    for image in range(len(study.by_name[record["item"]].images)):
        own = [one for one in record["marks"] if one["image"] == image]
        boxes = np.array([(m["row"], m["column"], m["row"], m["column"]) for m in own], np.float64).reshape(-1, 4)
        scores = np.array([BIRADS.index(mark["birads"]) + 1 for mark in own], np.float64)
        lesions = np.array([one.box for one in truth.lesions if one.image == image], np.float64).reshape(-1, 4)
        pairs.append((Marks(boxes, scores), detection.Truth(lesions, np.zeros((0, 4)))))
    return pairs


def _learners(study: Study, readers: Sequence[Reader]) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for reader in readers:
        for task in (CLASSIFY, PICK, FIND):
            if answers := reader.of(task, "teach"):
                found.setdefault(reader.name, {})[task] = learning_curve([right(study, one) for one in answers])
    return found
