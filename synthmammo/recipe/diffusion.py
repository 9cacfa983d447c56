"""Sections of a recipe whose images a diffusion pipeline makes: backgrounds, lesions, tissue in place of lesions."""

from __future__ import annotations

import string
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthmammo.mammogram.sample import Kind
from synthmammo.mammogram.terms import DENSITIES, VIEWS
from synthmammo.recipe.backgrounds import BackgroundSection, Shown
from synthmammo.recipe.draws import Positive, Shares, Strict
from synthmammo.recipe.lesions import LesionSpec, PostProcessing, Removal

LIBRARIES = ("torch", "diffusers", "transformers")
"""Distributions that decide what a pipeline paints."""

_POST = {kind: PostProcessing(expand_px=2, edge_px=4.0, minimum_area=1e-4) for kind in (Kind.MASS, Kind.CALCIFICATION)}
"""Post-processing of painted lesions: their extent is that of the plan, and the edge fades into what was painted."""


class Painting(Strict):
    """What a recipe says of a pipeline: which, and how it samples."""

    model: str = Field(description="Folder of a diffusers pipeline, or hf://ORG/REPO@REVISION")
    prompt: str = Field("", description="Text that the pipeline is asked for; empty for an unconditional pipeline")
    negative_prompt: str = Field("", description="Text that the pipeline is asked to avoid; default none")
    steps: int = Field(50, ge=1, le=1000, description="Number of denoising steps")
    guidance: float = Field(7.5, ge=0, le=100, description="Scale of the classifier-free guidance by the prompt")
    scheduler: str | None = Field(
        None, pattern=r"^[A-Z]\w*Scheduler$", description="Scheduler of diffusers by its class; default the pipeline's"
    )


_PLACES = ("label", "view", "laterality", "density")
"""What a prompt may name in braces: what the plan drew for the image."""


_SHARES = {
    "view": "views: {CC: 0.5, MLO: 0.5}",
    "laterality": "lateralities: {L: 0.5, R: 0.5}",
    "density": "densities: {a: 0.1, b: 0.4, c: 0.4, d: 0.1}",
}


class DiffusionBackground(Painting, BackgroundSection):
    """Whole mammograms from a diffusion pipeline, unconditional or asked for by a text."""

    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    generator: Literal["diffusion"] = Field(description="Says that a diffusion pipeline makes the images")
    prompt: str = Field(
        "",
        description="Text that the pipeline is asked for; {label}, {view}, {laterality} and {density} in it stand for "
        "what the plan drew. Empty for an unconditional pipeline",
    )
    spacing_mm: Positive | None = Field(
        None, description="Millimetres per pixel, as its authors state; the card says that it is assumed"
    )
    view: Literal["CC", "MLO"] | None = Field(None, description="View that all its images show")
    views: Shares | None = Field(None, description="Shares of the projections CC and MLO, for a prompt with {view}")
    laterality: Literal["L", "R"] | None = Field(None, description="Laterality that all its images show")
    lateralities: Shares | None = Field(None, description="Shares of L and R, for a prompt with {laterality}")
    densities: Shares | None = Field(None, description="Shares of the compositions a to d, for a prompt with {density}")
    conditional: bool = Field(
        False,
        description="Whether the prompt's {label} makes the recipe's classes, so that they need no lesions put in",
    )

    @field_validator("prompt")
    @classmethod
    def _places_known(cls, prompt: str) -> str:
        try:
            named = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
        except ValueError as error:
            raise ValueError(f"the braces are not understood ({error}); write {{{{ for a brace") from None
        if unknown := [name for name in named if name not in _PLACES]:
            raise ValueError(f"'{{{unknown[0]}}}' is not one of {', '.join(f'{{{name}}}' for name in _PLACES)}")
        return prompt

    @model_validator(mode="after")
    def _drawn_once(self) -> DiffusionBackground:
        for one, several, known in (("view", "views", VIEWS), ("laterality", "lateralities", ("L", "R"))):
            shares = getattr(self, several)
            if shares and getattr(self, one):
                raise ValueError(f"{several}: cannot be combined with {one}")
            if unknown := [name for name in shares or () if name not in known]:
                raise ValueError(f"{several}: '{unknown[0]}' is not one of {', '.join(known)}")
        if unknown := [name for name in self.densities or () if name not in DENSITIES]:
            raise ValueError(f"densities: '{unknown[0]}' is not one of {', '.join(DENSITIES)}")
        for place, drawn, stated in (
            ("view", self.views, self.view),
            ("laterality", self.lateralities, self.laterality),
            ("density", self.densities, None),
        ):
            named = f"{{{place}}}" in self.prompt
            if drawn and not named:
                raise ValueError(f"prompt: does not name the {{{place}}} that is drawn, so images would not show it")
            if named and not (drawn or stated):
                raise ValueError(f"prompt: names the {{{place}}}, and none is stated; e.g. {_SHARES[place]}")
        if self.conditional and "{label}" not in self.prompt:
            raise ValueError("prompt: does not name the {label}, so that classes would not differ")
        return self

    def shown(self, view: str | None) -> Shown:  # noqa: D102, the protocol's
        return Shown(self.views or self.view or view, self.lateralities or self.laterality, self.densities)

    @property
    def makes_classes(self) -> bool:  # noqa: D102, the protocol's
        return self.conditional

    @property
    def network(self) -> str:  # noqa: D102, the protocol's
        return self.model


class DiffusionLesion(Painting, LesionSpec):
    """Lesions that an inpainting pipeline paints into tissue, at the site and of the diameter that the plan drew."""

    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    default_post: ClassVar[dict[Kind, PostProcessing] | None] = _POST
    generator: Literal["diffusion"] = Field(description="Says that an inpainting pipeline makes the lesions")
    spacing_mm: Positive = Field(0.1, description="Millimetres per pixel that the pipeline works at")
    strength: float = Field(1.0, gt=0, le=1, description="Share of the noise that the painted area begins with")
    extent: Literal["planned", "found"] = Field(
        "planned",
        description="Mask of the lesion: what the plan drew, or what the post-processing finds in the painting",
    )


class DiffusionRemoval(Painting, Removal):
    """Tissue that an inpainting pipeline paints where the lesion is."""

    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    generator: Literal["diffusion"] = Field(description="Says that an inpainting pipeline paints the tissue")
    spacing_mm: Positive = Field(0.1, description="Millimetres per pixel that the pipeline works at")
    strength: float = Field(1.0, gt=0, le=1, description="Share of the noise that the painted area begins with")
