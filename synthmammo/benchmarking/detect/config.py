"""What a benchmark of detectors trains, and how; the presets."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from synthmammo.benchmarking.properties import SUBGROUPS
from synthmammo.dataset.selecting import checked_condition
from synthmammo.mammogram.sample import Kind

MULTIPLE_PX = 32
"""Sides of a canvas are multiples of this: the coarsest feature map has one cell per so many pixels."""

RowName = Literal["real", "synthetic", "both"]
ROWS: tuple[RowName, ...] = ("real", "synthetic", "both")


class DetectConfig(BaseModel):
    """A detector, its training, and who is tested on.

    There is no choice of weights on validation images: every training runs to its end, and its last weights are
    tested.

    Attributes:
        detector: "centre" or "rt-detr", on frozen features; or name or path of a detector of transformers.
        weights: Weights of the frozen features: "imagenet" or "none".
        kinds: Findings to be found. Images with findings of other kinds are not trained on, and in a test marks on
            those findings do not count.
        height_px: Height in pixels of the canvas that every breast is fitted into, a multiple of 32.
        width_px: Width in pixels of the canvas, a multiple of 32.
        train_on: Split of the real images that are trained on.
        where: Condition on the columns of the real images, in the grammar of `mammogram.where`; None for all of them.
        test_on: Split that is tested on.
        folds: Number of folds of a cross-validation by patient over all splits; 0 for the splits above.
        share: Percent of the real training images, drawn by patient, anew for every seed; 100 for all.
        synthetic_split: Split of the synthetic images that are used; None for all.
        synthetic_share: Share of synthetic images among those shown to the row "both".
        lesion_share: Share of the images shown that have something to be found.
        steps: Number of steps of the optimiser (AdamW; one cycle of the learning rate).
        batch_size: Images per step.
        learning_rate: Highest learning rate of the cycle.
        weight_decay: Decoupled weight decay.
        seeds: Number of trainings of each row and fold, which differ in fresh weights and order.
        first_seed: Seed of the first of these.
        subgroups: Properties by which the tested images are grouped in the report: density, view, laterality, a name
            in their provenance, or a word of their findings such as subtlety; () for none.
        most_marks: Largest number of marks on an image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    detector: str = "centre"
    weights: Literal["imagenet", "none"] = "imagenet"
    kinds: tuple[Kind, ...] = Field((Kind.MASS,), min_length=1)
    height_px: int = Field(384, ge=64)
    width_px: int = Field(256, ge=64)
    train_on: str = "train"
    where: str | None = Field(None, exclude_if=lambda where: where is None)
    test_on: str = "test"
    folds: int = Field(0, ge=0)
    share: float = Field(100, gt=0, le=100, exclude_if=lambda share: share == 100)
    synthetic_split: str | None = None
    synthetic_share: float = Field(0.5, gt=0, lt=1)
    lesion_share: float = Field(0.5, gt=0, le=1)
    steps: int = Field(200, ge=1)
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    seeds: int = Field(1, ge=1)
    first_seed: int = Field(0, ge=0)
    most_marks: int = Field(20, ge=1)
    subgroups: tuple[str, ...] = Field(SUBGROUPS, exclude_if=lambda subgroups: subgroups == SUBGROUPS)

    @field_validator("height_px", "width_px")
    @classmethod
    def _whole_cells(cls, value: int) -> int:
        if value % MULTIPLE_PX:
            raise ValueError(f"expected a multiple of {MULTIPLE_PX}")
        return value

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

    @property
    def canvas_px(self) -> tuple[int, int]:
        """Height and width."""
        return self.height_px, self.width_px


PRESETS: dict[str, dict[str, Any]] = {
    "quick": {},
    "rt-detr": {"detector": "rt-detr", "learning_rate": 5e-4, "steps": 2000, "height_px": 512, "width_px": 320},
}
"""`quick` takes minutes on a processor; `rt-detr` trains the decoder of a published detector, and wants more."""


class DetectorTraining(NamedTuple):
    """One training and its test.

    Attributes:
        row: Name of the row, which says what is trained on.
        seed: Random seed for every draw of the training.
        fold: Number of the fold.
    """

    row: RowName
    seed: int
    fold: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.row}-seed{self.seed}-fold{self.fold}"
