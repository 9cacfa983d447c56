"""Changes of plain values (what JSON and YAML hold), and of the files that are nothing but such values."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import yaml

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 255, 4096, 65_536, 2**31, 2**63, 2**64, 10**30, -(2**63), 0.5, -0.0, 1e-300,
    1e308, float("inf"), float("nan"), "", " ", "0", "1e3", "../../etc/passwd", "/etc/passwd", "~/x", "a/../../b",
    "C:\\x",
    "a\0b", "é", "\u202e", "x" * 300, "train", "mass", "normal", "CC", "2020-13-45", "!!python/object:os.system",
    "${HOME}",
    "{0.__class__}", [], {}, [None], [[]], {"": None}, {"a": {"b": {"c": []}}}, [0] * 40, ["x", 1, None],
)  # fmt: skip
"""Values that are of another kind, outside any range, or mean something to somebody."""


def changed_value(rng: random.Random, value: Any) -> Any:
    """A copy of a plain value in which one thing, somewhere, is another."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        return _changed_mapping(rng, value)
    if isinstance(value, list) and value and rng.random() < 0.9:
        return _changed_list(rng, value)
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.3:
        return value * rng.choice((-1, 0, 0.5, 2, 10, 1000, 10**12)) if abs(value) < 1e200 else 0
    if isinstance(value, str) and value and rng.random() < 0.3:
        place = rng.randrange(len(value))
        return value[:place] + rng.choice(("", ".", "/", "é", "\n", value)) + value[place + 1 :]
    return rng.choice(ODD)


def _changed_mapping(rng: random.Random, value: dict[str, Any]) -> dict[str, Any]:
    result, key, choice = dict(value), rng.choice(list(value)), rng.random()
    if choice < 0.8:
        result[key] = changed_value(rng, result[key])
    elif choice < 0.9:
        del result[key]
    else:
        result[f"{key}{rng.choice(('', '_', 's', '.'))}"] = rng.choice(ODD)
    return result


def _changed_list(rng: random.Random, value: list[Any]) -> list[Any]:
    result, place, choice = list(value), rng.randrange(len(value)), rng.random()
    if choice < 0.7:
        result[place] = changed_value(rng, result[place])
    elif choice < 0.85:
        del result[place]
    else:
        result.insert(place, rng.choice([*ODD, result[place]]))
    return result


def json_value(rng: random.Random, data: bytes) -> bytes:
    """A JSON file with one other value; bytes that are no JSON stay as they are."""
    try:
        return json.dumps(changed_value(rng, json.loads(data))).encode(errors="replace")
    except (ValueError, RecursionError, TypeError, OverflowError):
        return data


def yaml_value(rng: random.Random, data: bytes) -> bytes:
    """A YAML file with one other value, written as JSON, which is YAML too."""
    try:
        return json.dumps(changed_value(rng, yaml.load(data, _LOADER))).encode(errors="replace")
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError):
        return data


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def safetensors_header(rng: random.Random, data: bytes) -> bytes:
    """A safetensors file with one other value in its header, or in the JSON that the header carries as a text."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        texts = [key for key in header.get("__metadata__", {}) if rng.random() < 0.7]
        if texts:
            header["__metadata__"][texts[0]] = json.dumps(
                changed_value(rng, json.loads(header["__metadata__"][texts[0]]))
            )
        else:
            header = changed_value(rng, header)
        text = json.dumps(header).encode(errors="replace")
    except (struct.error, ValueError, AttributeError, RecursionError, TypeError, OverflowError):
        return data
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def cell(rng: random.Random, data: bytes) -> bytes:
    """A table of comma-separated values with one other cell."""
    lines = data.decode("latin-1").split("\n")
    place = rng.randrange(len(lines))
    cells = lines[place].split(",")
    other = rng.choice([*ODD, *cells, '"', "a,b", '"a\n', "1,5", "-3", "nan"])
    cells[rng.randrange(len(cells))] = str(other)
    lines[place] = ",".join(cells)
    return "\n".join(lines).encode("utf-8", errors="replace")
