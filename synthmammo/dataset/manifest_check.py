"""What is read of a manifest that somebody else may have written: each part is of its kind, each name stays inside."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from synthmammo.mammogram.origin import Origin

_TEXTS = ("kind", "name", "digest", "licence", "terms", "citation")
_TEXTS_BY_NAME = ("files", "versions", "machine", "sources")
_VERSIONS = ("pixels_version", "bytes_version")
_MAKER = {"name": str, "version": str, "weights": str, "samples": int}
_SHARD = {"format": str, "split": str, "name": str, "samples": int, "bytes": int, "sha256": str}


def check_manifest(content: dict[str, Any]) -> None:
    """Hold the content of a manifest against what `Manifest` says of its parts.

    Args:
        content: What the JSON of the file holds, with "shards" in it.

    Raises:
        TypeError: A part is of another kind; the message names it.
        ValueError: A file has a name that leads out of the dataset's directory, or a number is negative.
    """
    for name in _TEXTS:
        _check(content.get(name, ""), str, name)
    for name in _VERSIONS:
        _check_count(content.get(name, 0), name)
    _check_origin(content.get("origin", ""))
    for name in ("options", "models", "counts", "findings"):
        _check(content.get(name, {}), dict, name)
    for name in _TEXTS_BY_NAME:
        _check_values(content.get(name, {}), str, name)
    for name in ("counts", "findings"):
        for key, numbers in content.get(name, {}).items():
            _check_values(numbers, int, f"{name}.{key}")
    for number, shard in enumerate(content["shards"]):
        _check_shard(shard, f"shards.{number}")
    for name in ("failed", "made_by"):
        _check(content.get(name, []), list, name)
    for number, row in enumerate(content.get("failed", [])):
        _check_values(row, str, f"failed.{number}")
    for number, maker in enumerate(content.get("made_by", [])):
        _check_maker(maker, f"made_by.{number}")
    for name in content.get("files", {}):
        _check_inside(name, "files")


def _check_origin(origin: Any) -> None:
    """The origin is one of those that are known; datasets of releases 0.1 and 0.2 state none."""
    _check(origin, str, "origin")
    if origin and origin not in tuple(Origin):
        raise ValueError(f"origin is {ascii(origin[:80])}, expected {', '.join(Origin)}")


def _check_maker(maker: Any, where: str) -> None:
    _check(maker, dict, where)
    if "name" not in maker:
        raise ValueError(f"{where} has no name")
    for name, value in maker.items():
        if name not in _MAKER:
            raise ValueError(f"{where}: {ascii(name[:80])} is not known, expected {', '.join(_MAKER)}")
        if _MAKER[name] is int:
            _check_count(value, f"{where}.{name}")
        else:
            _check(value, str, f"{where}.{name}")


def _check_shard(shard: Any, where: str) -> None:
    _check(shard, dict, where)
    for name, kind in _SHARD.items():
        if kind is int:
            _check_count(shard[name], f"{where}.{name}")
        else:
            _check(shard[name], kind, f"{where}.{name}")
    _check_inside(shard["name"], f"{where}.name")


def _check_inside(name: str, where: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive or "\\" in name:
        raise ValueError(f"{where}: {ascii(name)} leads out of the directory")
    if not path.parts or "\0" in name or max(len(part.encode(errors="replace")) for part in path.parts) > 255:
        raise ValueError(f"{where}: {ascii(name[:80])} is no name of a file")


def _check_values(value: Any, kind: type, where: str) -> None:
    _check(value, dict, where)
    for key, part in value.items():
        _check(part, kind, f"{where}.{key}")


def _check_count(value: Any, where: str) -> None:
    _check(value, int, where)
    if value < 0:
        raise ValueError(f"{where} is negative")


def _check(value: Any, kind: type, where: str) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{where} is {type(value).__name__}, expected {kind.__name__}")
