"""The protocol of an edit, the table of the edits there are, and their application to latents, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models import devices
from synthmammo.models.latents import Latents, Model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import EditSpec

if TYPE_CHECKING:
    from torch import Tensor

_Styles = dict[str, "Tensor"]


@runtime_checkable
class LatentEdit(Protocol):
    """Changes the w of one row; loaded once per process.

    An edit is made as `Kind(spec, model, background)` and raises `GeneratorError` where it cannot work: its file is
    missing or of another model, or the layers are not the model's.
    """

    def w(self, w: Tensor, row: Row, planned: PlannedEdit) -> Tensor:
        """The changed latents.

        Args:
            w: Truncated latents, `float32 (latents, w_dim)`, on the processor; not to be written to.
            row: The row; its label and truncation also hold for a reference.
            planned: The edit as it was drawn for the row.
        """
        ...


@runtime_checkable
class StyleEdit(Protocol):
    """Changes the styles of one row; made as a `LatentEdit` is."""

    def styles(self, styles: _Styles, row: Row, planned: PlannedEdit) -> _Styles:
        """The changed styles by layer, each `float32 (C,)`; layers that do not change may be left out."""
        ...


_Edit = LatentEdit | StyleEdit

EDITS = {
    "direction edit": "synthmammo.editing.directions.edit:Direction",
    "part edit": "synthmammo.editing.parts.edit:PartEditor",
    "mixing edit": "synthmammo.editing.mixing:Mixing",
}
"""Classes of edits by the tag of their entry in a recipe."""


class Editor:
    """Applies a recipe's edits to the latents of rows: those of w in the order of the recipe, then those of styles.

    Args:
        specs: The recipe's entries under `edits`.
        model: The model whose latents are edited.
        background: The recipe's background, which names files.

    Raises:
        GeneratorError: An edit cannot work on this model.
    """

    def __init__(self, specs: Sequence[EditSpec], model: Model, background: StyleGAN2Background) -> None:
        self.model = model
        edits = dict(enumerate(_edit_class(spec)(spec, model, background) for spec in specs))
        self._latent_edits = {number: edit for number, edit in edits.items() if isinstance(edit, LatentEdit)}
        self._style_edits = {number: edit for number, edit in edits.items() if isinstance(edit, StyleEdit)}

    def __call__(self, latents: Latents) -> Latents:
        """The latents with the edits of each row; a row without edits keeps every bit."""
        import torch

        planned_rows = list(_planned(latents, self._latent_edits))
        with torch.inference_mode():
            if not planned_rows:
                return self._styled(latents)
            # On the processor, so that a batch comes down and goes up once, however many of its rows are edited.
            w = torch.from_numpy(devices.down(latents.w)).clone()
            for number, row, planned in planned_rows:
                w[number] = self._latent_edits[planned.spec].w(w[number], row, planned)
            return self._styled(replace(latents, w=devices.up(w, latents.w.device)))

    def _styled(self, latents: Latents) -> Latents:
        edited = list(_planned(latents, self._style_edits))
        if not edited:
            return latents
        # The network's own call on the whole batch, so that the styles of rows without edits are the same to the bit.
        styles = latents.styles or self.model.network.synthesis.styles(latents.w)
        styles = {layer: style.clone() for layer, style in styles.items()}
        for number, row, planned in edited:
            own = {layer: style[number] for layer, style in styles.items()}
            for layer, style in self._style_edits[planned.spec].styles(own, row, planned).items():
                styles[layer][number] = style
        return replace(latents, styles=styles)


def _planned(latents: Latents, edits: Mapping[int, _Edit]) -> Iterator[tuple[int, Row, PlannedEdit]]:
    """The planned edits of some kinds: number of the row, the row, and what was drawn."""
    for number, row in enumerate(latents.rows):
        for planned in row.edits:
            if planned.spec in edits:
                yield number, row, planned


def _edit_class(spec: EditSpec) -> Callable[[EditSpec, Model, StyleGAN2Background], _Edit]:
    return cast(Callable[[EditSpec, Model, StyleGAN2Background], _Edit], resolve_name(EDITS[spec.tag]))


def check_layers(layers: tuple[int, int] | None, model: Model, where: str) -> slice:
    """The layers of w that an edit touches.

    Args:
        layers: First layer, and the one after the last; None for all.
        model: The model that has the layers.
        where: What an error message names as its place.

    Raises:
        GeneratorError: The model has fewer.
    """
    from synthmammo.errors import GeneratorError

    count = model.network.config.latents
    if layers and layers[1] <= layers[0]:
        raise GeneratorError(f"[{layers[0]}, {layers[1]}) holds no layer", where=where, hint="The first comes first.")
    if layers and layers[1] > count:
        hint = f"The model has layers 0 to {count - 1}, so the range ends at {count} at most."
        raise GeneratorError(f"[{layers[0]}, {layers[1]}) reaches beyond the model", where=where, hint=hint)
    return slice(*layers) if layers else slice(0, count)
