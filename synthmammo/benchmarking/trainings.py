"""The trainings of a benchmark, one after the other: each is told of, and an interruption ends after one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from synthmammo.interruption import Interrupted, keeping
from synthmammo.progress import Steps, finishing, stage

Run = TypeVar("Run")


def one_by_one(advance: Steps, total: int, left: Sequence[Run], train: Callable[[Run], None]) -> None:
    """Run the trainings that are left.

    Args:
        advance: Steps of the whole benchmark, which are told what is done.
        total: Number of all trainings.
        left: Trainings that are not finished.
        train: Function that runs one and keeps its result.

    Raises:
        Interrupted: An end was asked for; the training that ran is finished first, unless it was asked for twice.
    """
    finished = total - len(left)

    def kept() -> str:
        return f"{finished:,} of {total:,} trainings are kept, and the same command goes on from there"

    with finishing(advance, "this training") as asked, keeping(kept):
        for training in left:
            if asked():
                raise Interrupted(kept())
            stage(advance, f"training {finished + 1:,} of {total:,}")
            train(training)
            finished += 1
