"""One process with the networks, several that compose and write: these ask it, a batch at a time.

A device has room for one copy of the networks, and is idle while a process composes and writes. So the process that
runs the workers keeps the networks, and each worker has at most two questions under way: the backgrounds of its next
batch, and the lesions of the one before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from secrets import token_bytes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.building.backgrounds import Backgrounds
from synthmammo.building.insertion import Inserter
from synthmammo.building.together import one_thread_here
from synthmammo.dataset.workers.base import Engine
from synthmammo.dataset.workers.local import Local
from synthmammo.generators.base import LesionChannel, Question
from synthmammo.generators.inputs import Inputs
from synthmammo.mammogram.planned import Row
from synthmammo.models.devices import CPU, Computing
from synthmammo.recipe import Recipe

_LEAST_WORKERS = 2


def is_shared(computing: Computing, engine: Engine) -> bool:
    """Whether the workers of an engine share one copy of the networks: on a device of this machine, not on a Ray's."""
    return computing.kind != CPU and isinstance(engine, Local) and engine.workers >= _LEAST_WORKERS


class Networks:
    """The networks of a build, opened on their device.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read.
        computing: Device, batch and precision.
    """

    def __init__(self, recipe: Recipe, inputs: Inputs, computing: Computing) -> None:
        self._backgrounds = Backgrounds(recipe, inputs, computing)
        self._inserter = Inserter(recipe, inputs, computing)

    def planes(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Pixels of the backgrounds of a full batch of rows, `float32 (N, H, W)`."""
        return self._backgrounds.planes(rows)

    def answers(self, number: int | None, questions: Sequence[Question]) -> list[LesionChannel]:
        """Lesion channels for a full batch of questions.

        Args:
            number: Number of the recipe's entry under `lesions`; None for its removal.
            questions: What the generator is asked.
        """
        return self._inserter.answers(number, questions)


@contextmanager
def served(recipe: Recipe, inputs: Inputs, computing: Computing, engine: Engine) -> Iterator[Computing]:
    """Serve the networks of a build to its workers, where they share them.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read.
        computing: Device, batch and precision of the networks.
        engine: Engine that runs the workers.

    Yields:
        What the workers are given: the same, with the address of this process where they share its networks.
    """
    if not is_shared(computing, engine):
        yield computing
        return
    key = token_bytes(32)
    with Listener(authkey=key) as listener:
        server = _Server(recipe, inputs, computing, listener)
        threading.Thread(target=server.accept, daemon=True).start()
        try:
            yield replace(computing, served=(str(listener.address), key))
        finally:
            server.closing = True
            with suppress(OSError, EOFError):  # a last visitor, after whom nobody is waited for
                Client(str(listener.address), authkey=key).close()


class _Server:
    def __init__(self, recipe: Recipe, inputs: Inputs, computing: Computing, listener: Listener) -> None:
        self._content, self._listener = (recipe, inputs, computing), listener
        self._networks: Networks | None = None
        self._lock = threading.Lock()
        self.closing = False

    def accept(self) -> None:
        """Answer each worker in a thread of its own, until the listener is closed."""
        while not self.closing:
            with suppress(OSError, EOFError, AuthenticationError):
                connection = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection[Any, Any]) -> None:
        one_thread_here()
        with suppress(EOFError, OSError), connection:  # a worker that ended has closed its end
            while True:
                name, arguments = connection.recv()
                try:
                    with self._lock:
                        answer = getattr(self._opened(), name)(*arguments)
                except Exception as error:
                    answer = error
                connection.send(answer)

    def _opened(self) -> Networks:
        if self._networks is None:  # at the first question, which a build that only goes on may never ask
            self._networks = Networks(*self._content)
        return self._networks
