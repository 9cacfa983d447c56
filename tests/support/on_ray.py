"""Functions that a Ray's workers run in the tests of its engine."""

import os
import signal
import time
from pathlib import Path

from synthmammo.building.build import make_shard
from synthmammo.errors import GeneratorError

_calls = 0


def counted(task, report):
    """The task, the worker's number, and how many tasks it has done."""
    global _calls
    _calls += 1
    report.advance(2)
    return task, os.getpid(), _calls


def refused(task, report):
    raise GeneratorError("cannot be made", where=f"task {task}", hint="Ask for another.")


def broken(task, report):
    raise ZeroDivisionError(task)


def slow(task, report):
    for _ in range(200):
        report.raise_if_stopped()
        report.advance()
        time.sleep(0.05)
    return task


def fatal(task, report):
    os.kill(os.getpid(), signal.SIGKILL)


def killed_once(mark, recipe, out, identity, shard, report, **more):
    """Make a shard; the first worker that is in the middle of one is killed."""

    class Killing:
        def advance(self, samples=1):
            report.advance(samples)
            try:
                Path(mark).touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)

        def raise_if_stopped(self):
            report.raise_if_stopped()

    return make_shard(recipe, out, identity, shard, Killing(), **more)
