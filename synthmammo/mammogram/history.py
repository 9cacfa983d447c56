"""How a sample was made, with types: the one place that knows the keys of `Sample.provenance` that others read.

A sample keeps its provenance as the JSON it is stored as, so that whatever a source adds stays with it. A build
writes it from `Built`; other code reads it through `Sample.history`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthmammo.mammogram.origin import Making, host_of, making_of

_Record = Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """What a record says about the making of an image, its background or a lesion; None where it does not say.

    Attributes:
        record: Content of the stored JSON.
    """

    record: _Record

    @property
    def host(self) -> History | None:
        """The background that a build put lesions onto, or left as it was; None where no build made the image."""
        return History(host_of(self.record)) if "host" in self.record else None

    @property
    def background(self) -> History:
        """The background of an image; an image that no build made is its own background."""
        return self.host or self

    @property
    def making(self) -> Making:
        """How the image came about: whether it is real, what made it, and on whose word."""
        return making_of(self.record)

    @property
    def lesions(self) -> tuple[History, ...]:
        """The lesions that were put in, also those taken off again: by a build, and then onto the single image."""
        inserted = [change.lesion for change in self.changes if change.action == "insert"]
        return tuple(History(lesion) for lesion in [*self.record.get("lesions", ()), *inserted])

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was done to the image by itself after it was built or read, in order."""
        return tuple(Change(**change) for change in self.record.get("changes", ()))

    @property
    def edits(self) -> list[str]:
        """Names of the edits of the background's latents."""
        return [edit["name"] for edit in self.record.get("edits", ())]

    @property
    def attempts(self) -> list[int]:
        """Number of candidates rejected before each lesion; for a cut patch, the number of windows rejected."""
        return list(self.record.get("attempts", ()))

    @property
    def attempt(self) -> int | None:
        """Number of candidate seeds that were rejected before this background was taken."""
        return self.record.get("attempt")

    @property
    def unlocated(self) -> tuple[str, ...]:
        """Findings that the source reports without a place."""
        return tuple(self.record.get("unlocated") or ())

    @property
    def pair(self) -> tuple[str | None, int]:
        """Name of the recipe and index of the sample, by which the halves of a pair find each other."""
        return self.record.get("recipe"), self.record["index"]

    @property
    def role(self) -> str | None:
        """Role of the sample in its recipe (`Row.role`)."""
        return self.record.get("role")

    @property
    def density(self) -> str | None:
        """BI-RADS breast composition "a" to "d"."""
        return self.record.get("density")

    @property
    def crop(self) -> list[int] | None:
        """Box of a patch in the image it was cut from."""
        return self.record.get("crop")

    @property
    def intensity(self) -> tuple[float, float] | None:
        """Grey levels that -1 and 1 stand for in the whole image that a patch was cut from."""
        ends = self.record.get("intensity")
        return (float(ends[0]), float(ends[1])) if ends else None

    @property
    def source(self) -> str | None:
        """Archive that a real image was read from, or dataset that a patch was cut from."""
        return self.record.get("source")

    @property
    def generator(self) -> str | None:
        """Name of the generator of a background or a lesion."""
        return self.record.get("generator")

    @property
    def model(self) -> str | None:
        """Name or path of the generator's model."""
        return self.record.get("model")

    @property
    def weights(self) -> str | None:
        """SHA-256 of the model's weights."""
        return self.record.get("weights")

    @property
    def age(self) -> str | None:
        """Age of a real patient in a band of ten years, e.g. "50 to 59"."""
        return self.record.get("age")

    @property
    def implant(self) -> bool | None:
        """Whether a breast has an implant."""
        return self.record.get("implant")

    @property
    def lossy_ratio(self) -> float | None:
        """Ratio of the lossy compression that a real image once had."""
        ratio = self.record.get("lossy_ratio")
        return None if ratio is None else float(ratio)

    @property
    def burned_in(self) -> bool | None:
        """Whether the header of a real image says that text is burned into its pixels."""
        return self.record.get("burned_in")


@dataclass(frozen=True)
class Built:
    """What a build knows about a sample.

    Attributes:
        recipe: Name of the recipe.
        index: Place in the dataset, from 0.
        role: Role of the sample (`Row.role`).
        density: BI-RADS breast composition of a generated background.
        host: Record of the background.
        edits: Edits of the background's latents; values that are None are not stored.
        lesions: Records of the lesions put in.
        attempts: Number of candidates rejected before each lesion.
        pixels_version: Version of the pixels that this package's code makes.
        removal: Generator that took the lesions off again, where one did, with its weights; None where none did.
    """

    recipe: str
    index: int
    role: str
    density: str | None
    host: _Record
    edits: tuple[_Record, ...]
    lesions: tuple[_Record, ...]
    attempts: tuple[int, ...]
    pixels_version: int
    removal: _Record | None = None

    def record(self) -> dict[str, Any]:
        """The record as it is stored."""
        edits = [{name: value for name, value in edit.items() if value is not None} for edit in self.edits]
        names = ("recipe", "index", "role", "density", "host", "pixels_version")
        plain = {name: getattr(self, name) for name in names}
        removal = {} if self.removal is None else {"removal": self.removal}
        return {**plain, "edits": edits, "lesions": [*self.lesions], "attempts": [*self.attempts], **removal}


@dataclass(frozen=True)
class Change:
    """One thing done to one image, outside any build.

    Attributes:
        action: "insert" (a lesion was put on) or "remove" (a network painted tissue over a finding).
        seed: Seed that was given.
        lesion: Record of the lesion put in, as a build writes it; of a finding taken off what was known of it.
        model: Name or path of the model that took the finding off; None of one put in, whose record names it.
        weights: SHA-256 of that model's weights.
        pixels_version: Version of the pixels that this package's code makes; None in records of release 0.2.
    """

    action: str
    seed: int
    lesion: _Record
    model: str | None = None
    weights: str | None = None
    pixels_version: int | None = None


def changed_record(record: _Record, change: Change) -> dict[str, Any]:
    """The record of an image after one more change."""
    stated = {name: value for name, value in vars(change).items() if value is not None}
    return {**record, "changes": [*record.get("changes", ()), stated]}


def cut_record(box: tuple[int, int, int, int], low: float, high: float) -> dict[str, Any]:
    """What the record of a patch says beside the record of its image.

    Args:
        box: Place of the patch in the image, (row0, col0, row1, col1), in pixels.
        low: Grey level that -1 stands for in the whole image.
        high: Grey level that 1 stands for in the whole image.
    """
    return {"crop": list(box), "intensity": [low, high]}
