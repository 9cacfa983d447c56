"""What a reader of an archive yields, and the table of the archives that can be read."""

from __future__ import annotations

import hashlib
import inspect
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, get_type_hints

from synthmammo.errors import SourceError, nearest
from synthmammo.extending import SOURCES as PLUGINS
from synthmammo.extending import find, plugin, plugins
from synthmammo.mammogram.sample import (
    Box,
    Finding,
    Image,
    Kind,
    Labels,
    Laterality,
    Mask,
    Pathology,
    SpacingOrigin,
    View,
)
from synthmammo.settings import checked

SOURCES = {
    "dicom": "synthmammo.ingesting.sources.dicom:Dicom",
    "folder": "synthmammo.ingesting.sources.folder:Folder",
    "mini_mias": "synthmammo.ingesting.sources.mini_mias:MiniMias",
    "cbis_ddsm": "synthmammo.ingesting.sources.cbis_ddsm:CbisDdsm",
    "cbis_ddsm_views": "synthmammo.ingesting.sources.cbis_ddsm_views:CbisDdsmViews",
    "ddsm": "synthmammo.ingesting.sources.ddsm:Ddsm",
    "vindr_mammo": "synthmammo.ingesting.sources.vindr_mammo:VindrMammo",
    "inbreast": "synthmammo.ingesting.sources.inbreast:Inbreast",
    "optimam": "synthmammo.ingesting.sources.optimam:Optimam",
    "embed": "synthmammo.ingesting.sources.embed:Embed",
    "rsna_2022": "synthmammo.ingesting.sources.rsna_2022:Rsna2022",
    "cmmd": "synthmammo.ingesting.sources.cmmd:Cmmd",
    "csaw_cc": "synthmammo.ingesting.sources.csaw_cc:CsawCc",
    "cdd_cesm": "synthmammo.ingesting.sources.cdd_cesm:CddCesm",
}


@dataclass(frozen=True)
class Annotation:
    """One lesion as an archive's table describes it, in pixels of the archive's image.

    At most one of `box`, `circle`, `outline` and `mask_files` says where it is.

    Attributes:
        kind: Kind of the lesion.
        pathology: Proven pathology, benign or malignant; unknown by default.
        descriptors: BI-RADS terms by name.
        box: Extent, where the archive gives a box; None by default.
        circle: Circle (row, column, radius), where the archive circles the lesion; None by default.
        outline: Corners (row, column) of a polygon, where the archive outlines the lesion; None by default.
        mask_files: Files, one of which holds the lesion's pixel mask; none by default.
    """

    kind: Kind
    pathology: Pathology = Pathology.UNKNOWN
    descriptors: dict[str, str] = field(default_factory=dict)
    box: Box | None = None
    circle: tuple[float, float, float] | None = None
    outline: tuple[tuple[float, float], ...] | None = None
    mask_files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Record:
    """One image of an archive, before its pixels are read.

    Attributes:
        path: Path of the file with the pixels.
        key: Unique name without dots or slashes.
        patient: Pseudonym of the patient, whose images never go to different splits.
        view: Projection; None, the default, when unknown.
        laterality: Side of the body; None, the default, when unknown.
        split: Split in the archive, "train", "validation" or "test"; None, the default, where it has none.
        label: Class, e.g. "normal", "benign" or "malignant"; "unknown", the default, where the archive does not say.
        density: BI-RADS breast composition "a" to "d"; None, the default, when unknown.
        annotations: Lesions of the image; none by default.
        spacing_mm: Millimetres per pixel (row, column) where a table or the archive's paper gives it; None by default.
        is_patch: Whether the image lies wholly inside the breast, so that its breast mask is all of it; False by
            default.
        provenance: JSON-able facts that stay with the sample.
        slices: Files of one image each, `path` among them, whose brightest values make the image; none by default.
    """

    path: Path
    key: str
    patient: str
    view: View | None = None
    laterality: Laterality | None = None
    split: str | None = None
    label: str = "unknown"
    density: str | None = None
    annotations: tuple[Annotation, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    is_patch: bool = False
    provenance: dict[str, Any] = field(default_factory=dict)
    slices: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A file, or a row of a table, that cannot become a sample.

    Attributes:
        path: Path of the file, or of the file that a row names.
        reason: Sentence that says why.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class PassedOver(Skipped):
    """A file that is no image of the archive and does not claim to be one: it is counted and listed, not reported."""


@dataclass(frozen=True)
class Picture:
    """The pixels of one record.

    Attributes:
        image: `uint16 (H, W)` pixels, bright is dense, with values below `2 ** bits_stored`.
        bits_stored: Bit depth, 8, 12, 14 or 16.
        findings: Located lesions, in the order of their labels.
        lesions: `uint8 (H, W)` instance labels.
        spacing_mm: Millimetres per pixel (row, column); None, the default, when unknown.
        notes: JSON-able facts of how the pixels were read, which join the record's provenance.
        breast: `bool (H, W)` mask of the breast where the reader found it; None, the default, leaves that to
            `anatomy.breast_mask`.
    """

    image: Image
    bits_stored: int
    findings: tuple[Finding, ...]
    lesions: Labels
    spacing_mm: tuple[float, float] | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    breast: Mask | None = None

    @property
    def spacing_origin(self) -> SpacingOrigin:
        """Origin of the spacing, known or unknown; a source never assumes one."""
        return SpacingOrigin.UNKNOWN if self.spacing_mm is None else SpacingOrigin.KNOWN


class Source(Protocol):
    """Reads one archive; constructed with its path and the settings of its kind."""

    folder: Path
    """Folder of the archive."""
    licence: str
    """Licence of the images, as an SPDX identifier or a short text."""
    citation: str
    """Publication to cite when the images are used."""
    vocabulary: Mapping[str, Mapping[str, str]]
    """Meaning of the archive's words, see `terms.Vocabulary`; the page on labels is made of it."""
    notes: list[str]
    """Sentences on the archive as it was found, for the user; complete once `records` is exhausted."""

    def records(self) -> Iterator[Record | Skipped]:
        """List all images, in a fixed order, without reading pixels.

        Raises:
            SourceError: The archive as a whole cannot be read.
        """
        ...

    def read(self, record: Record) -> Picture:
        """Read the pixels of one record.

        Raises:
            SourceError: This file cannot be read; the others can.
        """
        ...


def open_source(name: str, path: str | Path, settings: Mapping[str, Any] | None = None) -> Source:
    """Open the reader of an archive; its module is imported only now.

    Args:
        name: Name of the reader, one of `SOURCES` or that of a plug-in.
        path: Path of the archive.
        settings: Keyword arguments of the reader's class; none by default.

    Raises:
        SourceError: The name or a setting is not known, a setting is of another type, or there is nothing at the path.
    """
    reader = _reader(name, path)
    known = [p.name for p in inspect.signature(reader).parameters.values() if p.kind is p.KEYWORD_ONLY]
    kinds = get_type_hints(reader.__init__)
    for setting, value in (settings or {}).items():
        if setting not in known:
            hint = nearest(setting, known) if known else f"'{name}' takes none."
            raise SourceError(f"'{name}' has no setting '{setting}'", where=path, hint=hint)
        checked(kinds[setting], value, path, SourceError, within=setting)
    source: Source = reader(path, **dict(settings or {}))
    return source


def brought_by(name: str) -> dict[str, str]:
    """What a provenance says of the package that brings a reader; nothing of this package's own."""
    found = plugin(PLUGINS, name, SOURCES)
    return found.record() if found else {}


def _reader(name: str, path: str | Path) -> Any:
    """The class of a reader, this package's or a plug-in's."""
    if (found := find(PLUGINS, name, SOURCES, SourceError, path)) is not None:
        return found
    hint = nearest(name, [*SOURCES, *plugins(PLUGINS)])
    raise SourceError(f"no source is called '{name}'", where=path, hint=hint)


def existing_folder(path: str | Path) -> Path:
    """The path as a folder that exists.

    Args:
        path: Path of an archive; `~` stands for the user's home.

    Raises:
        SourceError: It is missing, or a file.
    """
    folder = Path(path).expanduser()
    if not folder.exists():
        raise SourceError("there is nothing at this path", where=path, hint="Check the spelling of the path.")
    if not folder.is_dir():
        zipped = is_zip(folder)
        hint = "Unpack it." if zipped else "Give the folder, or the zip archive, that holds the images."
        raise SourceError(f"expected a folder, found a {'zip archive' if zipped else 'file'}", where=path, hint=hint)
    return folder


def existing_archive(path: str | Path) -> Path:
    """The path as a folder, or as a zip archive, that exists.

    Args:
        path: Path of an archive; `~` stands for the user's home.

    Raises:
        SourceError: It is missing, or another file.
    """
    file = Path(path).expanduser()
    return file if file.is_file() and is_zip(file) else existing_folder(path)


def is_zip(path: Path) -> bool:
    """Whether a file on the disk is a zip archive, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def choice(where: str | Path, setting: str, value: object, known: Sequence[str]) -> str:
    """Check the value of a reader's setting against the known ones.

    Args:
        where: Path of the archive, for the message.
        setting: Name of the setting.
        value: Value that was given.
        known: Values that are known.

    Returns:
        `value`.

    Raises:
        SourceError: The value is not known.
    """
    if not isinstance(value, str) or value not in known:
        raise SourceError(f"{setting}: '{value}' is not understood", where=where, hint=nearest(str(value), known))
    return value


def number(
    where: str | Path, setting: str, value: object, least: float, most: float, *, whole: bool = False
) -> float | None:
    """Check that the value of a reader's setting is None or a number in its range.

    Args:
        where: Path of the archive, for the message.
        setting: Name of the setting.
        value: Value that was given.
        least: Smallest number that makes sense.
        most: Largest number that makes sense.
        whole: Whether it must be a whole number, False by default.

    Returns:
        `value`.

    Raises:
        SourceError: The value is something else.
    """
    if value is None:
        return None
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        expected = f"Expected a {'whole ' if whole else ''}number from {least:g} to {most:g}."
        raise SourceError(f"{setting}: '{value}' is not understood", where=where, hint=expected)
    return value


def pseudonym(patient_id: str) -> str:
    """A name that follows from a patient's identifier and does not show it: "p" and 12 hexadecimal digits.

    Whoever knows the identifiers can compute the names: this keeps them out of sight, it does not anonymise.
    """
    return "p" + hashlib.blake2b(patient_id.encode(), digest_size=6).hexdigest()


def key_of(*parts: object) -> str:
    """A sample key of the parts that are not empty: letters, digits, `-` and `_`; never empty.

    Letters beyond ASCII lose their accents or are left out. A digest of the name is added then, and where nothing is
    left, so that names in any script have keys of their own.
    """
    names = [unicodedata.normalize("NFC", str(part)) for part in parts if part not in (None, "")]
    key = "_".join(re.sub(r"[^A-Za-z0-9-]+", "_", _without_accents(name)).strip("_") for name in names)
    if all(name.isascii() for name in names) and key.strip("_-"):
        return key
    named = hashlib.blake2b("\0".join(names).encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return "-".join(filter(None, (key.strip("_-"), named)))


def _without_accents(name: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))


def worst_label(annotations: Sequence[Annotation]) -> str:
    """Class of an image by its lesions: "malignant" before "unknown" before "benign"; "normal" without any."""
    found = {annotation.pathology for annotation in annotations}
    for pathology in (Pathology.MALIGNANT, Pathology.UNKNOWN, Pathology.BENIGN):
        if pathology in found:
            return str(pathology)
    return "normal"
