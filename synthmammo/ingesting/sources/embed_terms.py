"""The codes of EMBED's clinical table, from references/AWS_Open_Data_Clinical_Legend.csv of the archive."""

from __future__ import annotations

from collections.abc import Sequence

from synthmammo.ingesting.sources.base import Annotation
from synthmammo.ingesting.sources.tables import TableRow
from synthmammo.ingesting.sources.terms import assessment_label, laterality_of, worst_class
from synthmammo.mammogram.sample import Kind, Laterality, Pathology

ASSESSMENTS = {"A": "0", "N": "1", "B": "2", "P": "3", "S": "4", "M": "5", "K": "6"}
"""BI-RADS category by the code of column asses."""
SEVERITIES = {
    **dict.fromkeys("01", Pathology.MALIGNANT),  # invasive, not invasive
    **dict.fromkeys("2345", Pathology.BENIGN),  # high risk, borderline, benign, normal tissue
    "6": Pathology.MALIGNANT,  # a cancer, but not one of the breast
}
"""Pathology by the code of column path_severity, the worst that was reported for a finding."""
KINDS = {
    **dict.fromkeys("GROXNY", Kind.MASS),
    **dict.fromkeys("QA", Kind.DISTORTION),
    **dict.fromkeys("TBFSV", Kind.ASYMMETRY),
}
"""Kind of a finding by the code of column massshape, as the archive's sample notebook groups them."""
TERMS = {
    "massshape": (
        "shape",
        {
            "G": "generic",
            "R": "round",
            "O": "oval",
            "X": "irregular",
            "Q": "questioned architectural distortion",
            "A": "architectural distortion",
            "T": "tubular",
            "N": "intramammary lymph node",
            "B": "global asymmetry",
            "F": "focal asymmetry",
            "S": "asymmetry",
            "V": "developing asymmetry",
            "Y": "lymph node",
        },
    ),
    "massmargin": (
        "margin",
        {"D": "circumscribed", "U": "obscured", "M": "microlobulated", "I": "indistinct", "S": "spiculated"},
    ),
    "massdens": ("density", {"+": "high density", "=": "isodense", "-": "low density", "0": "fat containing"}),
    "calcfind": (
        "morphology",
        {
            "A": "amorphous",
            "9": "benign",
            "H": "coarse heterogeneous",
            "C": "coarse, popcorn-like",
            "D": "dystrophic",
            "E": "rim",
            "F": "fine linear",
            "B": "fine linear branching",
            "G": "generic",
            "I": "fine pleomorphic",
            "L": "large rod-like",
            "M": "milk of calcium",
            "J": "oil cyst",
            "K": "pleomorphic",
            "P": "punctate",
            "R": "round",
            "S": "skin",
            "O": "lucent-centred",
            "U": "suture",
            "V": "vascular",
            "Q": "coarse",
        },
    ),
    "calcdistri": (
        "distribution",
        {"G": "grouped", "S": "segmental", "R": "regional", "D": "diffuse", "L": "linear", "C": "clustered"},
    ),
}
"""Descriptors by column: their names here, and their words by code."""


def findings_of(rows: Sequence[TableRow], side: Laterality | None) -> tuple[Annotation, ...]:
    """The findings of a breast, without a place.

    A row that describes nothing is a finding of another kind where it was assessed as more than benign, or has a
    pathology; otherwise it says that there is none.

    Args:
        rows: Rows of the examination that hold for the breast.
        side: Side of the breast; None when unknown.
    """
    return tuple(found for row in rows if (found := _finding(row, side)) is not None)


def exam_class(rows: Sequence[TableRow], exam: Sequence[TableRow], side: Laterality | None) -> str:
    """Class of a breast in an examination: the worst of its rows, each by pathology or else by assessment.

    Args:
        rows: Rows of the examination that hold for the breast.
        exam: All rows of the examination.
        side: Side of the breast; None when unknown.
    """
    if not rows and any("bilat" in row["desc"].lower() for row in exam):
        return "normal"  # rows are written for breasts with findings only
    pathologies = [_pathology(row, side) for row in rows]
    labels = [
        assessment_label(ASSESSMENTS.get(row["asses"].upper(), ""))
        if pathology is Pathology.UNKNOWN
        else str(pathology)
        for row, pathology in zip(rows, pathologies, strict=True)
    ]
    return worst_class(labels)


def _finding(row: TableRow, side: Laterality | None) -> Annotation | None:
    descriptors = {
        name: ", ".join(meanings[code] for code in row[column].upper() if code in meanings)
        for column, (name, meanings) in TERMS.items()
    }
    described = {name: text for name, text in descriptors.items() if text}
    pathology, category = _pathology(row, side), ASSESSMENTS.get(row["asses"].upper(), "")
    kind = _kind(row, described)
    if kind is None and pathology is Pathology.UNKNOWN and category in ("", "1", "2"):
        return None
    return Annotation(kind or Kind.OTHER, pathology, described | ({"birads": category} if category else {}))


def _kind(row: TableRow, described: dict[str, str]) -> Kind | None:
    if (shape := row["massshape"].upper()[:1]) in KINDS:
        return KINDS[shape]
    if "margin" in described or "density" in described:
        return Kind.MASS
    number = row["calcnumber"].removesuffix(".0")
    return Kind.CALCIFICATION if {"morphology", "distribution"} & {*described} or number not in ("", "0") else None


def _pathology(row: TableRow, side: Laterality | None) -> Pathology:
    """Pathology that was reported for a row's finding; it may be of the other breast than the image (bside)."""
    other = laterality_of(row["bside"])
    if side is not None and other is not None and other is not side:
        return Pathology.UNKNOWN
    return SEVERITIES.get(row["path_severity"].removesuffix(".0"), Pathology.UNKNOWN)
