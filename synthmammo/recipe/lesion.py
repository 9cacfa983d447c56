"""An entry under `lesions`, and the removal: their generator's name chooses the section, also that of a plug-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Discriminator, SerializeAsAny, Tag, ValidatorFunctionWrapHandler, WrapValidator

from synthmammo.extending import LESIONS, plugin
from synthmammo.recipe.diffusion import DiffusionLesion, DiffusionRemoval
from synthmammo.recipe.lesions import LesionSpec, Removal
from synthmammo.recipe.sections import of_plugin

_DIFFUSION = "diffusion"
OWN_LESIONS = ("parametric", "contextual", _DIFFUSION)
"""Generators of lesions that this package has."""


def _sectioned(part: str, base: type[BaseModel]) -> Callable[[Any, ValidatorFunctionWrapHandler], Any]:
    """Validator of an entry whose section may be the `part` of a plug-in; any other is of this package."""

    def checked(value: Any, own: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, dict):
            return value if isinstance(value, base) else own(value)
        name = value.get("generator")
        if not isinstance(name, str) or "/" in name or not plugin(LESIONS, name, OWN_LESIONS):
            return own(value)
        return of_plugin(LESIONS, name, value, part)

    return checked


def _tag(value: Any) -> str:
    """Which of this package's sections a mapping is."""
    return _DIFFUSION if isinstance(value, dict) and value.get("generator") == _DIFFUSION else "other"


if TYPE_CHECKING:
    Lesion = LesionSpec
    LesionRemoval = Removal
else:
    _Lesion = Annotated[LesionSpec, Tag("other")] | Annotated[DiffusionLesion, Tag(_DIFFUSION)]
    _Removal = Annotated[Removal, Tag("other")] | Annotated[DiffusionRemoval, Tag(_DIFFUSION)]
    Lesion = Annotated[
        SerializeAsAny[Annotated[_Lesion, Discriminator(_tag)]], WrapValidator(_sectioned("section", LesionSpec))
    ]
    LesionRemoval = Annotated[
        SerializeAsAny[Annotated[_Removal, Discriminator(_tag)]], WrapValidator(_sectioned("removal_section", Removal))
    ]
