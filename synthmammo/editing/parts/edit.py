"""The edit of a recipe that moves a part of a reference image in."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from synthmammo.editing.editor import check_layers
from synthmammo.editing.parts.file import parts_file, read_parts
from synthmammo.editing.parts.fitted import transfer
from synthmammo.editing.reference import reference_latents
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import PartEdit


class PartEditor:
    """The edit `part` of a recipe; see the protocol `StyleEdit`."""

    def __init__(self, spec: PartEdit, model: Model, background: StyleGAN2Background) -> None:
        path = Path(background.parts) if background.parts else parts_file(model.checkpoint.path)
        parts = read_parts(path, model.checkpoint.digest)
        if not spec.part.isdecimal() or int(spec.part) >= len(parts):
            hint = f"It has the parts 0 to {len(parts) - 1}; `synthmammo sheet parts` shows them."
            raise GeneratorError(f"no part is called '{spec.part}'", where=path, hint=hint)
        layers = check_layers(spec.layers, model, spec.name)
        touched = range(*layers.indices(model.network.config.latents))
        queries = parts.queries(int(spec.part), spec.threshold, spec.epsilon)
        synthesis = model.network.synthesis
        self._queries = {name: q for name, q in queries.items() if synthesis.latent_of(name) in touched}
        self._model, self._file = model, background.latents

    def styles(self, styles: dict[str, Tensor], row: Row, planned: PlannedEdit) -> dict[str, Tensor]:
        """The styles with the part moved towards that of the reference."""
        w = reference_latents(self._model, self._file, row, planned)
        reference = {name: style[0] for name, style in self._model.network.synthesis.styles(w[None]).items()}
        return transfer(styles, reference, self._queries, planned.value)
