"""`plugins`: what recipes, `ingest` and `emit` can name here, and which installed package brings it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import getdoc
from pkgutil import resolve_name
from typing import Any

from synthmammo._version import __version__
from synthmammo.errors import PluginWarning, SynthmammoError
from synthmammo.extending import BACKGROUNDS, LESIONS, SOURCES, WRITERS
from synthmammo.extending import plugins as found_in


@dataclass(frozen=True)
class Brought:
    """Something that a name stands for.

    Attributes:
        kind: What it is: "background", "lesion", "source" or "writer".
        name: Name that recipes and options call it by.
        package: Distribution that brings it.
        version: Version of that distribution.
        about: One sentence on it.
        problem: Why it cannot be used; empty where it can.
    """

    kind: str
    name: str
    package: str
    version: str
    about: str
    problem: str = ""


def plugins() -> list[Brought]:
    """Generators, readers and writers by their names: this package's, and those that installed packages add.

    Returns:
        This package's first. Of a plug-in that cannot be used a warning is given, and `problem` says why.

    Example:
        >>> import synthmammo as sm
        >>> [one.name for one in sm.plugins() if one.kind == "background"][:2]
        ['phantom', 'ingested']
    """
    return [one for kind, group, table in _groups() for one in _of_group(kind, group, table)]


def _groups() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Kinds of what can be brought, their groups of entry points, and this package's own by name."""
    from synthmammo.dataset.writers import base as writers
    from synthmammo.generators.backgrounds import base as backgrounds
    from synthmammo.generators.lesions import base as lesions
    from synthmammo.ingesting.sources import base as sources

    yield "background", BACKGROUNDS, backgrounds.KINDS
    yield "lesion", LESIONS, lesions.KINDS
    yield "source", SOURCES, sources.SOURCES
    yield "writer", WRITERS, writers.WRITERS


def _of_group(kind: str, group: str, table: dict[str, str]) -> Iterator[Brought]:
    for name, target in table.items():
        about, problem = _about(partial(resolve_name, target))
        yield Brought(kind, name, "synthmammo", __version__, about, problem)
    for name, plugin in found_in(group).items():
        if name in table:
            about, problem = "", f"{plugin} is not used: synthmammo itself has that name"
        else:
            about, problem = _about(partial(plugin.load, SynthmammoError))
        if problem:
            warnings.warn(problem, PluginWarning, stacklevel=3)
        yield Brought(kind, name, plugin.package, plugin.version, about, problem)


def _about(load: Callable[[], Any]) -> tuple[str, str]:
    """First sentence on what is loaded, and why it cannot be loaded; one of them is empty."""
    try:
        text = getdoc(load()) or ""
    except SynthmammoError as error:
        return "", f"{error.message}. {error.hint or ''}".strip()
    return " ".join(text.partition("\n\n")[0].split()), ""
