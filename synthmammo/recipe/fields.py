"""The fields of a recipe, each checked by itself, and what follows from them."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from synthmammo.recipe.background import Background
from synthmammo.recipe.backgrounds import PhantomBackground, Requirement, Shown
from synthmammo.recipe.draws import Share, Shares, Strict
from synthmammo.recipe.edits import DirectionEdit, EditSpec
from synthmammo.recipe.emit import Emit
from synthmammo.recipe.gate import AuditGate
from synthmammo.recipe.lesion import Lesion, LesionRemoval
from synthmammo.recipe.lesions import Series

NAME, LONGEST_NAME = r"^[a-z0-9][a-z0-9_-]*$", 64
"""Pattern of the name of a dataset, and its greatest number of characters."""


def plain_name(text: str) -> str:
    """The name that a text comes nearest to: its letters without accents, `_` for the rest; empty where none is left.

    Args:
        text: What was given as a name.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _a_name(name: str) -> str:
    """The name; in words what a pattern would say in signs.

    Raises:
        ValueError: It holds other characters.
    """
    if re.fullmatch(NAME, name):
        return name
    near = plain_name(name)
    example = f"; '{near}' would do" if near else ""
    raise ValueError(
        f"expected letters from a to z, digits, '-' and '_', the first a letter or a digit, found {name!r}{example}"
    )


Name = Annotated[str, AfterValidator(_a_name)]


class PatchOutput(Strict):
    """Emit the patch around the lesion (or around a healthy site) in place of the whole image."""

    size_px: int = Field(256, ge=32, le=2048, description="Side of the patch, in pixels")
    offset_px: int = Field(
        64, ge=0, description="Largest distance of the patch's centre from the site, in pixels along each axis"
    )


def _is_unset(value: object) -> bool:
    # Left out of the resolved recipe, so that the digests of recipes that say nothing of it stay as they were.
    return not value


class Quality(Strict):
    """What a finished sample must satisfy; a sample that does not is reported as failed, never replaced silently."""

    minimum_breast_share: Share = Field(0.0, description="Least share of the image that is breast")
    maximum_saturated_share: Share = Field(
        1.0, description="Greatest share of the breast that is at the highest grey level"
    )
    minimum_contrast_to_noise: float = Field(
        0.0,
        ge=0,
        description="Least ratio of the mean lesion channel to the standard deviation of the tissue around it",
    )
    audit: AuditGate | None = Field(
        None,
        exclude_if=_is_unset,
        description="Audit of the finished dataset and what it must find; default no audit",
    )
    without: list[str] = Field(
        [], exclude_if=_is_unset, description="Keys of samples that are planned and left out; default none"
    )


class RecipeFields(Strict):
    """What a recipe says; whether its fields go together is not checked."""

    version: Literal[1] = Field(description="Version of the recipe language")
    name: Name = Field(
        json_schema_extra={"pattern": NAME},
        max_length=LONGEST_NAME,
        description="Name of the dataset, in lower case; every key begins with it",
    )
    description: str = Field("", description="Text about the dataset, for its card")
    licence: str = Field("cc-by-4.0", description="Licence of the dataset, as the Hugging Face Hub names it")
    citation: str = Field("", description="Works that users of the dataset should cite; attribution of what went in")
    seed: int = Field(ge=0, lt=2**63, description="Random seed of every draw")
    size: int = Field(ge=1, le=10_000_000, description="Number of samples")
    classes: Shares = Field(description="Shares by class")
    splits: Shares | None = Field(
        None, description="Shares by split; default 0.8 train, 0.1 validation, 0.1 test; real hosts bring their own"
    )
    background: Background = Field(
        default_factory=PhantomBackground, description="Source of the images without lesions; default phantoms"
    )
    lesions: list[Lesion] = Field([], description="Lesions that the images of some classes get; default none")
    pair: Literal["host", "removed"] | None = Field(
        None, description="Twin of each image: the untouched host, or the image with the lesion removed; default none"
    )
    removal: LesionRemoval | None = Field(None, description="How lesions are taken off again; default not at all")
    series: Series | None = Field(None, description="Steps of size and contrast of one lesion; default none")
    patch: PatchOutput | None = Field(None, description="Patches in place of whole images; default whole images")
    edits: list[EditSpec] = Field([], description="Edits of the latents of a stylegan2 background; default none")
    require: Requirement | None = Field(
        None, description="Look that generated backgrounds must have, or they are drawn again; default any"
    )
    emit: Emit = Field(default_factory=Emit, description="How the dataset is written")
    quality: Quality = Field(Quality(), description="What a finished sample must satisfy; default nothing")

    @property
    def members(self) -> int:
        """Size of a group, whose samples have one class and one set of lesions.

        It is 2 in a pair, the number of steps in a series or a sweep, and else 1. The samples of a group share a host,
        except the two views of a breast in an exam and the steps of a sweep.
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
        return self.background.in_exams

    @property
    def groups_per_patient(self) -> int:
        """Number of groups that a generated patient has: those of a host, or the two breasts of an exam."""
        return 2 if self.exam else self.background.samples_per_host

    @property
    def together(self) -> int:
        """Number of samples that must lie in one shard: those of a group, or of an exam."""
        return 4 if self.exam else self.members

    @property
    def shown(self) -> Shown:
        """What generated backgrounds show, as far as the recipe says it."""
        return self.background.shown(self.require.view if self.require else None)

    @property
    def split_shares(self) -> dict[str, float]:
        """Shares of the splits of generated backgrounds."""
        return dict(self.splits) if self.splits else {"train": 0.8, "validation": 0.1, "test": 0.1}
