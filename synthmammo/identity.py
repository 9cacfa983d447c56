"""Names and numbers that follow from content alone: canonical JSON, digests, counter-based draws, DICOM UIDs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def canonical_json(value: Any) -> bytes:
    """The one JSON text of a value: with sorted keys, without spaces, in UTF-8.

    Args:
        value: Value that JSON can hold.

    Raises:
        ValueError: The value contains NaN or an infinite number.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every input bit reaches every output bit.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def draw_u64(seed: int, column: str, index: ArrayLike, attempt: ArrayLike = 0) -> NDArray[np.uint64]:
    """Counter-based random numbers: hashes of (seed, column, index, attempt), so that rows can be drawn in any order.

    Args:
        seed: Random seed of the recipe.
        column: Name of the quantity that is drawn; different columns are independent.
        index: Numbers of the rows, an integer or an integer array, broadcast against `attempt`.
        attempt: Numbers of the candidates, an integer or an integer array; 0 by default.

    Returns:
        `uint64` of the broadcast shape, uniform over all 64-bit numbers.
    """
    name = hashlib.blake2b(f"{seed}/{column}".encode(), digest_size=8).digest()
    base = np.uint64(int.from_bytes(name, "little"))
    with np.errstate(over="ignore"):
        rows = _mix(base + np.asarray(index).astype(np.uint64) * _GOLDEN)
        return _mix(rows + (np.asarray(attempt).astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def draw_uniform(seed: int, column: str, index: ArrayLike, attempt: ArrayLike = 0) -> NDArray[np.float64]:
    """Uniform draws in [0, 1) as `float64` with 53 random bits; arguments are those of `draw_u64`."""
    return (draw_u64(seed, column, index, attempt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def dicom_uid(*parts: object) -> str:
    """A DICOM UID under the UUID root (2.25.) that follows from the texts of the parts and from nothing else."""
    number = int.from_bytes(hashlib.sha256(canonical_json([str(p) for p in parts])).digest()[:16], "big")
    return f"2.25.{number}"
