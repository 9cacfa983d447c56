"""The configuration of a training, as a YAML file says it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from synthmammo.errors import TrainingError, nearest
from synthmammo.models.file import Scale
from synthmammo.settings import changed, checked, read_yaml

Numbers = TypeVar("Numbers")

Role = Literal["context", "real", "benign", "normal"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Strict):
    """Which images of the dataset are used, and how.

    Attributes:
        split: Images to train on.
        evaluate_on: Images that the scores are taken against; never trained on.
        classes: Labels to train on, in the order of the model's classes; None for all of the dataset.
        scale: Mapping of grey levels to [-1, 1].
        roles: Of a contextual GAN: the class, or classes, that are "context", "real", "benign" and "normal"; see
            `objectives.insertion.InsertionBatch`.
        orientations: Show the real images in all eight orientations, one drawn a showing. Flips of the augmentation
            hide from the discriminator how an image lies, so that a generator may lay all of them the same way; this
            asks it for every way.
        side_px: Average the images down to this side, e.g. to begin with small ones; see `TrainConfig.start_from`.
    """

    split: str = "train"
    evaluate_on: str = "validation"
    classes: tuple[str, ...] | None = None
    scale: Scale = Scale.FULL_RANGE
    roles: dict[Role, str | tuple[str, ...]] = {}
    orientations: bool = False
    side_px: int | None = None


class TrainConfig(_Strict):
    """One training.

    Attributes:
        model: Architecture.
        name: Of the model file.
        seed: Of every random number.
        data: Which images.
        conditional: Whether the model knows the classes.
        network: Arguments of the architecture's configuration, without resolution and classes.
        start_from: Of a stylegan2: a trained model to begin with, as zoo/NAME, path or hf://; its images may be
            smaller, so that a model can be trained on small images first. Empty for fresh weights.
        objective: What is minimised; a stylegan2 has "projected" and "logistic", a contextual GAN "projected" and
            "contextual".
        settings: Numbers of the objective.
        generator: Numbers of the generator's training: style mixing, weight average.
        augmentation: Strengths of what the discriminator's images go through.
        batch_size: Images a step, over all processes.
        total_kimg: Thousands of real images to show.
        tick_kimg: Thousands of images between two records, sheets and saved states.
        score_ticks: Ticks between two scorings; 0 for none.
        score_images: Generated images a scoring.
        precision: Of the activations.
        makes: "mammograms", "patches", or of a contextual GAN "mass", "calcification" or "removal".
        licence: Of the weights.
        about: For the model's description, with attribution.
    """

    model: Literal["stylegan2", "contextual"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    seed: int = 0
    data: DataConfig = DataConfig()
    conditional: bool = False
    network: dict[str, Any] = {}
    start_from: str = ""
    objective: Literal["projected", "logistic", "contextual"] = "projected"
    settings: dict[str, Any] = {}
    generator: dict[str, Any] = {}
    augmentation: dict[str, Any] = {}
    batch_size: int = Field(16, ge=2)
    total_kimg: float = Field(25.0, gt=0)
    tick_kimg: float = Field(1.0, gt=0)
    score_ticks: int = Field(2, ge=0)
    score_images: int = Field(256, ge=8)
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    makes: str = "patches"
    licence: str = "other"
    about: str = ""


RUN_LENGTH = ("total_kimg", "tick_kimg", "score_ticks", "score_images", "licence", "about")
"""What may change when a run is resumed: none of it decides a weight."""


def load_config(path: Path, settings: Iterable[str] = ()) -> TrainConfig:
    """Read a configuration.

    Args:
        path: YAML file.
        settings: `key=value` texts with dotted keys, the values read as YAML.

    Raises:
        TrainingError: It cannot be read, or says something that is not understood.
    """
    content = changed(read_yaml(path, TrainingError), settings, TrainingError)
    return checked(TrainConfig, content, path, TrainingError)


def default_config(model: str, data: Path, settings: Iterable[str] = ()) -> TrainConfig:
    """The configuration of a run that is given none.

    Args:
        model: "stylegan2" or "contextual".
        data: Dataset directory, which names the model.
        settings: As `load_config`.

    Raises:
        TrainingError: A setting is not understood.
    """
    content: dict[str, Any] = {"model": model, "name": re.sub(r"[^A-Za-z0-9_-]", "_", f"{model}-{data.resolve().name}")}
    if model == "contextual":
        roles = {"context": "normal", "real": "malignant", "benign": "benign", "normal": "normal"}
        content |= {"makes": "mass", "data": {"roles": roles}}
    return checked(TrainConfig, changed(content, settings, TrainingError), "--set", TrainingError)


def numbers(kind: type[Numbers], content: dict[str, Any], where: str) -> Numbers:
    """A dataclass of numbers from plain values, each checked against its type.

    Args:
        kind: The dataclass.
        content: By field.
        where: Part of the configuration, for messages.

    Raises:
        TrainingError: A key is unknown or a value not valid.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in content:
        if name not in known:
            raise TrainingError(f"no setting is called '{name}'", where=where, hint=nearest(name, known))
    return checked(kind, content, None, TrainingError, within=where)
