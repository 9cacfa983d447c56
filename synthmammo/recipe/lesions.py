"""Lesions of a recipe: which, how many, how large, where, and how they are put in or taken off."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.mammogram.terms import TERM_SHARES, TERMS
from synthmammo.recipe.draws import Draw, DrawModel, Positive, Share, Shares, Strict

Count = Annotated[
    dict[int, Share],
    BeforeValidator(lambda value: {value: 1} if type(value) is int else value, json_schema_input_type=int | dict),
]

MOST_LESIONS = 50
"""Greatest number of lesions of one entry in one image: instance labels have 8 bits, and a host may bring its own."""


Pixel = Annotated[int, Field(ge=0)]


class Placement(Strict):
    """Where a lesion may lie."""

    layout: Literal["free", "contiguous"] = Field(
        "free", description="Anywhere, or one in each of `count` adjacent fields in a row (Wu et al. 2020, Figure 3)"
    )
    tissue_share: Share = Field(0.9, description="Least share of breast in the window around the site")
    window_mm: Positive = Field(
        25.6, description="Side of that window, in millimetres; the default is 256 pixels of 0.1 mm"
    )
    margin_mm: float = Field(
        3.0, ge=0, description="Least distance of the lesion's mask to another lesion, in millimetres"
    )
    site: tuple[Pixel, Pixel] | None = Field(
        None,
        exclude_if=lambda site: site is None,  # a dataset that was made without it keeps its digest
        description="Row and column of the lesion's centre in pixels of the background; default drawn",
    )
    overlap: bool = Field(False, description="Whether lesions may overlap; the later one is drawn over the earlier")
    avoid_pectoral: bool = Field(True, description="Whether sites keep off the pectoral muscle of MLO views")
    candidates: int = Field(8, ge=1, le=64, description="Number of sites to try before the row is reported as failed")


class PostProcessing(Strict):
    """How the lesion channel becomes a lesion (Wu et al. 2020, "Synthesizing dataset", step 4)."""

    threshold: float = Field(0.1, gt=0, lt=2, description="Least channel value of a lesion, in units of [-1, 1]")
    join_mm: float = Field(
        0.0, ge=0, description="Distance in millimetres below which objects count as one (calcification clusters)"
    )
    minimum_area: Share = Field(0.1, description="Least share of the context's area; smaller objects are discarded")
    expand_px: int = Field(5, ge=0, le=100, description="Growth of the object before its edge is softened, in pixels")
    edge_px: float = Field(
        10.0, ge=0, le=100, description="Standard deviation of the Gaussian that softens the edge, in pixels"
    )


PAPER_POST = {
    Kind.MASS: PostProcessing(),
    # Single calcifications are a few pixels wide: one object per cluster, and an edge that leaves them their contrast.
    Kind.CALCIFICATION: PostProcessing(join_mm=8.0, minimum_area=5e-5, expand_px=2, edge_px=1.0),
}
"""Post-processing of lesion channels from a network, whose background is noise that has to go."""

DRAWN_POST = {
    # A drawn mass ends by itself: the edge of Wu et al. 2020 would take a third of the contrast of rim and spicules.
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
"""Distributions of diameter (mm) and contrast by kind and pathology, for recipes that state none.

The contrasts of masses follow the brightness of the CBIS-DDSM masses over their surroundings; the diameters are usual
at screening.
"""


class LesionSpec(Strict):
    """One sort of lesion that the images of some classes get."""

    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions that decide its pixels, beside those of every build and the plug-in's own."""
    default_post: ClassVar[dict[Kind, PostProcessing] | None] = None
    """Post-processing where a recipe states none; None for that of drawn lesions, or of a network's."""

    kind: Literal[Kind.MASS, Kind.CALCIFICATION] = Field(description="Kind of the lesion")
    classes: list[str] = Field(min_length=1, description="Classes whose images get the lesion")
    pathology: Literal[Pathology.MALIGNANT, Pathology.BENIGN] | None = Field(
        None, description="Pathology of the lesion; default the name of the class, where that is malignant or benign"
    )
    count: Count = Field({1: 1.0}, description="Lesions per image: a number, or shares by number")
    generator: str = Field(
        "parametric", description="Generator: parametric, or a contextual GAN as zoo/NAME, path or hf://"
    )
    seed: int | None = Field(
        None,
        ge=0,
        lt=2**64,
        exclude_if=lambda seed: seed is None,  # a dataset that was made without it keeps its digest
        description="Random seed of the lesion's form; default drawn for each",
    )
    spacing_mm: Positive | None = Field(
        None, description="Millimetres per pixel that the generator works at; default its own choice"
    )
    diameter_mm: Draw | None = Field(
        None, description="Longest extent without spicules, in millimetres; default by kind and pathology"
    )
    contrast: Draw | None = Field(
        None, description="Peak of the lesion channel in units of [-1, 1]; default by kind and pathology"
    )
    descriptors: dict[str, Shares] = Field({}, description="Shares of the BI-RADS terms; default by pathology")
    placement: Placement = Field(Placement(), description="Where the lesion may lie")
    post: PostProcessing | None = Field(
        None, description="How the lesion channel becomes a lesion; default by kind and generator"
    )

    @model_validator(mode="before")
    @classmethod
    def _post_over_defaults(cls, values: Any) -> Any:
        # A recipe that states one value keeps the defaults of the other values.
        if not isinstance(values, dict) or values.get("kind") not in set(PAPER_POST):
            return values
        drawn = values.get("generator", "parametric") == "parametric"
        table = cls.default_post or (DRAWN_POST if drawn else PAPER_POST)
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
        if self.placement.site and (self.placement.layout != "free" or set(self.count) != {1}):
            raise ValueError("placement.site: one place has room for one lesion; leave out layout and count")
        for name, draw in (("diameter_mm", self.diameter_mm), ("contrast", self.contrast)):
            if draw is not None and draw.bounds[0] <= 0:
                raise ValueError(f"{name}: {draw} can be 0 or below; state a lowest value with within: [low, high]")
        return self

    @property
    def follows_plan(self) -> bool:
        """Whether lesions have the diameter and the contrast that the plan drew."""
        return self.generator == "parametric"

    def pathology_in(self, label: str) -> Pathology:
        """Pathology of this lesion in an image of class `label`."""
        return Pathology(self.pathology or label)

    def size_draws(self, pathology: Pathology) -> tuple[DrawModel, DrawModel]:
        """Distributions of diameter (mm) and contrast."""
        diameter, contrast = LESION_DEFAULTS[self.kind, pathology]
        return self.diameter_mm or diameter, self.contrast or contrast

    def term_shares(self, pathology: Pathology) -> dict[str, dict[str, float]]:
        """Shares of the BI-RADS terms: those of the recipe, and for the others those of `mammogram.terms`."""
        return {**TERM_SHARES[self.kind, pathology], **self.descriptors}


class Removal(Strict):
    """How lesions are taken off again, by a negative lesion channel."""

    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions that decide its pixels, beside those of every build and the plug-in's own."""

    generator: str = Field(
        "parametric", description="Generator: parametric (which knows its own lesions), or a contextual GAN"
    )
    classes: list[str] = Field([], description="Classes whose images have their lesions removed; default none")

    def removes(self, generator: str) -> bool:
        """Whether it can take off the lesions of a generator; a drawn lesion's removal knows its own alone."""
        return self.generator != "parametric" or generator == "parametric"


class Series(Strict):
    """One host and one lesion in steps of size and contrast: every combination is one sample."""

    diameter_mm: list[Positive] = Field(min_length=1, description="Longest extents of the lesion, in millimetres")
    contrast: list[Positive] = Field(min_length=1, description="Peaks of the lesion channel, in units of [-1, 1]")
