"""The protocol of an edit, the table of the edits there are, and their application to latents, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Latents, Model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import EditSpec

if TYPE_CHECKING:
    from torch import Tensor

Styles = dict[str, "Tensor"]


class LatentEdit(Protocol):
    """Changes the w of one row; loaded once a process.

    An edit is made as `Kind(spec, model, background)` and raises `GeneratorError` where it cannot work: its file is
    missing or of another model, or the layers are not the model's.
    """

    def w(self, w: Tensor, row: Row, planned: PlannedEdit) -> Tensor:
        """The changed latents.

        Args:
            w: `float32 (latents, w_dim)`, truncated; not to be written to.
            row: The row; its label and truncation also hold for a reference.
            planned: What was drawn.
        """
        ...


class StyleEdit(Protocol):
    """Changes the styles of one row; made as a `LatentEdit` is."""

    def styles(self, styles: Styles, row: Row, planned: PlannedEdit) -> Styles:
        """The changed styles by layer, each `float32 (C,)`; layers that do not change may be left out."""
        ...


EDITS = {
    "direction edit": "synthmammo.editing.directions.edit:Direction",
    "part edit": "synthmammo.editing.parts.edit:Part",
    "mixing edit": "synthmammo.editing.mixing:Mixing",
}
"""Classes of edits by the tag of their entry in a recipe."""


class Editor:
    """Applies a recipe's edits to the latents of rows: those of w in the order of the recipe, then those of styles.

    Args:
        specs: The recipe's entries under `edits`.
        model: The model that latents are of.
        background: The recipe's background, which names files.

    Raises:
        GeneratorError: An edit cannot work on this model.
    """

    def __init__(self, specs: Sequence[EditSpec], model: Model, background: StyleGAN2Background) -> None:
        self.model = model
        self._edits = [_kind(spec)(spec, model, background) for spec in specs]

    def __call__(self, latents: Latents) -> Latents:
        """The latents with the edits of each row; a row without edits keeps every bit."""
        import torch

        with torch.inference_mode():
            w = latents.w.clone()
            for number, row in enumerate(latents.rows):
                for planned in row.edits:
                    edit = self._edits[planned.spec]
                    if hasattr(edit, "w"):
                        w[number] = edit.w(w[number], row, planned)
            return self._styled(replace(latents, w=w))

    def _styled(self, latents: Latents) -> Latents:
        planned = [
            (number, row, one)
            for number, row in enumerate(latents.rows)
            for one in row.edits
            if hasattr(self._edits[one.spec], "styles")
        ]
        if not planned:
            return latents
        # The network's own call on the whole batch, so that the styles of rows without edits are the same to the bit.
        styles = latents.styles or self.model.network.synthesis.styles(latents.w)
        styles = {layer: style.clone() for layer, style in styles.items()}
        for number, row, one in planned:
            own = {layer: style[number] for layer, style in styles.items()}
            for layer, style in self._edits[one.spec].styles(own, row, one).items():
                styles[layer][number] = style
        return replace(latents, styles=styles)


def _kind(spec: EditSpec) -> Any:
    module, _, attribute = EDITS[spec.tag].partition(":")
    return getattr(import_module(module), attribute)


def check_layers(layers: tuple[int, int] | None, model: Model, where: str) -> slice:
    """The layers of w that an edit touches; all of them for None.

    Raises:
        GeneratorError: The model has fewer.
    """
    from synthmammo.errors import GeneratorError

    count = model.network.config.latents
    if layers and layers[1] > count:
        hint = f"The model has layers 0 to {count - 1}, so the range ends at {count} at most."
        raise GeneratorError(f"[{layers[0]}, {layers[1]}) reaches beyond the model", where=where, hint=hint)
    return slice(*layers) if layers else slice(0, count)
