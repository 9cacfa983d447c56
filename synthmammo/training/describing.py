"""What a model file says of the training that it comes from."""

from __future__ import annotations

from typing import Any

from synthmammo.models.features import EXTRACTOR
from synthmammo.models.file import Description
from synthmammo.training.config import TrainConfig
from synthmammo.training.data import TrainingData
from synthmammo.training.scores import Scores
from synthmammo.training.start import origin, with_start
from synthmammo.training.task import Task


def model_description(
    config: TrainConfig, data: TrainingData, task: Task, scores: Scores, *, device: str
) -> Description:
    """The description of a model under training; equal runs write equal files, so nothing here depends on the clock.

    Args:
        config: Configuration of the run.
        data: Images that it is trained on.
        task: Network and objective, which count the images shown.
        scores: Scores of the model, by name.
        device: Kind of device that it runs on, e.g. "cuda".
    """
    training: dict[str, Any] = {
        "kimg": task.objective.images_seen / 1000,
        "device": device,
        "objective": config.objective,
    }
    if config.start_from:
        training["began_from"] = origin(config.start_from)
    return Description(
        architecture=task.architecture,
        config=task.network(),
        makes=config.makes,
        classes=data.images.classes if config.conditional else (),
        spacing_mm=data.images.spacing_mm,
        bits_stored=data.images.bits_stored,
        scale=config.data.scale,
        training_data=with_start(data.origin, config.start_from),
        training=training,
        metrics={"extractor": EXTRACTOR, "split": config.data.evaluate_on, **scores},
        licence=config.licence,
        about=config.about,
    )
