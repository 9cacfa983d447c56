"""The recipe: what dataset to make, said once, checked before anything is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from synthmammo.errors import nearest
from synthmammo.lexicon import ATTRIBUTES, DENSITIES, DENSITY_SHARES, MIX, TERMS
from synthmammo.recipe.draws import Draw, DrawModel, Share, Shares, Strict
from synthmammo.recipe.edits import DirectionEdit, EditSpec
from synthmammo.sample import Kind, Pathology

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[
    dict[int, Share],
    BeforeValidator(lambda value: {value: 1} if type(value) is int else value, json_schema_input_type=int | dict),
]

LEAST_PX, MOST_PX = 32, 16_384
"""Sides of a phantom: below, there is no breast to see; above, one image does not fit into memory."""

MOST_LESIONS = 50
"""Of one entry in one image; instance labels are 8 bits wide, and a host may bring its own."""


class PhantomBackground(Strict):
    """Procedural mammograms: no trained network, any spacing, exact masks."""

    generator: Literal["phantom"] = "phantom"
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

    generator: Literal["stylegan2"]
    model: str = Field(description="zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION")
    truncation: float = Field(0.65, ge=0, le=1.5, description="psi; 0.65 is the value of the mammogram StyleGAN paper")
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
    samples_per_host: int = Field(1, ge=1)


class IngestBlock(Strict):
    """How the host dataset is made when it is not there yet: the arguments of `synthmammo ingest`."""

    source: str = Field(description="Name of the source, e.g. dicom")
    path: str = Field(description="Folder of the archive, or package:NAME for the files an installed package carries")
    options: dict[str, Any] = Field({}, description="Options of `synthmammo ingest`, e.g. assume_spacing_mm: 0.05")


class IngestedBackground(Strict):
    """Real mammograms from a dataset that `synthmammo ingest` made."""

    generator: Literal["ingested"]
    dataset: str = Field(description="Directory of the ingested dataset, relative to where the command runs")
    ingest: IngestBlock | None = Field(None, description="How to make that directory when it is absent")
    findings: Literal["refuse", "keep"] = Field(
        "refuse", description="Hosts that already have findings: leave them out, or keep them with their own findings"
    )
    assume_spacing_mm: Positive | None = Field(
        None, description="Spacing to assume for hosts without one; recorded as assumed, shown in the card"
    )
    samples_per_host: int = Field(1, ge=1)


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _generator_named(value: Any) -> Any:
    return {"generator": "phantom", **value} if isinstance(value, dict) else value


Background = Annotated[
    Annotated[PhantomBackground | StyleGAN2Background | IngestedBackground, Field(discriminator="generator")],
    BeforeValidator(_generator_named),
]


class Placement(Strict):
    """Where a lesion may lie."""

    layout: Literal["free", "contiguous"] = Field(
        "free", description="Anywhere, or one in each of `count` adjacent fields in a row (seed 2, Figure 3)"
    )
    tissue_share: Share = Field(0.9, description="Least share of breast in the window around the site")
    window_mm: Positive = Field(25.6, description="Side of that window: 256 pixels of 0.1 mm")
    margin_mm: float = Field(3.0, ge=0, description="Least distance of the lesion's mask to another lesion")
    overlap: bool = Field(False, description="Whether lesions may overlap; the later one is drawn over the earlier")
    avoid_pectoral: bool = Field(True, description="Keep sites off the pectoral muscle of MLO views")
    candidates: int = Field(8, ge=1, le=64, description="Draws to try before the row is reported as failed")


class PostProcessing(Strict):
    """How the lesion channel becomes a lesion ("Synthesizing dataset", step 4, of the contextual-GAN paper)."""

    threshold: float = Field(0.1, gt=0, lt=2, description="Least channel value of a lesion, in units of [-1, 1]")
    join_mm: float = Field(0.0, ge=0, description="Objects closer than this count as one (calcification clusters)")
    minimum_area: Share = Field(0.1, description="Least share of the context's area; smaller objects are discarded")
    expand_px: int = Field(5, ge=0, le=100, description="Growth of the object before its edge is softened")
    edge_px: float = Field(10.0, ge=0, le=100, description="Standard deviation of the Gaussian that softens the edge")


PAPER_POST = {
    Kind.MASS: PostProcessing(),
    # Single calcifications are a few pixels wide: one object per cluster, and an edge that leaves them their contrast.
    Kind.CALCIFICATION: PostProcessing(join_mm=8.0, minimum_area=5e-5, expand_px=2, edge_px=1.0),
}
"""Post-processing of learned lesion channels, whose background is noise that has to go."""

DRAWN_POST = {
    # A drawn mass ends by itself: the paper's edge would take a third of the contrast of its rim and its spicules.
    Kind.MASS: PostProcessing(expand_px=10, edge_px=3.0),
    Kind.CALCIFICATION: PAPER_POST[Kind.CALCIFICATION],
}
"""Post-processing of parametric lesions."""


def _lognormal(median: float, factor: float, low: float, high: float) -> DrawModel:
    return DrawModel(lognormal=(median, factor), within=(low, high))


LESION_DEFAULTS: dict[tuple[Kind, Pathology], tuple[DrawModel, DrawModel]] = {
    (Kind.MASS, Pathology.MALIGNANT): (_lognormal(13, 1.5, 5, 32), _lognormal(0.38, 1.35, 0.2, 0.7)),
    (Kind.MASS, Pathology.BENIGN): (_lognormal(11, 1.5, 4, 28), _lognormal(0.26, 1.4, 0.12, 0.6)),
    (Kind.CALCIFICATION, Pathology.MALIGNANT): (_lognormal(12, 1.5, 5, 30), _lognormal(0.55, 1.35, 0.25, 1.0)),
    (Kind.CALCIFICATION, Pathology.BENIGN): (_lognormal(8, 1.5, 3, 20), _lognormal(0.5, 1.35, 0.25, 0.9)),
}
"""Diameter (mm) and contrast by kind and pathology, used where a recipe states none.

The contrasts of masses follow the brightness of the CBIS-DDSM masses over their surroundings; the diameters are usual
sizes at screening.
"""


class LesionSpec(Strict):
    """One sort of lesion that images of some classes get."""

    kind: Literal[Kind.MASS, Kind.CALCIFICATION]
    classes: list[str] = Field(min_length=1, description="Classes whose images get it")
    pathology: Literal[Pathology.MALIGNANT, Pathology.BENIGN] | None = Field(
        None, description="Default: the class's own name, where that is malignant or benign"
    )
    count: Count = Field({1: 1.0}, description="Lesions per image: a number, or shares by number")
    generator: str = Field("parametric", description="parametric, or a contextual GAN as zoo/NAME, path or hf://")
    spacing_mm: Positive | None = Field(None, description="Spacing the generator works at; default its own choice")
    diameter_mm: Draw | None = Field(None, description="Longest extent, without spicules")
    contrast: Draw | None = Field(None, description="Peak of the lesion channel in units of [-1, 1]")
    descriptors: dict[str, Shares] = Field({}, description="Shares of the BI-RADS terms; default by pathology")
    placement: Placement = Placement()
    post: PostProcessing | None = Field(None, description="Default by kind and generator")

    @model_validator(mode="before")
    @classmethod
    def _post_over_defaults(cls, values: Any) -> Any:
        # A recipe that states one value keeps the defaults of the others.
        if not isinstance(values, dict) or values.get("kind") not in set(PAPER_POST):
            return values
        table = DRAWN_POST if values.get("generator", "parametric") == "parametric" else PAPER_POST
        post = values.get("post") or {}
        stated = {**table[Kind(values["kind"])].model_dump(), **post} if isinstance(post, dict) else post
        return {**values, "post": stated}

    @model_validator(mode="after")
    def _consistent(self) -> LesionSpec:
        terms = TERMS[self.kind]
        for name, shares in self.descriptors.items():
            if name not in terms:
                raise ValueError(f"descriptors: a {self.kind} has {' and '.join(terms)}, not '{name}'")
            for word in shares:
                if word not in terms[name]:
                    raise ValueError(f"descriptors.{name}: '{word}' is not one of {', '.join(terms[name])}")
        wrong = [number for number in self.count if not 0 <= number <= MOST_LESIONS]
        if wrong:
            raise ValueError(f"count: {wrong[0]} lesions in an image; expected 0 to {MOST_LESIONS}")
        if abs(sum(self.count.values()) - 1) > 1e-6:
            raise ValueError(f"count: shares sum to {sum(self.count.values()):g}, expected 1")
        for name, draw in (("diameter_mm", self.diameter_mm), ("contrast", self.contrast)):
            if draw is not None and draw.bounds[0] <= 0:
                raise ValueError(f"{name}: {draw} can be 0 or below; state a lowest value with within: [low, high]")
        return self

    def pathology_in(self, label: str) -> Pathology:
        """Pathology of this lesion on an image of class `label`."""
        return Pathology(self.pathology or label)

    def size_draws(self, pathology: Pathology) -> tuple[DrawModel, DrawModel]:
        """Distributions of diameter (mm) and contrast."""
        diameter, contrast = LESION_DEFAULTS[self.kind, pathology]
        return self.diameter_mm or diameter, self.contrast or contrast

    def term_shares(self, pathology: Pathology) -> dict[str, dict[str, float]]:
        """Shares of the BI-RADS terms, the recipe's over the lexicon's."""
        return {**MIX[self.kind, pathology], **self.descriptors}


class Removal(Strict):
    """Taking lesions off again: the negative case of the post-processing."""

    generator: str = Field("parametric", description="parametric (knows its own lesions), or a contextual GAN")
    classes: list[str] = Field([], description="Classes whose images get their lesions removed")


class Series(Strict):
    """One host and one lesion in steps of size and contrast: every combination is one sample."""

    diameter_mm: list[Positive] = Field(min_length=1)
    contrast: list[Positive] = Field(min_length=1)


class PatchOutput(Strict):
    """Emit the patch around the lesion (or around a healthy site) in place of the whole image."""

    size_px: int = Field(256, ge=32, le=2048, description="Side of the patch")
    offset_px: int = Field(64, ge=0, description="Largest distance of the patch's centre from the site, per axis")


class Requirement(Strict):
    """What a generated background must look like; of its candidate seeds the first that does is taken."""

    view: Annotated[Literal["CC", "MLO"], BeforeValidator(_upper, json_schema_input_type=str)] | None = None
    implant: bool | None = None
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


class WebDatasetFormat(Strict):
    """Sharded tars."""


class ParquetFormat(Strict):
    """Parquet in the naming of the Hugging Face Hub."""


class DicomFormat(Strict):
    """One Digital Mammography X-Ray Image - For Presentation a sample."""

    compression: Literal["none", "rle", "jpegls", "jpeg2000"] = Field("none", description="All are lossless")
    findings: list[Literal["segmentation", "report"]] = Field(
        [], description="Objects beside the image that carry its findings: SEG masks, a TID 1500 report"
    )


class Formats(Strict):
    """What is written; a format is left out by leaving out its key."""

    webdataset: WebDatasetFormat | None = None
    parquet: ParquetFormat | None = None
    dicom: DicomFormat | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_keys(cls, value: Any) -> Any:
        # `formats: [parquet, dicom]` and `parquet:` with nothing behind it both mean the defaults.
        if isinstance(value, list):
            value = {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if options is None else options for name, options in value.items()}
        return value

    @model_validator(mode="after")
    def _any(self) -> Formats:
        if not self.chosen():
            raise ValueError("expected at least one of webdataset, parquet, dicom")
        return self

    def chosen(self) -> dict[str, dict[str, Any]]:
        """Options by name of the chosen formats."""
        return {
            name: value.model_dump() for name in type(self).model_fields if (value := getattr(self, name)) is not None
        }


FormatName = Literal["webdataset", "parquet", "dicom"]
FormatsOrNames = Annotated[
    Formats, BeforeValidator(lambda value: value, json_schema_input_type=Formats | list[FormatName])
]


class Emit(Strict):
    """What the dataset is written as."""

    formats: FormatsOrNames = Field(default_factory=lambda: Formats.model_validate(["webdataset", "parquet", "dicom"]))
    shard_size: int = Field(64, ge=1, description="Samples in a shard, the unit of work and of resuming")
    bits_stored: Literal[8, 12, 14, 16] = Field(
        12, description="Bit depth of generated backgrounds; real hosts keep theirs"
    )
    preview_px: int = Field(512, ge=64, description="Longer side of the 8-bit preview")
    labels: list[Literal["coco", "yolo"]] = Field([], description="Label files beside the formats")


class Quality(Strict):
    """What a finished sample must satisfy; one that does not is reported as failed, never replaced silently."""

    minimum_breast_share: Share = Field(0.0, description="Least share of the image that is breast")
    maximum_saturated_share: Share = Field(1.0, description="Most of the breast that may be at the highest grey level")
    minimum_contrast_to_noise: float = Field(
        0.0, ge=0, description="Least mean lesion channel over the standard deviation of the tissue around it"
    )


class Recipe(Strict):
    """A dataset, declared."""

    version: Literal[1] = Field(description="Version of the recipe language")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="Lower case; begins every key")
    description: str = ""
    licence: str = Field("cc-by-4.0", description="Licence of the dataset, as the Hugging Face Hub names it")
    citation: str = Field("", description="What users of the dataset should cite; attribution of what went in")
    seed: int = Field(ge=0, lt=2**63)
    size: int = Field(ge=1, le=9_999_999, description="Samples")
    classes: Shares = Field(description="Shares by class")
    splits: Shares | None = Field(None, description="Shares by split; real hosts bring their own")
    background: Background = Field(default_factory=PhantomBackground)
    lesions: list[LesionSpec] = []
    pair: Literal["host", "removed"] | None = Field(
        None, description="Emit each image beside the untouched host, or beside itself with the lesion removed"
    )
    removal: Removal | None = None
    series: Series | None = None
    patch: PatchOutput | None = None
    edits: list[EditSpec] = []
    require: Requirement | None = Field(None, description="Redraw generated backgrounds until they look like this")
    emit: Emit = Field(default_factory=Emit)
    quality: Quality = Quality()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        from synthmammo.recipe.consistency import check_consistency

        check_consistency(self)
        return self

    @property
    def members(self) -> int:
        """Samples of one class and one set of lesions: 2 in a pair, the steps of a series or of a sweep, else 1.

        They share a host, but for the two views of a breast in an exam, and the steps of a sweep.
        """
        if self.series:
            return len(self.series.diameter_mm) * len(self.series.contrast)
        return 2 if self.pair or self.exam else len(self.sweep or [0])

    @property
    def sweep(self) -> list[float] | None:
        """Strengths that every background is made with; None where no edit sweeps."""
        return next((edit.sweep for edit in self.edits if isinstance(edit, DirectionEdit) and edit.sweep), None)

    @property
    def exam(self) -> bool:
        """Whether the samples of a patient are the four views of a screening exam."""
        return getattr(self.background, "exam", None) is not None

    @property
    def groups_a_patient(self) -> int:
        """Sets of `members` samples that a generated patient has: those of a host, or the breasts of an exam."""
        return 2 if self.exam else self.background.samples_per_host

    @property
    def together(self) -> int:
        """Samples that lie in one shard: those of a group, or of an exam."""
        return 4 if self.exam else self.members

    @property
    def split_shares(self) -> dict[str, float]:
        """Shares of the splits of generated backgrounds."""
        return dict(self.splits) if self.splits else {"train": 0.8, "validation": 0.1, "test": 0.1}
