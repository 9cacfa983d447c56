"""What decides the content of an ingested dataset, beside the archive itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from synthmammo.dataset.writers.base import formats
from synthmammo.errors import SourceError, nearest
from synthmammo.ingesting.listing import listing_condition
from synthmammo.mammogram.anatomy import Side
from synthmammo.mammogram.sample import SPLITS

RENAMED_OPTIONS = {"seed1": "It is now called 'square512'."}
"""Hints for values that had another name in the release before."""

_TYPES: dict[str, Any] = {
    "assume_spacing_mm": int | float | None,
    "seed": int,
    "shard_size": int,
    "limit": int | None,
}
_CHOICES: dict[str, tuple[Any, ...]] = {
    "geometry": ("full", "square512"),
    "chest_wall": (None, "left", "right"),
    "background": ("keep", "blank"),
    "split": ("official", "carve", "draw"),
}


@dataclass(frozen=True)
class IngestOptions:
    """What decides the content of an ingested dataset, beside the archive itself.

    Attributes:
        geometry: Size and orientation of the images. "full", the default, keeps them. "square512" is the geometry of
            Zakka et al. 2020: padding of exact zeros is cut off, the longer side (the height) becomes 512 pixels, zeros
            fill the square on the side away from the chest wall, and all chest walls are on one side. Patches keep
            their geometry.
        chest_wall: Side to which all chest walls are turned, "left" or "right"; None, the default, leaves them
            ("right" with "square512").
        background: What is outside the breast: "keep", the default, leaves it, "blank" sets it to 0, so that labels,
            tape and writing go.
        assume_spacing_mm: Millimetres per pixel of the images where the archive gives none, recorded as assumed; None,
            the default, assumes nothing.
        generated_by: Name of the generator that made the images, where they are not real: they are recorded as
            synthetic. None, the default, leaves that to what each file says of itself (the DICOM attribute
            SyntheticData, an IPTC mark in a picture); a file that says nothing counts as real.
        split: Way to split the patients, "official" (the default), "carve" or "draw"; see `splits.assign_splits`.
        shares: Share of the images by split, for what is drawn; 0.8, 0.1 and 0.1 by default.
        seed: Random seed for drawing the splits, 0 by default.
        where: Condition on what is known of the images before their pixels are read, in the grammar of
            `synthmammo.mammogram.where`; None, the default, for all images.
        frames: Frame of multi-frame objects such as tomosyntheses that is read: "central", "maximum" or a number from
            1; None, the default, refuses these. For readers that have such a setting.
        formats: Formats to write, "parquet" by default; other commands read "parquet", and "webdataset" where there is
            none.
        shard_size: Number of samples per shard, 100 by default.
        limit: Number of images to read, the first ones; None, the default, for all.
        settings: Settings of the archive's reader, see its class; none by default.

    Raises:
        SourceError: A value makes no sense; names the option.
    """

    geometry: Literal["full", "square512"] = "full"
    chest_wall: Side | None = None
    background: Literal["keep", "blank"] = "keep"
    assume_spacing_mm: float | None = None
    generated_by: str | None = None
    split: Literal["official", "carve", "draw"] = "official"
    shares: Mapping[str, float] = field(default_factory=lambda: {"train": 0.8, "validation": 0.1, "test": 0.1})
    seed: int = 0
    where: str | None = None
    frames: str | int | None = None
    formats: tuple[str, ...] = ("parquet",)
    shard_size: int = 100
    limit: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kinds in _TYPES.items():
            if not isinstance(given := getattr(self, name), kinds) or isinstance(given, bool):
                raise SourceError(f"'{given}' is not understood", where=name, hint="Expected a number.")
        for name, known in _CHOICES.items():
            given = getattr(self, name)
            for value in given if isinstance(given, tuple) else (given,):
                _check_choice(name, value, known)
        for name, kind, hint in (
            ("formats", tuple, "Expected names of formats, e.g. ('parquet',)."),
            ("settings", Mapping, "Expected settings of the reader by name."),
        ):
            if not isinstance(given := getattr(self, name), kind):
                raise SourceError(f"'{given}' is not understood", where=name, hint=hint)
        for value in self.formats:
            _check_choice("formats", value, formats())
        _check_shares(self.shares)
        if self.where is not None:
            listing_condition(self.where)
        if self.generated_by is not None and not (isinstance(self.generated_by, str) and self.generated_by.strip()):
            hint = "Expected the generator's name, e.g. 'MAM-E, Montoya-del-Angel 2024'."
            raise SourceError(f"'{self.generated_by}' is no name", where="generated_by", hint=hint)
        if self.assume_spacing_mm is not None and not 0 < self.assume_spacing_mm < 10:
            message = f"{self.assume_spacing_mm} mm is no pixel spacing of a mammogram"
            raise SourceError(message, where="assume_spacing_mm", hint="Usual values are 0.05 to 0.2.")
        for name in ("shard_size", "limit"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise SourceError(f"{number} is too small", where=name, hint="Expected 1 or more.")


def _check_choice(name: str, value: Any, known: Collection[Any]) -> None:
    if value not in known:
        hint = RENAMED_OPTIONS.get(str(value)) or nearest(str(value), map(str, known))
        raise SourceError(f"'{value}' is not understood", where=name, hint=hint)


def _check_shares(shares: Mapping[str, float]) -> None:
    hint = "Expected e.g. {train: 0.8, validation: 0.1, test: 0.1}: 0 or more each, with a sum above 0."
    if not isinstance(shares, Mapping) or not all(isinstance(share, int | float) for share in shares.values()):
        raise SourceError(f"'{shares}' are no shares", where="shares", hint=hint)
    if unknown := sorted(set(shares) - set(SPLITS)):
        raise SourceError(f"no split is called '{unknown[0]}'", where="shares", hint=nearest(unknown[0], SPLITS))
    if min(shares.values(), default=0) < 0 or not 0 < sum(shares.values()) < float("inf"):
        raise SourceError(f"{dict(shares)} are no shares", where="shares", hint=hint)
