"""Parts as a file: tensors and JSON in one safetensors file, tied to the weights they were found on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from synthmammo.editing.parts import Parts
from synthmammo.errors import CheckpointError
from synthmammo.identity import canonical_json
from synthmammo.manifest import writing

FORMAT_VERSION = 1
HEADER = "synthmammo_parts"

_CONTRIBUTION = "contribution."


def parts_file(model: Path) -> Path:
    """Where the parts of a model are kept: beside it, with the ending `.parts`."""
    return model.with_suffix(".parts")


def write_parts(path: Path, parts: Parts, weights: str) -> Path:
    """Write parts, whole or not at all.

    Args:
        path: The file.
        parts: What `fit` found.
        weights: Digest of the model.

    Raises:
        OutputError: The place cannot be written.
    """
    from safetensors.numpy import save_file

    tensors = {name: getattr(parts, name) for name in ("centroids", "shares", "brightness", "centres")}
    tensors |= {_CONTRIBUTION + layer: np.ascontiguousarray(m) for layer, m in parts.contributions.items()}
    content = {"format_version": FORMAT_VERSION, "weights": weights, "options": parts.options}
    with writing(path) as partial:
        save_file(tensors, partial, {HEADER: canonical_json(content).decode()})
    return path


def read_parts(path: Path, weights: str) -> Parts:
    """Read the parts of a model.

    Args:
        path: The file.
        weights: Digest of the model they are to be used on.

    Raises:
        CheckpointError: There is none, it is not one of ours, or it is of another model.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        hint = "`synthmammo parts fit MODEL` finds the parts of a model."
        raise CheckpointError("there is no such file of parts", where=path, hint=hint)
    try:
        with safe_open(path, framework="np") as file:
            content = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
        found, options = content["weights"], content["options"]
        names = [name for name in tensors if name.startswith(_CONTRIBUTION)]
        contributions = {name.removeprefix(_CONTRIBUTION): tensors.pop(name) for name in names}
        parts = Parts(contributions=contributions, options=options, **tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        hint = "Make it again with `synthmammo parts fit`."
        raise CheckpointError(f"is no whole file of parts ({error})", where=path, hint=hint) from error
    if found != weights:
        hint = "Fit the parts of this model with `synthmammo parts fit`."
        raise CheckpointError(f"is of the model {found[:12]}, not of {weights[:12]}", where=path, hint=hint)
    return parts
