"""The networks of another process, as a worker of a build asks them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError
from synthmammo.generators.base import BatchedLesion, Context, LesionChannel, Question
from synthmammo.mammogram.planned import PlannedLesion, Row


@dataclass(frozen=True)
class Served:
    """The networks of another process; as `networks.Networks`.

    Attributes:
        address: Address of that process.
        key: Key that it expects.
    """

    address: str
    key: bytes

    def planes(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """See `networks.Networks.planes`."""
        found: NDArray[np.float32] = self._ask("planes", list(rows))
        return found

    def answers(self, number: int | None, questions: Sequence[Question]) -> list[LesionChannel]:
        """See `networks.Networks.answers`."""
        found: list[LesionChannel] = self._ask("answers", number, list(questions))
        return found

    def _ask(self, name: str, *arguments: object) -> Any:
        try:
            connection = _connection(self.address, self.key)
            connection.send((name, arguments))
            answer = connection.recv()
        except (OSError, EOFError) as error:
            hint = "The same command goes on from the last finished shard."
            raise GeneratorError("the process with the networks ended", where="device", hint=hint) from error
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(frozen=True)
class ServedLesion:
    """A lesion generator whose network another process has.

    Attributes:
        own: The generator here, which knows all that the network is not needed for.
        served: The networks.
        number: Number of the recipe's entry under `lesions`; None for its removal.
    """

    own: BatchedLesion
    served: Served
    number: int | None

    @property
    def spacing_mm(self) -> float | None:
        """That of the generator."""
        return self.own.spacing_mm

    @property
    def facts(self) -> Mapping[str, Any]:
        """Those of the generator."""
        return self.own.facts

    def field_mm(self, lesion: PlannedLesion) -> float:
        """That of the generator."""
        return self.own.field_mm(lesion)

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The answer of the other process."""
        return self.answers([Question(context, lesion, seed)])[0]

    def answers(self, questions: Sequence[Question]) -> list[LesionChannel]:
        """The answers of the other process."""
        return self.served.answers(self.number, questions)


_connections = threading.local()


def _connection(address: str, key: bytes) -> Connection[Any, Any]:
    """This thread's connection to the process with the networks."""
    known: dict[str, Connection[Any, Any]] = _connections.__dict__.setdefault("known", {})
    if address not in known:
        known[address] = Client(address, authkey=key)
    return known[address]
