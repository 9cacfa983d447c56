"""What every layout of CBIS-DDSM shares: its licence, what to cite, and the words of its tables (Lee et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from synthmammo.ingesting.sources.base import Annotation
from synthmammo.ingesting.sources.tables import TableRow
from synthmammo.ingesting.sources.terms import Vocabulary, words
from synthmammo.mammogram.sample import Kind, Pathology

LICENCE = "CC-BY-3.0"
CITATION = (
    "Sawyer-Lee, R., Gimenez, F., Hoogi, A., & Rubin, D. (2016). Curated Breast Imaging Subset of Digital Database "
    "for Screening Mammography (CBIS-DDSM). The Cancer Imaging Archive. "
    "https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY; Lee, R. S., et al. (2017). A curated mammography data set for "
    "use in computer-aided detection and diagnosis research. Scientific Data 4, 170177."
)
DESCRIPTORS = {
    "mass shape": "shape",
    "mass margins": "margin",
    "calc type": "morphology",
    "calc distribution": "distribution",
    "shape": "shape",
    "margins": "margin",
    "assessment": "birads",
    "subtlety": "subtlety",
}
"""Columns of the tables with BI-RADS words, and the names that these have here."""
PATHOLOGIES = {
    "MALIGNANT": Pathology.MALIGNANT,
    "BENIGN": Pathology.BENIGN,
    "BENIGN_WITHOUT_CALLBACK": Pathology.BENIGN,
}
VOCABULARY: Vocabulary = {
    "class": words("pathology", PATHOLOGIES),
    "pathology": words("pathology", PATHOLOGIES),
    "birads": words("assessment", {digit: digit for digit in "012345"}),
}
"""What the tables of every layout say in the same words."""


def annotation_of(row: TableRow, mask_files: tuple[Path, ...] = ()) -> Annotation:
    """The lesion that a row describes.

    A "mass" of which the shape says architectural distortion or asymmetry alone is of that kind.

    Args:
        row: A row with the columns of `DESCRIPTORS`, `abnormality type` and `pathology` (or `label`) that it has.
        mask_files: Files of which one holds the pixel mask of the lesion.
    """
    words = {name: _term(row[column]) for column, name in DESCRIPTORS.items() if row[column]}
    descriptors = {name: word for name, word in words.items() if word}
    kind = Kind.CALCIFICATION if row["abnormality type"].lower() == "calcification" else Kind.MASS
    shape = descriptors.get("shape", "")
    if kind is Kind.MASS and shape == "architectural distortion":
        kind = Kind.DISTORTION
    elif kind is Kind.MASS and shape.startswith(("asymmetric", "focal asymmetric")) and "," not in shape:
        kind = Kind.ASYMMETRY
    name = (row["pathology"] or row["label"]).lower()
    starts = {"malignant": Pathology.MALIGNANT, "benign": Pathology.BENIGN}
    pathology = next((pathology for start, pathology in starts.items() if name.startswith(start)), Pathology.UNKNOWN)
    return Annotation(kind, pathology, descriptors, mask_files=mask_files)


def _term(cell: str) -> str:
    # "IRREGULAR-ILL_DEFINED" joins two terms by "-" and the words of one by "_".
    terms = (term.replace("_", " ").strip().lower() for term in cell.split("-"))
    spelt = ("ill-defined" if term == "ill defined" else term for term in terms)
    return ", ".join(term for term in spelt if term not in ("", "n/a", "na"))
