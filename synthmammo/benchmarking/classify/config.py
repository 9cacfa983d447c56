"""What a benchmark of classifiers trains, and how; the presets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synthmammo.benchmarking.properties import SUBGROUPS
from synthmammo.benchmarking.results import Run
from synthmammo.dataset.selecting import checked_condition
from synthmammo.errors import TrainingError, nearest
from synthmammo.settings import Changes, changed, checked, read_yaml

Config = TypeVar("Config", bound=BaseModel)


class ClassifyConfig(BaseModel):
    """A grid of trainings: every ratio, seed and share of the real training images.

    Attributes:
        backbone: "efficientnet-lite0"; name or path of an image classifier of transformers; or, with weights "none",
            one of its model types, as "resnet".
        weights: "imagenet" for the published ones, "none" to train from scratch, or a path.
        mode: "fine-tune" trains the whole network; "frozen" computes its last features once and trains a linear
            classifier on them by the same schedule.
        positive: Classes that count as positive; by default those with "malignant" in their name.
        train_on: Split of the real images that are trained on.
        select_on: Split that chooses the best weights; None takes `selection_share` of the training patients away.
        where: Condition on the columns of the real images, in the grammar of `mammogram.where`; None for all of them.
        test_on: Split that everything is tested on.
        folds: Number of folds of a cross-validation by patient over all splits; 0 for the splits above.
        selection_share: See `select_on`; also what is held out of the training patients of a fold.
        synthetic_split: Split of the synthetic images that are used; None for all.
        ratios: Percent of synthetic images at the start of a training; 0 is the baseline.
        synthetic_only: Whether there are also trainings on synthetic images alone.
        shares: Percent of the real training images, drawn by patient: the low-data sweep.
        seeds: Number of trainings of each, which differ in initial weights, order and (below 100 percent) patients.
        first_seed: Seed of the first of these.
        samples: Images shown in a training, repetitions counted.
        batch_size: Images per step.
        learning_rate: Learning rate of Adam (0.9, 0.999).
        penalty: Weight of half the squared weights of the last layer in the loss.
        evaluate_every: Images between two looks at the selection images.
        decay: Share that is lost at every decay: of the synthetic share itself, or of the ratio ("subtractive").
        decay_every: Images between two decays.
        schedule: The two readings of "decayed by 10 %"; the paper does not say which, see `mixing.Mixture`.
        augment: Whether training images are flipped and turned at random.
        size_px: Side in pixels that images are resized to; None keeps theirs.
        primary: Percent of the real images and percent of synthetic ones of the one comparison that the verdict is of,
            named before anything is run; None, the default, leaves the choice to the selection images.
        subgroups: Properties by which the tested images are grouped in the report: density, view, laterality, a name
            in their provenance, or a word of their findings such as subtlety; () for none.
        intensity: "full range" maps the bit depth to what the network expects; "standardised" first gives every image
            the same mean and spread, for data whose brightness gives the class away.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    mode: Literal["fine-tune", "frozen"] = "frozen"
    positive: tuple[str, ...] = ()
    train_on: str = "train"
    select_on: str | None = None
    where: str | None = Field(None, exclude_if=lambda where: where is None)
    test_on: str = "test"
    folds: int = Field(0, ge=0)
    selection_share: float = Field(0.1, gt=0, lt=1)
    synthetic_split: str | None = "train"
    ratios: tuple[float, ...] = (0, 10, 25, 50, 75, 100)
    synthetic_only: bool = True
    shares: tuple[float, ...] = (100,)
    seeds: int = Field(5, ge=1)
    first_seed: int = Field(0, ge=0)
    samples: int = Field(22_000, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    penalty: float = Field(0.0, ge=0)
    evaluate_every: int = Field(1000, ge=1)
    decay: float = Field(0.1, ge=0, le=1)
    decay_every: int = Field(1000, ge=1)
    schedule: Literal["multiplicative", "subtractive"] = "multiplicative"
    augment: bool = True
    size_px: int | None = Field(None, ge=32)
    primary: tuple[float, float] | None = Field(None, exclude_if=lambda primary: primary is None)
    subgroups: tuple[str, ...] = Field(SUBGROUPS, exclude_if=lambda subgroups: subgroups == SUBGROUPS)
    intensity: Literal["full range", "standardised"] = "full range"

    @field_validator("ratios", "shares")
    @classmethod
    def _percent(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values or any(not 0 <= value <= 100 for value in values):
            raise ValueError("expected numbers from 0 to 100")
        return tuple(dict.fromkeys(values))

    @model_validator(mode="after")
    def _primary_is_run(self) -> ClassifyConfig:
        if self.primary and (
            self.primary[0] not in self.shares or self.primary[1] not in self.ratios or not self.primary[1]
        ):
            raise ValueError(f"primary: {list(self.primary)} is not one of shares and one of ratios above 0")
        return self

    @field_validator("where")
    @classmethod
    def _condition_understood(cls, where: str | None) -> str | None:
        return checked_condition(where)

    @field_validator("folds")
    @classmethod
    def _no_single_fold(cls, value: int) -> int:
        if value == 1:
            raise ValueError("expected 0, or at least 2 folds")
        return value


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "backbone": "microsoft/resnet-50",
        "mode": "fine-tune",
        "samples": 500_000,
        "batch_size": 1,
        "learning_rate": 1e-5,
        "evaluate_every": 5000,
        "decay_every": 5000,
    },
    "lite0": {"mode": "fine-tune", "batch_size": 16, "learning_rate": 3e-4, "seeds": 3},
    "quick": {"mode": "frozen", "penalty": 1.0, "augment": False, "ratios": (0, 25, 50, 75, 100), "seeds": 3},
}
"""`paper` is Wu et al. 2020, "Patch Classifier Training"; `lite0` fine-tunes on a processor; `quick` takes minutes."""


def runs(config: ClassifyConfig, with_synthetic: bool) -> list[Run]:
    """The trainings of a grid, baselines first; synthetic images alone once, since no real ones are in them."""
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    ratios: list[float | None] = [0.0, *(ratio for ratio in config.ratios if ratio and with_synthetic)]
    grid = [Run(share, ratio, seed) for share in config.shares for ratio in ratios for seed in seeds]
    if config.synthetic_only and with_synthetic:
        grid += [Run(max(config.shares), None, seed) for seed in seeds]
    return grid


def from_preset(
    kind: type[Config],
    presets: Mapping[str, Mapping[str, Any]],
    preset: str,
    path: Path | Mapping[str, Any] | None,
    settings: Changes,
) -> Config:
    """A preset of a benchmark, changed by a file and by single settings, in this order.

    Args:
        kind: Class of the configuration.
        presets: Values of every preset by its name.
        preset: Name of the preset.
        path: YAML file, or its keys and values; None for none.
        settings: Changes as `KEY=VALUE` texts, the values read as YAML; or values by key.

    Raises:
        TrainingError: The preset is unknown, or something else is not understood.
    """
    if preset not in presets:
        raise TrainingError(f"no preset is called '{preset}'", where="preset", hint=nearest(preset, presets))
    content = changed({**presets[preset], **(_stated(path) if path else {})}, settings, TrainingError)
    return checked(kind, content, path if isinstance(path, Path) else "benchmark", TrainingError)


def _stated(path: Path | Mapping[str, Any]) -> Mapping[str, Any]:
    content = path if isinstance(path, Mapping) else read_yaml(path, TrainingError)
    # The `benchmark.yaml` of a finished run holds its configuration under this key.
    stated = content.get("config", content)
    if not isinstance(stated, Mapping):
        raise TrainingError(f"expected a mapping of keys, found {stated!r}", where=f"{path}: config")
    return stated
