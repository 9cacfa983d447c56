"""Membership by the discriminator: a network that learned its training images by heart finds them more real."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.figure import LEAST
from synthmammo.auditing.memorisation import told_from
from synthmammo.auditing.sides import Side
from synthmammo.errors import CheckpointError, DatasetError

if TYPE_CHECKING:
    from synthmammo.models.file import Checkpoint
    from synthmammo.training.images import ImageSet

_BATCH = 32


def by_discriminator(sides: Mapping[str, Side]) -> tuple[dict[str, Any], list[str]]:
    """How well the discriminators of a dataset's models tell training images from held-out ones (Hayes et al. 2019).

    Args:
        sides: The datasets by part; the manifest of "dataset" names the models.

    Returns:
        By model: `auc` with its interval, 0.5 for not at all, and the numbers of images; and notes on what could not be
        looked at. Model files seldom hold a discriminator: those that `synthmammo train` writes do not.
    """
    manifest = sides["dataset"].dataset.manifest
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name in manifest.models if manifest else ():
        try:
            judged = _of_model(name, sides)
        except (CheckpointError, DatasetError) as error:
            notes.append(f"The discriminator of {name} could not be looked at: {error.message}.")
            continue
        if judged:
            found[name] = judged
    return found, notes


def _of_model(name: str, sides: Mapping[str, Side]) -> dict[str, Any]:
    """Facts on one model; none where its file holds no discriminator of whole images."""
    from synthmammo.models.file import load

    model = load(name)
    if model.description.architecture != "stylegan2" or "discriminator" not in model.networks:
        return {}
    scores = {part: _scores(model, sides[part]) for part in ("train", "reference")}
    if min(map(len, scores.values())) < LEAST:
        raise DatasetError("too few images of its classes")
    auc = told_from(scores["train"], scores["reference"])
    numbers = {"n": len(scores["train"]), "reference": len(scores["reference"])}
    return {"auc": round(auc.estimate, 4), "low": round(auc.low, 4), "high": round(auc.high, 4), "floor": 0.5} | numbers


def _scores(model: Checkpoint, side: Side) -> NDArray[np.float32]:
    """How real a model finds the images of one side, `float32 (N)`."""
    import torch

    network = model.network("discriminator")
    found = []
    for images in _images(model, side.path, side):
        for start in range(0, len(images), _BATCH):
            which = np.arange(start, min(start + _BATCH, len(images)))
            pixels, label = torch.from_numpy(images.pixels(which)), None
            if classes := len(model.description.classes):
                label = torch.nn.functional.one_hot(torch.from_numpy(images.labels[which]), classes).float()
            with torch.inference_mode():
                found.append(network(pixels, label)[:, 0].numpy())
    return np.concatenate(found)


def _images(model: Checkpoint, path: Path, side: Side) -> list[ImageSet]:
    from synthmammo.training.images import load_images

    described = model.description
    classes_are: Literal["views", "labels"] = "views" if described.makes_views else "labels"
    sets = []
    for split in side.splits:
        if len(side.dataset.split(split)):
            images = load_images(path, split, described.scale, described.classes or None, 1, classes_are)
            sets.append(images.smaller(int(described.config["resolution"])))
    return sets
