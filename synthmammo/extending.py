"""What installed packages add: generators, readers of archives and writers, found by entry points.

Entry points are read when a name is asked for that this package does not have, or when all are listed; a plug-in is
imported when it is used. So what is installed costs nothing where it is not named.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Any

from synthmammo._version import __version__
from synthmammo.errors import PluginWarning, SynthmammoError

BACKGROUNDS, LESIONS = f"{__package__}.backgrounds", f"{__package__}.lesions"
SOURCES, WRITERS = f"{__package__}.sources", f"{__package__}.writers"
PROTOCOLS = {BACKGROUNDS: 1, LESIONS: 1, SOURCES: 1, WRITERS: 1}
"""Groups of entry points, with the version of the protocol that the members of each follow."""


@dataclass(frozen=True)
class Plugin:
    """One thing that an installed package adds.

    Attributes:
        group: Group of its entry point, one of `PROTOCOLS`.
        name: Name that recipes and options call it by.
        package: Distribution that brings it, as pip knows it.
        version: Version of that distribution.
        target: What is imported, as `module:attribute`.
    """

    group: str
    name: str
    package: str
    version: str
    target: str

    def __str__(self) -> str:
        return f"the plug-in '{self.name}' of {self.package} {self.version}"

    def load(self, failure: type[SynthmammoError], where: object = None) -> Any:
        """What the entry point names, imported.

        Args:
            failure: Class of the error to raise.
            where: Field or option that names the plug-in, for the message; by default none.

        Raises:
            SynthmammoError: It cannot be imported, or follows another version of the protocol; its class is `failure`.
        """
        try:
            loaded = _loaded(self)
        except Exception as error:  # a plug-in's module runs any code
            hint = f"Update {self.package}, or uninstall it."
            message = f"{self} cannot be imported ({type(error).__name__}: {error})"
            raise failure(message, where=where, hint=hint) from error
        stated, known = getattr(loaded, "protocol", None), PROTOCOLS[self.group]
        if stated != known:
            written = f"version {stated} of" if stated is not None else "an unstated version of"
            message = (
                f"{self} follows {written} the protocol {self.group}; synthmammo {__version__} has version {known}"
            )
            newer = type(stated) is int and stated > known
            hint = f"Update {'synthmammo' if newer else self.package}."
            raise failure(message, where=where, hint=hint)
        return loaded

    def record(self) -> dict[str, str]:
        """What a provenance says of it beside its name."""
        return {"package": self.package, "version": self.version}


@cache
def _loaded(plugin: Plugin) -> Any:
    from importlib.metadata import EntryPoint

    return EntryPoint(plugin.name, plugin.target, plugin.group).load()


def plugins(group: str) -> dict[str, Plugin]:
    """Plug-ins of a group by their names, in alphabetic order; nothing is imported.

    Where two packages bring the same name, the first in alphabetic order counts.

    Args:
        group: Group of entry points, one of `PROTOCOLS`.
    """
    found: dict[str, Plugin] = {}
    for one in _found(group, tuple(sys.path)):
        found.setdefault(one.name, one)
    return found


@cache
def _found(group: str, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """All plug-ins of a group that lie on a path for imports, in the order of their names and packages."""
    from importlib.metadata import entry_points

    found = {
        Plugin(group, point.name, point.dist.name, point.dist.version, point.value)
        for point in entry_points(group=group)
        if point.dist
    }
    return tuple(sorted(found, key=lambda one: (one.name, one.package)))


def plugin(group: str, name: str, own: Collection[str]) -> Plugin | None:
    """The plug-in that a name stands for; None for names of this package, which come first, and for unknown ones.

    Args:
        group: Group of entry points, one of `PROTOCOLS`.
        name: Name of a generator, a reader or a writer.
        own: Names that this package has itself.
    """
    return None if name in own else plugins(group).get(name)


def find(
    group: str, name: str, own: Mapping[str, str], failure: type[SynthmammoError], where: object = None
) -> Any | None:
    """What a name stands for, this package's own or a plug-in's, imported only now; None where nothing has the name.

    Args:
        group: Group of entry points, one of `PROTOCOLS`.
        name: Name of a generator, a reader or a writer.
        own: What this package has itself, as `module:attribute` by name.
        failure: Class of the error to raise.
        where: Field or option that has the name, for messages; by default none.

    Raises:
        SynthmammoError: It is a plug-in that cannot be used; see `Plugin.load`.
    """
    if name in own:
        return resolve_name(own[name])
    found = plugin(group, name, own)
    return found.load(failure, where) if found else None


def working(group: str, own: Collection[str]) -> Iterator[tuple[Plugin, Any]]:
    """The plug-ins of a group that can be used, imported; of any other one warning is given.

    Args:
        group: Group of entry points, one of `PROTOCOLS`.
        own: Names that this package has itself, which plug-ins do not replace.

    Yields:
        Each plug-in, with what its entry point names.
    """
    for name, one in plugins(group).items():
        try:
            if name in own:
                raise SynthmammoError(f"{one} is not used: synthmammo itself has that name")
            yield one, one.load(SynthmammoError)
        except SynthmammoError as error:
            warnings.warn(f"{error.message}. {error.hint or ''}".strip(), PluginWarning, stacklevel=2)
