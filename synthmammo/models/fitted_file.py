"""What was fitted to a model, as a file: tensors and JSON in one safetensors file, tied to the model's weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import CheckpointError
from synthmammo.files import writing
from synthmammo.identity import canonical_json
from synthmammo.models.names import is_hosted, locate_model

_Fitted = TypeVar("_Fitted")
Tensors = dict[str, NDArray[Any]]

FORMAT_VERSION = 1


def write_fitted(path: Path, what: str, tensors: Mapping[str, NDArray[Any]], content: Mapping[str, Any]) -> Path:
    """Write tensors and JSON, whole or not at all; the same ones give the same bytes.

    Args:
        path: The file.
        what: Kind of what was fitted, "directions" or "parts".
        tensors: Tensors by name.
        content: JSON beside the tensors, with "weights", the digest of the model.

    Raises:
        OutputError: The place cannot be written.
    """
    from safetensors.numpy import save_file

    header = canonical_json({"format_version": FORMAT_VERSION, **content}).decode()
    with writing(path) as partial:
        contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        save_file(contiguous, partial, {_header(what): header})
    return path


def require_beside(model: str, file: Path | None, beside: Callable[[Path], Path], what: str, missing: str) -> None:
    """Refuse what was fitted to a model where it is not there, before the seconds that loading the model takes.

    Args:
        model: Name of the model; one on the Hugging Face Hub is not fetched, so the file beside it is not looked for.
        file: The file; None for the one beside the model.
        beside: Function from a model's file to the file beside it.
        what: Kind of what was fitted, "directions" or "parts".
        missing: Hint for the message where there is no file.

    Raises:
        CheckpointError: There is no such model, or no such file.
    """
    if file is not None or not is_hosted(model):
        _require(file or beside(locate_model(model)), what, missing)


def _require(path: Path, what: str, missing: str) -> None:
    """Refuse a file that is not there; see `require_beside`."""
    if not path.is_file():
        raise CheckpointError(f"there is no such file of {what}", where=path, hint=missing)


def read_fitted(
    path: Path, what: str, weights: str, missing: str, build: Callable[[dict[str, Any], Tensors], _Fitted]
) -> _Fitted:
    """Read what was fitted to a model.

    Args:
        path: The file.
        what: Kind of what was fitted, "directions" or "parts".
        weights: Digest of the model that it is used on.
        missing: Hint for the message where there is no file.
        build: Function from JSON and tensors to the object; its `KeyError`, `TypeError` and `ValueError` mean a
            broken file.

    Raises:
        CheckpointError: There is none, it is not one of ours, or it is of another model.
    """
    from safetensors import SafetensorError, safe_open

    _require(path, what, missing)
    try:
        with safe_open(path, framework="np") as file:
            content = json.loads((file.metadata() or {})[_header(what)])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
        found = content["weights"]
        if not isinstance(found, str):
            raise TypeError(f"weights is {type(found).__name__}")
        fitted = build(content, tensors)
    except (SafetensorError, OSError, LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        hint = f"Make it again with `synthmammo {what} fit`."
        raise CheckpointError(f"is no whole file of {what} ({error})", where=path, hint=hint) from error
    if found != weights:
        hint = f"Fit the {what} of this model with `synthmammo {what} fit`."
        raise CheckpointError(f"is of the model {found[:12]}, not of {weights[:12]}", where=path, hint=hint)
    return fitted


def _header(what: str) -> str:
    return f"synthmammo_{what}"
