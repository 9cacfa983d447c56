"""Where the images of a dataset are from, all together: real, synthetic or mixed, what made them, on whose word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from synthmammo.dataset.index import IndexRow
from synthmammo.dataset.manifest import Manifest
from synthmammo.mammogram.origin import Maker, Origin, SourceType, StatedBy, origin_of

_WORDS = {
    StatedBy.BUILD: "",
    StatedBy.HEADER: "as their DICOM headers state (SyntheticData)",
    StatedBy.MARK: "as the marks in their files state (IPTC DigitalSourceType)",
    StatedBy.USER: "as whoever read them in stated",
    StatedBy.ARCHIVE: "as the archive that published them states",
    StatedBy.NOBODY: "on the word of whoever read them in: their files do not say",
}


def origins(rows: Sequence[IndexRow]) -> tuple[str, tuple[dict[str, Any], ...]]:
    """Origin of a dataset, and what made its images: name, version, weights and number of samples, sorted.

    Args:
        rows: Index rows of the dataset.
    """
    makers = Counter(maker for row in rows for maker in _makers(row))
    listed = tuple({**maker.record(), "samples": number} for maker, number in sorted(makers.items()))
    return str(origin_of(row["origin"] for row in rows)), listed


def _makers(row: IndexRow) -> Iterator[Maker]:
    for maker in row["made_by"] or ():
        yield Maker(**{name: value for name, value in maker.items() if value})


def makers(manifest: Manifest) -> list[Maker]:
    """What made the images of a dataset."""
    return [Maker(**{name: one[name] for name in one if name != "samples"}) for one in manifest.made_by]


def origin_sentences(manifest: Manifest, rows: Sequence[IndexRow]) -> list[str]:
    """What a card says of the origin: what the images are, what made them, on whose word.

    Args:
        manifest: Manifest of the dataset.
        rows: Index rows of the dataset; those of release 0.1 and 0.2 state no origin.
    """
    sentences = nature(manifest)
    if any(row["origin"] is None for row in rows):
        sentences.append("Its files do not state an origin image by image: an earlier release wrote them.")
        return sentences
    words = Counter((row["origin"], row["stated_by"]) for row in rows)
    for (origin, word), number in sorted(words.items(), key=lambda counted: (-counted[1], counted[0])):
        if text := _WORDS[StatedBy(word)]:
            sentences.append(f"{number:,} of {len(rows):,} images count as {origin} {text}.")
    return sentences


def nature(manifest: Manifest) -> list[str]:
    """What the images are, and what made them."""
    made_by = ", ".join(f"`{maker}`" for maker in makers(manifest))
    return [_whole(manifest), *([f"Made, or changed, by {made_by}."] if made_by else [])]


def _whole(manifest: Manifest) -> str:
    match Origin(manifest.origin):
        case Origin.REAL:
            return "Real images: every image shows a person, and no program put anything into one."
        case Origin.SYNTHETIC:
            return "Synthetic images: no image shows a person; programs made all of them."
        case _:
            return (
                "Real and synthetic content: some images are made by programs, or are real ones that a program "
                "changed; the column `origin` says which."
            )


def keyword(manifest: Manifest) -> list[str]:
    """The keyword that catalogues know synthetic data by; none for real images."""
    return [] if manifest.origin == Origin.REAL else ["synthetic data"]


def source_types(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Addresses of the kinds of digital sources among the images, sorted; those that no row states are left out."""
    return sorted({SourceType(row["source_type"]).uri for row in rows if row["source_type"]})
