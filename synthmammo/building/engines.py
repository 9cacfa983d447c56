"""The engines that a build can be given, by their names."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from synthmammo.arguments import a_number, a_text, a_word
from synthmammo.errors import RecipeError

if TYPE_CHECKING:
    from synthmammo.dataset.workers.base import Engine


class EngineName(StrEnum):
    """What makes the shards of a build."""

    LOCAL = "local"
    """Processes of this machine."""
    RAY = "ray"
    """Actors of a Ray, on one machine or many."""


def chosen_engine(name: str, workers: int | None, address: str | None = None, device: str = "cpu") -> Engine:
    """The engine for the arguments of a public function.

    Args:
        name: "local" or "ray".
        workers: Number of workers; None for as many as there is room for.
        address: Address of a Ray that runs, or "auto"; None for one that is started for the build.
        device: Device of the networks; each worker of a Ray gets a GPU of its own where it is one.

    Raises:
        RecipeError: An argument is of the wrong kind, or an address is given without a Ray.
    """
    if a_word(name, EngineName, "engine", RecipeError) is EngineName.LOCAL:
        if address is not None:
            raise RecipeError("is that of a Ray", where="address", hint="Ask for --engine ray, or leave it out.")
        from synthmammo.dataset.workers.local import local

        return local(workers, RecipeError)
    if address is not None:
        a_text(address, "address", RecipeError)
    from synthmammo.dataset.workers.cluster import OnRay

    number = None if workers is None else a_number(workers, "workers", RecipeError, least=1)
    return OnRay(number, address, gpus=0.0 if device == "cpu" else 1.0)
