"""Backgrounds of a recipe (phantoms, a trained StyleGAN2, real mammograms), and what they must look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from synthmammo.errors import RecipeError, nearest
from synthmammo.mammogram.columns import COLUMNS, kinds
from synthmammo.mammogram.terms import ATTRIBUTES, DENSITIES, DENSITY_SHARES, VIEWS
from synthmammo.mammogram.where import parse
from synthmammo.recipe.draws import Positive, Share, Shares, Strict

LEAST_PX, MOST_PX = 32, 16_384
"""Least and greatest side of a phantom, in pixels: a smaller one shows no breast, a larger one fills the memory."""


@dataclass(frozen=True)
class Shown:
    """What generated backgrounds show, for the plan to draw; a name stands for all of them, None for what is unknown.

    Attributes:
        view: Shares of the projections, by "CC" and "MLO".
        laterality: Shares of the sides, by "L" and "R".
        density: Shares of the BI-RADS compositions, by "a" to "d"; the views of a patient have one.
        implants: Share of patients with an implant.
        truncation: Truncation psi of every image; 1 where the generator has none.
    """

    view: Mapping[str, float] | str | None = None
    laterality: Mapping[str, float] | str | None = None
    density: Mapping[str, float] | str | None = None
    implants: float = 0.0
    truncation: float = 1.0


class BackgroundSection(Strict):
    """What a recipe says of its backgrounds; the section of a generator adds its own keys.

    A plug-in's section states `generator: Literal["its name"]`, and `shown` where its images have views and sides. The
    other properties have answers that suit a generator of whole images without latents.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions that decide its pixels, beside those of every build and the plug-in's own."""

    generator: str = Field(description="Name of the generator")
    samples_per_host: int = Field(1, ge=1, description="Samples per background; more are faster and less varied")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        # The key stands last, wherever a section's own keys come from: recipes were always written so.
        cls.__pydantic_fields__["samples_per_host"] = cls.__pydantic_fields__.pop("samples_per_host")

    def shown(self, view: str | None) -> Shown:
        """What the images show, as far as the recipe says it.

        Args:
            view: View that `require` asks for; None where it asks for none.
        """
        return Shown(view)

    @property
    def makes_classes(self) -> bool:
        """Whether the generator makes the recipe's classes itself, so that malignant images need no lesions."""
        return False

    @property
    def brings_patients(self) -> bool:
        """Whether the images are there already, of patients with a split of their own."""
        return False

    @property
    def drawn_again(self) -> bool:
        """Whether another seed may be tried where an image does not look as `require` asks."""
        return True

    @property
    def in_exams(self) -> bool:
        """Whether a patient has the four views of an exam."""
        return False

    @property
    def network(self) -> str | None:
        """Name of the trained model that makes the images; None where none does."""
        return None

    @property
    def refined_by(self) -> str | None:
        """Name of the detail network that makes the images finer; None where none does."""
        return None

    @property
    def shorter_side_px(self) -> int | None:
        """Shorter side of every image in pixels; None where the recipe alone does not tell."""
        return None

    @property
    def no_patches(self) -> str | None:
        """Why the recipe cannot emit patches; None where it can."""
        return None

    @property
    def edited(self) -> StyleGAN2Background | None:
        """The section of the model whose latents edits can change; None where there are no latents."""
        return None

    @property
    def wants_ingest(self) -> IngestedBackground | None:
        """The section of hosts that are ingested first, where it says from what."""
        return None


class _Refinable(BackgroundSection):
    detail: str | None = Field(
        None,
        exclude_if=lambda detail: detail is None,  # a dataset that was made without it keeps its digest
        description="Detail network that makes the images finer: zoo/NAME, the path of a .safetensors file, or "
        "hf://ORG/REPO/FILE@REVISION",
    )

    @property
    def refined_by(self) -> str | None:
        return self.detail


class PhantomBackground(_Refinable):
    """Procedural mammograms, which need no trained network, have any spacing and come with exact masks."""

    generator: Literal["phantom"] = Field("phantom", description="Says that the images are phantoms")
    spacing_mm: Positive = Field(0.1, description="Millimetres per pixel")
    height_mm: Positive = Field(240.0, description="Height of the image field, in millimetres")
    width_mm: Positive = Field(180.0, description="Width of the image field, in millimetres")
    height_px: int | None = Field(
        None, ge=LEAST_PX, le=MOST_PX, exclude=True, description="That height in pixels; states height_mm by spacing_mm"
    )
    width_px: int | None = Field(
        None, ge=LEAST_PX, le=MOST_PX, exclude=True, description="That width in pixels; states width_mm by spacing_mm"
    )
    response: Literal["film", "digital"] = Field(
        "digital", description="Look of a film scan or of a processed detector image"
    )
    chest_wall: Literal["left", "right"] | None = Field(
        None, description="Side of the chest wall in every image; default by laterality"
    )
    views: Shares = Field({"CC": 0.5, "MLO": 0.5}, description="Shares of the projections CC and MLO")
    lateralities: Shares = Field({"L": 0.5, "R": 0.5}, description="Shares of left and right breasts")
    densities: Shares = Field(DENSITY_SHARES, description="Shares of the BI-RADS compositions a to d")
    implants: Share = Field(0.0, description="Share of breasts with an implant")
    exam: Literal["four views"] | None = Field(
        None, description="Both views of both breasts for every patient; a class then belongs to a breast"
    )

    @model_validator(mode="before")
    @classmethod
    def _pixels_as_millimetres(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        spacing_mm = value.get("spacing_mm", cls.model_fields["spacing_mm"].default)
        stated = {name: value.get(f"{name}_px") for name in ("height", "width")}
        lengths = {
            f"{name}_mm": round(pixels * spacing_mm, 9)
            for name, pixels in stated.items()
            if type(pixels) is int and type(spacing_mm) in (int, float)
        }
        return {**lengths, **value}

    @model_validator(mode="after")
    def _pixels_agree(self) -> PhantomBackground:
        for name in ("height", "width"):
            stated, length_mm = getattr(self, f"{name}_px"), getattr(self, f"{name}_mm")
            follows = round(length_mm / self.spacing_mm)
            if stated not in (None, follows):
                reason = f"{length_mm:g} mm (background.{name}_mm) at {self.spacing_mm:g} mm per pixel are {follows:,}"
                raise ValueError(f"{name}_px: {stated:,} contradicts {name}_mm: {reason} pixels; state one of the two")
        return self

    @model_validator(mode="after")
    def _known_names(self) -> PhantomBackground:
        for field, known in (("views", VIEWS), ("lateralities", ("L", "R")), ("densities", DENSITIES)):
            unknown = [name for name in getattr(self, field) if name not in known]
            if unknown:
                raise ValueError(f"{field}: '{unknown[0]}' is not one of {', '.join(known)}")
        for field in ("height_mm", "width_mm"):
            pixels = getattr(self, field) / self.spacing_mm
            if not MOST_PX >= pixels >= LEAST_PX:
                length = f"{getattr(self, field):g} mm at {self.spacing_mm:g} mm per pixel are {pixels:,.0f} pixels"
                raise ValueError(f"{field}: {length}; expected {LEAST_PX} to {MOST_PX:,}")
        return self

    def shown(self, view: str | None) -> Shown:  # noqa: D102, the protocol's
        return Shown(self.views, self.lateralities, self.densities, self.implants)

    @property
    def drawn_again(self) -> bool:  # noqa: D102, the protocol's
        return False  # a phantom is told what to show

    @property
    def in_exams(self) -> bool:  # noqa: D102, the protocol's
        return self.exam is not None

    @property
    def network(self) -> str | None:  # noqa: D102, the protocol's
        return self.detail

    @property
    def shorter_side_px(self) -> int | None:  # noqa: D102, the protocol's
        return None if self.detail else round(min(self.height_mm, self.width_mm) / self.spacing_mm)


class StyleGAN2Background(_Refinable):
    """Whole mammograms from a trained StyleGAN2."""

    generator: Literal["stylegan2"] = Field(description="Says that a StyleGAN2 makes the images")
    model: str = Field(description="zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION")
    truncation: float = Field(0.65, ge=0, le=1.5, description="Truncation psi; 0.65 is the value of Zakka et al. 2020")
    noise: Literal["fixed", "own"] = Field(
        "fixed", description="Noise maps for the fine texture: the model's one set, or each image's own, from its seed"
    )
    view: Literal["CC", "MLO"] | None = Field(None, description="View that all its images show; see also `require`")
    views: Shares | None = Field(
        None, description="Shares of the projections CC and MLO, for a model that makes the view it is asked for"
    )
    laterality: Literal["L", "R"] | None = Field(
        None, description="Laterality to record, which DICOM requires; a mirrored breast is one of the other side"
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**64)]] = Field(
        [],
        exclude_if=lambda seeds: not seeds,  # a dataset that was made without it keeps its digest
        description="Random seeds of the images, which backgrounds take in turn; default drawn",
    )
    conditional: bool = Field(
        False, description="Whether the model makes the recipe's classes itself, so that they need no lesions put in"
    )
    latents: str | None = Field(None, description="File of inverted real images, which take the place of seeds")
    directions: str | None = Field(None, description="File of directions; default beside the model")
    parts: str | None = Field(None, description="File of parts; default beside the model")

    @model_validator(mode="after")
    def _one_view(self) -> StyleGAN2Background:
        if self.views is None:
            return self
        if unknown := [name for name in self.views if name not in VIEWS]:
            raise ValueError(f"views: '{unknown[0]}' is not one of {', '.join(VIEWS)}")
        for field in ("view", "latents", "conditional"):
            if getattr(self, field):
                raise ValueError(f"views: cannot be combined with {field}, which decides the views or the classes")
        return self

    def shown(self, view: str | None) -> Shown:  # noqa: D102, the protocol's
        return Shown(self.views or self.view or view, self.laterality, truncation=self.truncation)

    @property
    def makes_classes(self) -> bool:  # noqa: D102, the protocol's
        return self.conditional

    @property
    def brings_patients(self) -> bool:  # noqa: D102, the protocol's
        return bool(self.latents)

    @property
    def network(self) -> str:  # noqa: D102, the protocol's
        return self.model

    @property
    def edited(self) -> StyleGAN2Background:  # noqa: D102, the protocol's
        return self


class IngestBlock(Strict):
    """Arguments of the `synthmammo ingest` that makes the host dataset when it is not there yet."""

    source: str = Field(description="Name of the source, e.g. dicom")
    path: str = Field(description="Folder of the archive, or package:NAME for the files an installed package carries")
    options: dict[str, Any] = Field({}, description="Options of `synthmammo ingest`, e.g. assume_spacing_mm: 0.05")


class IngestedBackground(BackgroundSection):
    """Real mammograms from a dataset that `synthmammo ingest` made."""

    generator: Literal["ingested"] = Field(description="Says that the images are real mammograms")
    dataset: str = Field(description="Directory of the ingested dataset, relative to where the command runs")
    ingest: IngestBlock | None = Field(None, description="Ingest that makes the directory when it is absent")
    findings: Literal["refuse", "keep"] = Field(
        "refuse", description="Whether hosts that already have findings are left out, or kept with their own findings"
    )
    where: str | None = Field(
        None,
        exclude_if=lambda where: where is None,  # a dataset that was made without it keeps its digest
        description="Condition on the dataset's columns that hosts must meet, e.g. `modifier is null`; default all",
    )
    assume_spacing_mm: Positive | None = Field(
        None,
        description="Millimetres per pixel to assume for hosts without a spacing; the card says that it is assumed",
    )

    @field_validator("where")
    @classmethod
    def _condition_understood(cls, where: str | None) -> str | None:
        if where is not None:
            try:
                parse(where, kinds(COLUMNS), RecipeError)
            except RecipeError as error:
                raise ValueError(f"{error.message}. {error.hint or ''}".strip()) from None
        return where

    @property
    def brings_patients(self) -> bool:  # noqa: D102, the protocol's
        return True

    @property
    def drawn_again(self) -> bool:  # noqa: D102, the protocol's
        return False

    @property
    def wants_ingest(self) -> IngestedBackground | None:  # noqa: D102, the protocol's
        return self if self.ingest else None

    @property
    def no_patches(self) -> str:  # noqa: D102, the protocol's
        return "patches of real hosts are made by `synthmammo patches`"


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class Requirement(Strict):
    """What a generated background must look like; the first of its candidate seeds that does is taken."""

    view: Annotated[Literal["CC", "MLO"], BeforeValidator(_upper, json_schema_input_type=str)] | None = Field(
        None, description="View that it must show; default any"
    )
    implant: bool | None = Field(None, description="Whether it must have an implant; default either")
    confidence: float = Field(0.9, ge=0.5, lt=1, description="Least probability of that view, and of that implant")
    within: dict[str, tuple[float, float]] = Field({}, description="Lowest and highest value by attribute")
    candidates: int = Field(8, ge=1, le=64, description="Number of seeds to try before the row is reported as failed")

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
