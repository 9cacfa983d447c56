"""Whether an image shows a person or was made by a program, and by which: kept with the sample through every step.

The kinds of digital sources are those that the press uses (IPTC NewsCodes, digitalsourcetype, 2024-09-17). What a
sample's provenance says is enough to tell: `making_of` reads it, also that of the releases before the statement
`origin` was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePath
from typing import Any

_Record = Mapping[str, Any]

STATEMENT = "origin"
"""Key of the statement in the provenance of a sample."""


class Origin(StrEnum):
    """What the pixels of an image show."""

    REAL = "real"
    """A person, as a machine took the image."""
    SYNTHETIC = "synthetic"
    """Nobody: a program made the image."""
    MIXED = "mixed"
    """A person, where a program changed something, or took the image as its pattern; or nobody knows."""


class SourceType(StrEnum):
    """Kinds of digital sources, by their names in the vocabulary of IPTC."""

    CAPTURE = "digitalCapture"
    ALGORITHM = "algorithmicMedia"
    """Made by an algorithm that was not trained on samples, e.g. a phantom."""
    TRAINED = "trainedAlgorithmicMedia"
    """Made by a network that was trained on samples, in all or in part; nothing in it is real."""
    TRAINED_COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
    """Real, with parts that a trained network made."""
    COMPOSITE = "composite"
    """Several elements, of which some may be synthetic."""
    CHART = "dataDrivenMedia"
    """A drawing of numbers, which shows no breast."""

    @property
    def uri(self) -> str:
        """Address of the term."""
        return VOCABULARY + str(self)

    @property
    def origin(self) -> Origin:
        """What an image of this kind shows."""
        return _ORIGINS[self]


VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"

_ORIGINS = {
    SourceType.CAPTURE: Origin.REAL,
    SourceType.ALGORITHM: Origin.SYNTHETIC,
    SourceType.TRAINED: Origin.SYNTHETIC,
    SourceType.CHART: Origin.SYNTHETIC,
    SourceType.TRAINED_COMPOSITE: Origin.MIXED,
    SourceType.COMPOSITE: Origin.MIXED,
}

FOREIGN_TERMS = {
    **dict.fromkeys(("computationalCapture", "negativeFilm", "positiveFilm", "print"), SourceType.CAPTURE),
    **dict.fromkeys(
        ("compositeCapture", "humanEdits", "minorHumanEdits", "algorithmicallyEnhanced"), SourceType.CAPTURE
    ),
    **dict.fromkeys(("digitalArt", "digitalCreation", "softwareImage", "virtualRecording"), SourceType.ALGORITHM),
    "compositeSynthetic": SourceType.TRAINED_COMPOSITE,
}
"""Other terms of the vocabulary, by the kind here that says most of the same."""


class StatedBy(StrEnum):
    """On whose word an image counts as real or synthetic, the surest first."""

    BUILD = "build"
    """This package made it."""
    HEADER = "header"
    """The attribute SyntheticData of its DICOM header."""
    MARK = "mark"
    """A mark in its file: IPTC DigitalSourceType."""
    USER = "user"
    """Whoever read it in named the generator, or handed it over as an array."""
    ARCHIVE = "archive"
    """The archive that published it, as one of patients' images."""
    NOBODY = "nobody"
    """Nothing in its file says: it counts as real on the word of whoever read it in."""


_VERSION, _PACKAGE, _WEIGHTS = "synthmammo pixels version ", "package ", "weights sha256 "


@dataclass(frozen=True, order=True)
class Maker:
    """A program that made an image or a part of it.

    Attributes:
        name: Name of the generator or of its model, e.g. "phantom" or "zoo/contextual-mass".
        version: Version of the program that decided the pixels; empty when unknown.
        weights: SHA-256 of the model's weights; empty where there is none, or when unknown.
    """

    name: str
    version: str = ""
    weights: str = ""

    def __str__(self) -> str:
        facts = [self.version, _WEIGHTS + self.weights if self.weights else ""]
        known = ", ".join(filter(None, facts))
        return f"{self.name} ({known})" if known else self.name

    @classmethod
    def parse(cls, text: str) -> Maker:
        """The maker whose text this is."""
        name, bracket, facts = text.removesuffix(")").rpartition(" (")
        known = facts.split(", ") if bracket and text.endswith(")") else []
        version = next((fact for fact in known if fact.startswith((_VERSION, _PACKAGE))), "")
        weights = next((fact.removeprefix(_WEIGHTS) for fact in known if fact.startswith(_WEIGHTS)), "")
        return cls(name, version, weights) if version or weights else cls(text)

    def record(self) -> dict[str, str]:
        """The maker as it is stored: what is not known is left out."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Making:
    """How an image came about.

    Attributes:
        source_type: Kind of the digital source.
        makers: What made it or a part of it, without repetition; none for an untouched real image.
        stated_by: On whose word.
    """

    source_type: SourceType
    makers: tuple[Maker, ...] = ()
    stated_by: StatedBy = StatedBy.BUILD

    @property
    def origin(self) -> Origin:
        """Whether the image is real, synthetic or mixed."""
        return self.source_type.origin

    def record(self) -> dict[str, Any]:
        """The statement as it is stored in a sample's provenance."""
        makers = [maker.record() for maker in self.makers]
        return {"source_type": str(self.source_type), "stated_by": str(self.stated_by), "made_by": makers}

    @classmethod
    def of_record(cls, record: _Record) -> Making:
        """The statement that `record` stored."""
        makers = tuple(Maker(**maker) for maker in record.get("made_by", ()))
        return cls(SourceType(record["source_type"]), makers, StatedBy(record.get("stated_by", StatedBy.NOBODY)))

    def with_part(self, maker: Maker) -> Making:
        """The making of this image after a program put something on it or took something off."""
        kind = _changed(self.source_type, trained=bool(maker.weights))
        return replace(self, source_type=kind, makers=tuple(dict.fromkeys((*self.makers, maker))))


UNKNOWN = Making(SourceType.COMPOSITE, (), StatedBy.NOBODY)
"""How an image came about whose record says nothing: it is marked as one that may be synthetic, never as a real one."""


_KINDS = {
    Origin.REAL: SourceType.CAPTURE,
    Origin.SYNTHETIC: SourceType.TRAINED,
    Origin.MIXED: SourceType.TRAINED_COMPOSITE,
}


def making_of_dataset(origin: str | None) -> Making:
    """How an image of a dataset came about, as far as the dataset's origin tells; None where nothing states that."""
    return UNKNOWN if origin is None else Making(_KINDS[Origin(origin)], (), StatedBy.NOBODY)


def _changed(kind: SourceType, *, trained: bool) -> SourceType:
    if kind.origin is Origin.SYNTHETIC:
        return SourceType.TRAINED if trained else kind  # nobody is shown, whatever is put onto it
    return SourceType.TRAINED_COMPOSITE if trained or kind is SourceType.TRAINED_COMPOSITE else SourceType.COMPOSITE


def together(makings: Iterable[Making]) -> Making:
    """The making of a picture, or of a dataset, of several images; that of nothing is `UNKNOWN`."""
    found = list(makings)
    kinds = {making.source_type for making in found}
    if not kinds:
        return UNKNOWN
    several = SourceType.COMPOSITE
    if all(kind.origin is Origin.SYNTHETIC for kind in kinds):
        several = SourceType.TRAINED
    elif kinds & {SourceType.TRAINED, SourceType.TRAINED_COMPOSITE}:
        several = SourceType.TRAINED_COMPOSITE
    makers = tuple(dict.fromkeys(maker for making in found for maker in making.makers))
    words = {making.stated_by for making in found}
    return Making(kinds.pop() if len(kinds) == 1 else several, makers, max(words, key=list(StatedBy).index))


def origin_of(origins: Iterable[str]) -> Origin:
    """The origin of a collection of images: theirs where all agree, else mixed; that of nothing is mixed."""
    found = {Origin(origin) for origin in origins}
    return found.pop() if len(found) == 1 else Origin.MIXED


def maker_of(record: _Record, pixels_version: int | None = None) -> Maker:
    """The program that a record of a background, of a lesion or of a removal names.

    Args:
        record: Record with `generator`, `model` and `weights`, as far as it has them; of a plug-in's generator with its
            `package` and `version`.
        pixels_version: Version of the pixels of this package where it drew the image; None when unknown.
    """
    name, weights = record.get("model") or record.get("generator") or "unknown", record.get("weights") or ""
    if (name.endswith(".safetensors") or "pipeline" in record) and "://" not in name:
        name = PurePath(name).name  # where a user keeps files is nobody's business
    if "package" in record:
        return Maker(name, f"{_PACKAGE}{record['package']} {record.get('version', '')}".strip(), weights)
    drawn = pixels_version is not None and not weights
    return Maker(name, f"{_VERSION}{pixels_version}" if drawn else "", weights)


def making_of(record: _Record) -> Making:
    """How the image of a record came about.

    Args:
        record: Provenance of a sample, or the record of its background.
    """
    version = record.get("pixels_version")
    making = _start(record, version)
    for lesion in (*record.get("lesions", ()), *filter(None, [record.get("removal")])):
        making = making.with_part(maker_of(lesion, version))
    for change in record.get("changes", ()):
        # A removal's lesion says what was there before; the model that painted it over stands in the change itself.
        by = change["lesion"] if change["action"] == "insert" else change
        making = making.with_part(maker_of(by, change.get("pixels_version")))
    return making


def host_of(record: _Record) -> _Record:
    """The record of the background of a built image, with the pixels version where that build drew it."""
    host: _Record = record["host"]
    drawn_here = "pixels_version" in record and host.get("generator") != "ingested"
    return {"pixels_version": record["pixels_version"], **host} if drawn_here else host


def _start(record: _Record, version: int | None) -> Making:
    """The making of an image before lesions and changes."""
    if STATEMENT in record:
        return Making.of_record(record[STATEMENT])
    if "host" in record:
        return making_of(host_of(record))
    if "inverted" in record:
        return _inverted(record)
    generator = record.get("generator")
    if generator not in (None, "ingested"):
        kind = SourceType.TRAINED if record.get("weights") or record.get("model") else SourceType.ALGORITHM
        return Making(kind, (maker_of(record, version),))
    if "source" not in record:
        return UNKNOWN
    return UNKNOWN if _cut_from_built(record) else Making(SourceType.CAPTURE, (), StatedBy.NOBODY)


def _inverted(record: _Record) -> Making:
    """An image as a network makes it again: of a real one it stays half real, since it shows that person."""
    pattern = Making.of_record(record["inverted_from"]) if "inverted_from" in record else None
    synthetic = pattern is not None and pattern.origin is Origin.SYNTHETIC
    kind = SourceType.TRAINED if synthetic else SourceType.TRAINED_COMPOSITE
    makers = (*(pattern.makers if pattern else ()), maker_of(record))
    return Making(kind, tuple(dict.fromkeys(makers)))


def _cut_from_built(record: _Record) -> bool:
    """Whether a patch of release 0.2 or before was cut from a built dataset, as the name of its image tells."""
    return "source_shape" in record and re.fullmatch(r".+-\d{7}", str(record["source"])) is not None
