"""The background of a recipe: its generator's name chooses the section, of this package or of a plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator

from synthmammo.extending import BACKGROUNDS
from synthmammo.recipe.backgrounds import (
    BackgroundSection,
    IngestedBackground,
    PhantomBackground,
    StyleGAN2Background,
)
from synthmammo.recipe.diffusion import DiffusionBackground
from synthmammo.recipe.sections import names_of, of_plugin, refuse_unknown

SECTIONS: dict[str, type[BackgroundSection]] = {
    "phantom": PhantomBackground,
    "stylegan2": StyleGAN2Background,
    "ingested": IngestedBackground,
    "diffusion": DiffusionBackground,
}
"""Sections of this package's own backgrounds; those of plug-ins are theirs."""


def _sectioned(value: Any, own: ValidatorFunctionWrapHandler) -> Any:
    """The section that a mapping is by its generator, a phantom where it names none."""
    if not isinstance(value, dict):
        return value if isinstance(value, BackgroundSection) else own(value)
    stated = {"generator": "phantom", **value}
    name = stated["generator"]
    if name in SECTIONS or not isinstance(name, str):
        return own(stated)
    refuse_unknown(name, names_of(BACKGROUNDS, SECTIONS), stated)
    return of_plugin(BACKGROUNDS, name, stated)


_OWN = PhantomBackground | StyleGAN2Background | IngestedBackground | DiffusionBackground
if TYPE_CHECKING:
    Background = BackgroundSection
else:
    Background = Annotated[
        SerializeAsAny[Annotated[_OWN, Field(discriminator="generator")]],
        WrapValidator(_sectioned),
    ]
