"""The three tasks: what a reader sees next, what answers are taken, and what was right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthmammo.errors import DatasetError
from synthmammo.identity import draw_uniform
from synthmammo.studying.answers import AnswerRecord, Reader
from synthmammo.studying.study import CaseTruth, Study
from synthmammo.studying.turing import shuffled

CLASSIFY, PICK, FIND = TASKS = ("classify", "pick", "find")
"""Task 1, one image at a time; task 2, one generated image among several; task 3, find the lesion."""

SCALE = (
    "certainly real",
    "probably real",
    "rather real",
    "rather generated",
    "probably generated",
    "certainly generated",
)
"""Ratings of task 1, from 1; from 4 on the answer is "generated"."""

GENERATED_FROM = 4
BIRADS = ("2", "3", "4A", "4B", "4C", "5")
"""Categories of a mark in task 3, from the least suspicious; no mark at all is category 1."""

LONGEST_COMMENT, MOST_MARKS, LONGEST_SECONDS = 2000, 50, 7 * 24 * 3600.0


@dataclass(frozen=True)
class Rules:
    """How a study is read.

    Attributes:
        teach: Whether the truth is shown after each answer; such answers do not count as the study's.
        alternatives: Number of images at once in task 2.
        wrong_answers: Number of wrong answers that end task 2.
    """

    teach: bool = False
    alternatives: int = 6
    wrong_answers: int = 3

    @property
    def mode(self) -> str:
        """The mode that answers are recorded with."""
        return "teach" if self.teach else "study"


def offered(study: Study, rules: Rules) -> tuple[str, ...]:
    """The tasks that a study has images for."""
    kinds = [truth.generated for truth in study.truths.values()]
    both = 0 < sum(kinds) < len(kinds)
    enough = kinds.count(False) >= rules.alternatives - 1 and any(kinds)
    found = {CLASSIFY: both, PICK: enough, FIND: any(truth.lesions for truth in study.truths.values())}
    return tuple(task for task in TASKS if found[task])


def order(study: Study, reader: str, task: str, rules: Rules) -> list[str]:
    """Names of the items in the order in which a reader sees them in task 1 or 3.

    Every reader has an order of their own, so that what is learnt on the way does not favour the same images. Teaching
    goes from easy to hard; items without a lesion are spread among the others.
    """
    names = shuffled([*study.by_name], study.seed, f"study/order/{reader}/{task}")
    if not rules.teach:
        return names
    spread = dict(zip(names, draw_uniform(study.seed, f"study/teach/{reader}", np.arange(len(names))), strict=True))
    hard = {name: study.truths[name].difficulty for name in names}
    return sorted(names, key=lambda name: float(spread[name]) if hard[name] is None else float(hard[name] or 0.0))


def rounds(study: Study, reader: str, rules: Rules) -> list[tuple[str, ...]]:
    """Names of the items that are shown together in each round of task 2: one of them is generated.

    Every generated item comes once, so there are as many rounds as generated items at most; real ones return when all
    were shown.
    """
    truths = study.truths
    column = f"study/rounds/{reader}/{rules.mode}"
    made = shuffled([name for name, truth in truths.items() if truth.generated], study.seed, column)
    real = [name for name, truth in truths.items() if not truth.generated]
    found, queue, turn = [], list[str](), 0
    for number, name in enumerate(made):
        others = list[str]()
        while len(others) < rules.alternatives - 1:
            if not queue:
                queue = [one for one in shuffled(real, study.seed, f"{column}/{turn}") if one not in others]
                turn += 1
            others.append(queue.pop(0))
        found.append(tuple(shuffled([name, *others], study.seed, f"{column}/places/{number}")))
    return found


def question(study: Study, reader: Reader, task: str, rules: Rules) -> dict[str, Any]:
    """What a reader sees next, without anything that tells the answer.

    Returns:
        `task`, `number` of the question from 0, `of` (how many there are at most), `done`, and `cases`: name and
        images (name, view) of each item shown.
    """
    answered = reader.of(task, rules.mode)
    number = len(answered)
    if task == PICK:
        every = rounds(study, reader.id, rules)
        wrong = sum(not right(study, one) for one in answered)
        done = wrong >= rules.wrong_answers or number >= len(every)
        names = () if done else every[number]
        total = len(every)
    else:
        every_item = order(study, reader.id, task, rules)
        done, total = number >= len(every_item), len(every_item)
        names = () if done else (every_item[number],)
    return {"task": task, "number": number, "of": total, "done": done, "cases": [case(study, name) for name in names]}


def case(study: Study, name: str) -> dict[str, Any]:
    """Name and images of an item, as the page takes them."""
    item = study.by_name[name]
    images = [{"name": image, "view": view} for image, view in zip(item.images, item.views, strict=True)]
    return {"name": name, "images": images}


def checked_answer(study: Study, asked: dict[str, Any], answer: dict[str, Any], rules: Rules) -> AnswerRecord:
    """An answer as it is recorded.

    Args:
        study: The study.
        asked: What `question` gave.
        answer: What the page sent.
        rules: How the study is read.

    Raises:
        DatasetError: The answer is not one to this question.
    """
    task = asked["task"]
    seconds = _number(answer.get("seconds"), "seconds", 0.0, LONGEST_SECONDS)
    shown = [one["name"] for one in asked["cases"]]
    record: AnswerRecord = {"task": task, "mode": rules.mode, "number": asked["number"], "seconds": round(seconds, 1)}
    if comment := str(answer.get("comment") or "")[:LONGEST_COMMENT]:
        record["comment"] = comment
    if task == CLASSIFY:
        rating = _number(answer.get("rating"), "rating", 1, len(SCALE))
        if rating != int(rating):
            raise _not_taken("rating", f"a whole number from 1 to {len(SCALE)}", rating)
        return record | {"item": shown[0], "rating": int(rating)}
    if task == PICK:
        if answer.get("chosen") not in shown:
            raise _not_taken("chosen", f"one of {', '.join(shown)}", answer.get("chosen"))
        return record | {"shown": shown, "chosen": answer["chosen"]}
    return record | {"item": shown[0], "marks": _marks(study, asked["cases"][0], answer.get("marks"))}


def _marks(study: Study, shown: dict[str, Any], given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_MARKS:
        raise _not_taken("marks", f"a list of at most {MOST_MARKS}", given)
    marks = []
    for one in given:
        if not isinstance(one, dict) or one.get("birads") not in BIRADS:
            raise _not_taken("birads", f"one of {', '.join(BIRADS)}", one)
        place = {
            "image": int(_number(one.get("image"), "image", 0, len(shown["images"]) - 1)),
            "row": round(_number(one.get("row"), "row", 0, study.shape[0]), 1),
            "column": round(_number(one.get("column"), "column", 0, study.shape[1]), 1),
        }
        marks.append(place | {"birads": one["birads"]})
    return marks


def _number(value: Any, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _not_taken(name, "a number", value)
    if not least <= value <= most:
        raise _not_taken(name, f"{least:g} to {most:g}", value)
    return float(value)


def _not_taken(name: str, expected: str, value: Any) -> DatasetError:
    return DatasetError(f"expected {expected}, got {str(value)[:60]!r}", where=name)


def right(study: Study, record: AnswerRecord) -> bool:
    """Whether an answer is right: in task 3, every lesion is marked and nothing else is."""
    if record["task"] == CLASSIFY:
        return bool(record["rating"] >= GENERATED_FROM) == study.truths[record["item"]].generated
    if record["task"] == PICK:
        return study.truths[record["chosen"]].generated
    truth = study.truths[record["item"]]
    hits = [hit(truth, mark) for mark in record["marks"]]
    return all(place is not None for place in hits) and {*hits} == {*range(len(truth.lesions))}


def hit(truth: CaseTruth, mark: dict[str, Any]) -> int | None:
    """Number of the lesion whose box a mark is in; None for a mark on no lesion."""
    for number, lesion in enumerate(truth.lesions):
        row0, col0, row1, col1 = lesion.box
        if lesion.image == mark["image"] and row0 <= mark["row"] < row1 and col0 <= mark["column"] < col1:
            return number
    return None


def learning_curve(rights: Sequence[bool], window: int = 10) -> list[float]:
    """Share of right answers among the last ten at each answer, for a learner to see."""
    return [sum(rights[max(0, end - window) : end]) / min(end, window) for end in range(1, len(rights) + 1)]


def feedback(study: Study, reader: Reader, record: AnswerRecord, rules: Rules) -> dict[str, Any]:
    """What teaching shows after an answer: the truth, outlines, BI-RADS words, twins, and the learner's curve."""
    names = record["shown"] if record["task"] == PICK else [record["item"]]
    rights = [right(study, one) for one in reader.of(record["task"], rules.mode)]
    cases = []
    for name in names:
        truth = study.truths[name]
        images = study.by_name[name].images
        lesions = [
            {"image": one.image, "box": one.box, "outline": one.outline, "words": one.words} for one in truth.lesions
        ]
        twins = [image for image in images if study.pixels(image, "twins")]
        cases.append(
            {"name": name, "kind": truth.kind, "density": truth.density, "lesions": lesions, "twins": twins}
            | {"difficulty": truth.difficulty, "edits": truth.edits}
        )
    return {"right": right(study, record), "cases": cases, "curve": learning_curve(rights)}
