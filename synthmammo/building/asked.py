"""The device and the batch that a build is asked for, before it is known what its models promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthmammo.arguments import a_number, a_text
from synthmammo.errors import RecipeError
from synthmammo.models.devices import CPU, Computing, promises_half, settled, usable

if TYPE_CHECKING:
    from synthmammo.generators.inputs import Inputs


@dataclass(frozen=True)
class Asked:
    """What `device` and `batch` of a public function say.

    Attributes:
        device: Device of the networks, which is there.
        batch: Number of images or lesions per batch; None for the default of the device.
    """

    device: str = CPU
    batch: int | None = None

    @classmethod
    def of(cls, device: object, batch: object) -> Asked:
        """The arguments, checked.

        Raises:
            RecipeError: The device is not there, or the batch is no whole number of at least 1.
        """
        found = usable(a_text(device, "device", RecipeError), failure=RecipeError)
        return cls(found, None if batch is None else a_number(batch, "batch", RecipeError, least=1))

    def settled(self, inputs: Inputs) -> Computing:
        """How the networks compute; half precision where the device gains by it and the model promises it.

        Args:
            inputs: What the recipe's generators read.
        """
        models = [one.path for one in inputs.values() if one.facts is not None] if self.device != CPU else []
        return settled(self.device, self.batch, promised=promises_half(models))
