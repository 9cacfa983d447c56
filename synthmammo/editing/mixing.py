"""Latents between two samples: some layers of one and some of the other, or points on the straight way."""

from __future__ import annotations

import torch
from torch import Tensor

from synthmammo.editing.editor import check_layers
from synthmammo.editing.reference import reference_latents
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import MixingEdit


class Mixing:
    """The edit `mixing` of a recipe; see the protocol `LatentEdit`."""

    def __init__(self, spec: MixingEdit, model: Model, background: StyleGAN2Background) -> None:
        check_layers(spec.mixing, model, "mixing")
        self._layers, self._model, self._file = spec.mixing, model, background.latents

    def w(self, w: Tensor, row: Row, planned: PlannedEdit) -> Tensor:
        """The latents with a range of layers moved towards those of the reference."""
        other = reference_latents(self._model, self._file, row, planned)
        return mixed(w, other.to(w.device), self._layers, planned.value)


def mixed(w: Tensor, other: Tensor, layers: tuple[int, int], strength: float = 1.0) -> Tensor:
    """Latents that take a range of layers from another sample ("style mixing", Karras et al. 2019, section 3.1).

    Args:
        w: Latents of the first sample, `(..., latents, w_dim)`.
        other: Latents of the other sample, of the same shape.
        layers: First latent taken from `other`, and the one after the last; an empty range takes none.
        strength: Share of the way to `other`: 0 is exactly `w`, 1 exactly `other`.

    Returns:
        A new tensor of the shape of `w`.

    Raises:
        ValueError: The range does not lie within the latents.
    """
    start, stop = layers
    if not 0 <= start <= stop <= w.shape[-2]:
        raise ValueError(f"layers: expected a range within [0, {w.shape[-2]}], got [{start}, {stop}]")
    result = w.clone()
    result[..., start:stop, :] = torch.lerp(w[..., start:stop, :], other[..., start:stop, :], strength)
    return result


def between(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Latents at even distances on the straight way between two samples, which in W is the smooth one.

    Args:
        start: Latents of the first sample, `(latents, w_dim)`.
        end: Latents of the last sample, `(latents, w_dim)`.
        steps: Number of latents in all, 2 or more; the first is `start`, the last `end`.

    Returns:
        `(steps, latents, w_dim)`.

    Raises:
        ValueError: There are fewer than 2 steps.
    """
    if steps < 2:
        raise ValueError(f"steps: expected 2 or more, got {steps}")
    places = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)[:, None, None]
    return torch.lerp(start.expand(steps, -1, -1), end.expand(steps, -1, -1), places)
