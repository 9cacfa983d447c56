"""Work that overlaps: questions of several composers answered by a network in batches, and batches made ahead."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, Full, Queue, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from synthmammo.generators.base import BatchedLesion, Context, LesionChannel, Question
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.models import devices

Result = TypeVar("Result")
_LOOK_S = 0.1
_END = object()

_Asked = tuple[BatchedLesion, Question, "Future[LesionChannel]"]


class Rounds:
    """Runs functions side by side, and answers what they ask of networks in batches, when all of them wait.

    What a function makes does not depend on the others: an answer depends on the question and on the batch's size
    alone, and a batch that is not full is filled up by repeating its last question.

    Args:
        batch: Number of questions that a network answers together.
        device: Device of the networks, for messages.
    """

    def __init__(self, batch: int, device: str) -> None:
        self._batch, self._device = batch, device
        self._heard: SimpleQueue[_Asked | None] = SimpleQueue()

    def run(self, works: Sequence[Callable[[], Result]]) -> list[Result]:
        """Results of functions, in order; the first error of them is raised when all have ended."""
        results: list[Future[Result]] = [Future() for _ in works]
        for work, result in zip(works, results, strict=True):
            Thread(target=self._work, args=(work, result), daemon=True).start()
        running, asked = len(works), list[_Asked]()
        while running:
            heard = self._heard.get()
            if heard is None:
                running -= 1
            else:
                asked.append(heard)
            if asked and len(asked) == running:
                self._answer(asked)
                asked = []
        return [result.result() for result in results]

    def ask(self, generator: BatchedLesion, question: Question) -> LesionChannel:
        """The answer to a question of a function that `run` runs; waits for it."""
        answer: Future[LesionChannel] = Future()
        self._heard.put((generator, question, answer))
        return answer.result()

    def _work(self, work: Callable[[], Result], result: Future[Result]) -> None:
        one_thread_here()
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)
        finally:
            self._heard.put(None)

    def _answer(self, asked: Sequence[_Asked]) -> None:
        of_generator = defaultdict[int, list[_Asked]](list)
        for one in asked:
            of_generator[id(one[0])].append(one)
        for same in of_generator.values():
            for start in range(0, len(same), self._batch):
                self._answer_batch(same[start : start + self._batch])

    def _answer_batch(self, asked: Sequence[_Asked]) -> None:
        questions = [question for _, question, _ in asked]
        full = [*questions, *questions[-1:] * (self._batch - len(questions))]
        try:
            with devices.memory_for(self._batch, self._device):
                answers = asked[0][0].answers(full)
        except Exception as error:
            for _, _, future in asked:
                future.set_exception(error)
            return
        for (_, _, future), answer in zip(asked, answers, strict=False):
            future.set_result(answer)


class Asked:
    """A lesion generator as composers see it that run in rounds: each call waits for its batch.

    Args:
        generator: The generator.
        rounds: The rounds that its callers run in.
    """

    def __init__(self, generator: BatchedLesion, rounds: Rounds) -> None:
        self._generator, self._rounds = generator, rounds
        self.spacing_mm = generator.spacing_mm

    @property
    def facts(self) -> Mapping[str, Any]:
        """Those of the generator."""
        return self._generator.facts

    def field_mm(self, lesion: PlannedLesion) -> float:
        """That of the generator."""
        return self._generator.field_mm(lesion)

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The generator's answer."""
        return self._rounds.ask(self._generator, Question(context, lesion, seed))


def ahead(items: Iterator[Result], most: int = 1) -> Iterator[Result]:
    """The same items, made by a thread of its own while the caller works on those before.

    Args:
        items: The items, taken one at a time.
        most: Number of items that may lie ready; the thread waits while there are so many.
    """
    ready: Queue[Any] = Queue(most)
    stop = Event()

    def make() -> None:
        one_thread_here()
        try:
            for item in items:
                if not _put(ready, (item, None), stop):
                    return
            _put(ready, (_END, None), stop)
        except BaseException as error:
            _put(ready, (_END, error), stop)

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        while (found := ready.get())[0] is not _END:
            yield found[0]
        if found[1] is not None:
            raise found[1]
    finally:
        stop.set()
        with suppress(Empty):
            ready.get_nowait()
        thread.join()


def _put(ready: Queue[Any], item: object, stop: Event) -> bool:
    """Whether an item found its place before the end was asked for."""
    while not stop.is_set():
        with suppress(Full):
            ready.put(item, timeout=_LOOK_S)
            return True
    return False


def one_thread_here() -> None:
    """Let this thread's networks compute on one thread; a new one would take the process's number."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
