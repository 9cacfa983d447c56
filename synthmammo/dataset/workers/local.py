"""Processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import connection
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from synthmammo.arguments import a_number
from synthmammo.dataset.workers.base import Engine, Report, Result, Stopped, Work
from synthmammo.errors import OutputError, SynthmammoError
from synthmammo.interruption import never
from synthmammo.models.processors import cores

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_POLL_SECONDS = 0.1
_NOTE = "SYNTHMAMMO_WORKERS_NOTE"
"""Variable of the environment that names the file in which starting workers leave what became of them."""
_BEGUN, _RERUN = b"begun.", b"rerun."


class Local:
    """As many processes as workers; with one worker, this process.

    Args:
        workers: Number of processes; None, the default, for one per core that this process may use, quota included.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def run(
        self,
        function: Callable[[Work, Report], Result],
        tasks: Iterable[Work],
        done: Callable[[Result], None],
        advance: Callable[[int], None],
        ending: Callable[[], bool] = never,
    ) -> None:
        """See `Engine.run`.

        Raises:
            OutputError: A worker was killed, by the system for want of memory for example, or cannot start.
        """
        if self.workers == 1:
            report = _Here(advance)
            for task in tasks:
                if ending():
                    return
                done(function(task, report))
            return
        end_if_rerun()
        with NamedTemporaryFile(prefix="synthmammo-") as note, _environment(note.name):
            try:
                self._run_in_pool(note.name, function, tasks, done, advance, ending)
            except BrokenProcessPool:
                raise _broken(Path(note.name).read_bytes()) from None

    def _run_in_pool(
        self,
        note: str,
        function: Callable[[Work, Report], Result],
        tasks: Iterable[Work],
        done: Callable[[Result], None],
        advance: Callable[[int], None],
        ending: Callable[[], bool],
    ) -> None:
        context = multiprocessing.get_context("spawn")
        stop, closing, counts = context.Event(), context.Event(), context.Queue()

        def watch() -> bool:
            _drain(counts, advance)
            if ending():
                closing.set()
            return closing.is_set()

        with ProcessPoolExecutor(self.workers, context, _begin, (stop, closing, counts, note)) as pool:
            try:
                self._feed(pool, function, iter(tasks), done, watch)
            except BaseException:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        # Counts travel on their own: only now, with all workers ended, the last of them have arrived.
        _drain(counts, advance)

    def _feed(
        self,
        pool: ProcessPoolExecutor,
        function: Callable[[Work, Report], Result],
        tasks: Any,
        done: Callable[[Result], None],
        watch: Callable[[], bool],
    ) -> None:
        running: set[Future[Result]] = set()
        exhausted = False
        while running or not exhausted:
            exhausted = watch() or exhausted
            while not exhausted and len(running) < 2 * self.workers:
                try:
                    task = next(tasks)
                except StopIteration:
                    exhausted = True
                    break
                with _deaf_to_interrupts():
                    running.add(pool.submit(_run, function, task))
            finished, running = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in finished:
                with suppress(Stopped):  # one that had not begun when the end was asked for
                    done(future.result())


def local(workers: object, failure: type[SynthmammoError]) -> Local:
    """Processes for the argument `workers` of a public function.

    Args:
        workers: Number of processes; 1 is this process, None one per core that this process may use.
        failure: Class of the error to raise.

    Raises:
        SynthmammoError: It is something else.
    """
    return Local(None if workers is None else a_number(workers, "workers", failure, least=1))


def chosen(engine: Engine | None) -> Engine:
    """The engine that a stage was given, or this process.

    Stages ask before they touch a file: a worker that runs their caller's script again must not, see `end_if_rerun`.
    """
    if isinstance(engine, Local) and engine.workers > 1:
        end_if_rerun()
    return engine or Local(1)


def end_if_rerun() -> None:
    """End this process if it is a worker that runs again, while it starts, the script that asked for workers.

    A spawned process imports the script it comes from; one without `if __name__ == "__main__":` then does its work
    once more. It ends without a word: the process that started it tells.
    """
    note = os.environ.get(_NOTE)
    # Private, but the standard library tells by nothing else that a process is still importing its script.
    if note and getattr(multiprocessing.current_process(), "_inheriting", False):
        _leave(note, _RERUN)
        os._exit(1)


def _leave(note: str, word: bytes) -> None:
    with open(note, "ab") as file:
        file.write(word)


def _broken(note: bytes) -> OutputError:
    """The error for workers that ended: before they had begun, or later; the note has what they left."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if _RERUN in note:
        message = "runs again in every worker process, and would start workers of its own there"
        hint = 'Put what it does below a line `if __name__ == "__main__":`, or give no engine: one process needs none.'
        return OutputError(message, where=script, hint=hint)
    if _BEGUN not in note:
        hint = f"What it says of itself is above; it had begun to import {script or 'what it needs'}."
        return OutputError("a worker process ended while it started", hint=hint)
    hint = "Often the system was out of memory: try fewer workers. The same command continues."
    return OutputError("a worker process ended unexpectedly", hint=hint)


@contextmanager
def _environment(note: str) -> Iterator[None]:
    """What workers find in their environment as they start."""
    # One thread per process: more would fight over the cores, and sums could depend on their number.
    values = {**dict.fromkeys(_THREADS, "1"), _NOTE: note}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C waits while processes start: they inherit that they do not hear it, from their first instruction on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Here:
    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance

    def advance(self, samples: int = 1) -> None:
        self._advance(samples)

    def raise_if_stopped(self) -> None:
        """Ctrl-C reaches this process by itself."""


class _There:
    def __init__(self, stop: Any, closing: Any, counts: Any) -> None:
        self._stop, self._closing, self._counts = stop, closing, counts

    def advance(self, samples: int = 1) -> None:
        self._counts.put(samples)

    def raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def raise_if_closing(self) -> None:
        """Raise `Stopped` in a task that has not begun when no more of them are to."""
        if self._closing.is_set():
            raise Stopped


_report: _There


def _begin(stop: Any, closing: Any, counts: Any, note: str) -> None:
    global _report
    _report = _There(stop, closing, counts)
    # What this process starts in its turn is no worker of this pool.
    os.environ.pop(_NOTE, None)
    with suppress(OSError):
        _leave(note, _BEGUN)
    # Ctrl-C goes to the whole process group; the parent alone decides, and asks through `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed cannot say stop; without it this process would write into the next run's files."""
    parent = multiprocessing.parent_process()
    assert parent
    connection.wait([parent.sentinel])
    os._exit(1)


def _run(function: Callable[[Any, Report], Any], task: Any) -> Any:
    _report.raise_if_closing()
    return function(task, _report)


def _drain(counts: Any, advance: Callable[[int], None]) -> None:
    with suppress(queue.Empty):
        while True:
            advance(counts.get_nowait())
