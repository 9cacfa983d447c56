"""Where a recipe's images come from: phantoms, a trained StyleGAN2, real mammograms; and what they must look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from synthmammo.errors import nearest
from synthmammo.mammogram.terms import ATTRIBUTES, DENSITIES, DENSITY_SHARES
from synthmammo.recipe.draws import Positive, Share, Shares, Strict

LEAST_PX, MOST_PX = 32, 16_384
"""Sides of a phantom: below, there is no breast to see; above, one image does not fit into memory."""


class PhantomBackground(Strict):
    """Procedural mammograms: no trained network, any spacing, exact masks."""

    generator: Literal["phantom"] = Field("phantom", description="Says that the images are phantoms")
    spacing_mm: Positive = Field(0.1, description="Millimetres per pixel")
    height_mm: Positive = Field(240.0, description="Height of the image field")
    width_mm: Positive = Field(180.0, description="Width of the image field")
    response: Literal["film", "digital"] = Field(
        "digital", description="Look of a film scan or of a processed detector image"
    )
    chest_wall: Literal["left", "right"] | None = Field(
        None, description="Force the chest wall to one side; default by laterality"
    )
    views: Shares = Field({"CC": 0.5, "MLO": 0.5}, description="Shares of the projections CC and MLO")
    lateralities: Shares = Field({"L": 0.5, "R": 0.5}, description="Shares of left and right breasts")
    densities: Shares = Field(DENSITY_SHARES, description="Shares of the BI-RADS compositions a to d")
    implants: Share = Field(0.0, description="Share of breasts with an implant")
    exam: Literal["four views"] | None = Field(
        None, description="Both views of both breasts of every patient; a class is then a breast's"
    )
    samples_per_host: int = Field(1, ge=1, description="Samples made from one background; more is faster, less varied")

    @model_validator(mode="after")
    def _known_names(self) -> PhantomBackground:
        for field, known in (("views", ("CC", "MLO")), ("lateralities", ("L", "R")), ("densities", DENSITIES)):
            unknown = [name for name in getattr(self, field) if name not in known]
            if unknown:
                raise ValueError(f"{field}: '{unknown[0]}' is not one of {', '.join(known)}")
        for field in ("height_mm", "width_mm"):
            pixels = getattr(self, field) / self.spacing_mm
            if not MOST_PX >= pixels >= LEAST_PX:
                length = f"{getattr(self, field):g} mm at {self.spacing_mm:g} mm a pixel are {pixels:,.0f} pixels"
                raise ValueError(f"{field}: {length}; expected {LEAST_PX} to {MOST_PX:,}")
        return self


class StyleGAN2Background(Strict):
    """Whole mammograms from a trained StyleGAN2."""

    generator: Literal["stylegan2"] = Field(description="Says that a StyleGAN2 makes the images")
    model: str = Field(description="zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION")
    truncation: float = Field(0.65, ge=0, le=1.5, description="psi; 0.65 is the value of the mammogram StyleGAN paper")
    noise: Literal["fixed", "own"] = Field(
        "fixed", description="Fine texture from the model's one set of noise maps, or each image's own, from its seed"
    )
    view: Literal["CC", "MLO"] | None = Field(None, description="What all its images show; see also `require`")
    laterality: Literal["L", "R"] | None = Field(
        None, description="Side to call them, which DICOM requires; a mirrored breast is one of the other side"
    )
    conditional: bool = Field(
        False, description="The model makes the recipe's classes itself: a malignant image needs no lesion put in"
    )
    latents: str | None = Field(None, description="File of inverted real images that takes the place of seeds")
    directions: str | None = Field(None, description="File of directions; default beside the model")
    parts: str | None = Field(None, description="File of parts; default beside the model")
    samples_per_host: int = Field(1, ge=1, description="Samples made from one background")


class IngestBlock(Strict):
    """How the host dataset is made when it is not there yet: the arguments of `synthmammo ingest`."""

    source: str = Field(description="Name of the source, e.g. dicom")
    path: str = Field(description="Folder of the archive, or package:NAME for the files an installed package carries")
    options: dict[str, Any] = Field({}, description="Options of `synthmammo ingest`, e.g. assume_spacing_mm: 0.05")


class IngestedBackground(Strict):
    """Real mammograms from a dataset that `synthmammo ingest` made."""

    generator: Literal["ingested"] = Field(description="Says that the images are real mammograms")
    dataset: str = Field(description="Directory of the ingested dataset, relative to where the command runs")
    ingest: IngestBlock | None = Field(None, description="How to make that directory when it is absent")
    findings: Literal["refuse", "keep"] = Field(
        "refuse", description="Hosts that already have findings: leave them out, or keep them with their own findings"
    )
    assume_spacing_mm: Positive | None = Field(
        None, description="Spacing to assume for hosts without one; recorded as assumed, shown in the card"
    )
    samples_per_host: int = Field(1, ge=1, description="Samples made from one background")


def _generator_named(value: Any) -> Any:
    return {"generator": "phantom", **value} if isinstance(value, dict) else value


Background = Annotated[
    Annotated[PhantomBackground | StyleGAN2Background | IngestedBackground, Field(discriminator="generator")],
    BeforeValidator(_generator_named),
]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class Requirement(Strict):
    """What a generated background must look like; of its candidate seeds the first that does is taken."""

    view: Annotated[Literal["CC", "MLO"], BeforeValidator(_upper, json_schema_input_type=str)] | None = Field(
        None, description="Projection that the image must show"
    )
    implant: bool | None = Field(None, description="Whether the image must show an implant")
    confidence: float = Field(0.9, ge=0.5, lt=1, description="Least probability of that view, and of that implant")
    within: dict[str, tuple[float, float]] = Field({}, description="Lowest and highest value of attributes")
    candidates: int = Field(8, ge=1, le=64, description="Seeds to try before the row is reported as failed")

    @model_validator(mode="after")
    def _understood(self) -> Requirement:
        if self.view is None and self.implant is None and not self.within:
            raise ValueError("expected at least one of view, implant, within")
        for name, (low, high) in self.within.items():
            if name not in ATTRIBUTES:
                raise ValueError(f"within: no attribute is called '{name}'. {nearest(name, ATTRIBUTES)}")
            if low > high:
                raise ValueError(f"within.{name}: low {low:g} is above high {high:g}")
        return self
