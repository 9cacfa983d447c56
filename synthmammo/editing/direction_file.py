"""Directions as a file: tensors and JSON in one safetensors file, tied to the weights they were found on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from synthmammo.editing.directions import Attribute, Directions
from synthmammo.errors import CheckpointError
from synthmammo.identity import canonical_json
from synthmammo.lexicon import ATTRIBUTES
from synthmammo.manifest import writing

FORMAT_VERSION = 1
HEADER = "synthmammo_directions"
_ARRAYS = ("means", "components", "deviations", "explained")
_ATTRIBUTE, _PARTS = "attribute.", ("gradient", "direction", "quantiles")


def directions_file(model: Path) -> Path:
    """Where the directions of a model are kept: beside it, with the ending `.directions`."""
    return model.with_suffix(".directions")


def write_directions(path: Path, directions: Directions, weights: str) -> Path:
    """Write directions, whole or not at all; the same directions give the same bytes.

    Args:
        path: The file.
        directions: What was found.
        weights: Digest of the model.

    Raises:
        OutputError: The place cannot be written.
    """
    from safetensors.numpy import save_file

    tensors = {name: getattr(directions, name) for name in _ARRAYS}
    attributes = {}
    for name, attribute in directions.attributes.items():
        tensors |= {f"{_ATTRIBUTE}{name}.{part}": getattr(attribute, part) for part in _PARTS}
        attributes[name] = {"mean": attribute.mean, "correlation": attribute.correlation}
    content = {"format_version": FORMAT_VERSION, "weights": weights, "facts": directions.facts}
    header = canonical_json({**content, "attributes": attributes}).decode()
    with writing(path) as partial:
        contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        save_file(contiguous, partial, {HEADER: header})
    return path


def read_directions(path: Path, weights: str) -> Directions:
    """Read the directions of a model.

    Args:
        path: The file.
        weights: Digest of the model they are to be used on.

    Raises:
        CheckpointError: There is none, it is not one of ours, or it is of another model.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        hint = "`synthmammo directions fit MODEL` finds the directions of a model; background.directions names a file."
        raise CheckpointError("there is no such file of directions", where=path, hint=hint)
    try:
        with safe_open(path, framework="np") as file:
            content = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
        attributes = {
            name: Attribute(
                **{part: tensors[f"{_ATTRIBUTE}{name}.{part}"] for part in _PARTS},
                **content["attributes"][name],
            )
            for name in ATTRIBUTES
            if name in content["attributes"]
        }
        arrays = {name: tensors[name] for name in _ARRAYS}
        found, facts = content["weights"], content["facts"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        hint = "Make it again with `synthmammo directions fit`."
        raise CheckpointError(f"is no whole file of directions ({error})", where=path, hint=hint) from error
    if found != weights:
        hint = "Fit the directions of this model with `synthmammo directions fit`."
        raise CheckpointError(f"is of the model {found[:12]}, not of {weights[:12]}", where=path, hint=hint)
    return Directions(**arrays, attributes=attributes, facts=facts)
