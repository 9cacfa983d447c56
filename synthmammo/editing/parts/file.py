"""Parts as a file: tensors and JSON in one safetensors file, tied to the weights they were found on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.models.fitted_file import Tensors, read_fitted, require_beside, write_fitted

if TYPE_CHECKING:
    from synthmammo.editing.parts.fitted import Parts

_CONTRIBUTION = "contribution."
_MISSING = "`synthmammo parts fit MODEL` finds the parts of a model."


def parts_file(model: Path) -> Path:
    """Where the parts of a model are kept: beside it, with the ending `.parts`."""
    return model.with_suffix(".parts")


def write_parts(path: Path, parts: Parts, weights: str) -> Path:
    """Write parts, whole or not at all.

    Args:
        path: The file.
        parts: The parts that were found.
        weights: Digest of the model's weights.

    Raises:
        OutputError: The place cannot be written.
    """
    tensors = {name: getattr(parts, name) for name in ("centroids", "shares", "brightness", "centres")}
    tensors |= {_CONTRIBUTION + layer: m for layer, m in parts.contributions.items()}
    return write_fitted(path, "parts", tensors, {"weights": weights, "options": parts.options})


def read_parts(path: Path, weights: str) -> Parts:
    """Read the parts of a model.

    Args:
        path: The file.
        weights: Digest of the weights of the model that the parts are used on.

    Raises:
        CheckpointError: There is none, it is not one of ours, or it is of another model.
    """
    return read_fitted(path, "parts", weights, _MISSING, _built)


def require_parts(model: str, file: Path | None) -> None:
    """Refuse parts that are not there, before the seconds that loading the model takes.

    Args:
        model: Name of the model; one on the Hugging Face Hub is not fetched, so the file beside it is not looked for.
        file: File of parts; None for the one beside the model.

    Raises:
        CheckpointError: There is no such model, or no such file.
    """
    require_beside(model, file, parts_file, "parts", _MISSING)


def _built(content: dict[str, Any], tensors: Tensors) -> Parts:
    from synthmammo.editing.parts.fitted import Parts  # imports torch, without which a recipe can be checked

    names = [name for name in tensors if name.startswith(_CONTRIBUTION)]
    contributions = {name.removeprefix(_CONTRIBUTION): tensors.pop(name) for name in names}
    return Parts(contributions=contributions, options=content["options"], **tensors)
