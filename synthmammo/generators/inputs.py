"""What a build reads beside its recipe: found once, told apart by digest, and handed to the processes that build."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.identity import file_digest
from synthmammo.models.file import describe
from synthmammo.models.names import hub_address, is_hosted, locate_model


@dataclass(frozen=True)
class Shelf:
    """Where models of a kind are looked for.

    Attributes:
        find: Function from the name to the path; what is on the Hugging Face Hub is fetched.
        address: Function that checks a name on the Hub and fetches nothing.
    """

    find: Callable[[str], Path]
    address: Callable[[str], object]


class Locate(Protocol):
    """Finds a model by its name and the field that names it; None where it is not looked for."""

    def __call__(self, name: str, where: str, shelf: Shelf = ...) -> Path | None:
        """Its path; by default that of a file of this package."""
        ...


@dataclass(frozen=True)
class Input:
    """One thing that a build reads: a model, a file beside it, a dataset of hosts.

    Attributes:
        name: Name that the recipe gives it.
        path: Where it lies on this machine.
        digest_of: Function from the path to the digest that decides the pixels; that of a file by default.
        facts_of: Function from the path to what the manifest says of a model; None, the default, for what is none.
    """

    name: str
    path: Path
    digest_of: Callable[[Path], str] = file_digest
    facts_of: Callable[[Path], dict[str, Any]] | None = None

    @cached_property
    def digest(self) -> str:
        """What tells its content apart, as 64 hexadecimal digits."""
        return self.digest_of(self.path)

    @cached_property
    def facts(self) -> dict[str, Any] | None:
        """What the manifest says of a model; None for anything else."""
        return self.facts_of and self.facts_of(self.path)


class Inputs(Mapping[str, Input]):
    """The inputs of a build by their names, in the order in which they were found.

    Args:
        found: The inputs; of several with one name the first counts.
    """

    def __init__(self, found: Iterable[Input] = ()) -> None:
        self._found: dict[str, Input] = {}
        for one in found:
            self._found.setdefault(one.name, one)

    def __getitem__(self, name: str) -> Input:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def path(self, name: str) -> Path | None:
        """Where an input lies; None where it was not found."""
        return self._found[name].path if name in self._found else None

    def digests(self) -> dict[str, str]:
        """Digests by name."""
        return {name: one.digest for name, one in self._found.items()}

    def models(self) -> dict[str, dict[str, Any]]:
        """What the manifest says of each model, by name."""
        return {name: one.facts for name, one in self._found.items() if one.facts is not None}


def model_input(name: str, where: str, locate: Locate) -> Iterator[Input]:
    """The input that a model of this package is; none where it is not looked for.

    Args:
        name: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        where: Field of the recipe that names it.
        locate: Finds its file.
    """
    if path := locate(name, where):
        yield Input(name, path, facts_of=model_facts)


def dataset_digest(directory: Path) -> str:
    """The digest of a dataset, as its manifest states it."""
    return Manifest.read(directory).digest


def model_facts(path: Path) -> dict[str, Any]:
    """What the manifest of a dataset says of a model file: architecture, what it makes, licence, training data."""
    model = describe(path)
    names = ("architecture", "makes", "licence", "training_data")
    return {name: getattr(model, name) for name in names}


# By way of functions, so that whoever replaces `locate_model` in this module is heard.
FILES = Shelf(lambda name: locate_model(name), lambda name: hub_address(name))
"""Model files of this package."""


def located(name: str, where: str, shelf: Shelf = FILES) -> Path:
    """The path of a model that a field names; one on the Hugging Face Hub is fetched.

    Raises:
        GeneratorError: It is not there, naming the field.
    """
    with naming_field(where, name):
        return shelf.find(name)


def located_here(name: str, where: str, shelf: Shelf = FILES) -> Path | None:
    """As `located`; of a model on the Hugging Face Hub the name alone is checked, and nothing is found."""
    if not is_hosted(name):
        return located(name, where, shelf)
    with naming_field(where, name):
        shelf.address(name)
    return None


def located_if_here(name: str, where: str, shelf: Shelf = FILES) -> Path | None:
    """As `located_here`; nothing is found of a model that is not there."""
    with suppress(CheckpointError):
        return None if is_hosted(name) else shelf.find(name)
    return None


@contextmanager
def naming_field(where: str, name: str) -> Iterator[None]:
    """Have an error about a model say which field of the recipe names it."""
    try:
        yield
    except CheckpointError as error:
        raise GeneratorError(error.message, where=f"{where}: {name}", hint=error.hint) from error
