"""The image that a part, or half of a mixture, is taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthmammo.errors import GeneratorError
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.inverted import read_inverted
from synthmammo.models.latents import Model

if TYPE_CHECKING:
    from torch import Tensor


def reference_latents(model: Model, inverted: str | None, row: Row, planned: PlannedEdit) -> Tensor:
    """The w of an edit's reference.

    Args:
        model: The model.
        inverted: File of inverted images, for references by key; None where there is none.
        row: The row, whose label and truncation hold for a reference by seed.
        planned: The planned edit, which names the reference.

    Returns:
        `float32 (latents, w_dim)`.

    Raises:
        GeneratorError: The plan names no reference, or a key without a file.
        DatasetError: The file cannot be read, is of another model, or has no such key.
    """
    import torch

    if planned.reference_seed is not None:
        label = model.checkpoint.description.class_of(row.label, row.view)
        return model.w([planned.reference_seed], [label], [row.truncation])[0]
    if planned.reference_key is None or inverted is None:
        raise GeneratorError("the plan names no reference", where=f"{row.key}, {planned.name}", hint="Plan again.")
    image = read_inverted(inverted, model.checkpoint.digest)[planned.reference_key]
    return torch.from_numpy(image.w.copy()).to(model.device)
