"""The picture of the rooms: the folders and modules of the package by floor, and who imports whom.

Usage: python -m tools.rooms --write    (`make docs`; a test fails where the picture is stale)

Floors are those of the contract in pyproject.toml that `make lint` holds the package to. Arrows are the imports of the
code, those inside functions included. An arrow is left out where a longer way leads to the same room, and towards
`identity`, `errors` and `_version`, which all may import. An import that does not go down a floor, which the contract
must name, is dashed.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.rooms_picture import picture

ROOT = Path(__file__).parents[1]
PACKAGE, PICTURE = ROOT / "synthmammo", ROOT / "docs" / "explanation" / "rooms.svg"
UNDER_ALL = frozenset({"identity", "errors", "_version"})
DOORS = frozenset({"__init__", "__main__"})
"""Modules that are no rooms: they lead into the package."""

Edge = tuple[str, str]


def room_of(path: Path) -> str:
    """The room that a file of the package belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def rooms() -> tuple[tuple[str, ...], ...]:
    """The floors from the top: a room imports rooms below it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    floors = (tuple(room.strip() for room in layer.split("|")) for layer in layers)
    return tuple(found for floor in floors if (found := tuple(room for room in floor if room not in DOORS)))


@cache
def imports() -> frozenset[Edge]:
    """(importer, imported) of rooms."""
    names = {room for floor in rooms() for room in floor}
    edges = {(room_of(path), room) for path in PACKAGE.rglob("*.py") for room in _imported(path) & names}
    return frozenset((importer, imported) for importer, imported in edges if importer in names - {imported})


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "synthmammo":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= _first_below(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {room for alias in node.names for room in _first_below(alias.name)}
    return found


def _first_below(module: str) -> set[str]:
    package, _, rest = module.partition(".")
    return {rest.partition(".")[0]} if package == "synthmammo" and rest else set()


def against_the_floors() -> list[Edge]:
    """Imports that do not go down a floor, from the top."""
    floor_of = {room: number for number, floor in enumerate(rooms()) for room in floor}
    return sorted(
        (edge for edge in imports() if floor_of[edge[0]] >= floor_of[edge[1]] and edge[1] not in UNDER_ALL),
        key=lambda edge: (floor_of[edge[0]], edge),
    )


def drawn() -> list[Edge]:
    """Imports that go down and that no longer way stands for."""
    down = imports() - set(against_the_floors())
    return sorted(edge for edge in down if edge[1] not in UNDER_ALL and not _longer_way(edge, down))


def _longer_way(edge: Edge, edges: frozenset[Edge]) -> bool:
    def reached(room: str) -> Iterator[str]:
        for importer, imported in edges:
            if importer == room and (importer, imported) != edge:
                yield imported
                yield from reached(imported)

    return edge[1] in set(reached(edge[0]))


def svg() -> str:
    """The picture as SVG."""
    return picture(rooms(), drawn(), against_the_floors())


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    PICTURE.write_text(svg(), encoding="utf-8")
