"""Membership by the discriminator: a network that learned its training images by heart finds them more real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.figure import LEAST
from synthmammo.auditing.memorisation import told_from
from synthmammo.auditing.sides import Side
from synthmammo.errors import CheckpointError, DatasetError, TrainingError

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.models.file import Checkpoint
    from synthmammo.training.images import ImageSet

    Realness = Callable[[Tensor, Tensor], Tensor]
    """Images `float32 (N, 1, H, W)` and their classes `int64 (N)` -> how real they look, `float32 (N)`."""

_BATCH = 32


def by_discriminator(sides: Mapping[str, Side]) -> tuple[dict[str, Any], list[str]]:
    """How well the discriminators of a dataset's models tell training images from held-out ones (Hayes et al. 2019).

    A discriminator is in the model's file, as in converted ones, or in the state of the training that wrote the file,
    where it still lies in its run directory; that is the one of the last tick.

    Args:
        sides: The datasets by part; the manifest of "dataset" names the models.

    Returns:
        By model: `auc` with its interval, 0.5 for not at all, and the numbers of images; and notes on what could not be
        looked at.
    """
    manifest = sides["dataset"].dataset.manifest
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name in manifest.models if manifest else ():
        try:
            judged = _of_model(name, sides)
        except (CheckpointError, DatasetError, TrainingError) as error:
            notes.append(f"The discriminator of {name} could not be looked at: {error.message}.")
            continue
        if judged:
            found[name] = judged
    return found, notes


def _of_model(name: str, sides: Mapping[str, Side]) -> dict[str, Any]:
    """Facts on one model; none for one that does not make whole images."""
    from synthmammo.models.file import load

    model = load(name)
    if model.description.architecture != "stylegan2":
        return {}
    images = {part: _images(model, sides[part]) for part in ("train", "reference")}
    counts = {part: sum(map(len, sets)) for part, sets in images.items()}
    if min(counts.values()) < LEAST:
        raise DatasetError("too few images of its classes")
    scores = _scores(_realness(model, images["train"][0]), model, [*images["train"], *images["reference"]])
    auc = told_from(scores[: counts["train"]], scores[counts["train"] :])
    numbers = {"n": counts["train"], "reference": counts["reference"]}
    return {"auc": round(auc.estimate, 4), "low": round(auc.low, 4), "high": round(auc.high, 4), "floor": 0.5} | numbers


def _scores(realness: Realness, model: Checkpoint, sets: list[ImageSet]) -> NDArray[np.float32]:
    """How real the images of all sets look, `float32 (N)`; each batch is of all sets, as discriminators see batches."""
    import torch

    places = [(number, index) for number, images in enumerate(sets) for index in range(len(images))]
    scores = np.empty(len(places), np.float32)
    order = np.random.default_rng(0).permutation(len(places))
    for which in np.array_split(order, -(-len(order) // _BATCH)):
        chosen = [(sets[number], np.array([index])) for number, index in (places[place] for place in which)]
        pixels = torch.from_numpy(np.concatenate([images.pixels(index) for images, index in chosen]))
        labels = torch.from_numpy(np.concatenate([images.labels[index] for images, index in chosen]))
        labels = labels if model.description.classes else torch.zeros_like(labels)
        scores[which] = realness(pixels, labels).numpy()
    return scores


def _realness(model: Checkpoint, images: ImageSet) -> Realness:
    """The judgement of a model's discriminator.

    Raises:
        CheckpointError: Neither the file nor a training beside it holds one.
        TrainingError: The state of the training cannot be read.
    """
    if "discriminator" not in model.networks:
        return _of_run(model, images)
    import torch

    network, classes = model.network("discriminator"), len(model.description.classes)

    def judge(pixels: Tensor, labels: Tensor) -> Tensor:
        label = torch.nn.functional.one_hot(labels, classes).float() if classes else None
        with torch.inference_mode():
            scores: Tensor = network(pixels, label)
        return scores[:, 0]

    return judge


def _of_run(model: Checkpoint, images: ImageSet) -> Realness:
    import torch

    from synthmammo.settings import checked, read_yaml
    from synthmammo.training.config import TrainConfig
    from synthmammo.training.generation import GenerationTask
    from synthmammo.training.run import RunDirectory

    run = RunDirectory(model.path.parent)
    state = run.load_state() if run.config_file.is_file() else None
    if state is None:
        raise CheckpointError("neither its file nor a training beside it holds one")
    content = read_yaml(run.config_file, TrainingError)
    # The weights are those of the state, whatever the run began from.
    stated = {name: value for name, value in content.items() if name != "dataset"} | {"start_from": ""}
    task = GenerationTask(checked(TrainConfig, stated, run.config_file, TrainingError), images, torch.device("cpu"))
    try:
        task.objective.restore(state["objective"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError("the state of the training beside it does not fit", where=run.state) from error
    return task.objective.realness


def _images(model: Checkpoint, side: Side) -> list[ImageSet]:
    from synthmammo.training.images import load_images

    described = model.description
    classes_are: Literal["views", "labels"] = "views" if described.makes_views else "labels"
    sets = []
    for split in side.splits:
        if len(side.dataset.split(split)):
            images = load_images(Path(side.path), split, described.scale, described.classes or None, 1, classes_are)
            sets.append(images.smaller(int(described.config["resolution"])))
    return sets
