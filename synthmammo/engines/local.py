"""Processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import connection
from typing import Any

from synthmammo.engines.base import Report, Result, Stopped, Task
from synthmammo.errors import OutputError

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_POLL_SECONDS = 0.1


class Local:
    """As many processes as workers; with one worker, this process.

    Args:
        workers: Number of processes; None for one a core that this process may use.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or _cores()

    def run(
        self,
        function: Callable[[Task, Report], Result],
        tasks: Iterable[Task],
        done: Callable[[Result], None],
        advance: Callable[[int], None],
    ) -> None:
        """See `Engine.run`.

        Raises:
            OutputError: A worker was killed, by the system for want of memory for example.
        """
        if self.workers == 1:
            report = _Here(advance)
            for task in tasks:
                done(function(task, report))
            return
        context = multiprocessing.get_context("spawn")
        stop, counts = context.Event(), context.Queue()
        # One thread a process: more would fight over the cores, and sums could depend on their number.
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        try:
            with ProcessPoolExecutor(self.workers, context, _begin, (stop, counts)) as pool:
                try:
                    self._feed(pool, function, iter(tasks), done, lambda: _drain(counts, advance))
                except BaseException:
                    stop.set()
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
            # Counts travel on their own: only now, with all workers ended, the last of them have arrived.
            _drain(counts, advance)
        except BrokenProcessPool:
            hint = "Often the system was out of memory: try fewer --workers. The same command continues."
            raise OutputError("a worker process ended unexpectedly", hint=hint) from None
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def _feed(
        self,
        pool: ProcessPoolExecutor,
        function: Callable[[Task, Report], Result],
        tasks: Any,
        done: Callable[[Result], None],
        drain: Callable[[], None],
    ) -> None:
        running: set[Future[Result]] = set()
        exhausted = False
        while running or not exhausted:
            while not exhausted and len(running) < 2 * self.workers:
                try:
                    task = next(tasks)
                except StopIteration:
                    exhausted = True
                    break
                with _deaf_to_interrupts():
                    running.add(pool.submit(_run, function, task))
            finished, running = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            drain()
            for future in finished:
                done(future.result())


def _cores() -> int:
    # Not every system tells which of its cores this process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    def __init__(self, stop: Any, counts: Any) -> None:
        self._stop, self._counts = stop, counts

    def advance(self, samples: int = 1) -> None:
        self._counts.put(samples)

    def raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped


_report: _There


def _begin(stop: Any, counts: Any) -> None:
    global _report
    _report = _There(stop, counts)
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
    return function(task, _report)


def _drain(counts: Any, advance: Callable[[int], None]) -> None:
    with suppress(queue.Empty):
        while True:
            advance(counts.get_nowait())
