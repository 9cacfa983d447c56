"""The edit of a recipe that moves latents along a direction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthmammo.editing.directions.file import directions_file, read_directions
from synthmammo.editing.directions.fitted import FARTHEST
from synthmammo.editing.editor import check_layers
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import DirectionEdit

if TYPE_CHECKING:
    from torch import Tensor


class Direction:
    """The edit `direction` of a recipe; see the protocol `LatentEdit`."""

    def __init__(self, spec: DirectionEdit, model: Model, background: StyleGAN2Background) -> None:
        import torch

        path = Path(background.directions) if background.directions else directions_file(model.checkpoint.path)
        self._directions = read_directions(path, model.checkpoint.digest)
        self._directions.check(spec.direction, path)
        self._spec, self._model = spec, model.checkpoint.description
        self._layers = check_layers(spec.layers, model, f"edits: {spec.name}")
        self._step = torch.from_numpy(self._directions.step(spec.direction))

    def w(self, w: Tensor, row: Row, planned: PlannedEdit) -> Tensor:
        """The moved latents; a strength of 0 leaves every bit."""
        strength = self.strength(w, row, planned)
        if strength == 0:
            return w
        moved = w.clone()
        moved[self._layers] += strength * self._step
        return moved

    def strength(self, w: Tensor, row: Row, planned: PlannedEdit) -> float:
        """How far the latents of a row are moved, in standard deviations.

        Towards a target this is what the regression says is missing, at most `FARTHEST`; a drawn quantile is first
        looked up among the measured values.
        """
        if self._spec.target is None:
            return planned.value
        attribute = self._directions.attributes[self._spec.direction]
        target = planned.value
        if isinstance(self._spec.target, str) and self._spec.direction == "density":
            target = float(np.interp(target, np.linspace(0, 1, len(attribute.quantiles)), attribute.quantiles))
        name, classes = self._model.class_of(row.label, row.view), self._model.classes
        number = classes.index(name) if name in classes else 0
        found = self._directions.predicted(self._spec.direction, w.mean(0).cpu().numpy(), number)
        return float(np.clip((target - float(found)) / max(attribute.slope, 1e-30), -FARTHEST, FARTHEST))
