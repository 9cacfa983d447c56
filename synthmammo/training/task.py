"""What the trainer needs of a kind of model."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from synthmammo.training.objectives.base import Losses
from synthmammo.training.scores import Scorer, Scores

SHEET_COLUMNS = 8


class Objective(Protocol):
    """Networks in training, and their step; `objectives.base.Training` has most of it."""

    processes: int

    @property
    def images_seen(self) -> int:
        """Real images shown so far."""
        ...

    @property
    def average(self) -> nn.Module:
        """The averaged network, which is sampled from and kept."""
        ...

    def step(self, batch: Any, draws: torch.Generator) -> Losses:
        """Train on one batch; every random number comes from `draws`, a generator on the processor."""
        ...

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Undo `state`."""
        ...


class Task(Protocol):
    """An objective with its data: what to step on, what to show, what to score."""

    @property
    def objective(self) -> Objective:
        """What is trained."""
        ...

    def prepare(self, draws: torch.Generator) -> None:
        """What must be learned of the real images before the first step of a new run."""
        ...

    def batch(self, position: int, process: int, processes: int) -> Any:
        """One process's share of the batch at a position of the sequence of images; a pure function."""
        ...

    def real_sheet(self) -> Tensor:
        """Real images to compare the sheets with, `float32 (N, 1, H, H)`."""
        ...

    def sheet(self) -> Tensor:
        """The same latents or contexts every time, `float32 (N, 1, H, H)`, `SHEET_COLUMNS` per row."""
        ...

    def floor(self, scorer: Scorer) -> Scores:
        """Scores of real images, as many as are generated."""
        ...

    def scores(self, scorer: Scorer) -> Scores:
        """Scores of generated images."""
        ...

    @property
    def grown(self) -> bool:
        """Whether the network makes images as it will once training is over; before, no model is kept."""
        ...

    @property
    def architecture(self) -> str:
        """Name of the network's architecture, one of `models.file.ARCHITECTURES`."""
        ...

    def network(self) -> dict[str, Any]:
        """Arguments of the architecture's configuration."""
        ...
