"""Files of inverted images: real mammograms as latents of one model, which recipes and commands use like seeds.

A `.safetensors` file with `w` (`float32 (N, latents, w_dim)`), where noise maps were fitted `noise.LAYER` (`float16
(N, H, W)`), and in its header, as JSON, the model they belong to and what is known of each image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import DatasetError, nearest
from synthmammo.files import writing
from synthmammo.identity import canonical_json
from synthmammo.mammogram.origin import Making, making_of

HEADER = "synthmammo_inverted"
FORMAT_VERSION = 1

START, IN_W, IN_W_PLUS = "start", "W", "W+"
PHASES = (START, IN_W, IN_W_PLUS)
"""Phases of an inversion, in their order."""

_NOISE = "noise."


@dataclass(frozen=True)
class Facts:
    """What is known of one inverted image.

    Attributes:
        key: Its name; that of the sample where it came from a dataset, else of the file.
        patient: Pseudonym; images with the same one never go to different splits.
        split: "train", "validation" or "test".
        view: "CC" or "MLO", None when unknown.
        laterality: "L" or "R", None when unknown.
        density: BI-RADS breast composition "a" to "d", None when unknown.
        spacing_mm: Millimetres per pixel (row, column) of the image as the model renders it; None when unknown.
        spacing_origin: "known", "assumed" or "unknown".
        origin: How the image came about, as `Making.record` gives it; None in files of release 0.2, whose images count
            as real.
        errors: Errors by phase, a name in `PHASES`; see `editing.inversion.search.Inversion`.
    """

    key: str
    patient: str
    split: str = "train"
    view: str | None = None
    laterality: str | None = None
    density: str | None = None
    spacing_mm: tuple[float, float] | None = None
    spacing_origin: str = "unknown"
    origin: dict[str, Any] | None = None
    errors: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def reached(self) -> dict[str, float]:
        """The errors that the last phase left; empty where none are known."""
        return next((self.errors[phase] for phase in reversed(PHASES) if phase in self.errors), {})


@dataclass(frozen=True)
class Inverted:
    """One image as latents.

    Attributes:
        facts: What is known of it.
        w: Latents, `float32 (latents, w_dim)`.
        noise: Noise maps by layer, `float16 (H, W)`; empty where the model's own are used.
    """

    facts: Facts
    w: NDArray[np.float32]
    noise: dict[str, NDArray[np.float16]]

    def __repr__(self) -> str:
        return f"Inverted({self.facts.key}: {self.facts.reached['psnr_db']:.1f} dB)"

    def making(self, model: Making) -> Making:
        """How the image came about that a model makes of the latents: mixed where they are a real image's."""
        pattern = {} if self.facts.origin is None else {"inverted_from": self.facts.origin}
        (maker,) = model.makers
        return making_of({"inverted": self.facts.key, **pattern, "model": maker.name, "weights": maker.weights})


@dataclass(frozen=True)
class InvertedImages:
    """A file of inverted images, read.

    Attributes:
        path: The file.
        weights: Digest of the model they are latents of.
        options: How they were inverted.
        images: Images by key.
    """

    path: Path
    weights: str
    options: dict[str, Any]
    images: dict[str, Inverted]

    def rows(self) -> list[dict[str, Any]]:
        """What is known of each image, as rows of a table."""
        return [asdict(image.facts) for image in self.images.values()]

    def __getitem__(self, key: str) -> Inverted:
        """One image.

        Raises:
            DatasetError: The file has none of that key.
        """
        if key not in self.images:
            raise DatasetError(f"no image is called '{key}'", where=self.path, hint=nearest(key, self.images))
        return self.images[key]


def read_inverted(path: str | Path, weights: str | None = None) -> InvertedImages:
    """Read a file of inverted images; a process reads the same one once.

    Args:
        path: The file.
        weights: Digest of the model that is to render them; None does not check.

    Raises:
        DatasetError: There is none, it is not one of ours, or it belongs to another model.
    """
    path = Path(path)
    if not path.is_file():
        hint = "`synthmammo invert` makes one."
        raise DatasetError("there is no such file of inverted images", where=path, hint=hint)
    found = _read(path, path.stat().st_mtime_ns)
    if weights is not None and found.weights != weights:
        message = f"its latents are of the model {found.weights[:12]}, not of {weights[:12]}"
        raise DatasetError(message, where=path, hint="Name the model it was made with, or invert the images again.")
    return found


def write_inverted(path: Path, weights: str, options: dict[str, Any], images: Iterable[Inverted]) -> Path:
    """Write a file of inverted images, whole or not at all; the same images in any order give the same bytes.

    Args:
        path: The file.
        weights: Digest of the model.
        options: How they were inverted.
        images: Images with the same layers of noise, or none.

    Raises:
        OutputError: The place cannot be written.
    """
    from safetensors.numpy import save_file

    ordered = sorted(images, key=lambda image: image.facts.key)
    tensors: dict[str, NDArray[Any]] = {"w": np.stack([image.w for image in ordered])}
    for layer in ordered[0].noise:
        tensors[_NOISE + layer] = np.stack([image.noise[layer] for image in ordered])
    content = {"weights": weights, "options": options, "images": [asdict(image.facts) for image in ordered]}
    with writing(path) as partial:
        save_file(tensors, partial, {HEADER: canonical_json({"format_version": FORMAT_VERSION, **content}).decode()})
    return path


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> InvertedImages:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            header = (file.metadata() or {}).get(HEADER)
            if header is None:
                raise DatasetError("is no file of inverted images", where=path, hint="`synthmammo invert` makes one.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
        content = json.loads(header)
        if content["format_version"] != FORMAT_VERSION:
            message = f"format_version is {content['format_version']}, this package reads {FORMAT_VERSION}"
            raise DatasetError(message, where=path, hint="Use the version of synthmammo that made it.")
        planes = {name.removeprefix(_NOISE): tensor for name, tensor in tensors.items() if name.startswith(_NOISE)}
        facts = [_facts(record) for record in content["images"]]
        images = {
            one.key: Inverted(one, tensors["w"][number], {layer: plane[number] for layer, plane in planes.items()})
            for number, one in enumerate(facts)
        }
        if not isinstance(content["weights"], str):
            raise TypeError(f"weights is {type(content['weights']).__name__}")
        return InvertedImages(path, content["weights"], content["options"], images)
    except (SafetensorError, OSError, LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        hint = "Delete it and invert the images again."
        raise DatasetError(f"is no whole file of inverted images ({error})", where=path, hint=hint) from error


def _facts(record: dict[str, Any]) -> Facts:
    spacing = record["spacing_mm"]
    # The header's keys are sorted, as of all canonical JSON.
    errors = {phase: record["errors"][phase] for phase in PHASES if phase in record["errors"]}
    return Facts(**{**record, "spacing_mm": tuple(spacing) if spacing else None, "errors": errors})
