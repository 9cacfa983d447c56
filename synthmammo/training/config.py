"""The configuration of a training, as a YAML file says it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from synthmammo.errors import TrainingError, nearest
from synthmammo.models.file import Scale
from synthmammo.settings import Changes, changed, checked, read_yaml

Numbers = TypeVar("Numbers")

Role = Literal["context", "real", "benign", "normal"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Strict):
    """Which images of the dataset are used, and how.

    Attributes:
        split: Split of the images to train on.
        evaluate_on: Split of the images that the scores are taken against; never trained on.
        classes: Labels, or views, to train on, in the order of the model's classes; None for all of the dataset.
        classes_are: What the classes are: "labels", the default, or "views", for a model that makes the view it is
            asked for.
        spacing_mm: Millimetres per pixel to state for the images, where a few were scaled to fit; None, the default,
            takes theirs, if all have the same.
        scale: Mapping of grey levels to [-1, 1].
        roles: Class, or classes, by role in the training of a contextual GAN: "context", "real", "benign" and
            "normal"; see `objectives.insertion.InsertionBatch`.
        lesions: How the lesions of real patches are known, whose brightness, contrast and extent those of a contextual
            GAN shall have: "pairs", the default, by the untouched twin of each, where the discriminator sees it too;
            "boxes" by a stand-in of the extent of each box and as bright as the box against what is around it, for
            unpaired patches.
        orientations: Whether the real images are shown in all eight orientations, a new one drawn for every showing.
            Flips of the augmentation hide from the discriminator how an image lies, so that a generator may lay all
            of them the same way; this asks it for every way.
        side_px: Side in pixels that the images are averaged down to, e.g. to begin with small ones, see
            `TrainConfig.start_from`; None keeps theirs.
    """

    split: str = "train"
    evaluate_on: str = "validation"
    classes: tuple[str, ...] | None = None
    classes_are: Literal["labels", "views"] = "labels"
    spacing_mm: float | None = Field(None, gt=0)
    scale: Scale = Scale.FULL_RANGE
    roles: dict[Role, str | tuple[str, ...]] = {}
    lesions: Literal["pairs", "boxes"] = "pairs"
    orientations: bool = False
    side_px: int | None = None


class TrainConfig(_Strict):
    """One training.

    Attributes:
        model: Architecture of the model.
        name: Name of the model file, without its ending.
        seed: Random seed for the first weights, the order of the images and every draw.
        data: Images that are used, and how.
        conditional: Whether the model knows the classes.
        network: Arguments of the architecture's configuration, without resolution and classes.
        start_from: Trained model to begin with, as zoo/NAME, path or hf://; that of a stylegan2 may have smaller
            images, so that a model can be trained on small images first, a co-modulated contextual one any side. Empty
            for fresh weights.
        objective: What is minimised; a stylegan2 has "projected" and "logistic", a contextual GAN "projected" and
            "contextual", a detail network "projected".
        settings: Numbers of the objective.
        generator: Numbers of the generator's training: style mixing, weight average.
        augmentation: Strengths of the transforms that the discriminator's images go through.
        batch_size: Images per step, over all processes.
        total_kimg: Thousands of real images to show.
        tick_kimg: Thousands of images between two records, sheets and saved states.
        score_ticks: Ticks between two scorings; 0 for none.
        score_images: Generated images per scoring.
        precision: Type of the activations.
        makes: What the model makes: "mammograms" or "patches", a contextual GAN "mass", "calcification" or "removal", a
            detail network "detail".
        licence: Licence of the weights.
        about: Sentences for the model's description, with attribution.
    """

    model: Literal["stylegan2", "contextual", "detail"]
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


def load_config(path: Path, settings: Changes = ()) -> TrainConfig:
    """Read a configuration.

    Args:
        path: YAML file.
        settings: Changes as `key=value` texts with dotted keys, the values read as YAML; or values by such keys.

    Raises:
        TrainingError: It cannot be read, or says something that is not understood.
    """
    content = changed(read_yaml(path, TrainingError), settings, TrainingError)
    return checked(TrainConfig, content, path, TrainingError)


def default_config(model: str, data: Path, settings: Changes = ()) -> TrainConfig:
    """The configuration of a run that is given none.

    Args:
        model: Architecture, "stylegan2", "contextual" or "detail".
        data: Dataset directory, which names the model.
        settings: Changes as `key=value` texts; see `load_config`.

    Raises:
        TrainingError: A setting is not understood.
    """
    content: dict[str, Any] = {"model": model, "name": re.sub(r"[^A-Za-z0-9_-]", "_", f"{model}-{data.resolve().name}")}
    if model == "contextual":
        roles = {"context": "normal", "real": "malignant", "benign": "benign", "normal": "normal"}
        content |= {"makes": "mass", "data": {"roles": roles}}
    if model == "detail":
        content |= {"makes": "detail"}
    return checked(TrainConfig, changed(content, settings, TrainingError), "settings", TrainingError)


def numbers(kind: type[Numbers], content: dict[str, Any], where: str) -> Numbers:
    """A dataclass of numbers from plain values, each checked against its type.

    Args:
        kind: The dataclass.
        content: Values by field.
        where: Part of the configuration that messages name.

    Raises:
        TrainingError: A key is unknown or a value not valid.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in content:
        if name not in known:
            raise TrainingError(f"no setting is called '{name}'", where=where, hint=nearest(name, known))
    return checked(kind, content, None, TrainingError, within=where)
