"""Workers of a Ray, on one machine or on many: actors that keep what they have loaded, one shard at a time each.

What makes a shard is the function that the local engine gets too, so that the bytes are the same. An actor that is
lost, with its machine or for want of memory, is replaced, and its shard is made again by another one.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from synthmammo.dataset.workers.base import Advance, Report, Result, Stopped, Work
from synthmammo.errors import OutputError, SynthmammoError
from synthmammo.interruption import never
from synthmammo.models.processors import cores
from synthmammo.progress import stage

_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_POLL_S, _TELL_S, _ANSWER_S, _END_S = 0.2, 0.5, 5.0, 60.0
_STORE_BYTES = 100 << 20
"""Memory for the objects that a Ray of this machine passes on: rows of an index, no pixels."""
_STARTS = 3
"""Number of workers that may fail to start, one after the other, before that is an error."""


class OnRay:
    """An engine whose workers are actors of a Ray.

    Args:
        workers: Number of actors; None, the default, for as many as the Ray has room for.
        address: Address of a Ray that runs, "auto" for the one on this machine; None, the default, for the one that
            RAY_ADDRESS names, or one that is started here and ends with the work.
        gpus: GPUs per actor, 0 by default; 0.5 has two actors share one.
        retries: Number of times that a task whose worker was lost is begun again, 3 by default.
    """

    def __init__(
        self, workers: int | None = None, address: str | None = None, gpus: float = 0.0, retries: int = 3
    ) -> None:
        self.workers, self.address, self.gpus, self.retries = workers, address, gpus, retries

    def run(
        self,
        function: Callable[[Work, Report], Result],
        tasks: Iterable[Work],
        done: Callable[[Result], None],
        advance: Advance,
        ending: Callable[[], bool] = never,
    ) -> None:
        """See `Engine.run`.

        Raises:
            OutputError: No Ray answers or can be started, it has no room for a worker, or the workers of a task were
                lost again and again.
        """
        stage(advance, "waiting for Ray")
        with _connected(self.address, self.workers):
            run = _Run(self, function, done, advance)
            try:
                run.feed(iter(tasks), ending)
            except BaseException:
                run.stop()
                raise
            finally:
                run.close()


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[None]:
    """A Ray that answers; one that the caller is connected to already stays so."""
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    here = {"num_cpus": workers or cores(), "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        if address and address != "auto":
            _probe(address)
        ray.init(address=address, **quiet) if address else ray.init(**here, **quiet)
    except SynthmammoError:
        raise
    except Exception as error:  # Ray raises what has no class of its own
        ray.shutdown()
        raise _unanswered(address, str(error) or type(error).__name__) from error
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():  # Ray puts its own in their place, and an end that is asked for waits
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> Any:
    """The package.

    Raises:
        OutputError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what a later Ray does, without its warning
    try:
        import ray
    except ImportError as error:
        hint = "Install it with: pip install 'synthmammo[ray]'. Without it: --engine local."
        raise OutputError("the engine ray needs the package ray", where="engine", hint=hint) from error
    return ray


def _probe(address: str) -> None:
    """Knock where a Ray should be: its own client waits for minutes, and then ends the process.

    Raises:
        OutputError: Nobody answers.
    """
    place = address.removeprefix("ray://")
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        raise _unanswered(address, f"'{address}' is no address, expected as HOST:6379 or auto")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _unanswered(address, str(error)) from error


def _unanswered(address: str | None, why: str) -> OutputError:
    if address is None:
        hint = "`ray start --head` tells more; --engine local needs no Ray."
        return OutputError(f"no Ray can be started on this machine ({why.splitlines()[0]})", where="engine", hint=hint)
    hint = "Start one with `ray start --head`, or name the address of one that runs, as HOST:6379. Without --address "
    hint += "one is started on this machine for the time of the build."
    return OutputError(f"no Ray answers ({why.splitlines()[0]})", where=f"address {address}", hint=hint)


@dataclass
class _Job:
    """What an actor is doing: a task, with its number and how often it was begun; or starting, without one."""

    actor: Any
    task: Any = None
    number: int = -1
    tries: int = 0


class _Run:
    """The state of one run: actors, what they do, and what waits."""

    def __init__(
        self, engine: OnRay, function: Callable[[Any, Report], Any], done: Callable[[Any], None], advance: Advance
    ) -> None:
        self._ray, self._engine, self._done, self._advance = _ray(), engine, done, advance
        self._wanted = engine.workers or self._room()
        self._function = self._ray.put(function)
        self._board = self._ray.remote(num_cpus=0)(Board).options(scheduling_strategy=self._beside()).remote()
        self._counts: dict[int, int] = {}
        self._jobs: dict[Any, _Job] = {}
        self._idle: list[Any] = []
        self._again: deque[_Job] = deque()
        self._tasks, self._failed_starts, self._looked = 0, 0, 0.0

    def _room(self) -> int:
        """Number of actors that the Ray has room for.

        Raises:
            OutputError: It has none.
        """
        found = self._ray.cluster_resources()
        number = int(found.get("GPU", 0) / self._engine.gpus) if self._engine.gpus else int(found.get("CPU", 0))
        if number < 1:
            what = f"{self._engine.gpus:g} GPUs" if self._engine.gpus else "a processor core"
            hint = "Add machines with `ray start --address HOST:6379`, or build with --device cpu."
            raise OutputError(f"this Ray has no worker with {what}", where="engine ray", hint=hint)
        return number

    def _beside(self) -> Any:
        """Where the board is to be: on the machine of this process, which does not go away before the work ends."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(self._ray.get_runtime_context().get_node_id(), soft=True)

    def feed(self, tasks: Iterator[Any], ending: Callable[[], bool]) -> None:
        """Have every task done; see `Engine.run`."""
        waiting = next(tasks, None)
        while waiting is not None or self._again or any(job.task is not None for job in self._jobs.values()):
            if ending():
                waiting, self._again = None, deque()
            while self._idle and (self._again or waiting is not None):
                if self._again:
                    self._begin(self._again.popleft())
                else:
                    self._begin(_Job(None, waiting, self._tasks))
                    self._tasks, waiting = self._tasks + 1, next(tasks, None)
            wanted = len(self._again) + (waiting is not None)
            if wanted and len(self._jobs) + len(self._idle) < self._wanted:
                self._start()
            self._collect()
        self._look()

    def _start(self) -> None:
        """Ask for one more actor; it gets a task when it is there."""
        maker = self._ray.remote(num_cpus=1, num_gpus=self._engine.gpus)(Maker)
        actor = maker.options(runtime_env={"env_vars": _THREADS}).remote(self._board, os.getcwd())
        self._jobs[actor.ready.remote()] = _Job(actor)

    def _begin(self, job: _Job) -> None:
        job.actor, job.tries = self._idle.pop(), job.tries + 1
        self._jobs[job.actor.make.remote(self._function, job.task, job.number)] = job

    def _collect(self) -> None:
        """Wait a little, and take what is there."""
        finished, _ = self._ray.wait(list(self._jobs), timeout=_POLL_S) if self._jobs else ([], [])
        for reference in finished:
            job = self._jobs.pop(reference)
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else error from None
            except self._ray.exceptions.RayError as error:
                self._lost(job, error)
                continue
            self._idle.append(job.actor)
            if job.task is None:
                self._failed_starts = 0
            elif isinstance(answer, _Failed):
                raise answer.error
            elif not isinstance(answer, _Left):
                self._done(answer)
        if monotonic() - self._looked > _TELL_S:
            self._look()

    def _lost(self, job: _Job, error: Exception) -> None:
        """An actor is gone; its task waits for another one.

        Raises:
            OutputError: That has happened too often.
        """
        with suppress(Exception):
            self._ray.kill(job.actor)  # where it was merely out of reach, it must not keep its place
        said = str(error).strip().splitlines() or [type(error).__name__]
        if job.task is None:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                hint = "Is synthmammo installed on every machine, in the version that is installed here?"
                raise OutputError(f"workers cannot start ({said[-1]})", where="engine ray", hint=hint) from error
            return
        if job.tries > self._engine.retries:
            message = f"{job.tries} workers were lost, one after the other, that made {_name(job.task)} ({said[0]})"
            hint = "Often a machine was out of memory: try fewer workers. The same command continues."
            raise OutputError(message, where="engine ray", hint=hint) from error
        self._again.append(job)

    def _look(self) -> None:
        """Pass on how far the tasks are; what is made a second time does not count again."""
        self._looked = monotonic()
        for number, count in self._ray.get(self._board.read.remote()).items():
            more = count - self._counts.get(number, 0)
            if more > 0:
                self._counts[number] = count
                self._advance(more)

    def stop(self) -> None:
        """Have the running tasks end and clean up, as far as they can in a minute."""
        with suppress(Exception):
            self._ray.get(self._board.stop.remote(), timeout=_ANSWER_S)
            running = [reference for reference, job in self._jobs.items() if job.task is not None]
            if running:
                self._ray.wait(running, num_returns=len(running), timeout=_END_S)

    def close(self) -> None:
        """End the actors: a Ray that goes on has others to work for."""
        for actor in [*self._idle, *(job.actor for job in self._jobs.values()), self._board]:
            with suppress(Exception):
                self._ray.kill(actor)


def _name(task: Any) -> str:
    return str(getattr(task, "name", task))


@dataclass(frozen=True)
class _Failed:
    """The package's own error of a task; Ray would wrap it into one of its own."""

    error: SynthmammoError


@dataclass(frozen=True)
class _Left:
    """A task that was left because the run ends."""


class Board:
    """An actor on which workers write how far they are, and read whether the run ends."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._stopped = False

    def report(self, number: int, count: int) -> bool:
        """Note the samples that a task has done; returns whether the run ends."""
        self._counts[number] = max(count, self._counts.get(number, 0))
        return self._stopped

    def read(self) -> dict[int, int]:
        """The largest number of samples done, by the number of the task."""
        return self._counts

    def stop(self) -> None:
        """Have every task end at its next sample."""
        self._stopped = True


class Maker:
    """An actor that does one task after the other, and keeps what it has loaded, models above all.

    Args:
        board: Handle of the board.
        folder: Working directory of the process that began the run; relative paths of recipes start there.
    """

    def __init__(self, board: Any, folder: str) -> None:
        self._board = board
        with suppress(OSError):
            os.chdir(folder)

    def ready(self) -> None:
        """Answer as soon as there is somebody to do so."""

    def make(self, function: Callable[[Any, Report], Any], task: Any, number: int) -> Any:
        """Do a task; what it raises of this package's errors is returned."""
        report = _OnBoard(self._board, number)
        try:
            answer = function(task, report)
        except Stopped:
            return _Left()
        except SynthmammoError as error:
            return _Failed(error)
        report.tell()
        return answer


class _OnBoard:
    """The link of a task to its run."""

    def __init__(self, board: Any, number: int) -> None:
        self._board, self._number = board, number
        self._count, self._told, self._stopped = 0, monotonic(), False

    def advance(self, samples: int = 1) -> None:
        self._count += samples
        if monotonic() - self._told > _TELL_S:
            self.tell()

    def tell(self) -> None:
        """Write to the board, and read it."""
        import ray

        self._told = monotonic()
        self._stopped = ray.get(self._board.report.remote(self._number, self._count))

    def raise_if_stopped(self) -> None:
        if self._stopped:
            raise Stopped
