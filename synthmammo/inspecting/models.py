"""Model files: what the header of a .safetensors file says; no weight is read, and nothing is executed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from synthmammo.errors import DatasetError
from synthmammo.identity import file_digest
from synthmammo.inspecting.found import Inspection
from synthmammo.mammogram.origin import Making, Origin, SourceType, origin_of
from synthmammo.models.file import HEADER, describe
from synthmammo.models.inverted import HEADER as INVERTED

_FITTED = {"synthmammo_directions": "directions of edits", "synthmammo_parts": "parts of images"}


def tensors(path: Path) -> Inspection:
    """What a .safetensors file is.

    Raises:
        DatasetError: It is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata, number = file.metadata() or {}, len(list(file.keys()))
        if HEADER in metadata:
            return _model(path)
        if INVERTED in metadata:
            return _inverted(path, json.loads(metadata[INVERTED]))
        for name, what in _FITTED.items():
            if name in metadata:
                content = json.loads(metadata[name])
                return Inspection(str(path), f"{what} of a model", True, facts={"model": content["weights"]})
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"not a whole .safetensors file ({error})", where=path) from error
    return Inspection(str(path), f".safetensors file of {number} tensors")


def _model(path: Path) -> Inspection:
    described = describe(path)
    data = described.training_data
    facts = {
        "makes": described.makes,
        "trained on": data.get("name", "not recorded"),
        "origin of the training images": data.get("origin", "not recorded"),
        "digest of the training data": data.get("digest", ""),
        "licence": described.licence,
        "weights sha256": file_digest(path),
    }
    facts = {name: value for name, value in facts.items() if value}
    whole = described.makes in ("mammograms", "patches")
    kind = SourceType.TRAINED if whole else SourceType.TRAINED_COMPOSITE
    what = f"model of the architecture {described.architecture} (the origin is that of what it makes)"
    return Inspection(str(path), what, True, kind.origin, kind, facts=facts)


def _inverted(path: Path, content: dict[str, Any]) -> Inspection:
    origins = [_origin(image.get("origin")) for image in content["images"]]
    facts = {f"of {origin} images": str(number) for origin, number in Counter(map(str, origins)).items()}
    facts["model"] = content["weights"]
    # Latents of a real image give an image that resembles it.
    shown = origin_of(Origin.SYNTHETIC if origin is Origin.SYNTHETIC else Origin.MIXED for origin in origins)
    return Inspection(str(path), f"{len(origins)} images as latents of a model", True, origin=shown, facts=facts)


def _origin(record: dict[str, Any] | None) -> Origin:
    return Origin.REAL if record is None else Making.of_record(record).origin
