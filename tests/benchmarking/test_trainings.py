"""Trainings run one after the other; an interruption ends after one, and says what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from synthmammo.benchmarking.trainings import one_by_one
from synthmammo.interruption import Interrupted
from synthmammo.progress import Steps


class Told:
    """Progress of which an end is asked for after some trainings."""

    def __init__(self, after: int) -> None:
        self.after, self.trained, self.stages = after, [], []

    def __call__(self, done: int, total: int | None) -> None:
        pass

    def stage(self, what: str) -> None:
        self.stages.append(what)

    @contextmanager
    def finishing(self, what: str) -> Iterator[Callable[[], bool]]:
        assert what == "this training"
        yield lambda: len(self.trained) >= self.after


def test_each_training_is_told_of() -> None:
    told = Told(9)
    one_by_one(Steps(told, 4), 4, ["c", "d"], told.trained.append)
    assert told.trained == ["c", "d"] and told.stages == ["training 3 of 4", "training 4 of 4"]


def test_an_end_that_is_asked_for_comes_after_a_training() -> None:
    told = Told(1)
    with pytest.raises(Interrupted, match="3 of 5 trainings are kept"):
        one_by_one(Steps(told, 5), 5, ["c", "d", "e"], told.trained.append)
    assert told.trained == ["c"]


def test_a_training_that_is_broken_off_is_not_counted() -> None:
    def broken(training: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="2 of 3 trainings are kept"):
        one_by_one(Steps(Told(9), 3), 3, ["c"], broken)
