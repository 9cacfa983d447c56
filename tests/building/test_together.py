"""Work that overlaps: order, bounds, errors."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from synthmammo.building.together import Asked, Rounds, ahead
from synthmammo.generators.base import Question


class Echo:
    """Answers each question with its seed, and notes what was asked together."""

    spacing_mm, facts = None, {"weights": "none"}

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def field_mm(self, lesion: Any) -> float:
        return 1.0

    def answers(self, questions: list[Question]) -> list[Any]:
        self.batches.append([one.seed for one in questions])
        if any(one.seed < 0 for one in questions):
            raise ValueError("a seed below 0")
        return [one.seed for one in questions]

    def __call__(self, context: Any, lesion: Any, seed: int) -> Any:
        return self.answers([Question(context, lesion, seed)])[0]


def test_questions_of_all_that_run_are_answered_together_and_each_gets_its_own() -> None:
    echo, rounds = Echo(), Rounds(3, "cpu")
    ask = Asked(echo, rounds)  # type: ignore[arg-type]

    def work(number: int) -> list[Any]:
        return [ask(None, None, 10 * number + step) for step in range(number)]  # type: ignore[arg-type]

    assert rounds.run([lambda n=n: work(n) for n in range(5)]) == [
        [10 * n + step for step in range(n)] for n in range(5)
    ]
    assert {len(batch) for batch in echo.batches} == {3}
    assert len(echo.batches) == 2 + 1 + 1 + 1, "four ask, then three, two and one"


def test_an_error_of_one_leaves_the_others_their_answers_and_is_raised() -> None:
    echo, rounds = Echo(), Rounds(1, "cpu")
    ask, seen = Asked(echo, rounds), list[Any]()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="below 0"):
        rounds.run([lambda seed=seed: seen.append(ask(None, None, seed)) for seed in (1, -1, 2)])  # type: ignore
    assert sorted(seen) == [1, 2]


def test_items_are_made_ahead_in_order_and_no_more_than_fit() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    found = []
    for number in ahead(items(), most=2):
        time.sleep(0.002)
        found.append(number)
        assert len(made) <= number + 4, "one taken, two that lie ready, one that waits for its place"
    assert found == list(range(20))


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no second")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="no second"):
        next(found)


def test_a_caller_that_stops_ends_the_thread() -> None:
    before = threading.active_count()
    found = ahead(iter(range(100)))
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
