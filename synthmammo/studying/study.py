"""A study on disk: what readers may see, what they may not, pixels, and answers, in files of their own.

STUDY/study.json         items in no order that means anything, sizes, seed: what readers may see
STUDY/truth.json         where each item is from, and its lesions; never sent before an answer
STUDY/check.json         whether something other than the picture tells the origin
STUDY/images/0001.u16    pixels: height and width as two uint32, then uint16 rows, all little-endian
STUDY/twins/0001.u16     the same without its lesions, where the dataset has such a twin
STUDY/answers/*.jsonl    one file per reader, one line per answer, each synced before the next image is shown
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from synthmammo.arguments import a_path
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.mammogram.arrays import Image

VERSION = 1
STUDY, TRUTH, CHECK, ANSWERS = "study.json", "truth.json", "check.json", "answers"
GENERATED = ("synthesised", "edited")
"""Kinds of items that a reader should call generated."""

_HEADER = struct.Struct("<II")


@dataclass(frozen=True)
class StudyCase:
    """What readers may know of one case.

    Attributes:
        name: Number of the case as text, e.g. "0001".
        views: Names of its views, one per image: "CC", "MLO" or "" where unknown.
    """

    name: str
    views: tuple[str, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """Names of its images: "0001", or "0001-1" and "0001-2" of a case with two views."""
        if len(self.views) == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, len(self.views) + 1))


@dataclass(frozen=True)
class MarkedLesion:
    """One lesion of an item, in pixels of the study's images.

    Attributes:
        image: Number of the image among those of the item, from 0.
        box: (row0, col0, row1, col1), half-open.
        outline: Corners of its outline as (row, column); those of the box where there is no mask.
        words: What it is in BI-RADS terms, e.g. "malignant mass: irregular, spiculated".
        contrast: Its mean grey level over that of the ring around it, in standard deviations of the ring.
    """

    image: int
    box: tuple[int, int, int, int]
    outline: tuple[tuple[int, int], ...]
    words: str
    contrast: float


@dataclass(frozen=True)
class CaseTruth:
    """What is behind one item.

    Attributes:
        name: Name of the item.
        kind: "real", "synthesised" or "edited".
        dataset: Name of the dataset among the study's sources: "real", "synthetic" or "edited".
        keys: Keys of its samples in that dataset, one per image.
        lesions: Its lesions.
        density: BI-RADS breast composition "a" to "d"; None where unknown.
        twins: Keys of the lesion-free twins, one per image; empty where there are none.
        edits: What was done to an edited item; empty for others.
        difficulty: Share of the items with lesions that are easier, 0 to 1; None without lesions.
    """

    name: str
    kind: str
    dataset: str
    keys: tuple[str, ...]
    lesions: tuple[MarkedLesion, ...] = ()
    density: str | None = None
    twins: tuple[str, ...] = ()
    edits: str = ""
    difficulty: float | None = None

    @property
    def generated(self) -> bool:
        """Whether "generated" is the right answer."""
        return self.kind in GENERATED


@dataclass(frozen=True)
class Study:
    """A study, opened.

    Attributes:
        path: Directory of the study.
        title: Title that readers see.
        seed: Seed of its draws.
        shape: Height and width of every image, in pixels.
        window: Grey levels shown as black and white at first.
        items: Its cases.
        sources: Directories of the datasets by name, for the owner's exports.
        version: Version of the format.
    """

    path: Path
    title: str
    seed: int
    shape: tuple[int, int]
    window: tuple[int, int]
    items: tuple[StudyCase, ...]
    sources: dict[str, str] = field(default_factory=dict)
    version: int = VERSION

    def __repr__(self) -> str:
        return f"Study({self.title}: {len(self.items)} cases)"

    @classmethod
    def open(cls, path: str | Path) -> Study:
        """Open a study.

        Args:
            path: Directory that `synthmammo study new` made.

        Raises:
            DatasetError: It is not a study, or one of another version.
        """
        path = a_path(path, "study", DatasetError)
        content = _read(path / STUDY)
        if content.get("version") != VERSION:
            hint = "Make the study again with this release, or use the release that made it."
            message = f"is a study of version {content.get('version')}, and this release reads version {VERSION}"
            raise DatasetError(message, where=path / STUDY, hint=hint)
        try:
            items = tuple(StudyCase(one["name"], tuple(one["views"])) for one in content["items"])
            shape, window = (tuple(map(int, content[name])) for name in ("shape", "window"))
            sources = _read(path / TRUTH)["sources"]
            return cls(path, content["title"], content["seed"], shape, window, items, sources)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            hint = "Make the study again with `synthmammo study new`."
            raise DatasetError(f"is damaged ({error!r})", where=path / STUDY, hint=hint) from error

    @cached_property
    def truths(self) -> dict[str, CaseTruth]:
        """What is behind each item, by its name, in the order of the items.

        Raises:
            DatasetError: `truth.json` cannot be read.
        """
        path = self.path / TRUTH
        try:
            found = {one["name"]: _truth(one) for one in _read(path)["items"]}
            return {item.name: found[item.name] for item in self.items}
        except (KeyError, TypeError) as error:
            hint = "Make the study again with `synthmammo study new`."
            raise DatasetError(f"is damaged ({error!r})", where=path, hint=hint) from error

    @cached_property
    def by_name(self) -> dict[str, StudyCase]:
        """Items by name."""
        return {item.name: item for item in self.items}

    @cached_property
    def check(self) -> dict[str, Any]:
        """What `study new` found that tells the origin beside the picture, and the machine's own reading."""
        return _read(self.path / CHECK) if (self.path / CHECK).exists() else {}

    def pixels(self, image: str, folder: str = "images") -> Path | None:
        """Path of an image's pixels; None for a name that is not one of the study's.

        Args:
            image: Name of the image, e.g. "0001".
            folder: "images" or "twins".
        """
        known = {name for item in self.items for name in item.images}
        path = self.path / folder / f"{image}.u16"
        return path if image in known and path.is_file() else None

    def write(self, truths: list[CaseTruth]) -> None:
        """Write `truth.json` and, last, `study.json`.

        Raises:
            OutputError: The directory cannot be written.
        """
        write_json(self.path / TRUTH, {"sources": self.sources, "items": [asdict(one) for one in truths]})
        public = {name: getattr(self, name) for name in ("version", "title", "seed", "shape", "window")}
        write_json(self.path / STUDY, public | {"items": [asdict(item) for item in self.items]})


def write_pixels(path: Path, image: Image) -> None:
    """Write an image as the browser reads it.

    Args:
        path: File to write.
        image: `uint16 (H, W)`.

    Raises:
        OutputError: The file cannot be written.
    """
    with writing(path) as partial:
        partial.write_bytes(_HEADER.pack(*image.shape) + image.astype("<u2").tobytes())


def read_pixels(path: Path) -> Image:
    """Read what `write_pixels` wrote.

    Raises:
        DatasetError: The file is cut short or no such file.
    """
    data = path.read_bytes()
    shape = _HEADER.unpack_from(data) if len(data) >= _HEADER.size else (0, 0)
    if len(data) != _HEADER.size + 2 * shape[0] * shape[1] or not data:
        raise DatasetError("is not an image of a study", where=path, hint="Make the study again.")
    return np.frombuffer(data, "<u2", offset=_HEADER.size).reshape(shape).astype(np.uint16)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    with writing(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    hint = "Give the directory that `synthmammo study new` made."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise DatasetError(f"is no study ({path.name}: {reason})", where=path.parent, hint=hint) from error
    if not isinstance(content, dict):
        raise DatasetError(f"is no study ({path.name} holds no names)", where=path.parent, hint=hint)
    return content


def _truth(one: dict[str, Any]) -> CaseTruth:
    lesions = tuple(
        MarkedLesion(
            lesion["image"],
            tuple(lesion["box"]),
            tuple((row, column) for row, column in lesion["outline"]),
            lesion["words"],
            lesion["contrast"],
        )
        for lesion in one["lesions"]
    )
    plain = {name: one[name] for name in ("name", "kind", "dataset", "density", "edits", "difficulty")}
    return CaseTruth(**plain, keys=tuple(one["keys"]), twins=tuple(one["twins"]), lesions=lesions)
