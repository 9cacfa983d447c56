"""The fields of a recipe, each checked by itself, and what follows from them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from synthmammo.recipe.backgrounds import Background, PhantomBackground, Requirement
from synthmammo.recipe.draws import Share, Shares, Strict
from synthmammo.recipe.edits import DirectionEdit, EditSpec
from synthmammo.recipe.emit import Emit
from synthmammo.recipe.lesions import LesionSpec, Removal, Series


class PatchOutput(Strict):
    """Emit the patch around the lesion (or around a healthy site) in place of the whole image."""

    size_px: int = Field(256, ge=32, le=2048, description="Side of the patch")
    offset_px: int = Field(64, ge=0, description="Largest distance of the patch's centre from the site, per axis")


class Quality(Strict):
    """What a finished sample must satisfy; one that does not is reported as failed, never replaced silently."""

    minimum_breast_share: Share = Field(0.0, description="Least share of the image that is breast")
    maximum_saturated_share: Share = Field(1.0, description="Most of the breast that may be at the highest grey level")
    minimum_contrast_to_noise: float = Field(
        0.0, ge=0, description="Least mean lesion channel over the standard deviation of the tissue around it"
    )


class RecipeFields(Strict):
    """What a recipe says; whether its fields go together is not checked."""

    version: Literal[1] = Field(description="Version of the recipe language")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="Lower case; begins every key")
    description: str = Field("", description="A sentence on the dataset, for its card")
    licence: str = Field("cc-by-4.0", description="Licence of the dataset, as the Hugging Face Hub names it")
    citation: str = Field("", description="What users of the dataset should cite; attribution of what went in")
    seed: int = Field(ge=0, lt=2**63, description="Seed of every draw")
    size: int = Field(ge=1, le=9_999_999, description="Samples")
    classes: Shares = Field(description="Shares by class")
    splits: Shares | None = Field(None, description="Shares by split; real hosts bring their own")
    background: Background = Field(default_factory=PhantomBackground, description="Where the images come from")
    lesions: list[LesionSpec] = Field([], description="Lesions that images of some classes get")
    pair: Literal["host", "removed"] | None = Field(
        None, description="Emit each image beside the untouched host, or beside itself with the lesion removed"
    )
    removal: Removal | None = Field(None, description="Lesions that are taken off again")
    series: Series | None = Field(None, description="Each host and lesion in steps of size and contrast")
    patch: PatchOutput | None = Field(None, description="Emit patches in place of whole images")
    edits: list[EditSpec] = Field([], description="Changes to the latents of StyleGAN2 backgrounds, in this order")
    require: Requirement | None = Field(None, description="Redraw generated backgrounds until they look like this")
    emit: Emit = Field(default_factory=Emit, description="What the dataset is written as")
    quality: Quality = Field(Quality(), description="What a finished sample must satisfy")

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
