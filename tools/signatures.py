"""Types in the signatures of public names: which classes of this package a reader has to look up."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

PACKAGE = "synthmammo"


def complete(thing: Any) -> None:
    """Import what the module of a function or class imports for its annotations alone, so that they can be read."""
    _complete(getattr(thing, "__module__", None) or "")


@cache
def _complete(name: str) -> None:
    if not name.startswith(PACKAGE) or name not in sys.modules:
        return
    module = sys.modules[name]
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for part in node.body:
                # An optional library may not be importable beside Sphinx; its types are in no public signature.
                ignored = () if _is_ours(part) else (Exception,)
                with suppress(*ignored):
                    exec(compile(ast.Module([part], []), name, "exec"), vars(module))


def _is_ours(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE)


def classes_in(things: Iterable[Any]) -> list[type]:
    """Classes of this package in the signatures of some things, of these classes, and so on; sorted by name."""
    known = list(things)
    for thing in known:  # grows on the way
        for found in _named_by(thing):
            if found not in known:
                known.append(found)
    return sorted((thing for thing in known if inspect.isclass(thing)), key=lambda thing: thing.__name__.lower())


def _named_by(thing: Any) -> Iterator[type]:
    if inspect.isclass(thing) and issubclass(thing, BaseModel) and "Attributes:" not in (thing.__doc__ or ""):
        return  # its fields are no part of its page; those of recipes have a page of their own
    for part in _signatures(thing):
        complete(part)
        for hint in get_type_hints(part).values():
            yield from _classes(hint)


def _signatures(thing: Any) -> Iterator[Any]:
    """A function; or a class with its public methods and properties."""
    yield thing
    for name, member in vars(thing).items() if inspect.isclass(thing) else ():
        inner = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(inner):
            yield inner


def _classes(hint: Any) -> Iterator[type]:
    if inspect.isclass(hint) and hint.__module__.startswith(f"{PACKAGE}."):
        yield hint
    for argument in get_args(hint):
        yield from _classes(argument)
