"""Directions as a file: tensors and JSON in one safetensors file, tied to the weights they were found on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthmammo.arguments import a_model, a_path
from synthmammo.editing.directions.fitted import Attribute, Directions
from synthmammo.errors import GeneratorError
from synthmammo.identity import file_digest
from synthmammo.mammogram.terms import ATTRIBUTES
from synthmammo.models.fitted_file import Tensors, read_fitted, require_beside, write_fitted
from synthmammo.models.names import locate_model

_ARRAYS = ("means", "components", "deviations", "explained")
_MISSING = "`synthmammo directions fit MODEL` finds the directions of a model; background.directions names a file."
_ATTRIBUTE, _PARTS = "attribute.", ("gradient", "direction", "quantiles")


def directions_file(model: Path) -> Path:
    """Where the directions of a model are kept: beside it, with the ending `.directions`."""
    return model.with_suffix(".directions")


def write_directions(path: Path, directions: Directions, weights: str) -> Path:
    """Write directions, whole or not at all; the same directions give the same bytes.

    Args:
        path: The file.
        directions: The directions that were found.
        weights: Digest of the model's weights.

    Raises:
        OutputError: The place cannot be written.
    """
    tensors = {name: getattr(directions, name) for name in _ARRAYS}
    attributes = {}
    for name, attribute in directions.attributes.items():
        tensors |= {f"{_ATTRIBUTE}{name}.{part}": getattr(attribute, part) for part in _PARTS}
        attributes[name] = {"mean": attribute.mean, "correlation": attribute.correlation}
    content = {"weights": weights, "facts": directions.facts, "attributes": attributes}
    return write_fitted(path, "directions", tensors, content)


def read_directions(path: Path, weights: str) -> Directions:
    """Read the directions of a model.

    Args:
        path: The file.
        weights: Digest of the weights of the model that the directions are used on.

    Raises:
        CheckpointError: There is none, it is not one of ours, or it is of another model.
    """
    return read_fitted(path, "directions", weights, _MISSING, _built)


def find_directions(model: str | Path, file: str | Path | None = None) -> Directions:
    """What is known of the directions of a model: its components and attributes, and how far each moves the others.

    Args:
        model: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        file: File of directions, which `fit_directions` writes; None for the one beside the model.

    Returns:
        The directions; `names` lists them.

    Raises:
        CheckpointError: There is no such model or file, or the file is of another model.
        GeneratorError: An argument makes no sense (its name comes first).

    Example:
        >>> import synthmammo as sm
        >>> model = "zoo/stylegan2-cbis-mass-128"
        >>> path, _ = sm.fit_directions(model, "m.directions", components=2, latents=200, samples=0)
        >>> sm.find_directions(model, path).names
        ('component 0', 'component 1')
    """
    located = locate_model(a_model(model, "model", GeneratorError))
    path = directions_file(located) if file is None else a_path(file, "file", GeneratorError)
    return read_directions(path, file_digest(located))


def require_directions(model: str, file: Path | None) -> None:
    """Refuse directions that are not there, before the seconds that loading the model takes.

    Args:
        model: Name of the model; one on the Hugging Face Hub is not fetched, so the file beside it is not looked for.
        file: File of directions; None for the one beside the model.

    Raises:
        CheckpointError: There is no such model, or no such file.
    """
    require_beside(model, file, directions_file, "directions", _MISSING)


def _built(content: dict[str, Any], tensors: Tensors) -> Directions:
    def of(name: str) -> dict[str, Any]:
        return {part: tensors[f"{_ATTRIBUTE}{name}.{part}"] for part in _PARTS}

    attributes = {
        name: Attribute(**of(name), **content["attributes"][name])
        for name in ATTRIBUTES
        if name in content["attributes"]
    }
    arrays = {name: tensors[name] for name in _ARRAYS}
    return Directions(**arrays, attributes=attributes, facts=content["facts"])
