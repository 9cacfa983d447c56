"""What is kept of each image in the index of a dataset, and may be asked for in a condition (`where`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from synthmammo.mammogram.where import Holds


class Column(NamedTuple):
    """One column.

    Attributes:
        kind: What it holds; "texts" are several texts.
        about: What it says, with its unit.
    """

    kind: Holds
    about: str


OF_IMAGE = {
    "key": Column("text", "Name of the image"),
    "patient": Column("text", "Pseudonym of the patient"),
    "label": Column("text", "Class of the image, e.g. normal or malignant"),
    "view": Column("text", "CC or MLO; empty for other projections, see `projection`"),
    "laterality": Column("text", "Side of the body, L or R"),
    "density": Column("text", "BI-RADS breast composition, a to d"),
}
"""What is known of every image before its pixels are read, beside `RECORDED`."""

RECORDED = {
    "official_split": Column("text", "Split in the archive that an image was read from"),
    "birads": Column("text", "BI-RADS assessment as the archive writes it"),
    "projection": Column("text", "Projection other than CC and MLO, e.g. ML or XCCL"),
    "modifier": Column("texts", "What is special about the view, e.g. magnification or implant displaced"),
    "partial_view": Column("boolean", "Whether the image shows only a part of the breast (PartialView)"),
    "implant": Column("boolean", "Whether the breast has an implant (BreastImplantPresent)"),
    "modality": Column("text", "Modality, e.g. MG"),
    "image_type": Column("texts", "Values of ImageType, e.g. DERIVED or GENERATED_2D"),
    "presentation_intent": Column("text", "For presentation, or for processing (raw)"),
    "frame": Column("text", "Frame of a multi-frame object that was read: its number, or maximum"),
    "manufacturer": Column("text", "Maker of the machine"),
    "manufacturer_model": Column("text", "Name of the machine's model"),
    "detector": Column("text", "Kind of the detector (DetectorType)"),
    "kvp": Column("number", "Peak voltage of the tube, in kV"),
    "exposure_mas": Column("number", "Exposure in mAs"),
    "exposure_time_ms": Column("number", "Exposure time in ms"),
    "tube_current_ma": Column("number", "Tube current in mA"),
    "anode": Column("text", "Material of the anode, e.g. TUNGSTEN"),
    "filter": Column("texts", "Material of the filter, e.g. RHODIUM"),
    "grid": Column("texts", "Grid that was used"),
    "entrance_dose_mgy": Column("number", "Entrance dose in mGy"),
    "organ_dose_mgy": Column("number", "Mean glandular dose in mGy (OrganDose)"),
    "half_value_layer_mm": Column("number", "Half-value layer in mm"),
    "compression_force_n": Column("number", "Compression force in N"),
    "compression_thickness_mm": Column("number", "Thickness of the compressed breast in mm"),
    "positioner_angle_deg": Column("number", "Angle of the tube in degrees (PositionerPrimaryAngle)"),
    "magnification": Column("number", "Radiographic magnification factor; 1 is none"),
    "lossy_ratio": Column("number", "Ratio of the lossy compression that the image once had"),
    "burned_in": Column("boolean", "Whether the header says that text is burned into the pixels"),
}
"""What a reader wrote into the provenance under these names, of the image itself or of the background of a build."""

OF_PIXELS = {
    "origin": Column("text", "real, synthetic, or mixed: a real image that a program changed"),
    "split": Column("text", "Split: train, validation or test"),
    "spacing_origin": Column("text", "Origin of the pixel spacing: known, assumed or unknown"),
    "spacing_mm": Column("number", "Pixel spacing in mm, the coarser of rows and columns"),
    "height": Column("number", "Height in pixels"),
    "width": Column("number", "Width in pixels"),
    "bits_stored": Column("number", "Bit depth"),
    "breast_share": Column("number", "Share of the image that is breast, 0 to 1"),
    "findings": Column("number", "Number of findings with a place"),
    "kinds": Column("texts", "Kinds of the findings with a place, e.g. mass"),
    "pathologies": Column("texts", "Pathologies of the findings with a place"),
    "unlocated": Column("number", "Number of findings without a place"),
}
"""What is known once an image is a sample of a dataset."""

BEFORE_READING = OF_IMAGE | RECORDED
COLUMNS = OF_IMAGE | RECORDED | OF_PIXELS


def kinds(columns: Mapping[str, Column]) -> dict[str, Holds]:
    """What each column holds, by name."""
    return {name: column.kind for name, column in columns.items()}


def recorded(record: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `RECORDED` in a provenance, in their types; None where it does not say.

    Args:
        record: Provenance of an image, or of the background of a build.
    """
    return {name: _typed(record.get(name), column.kind, name in record) for name, column in RECORDED.items()}


def _typed(value: Any, kind: Holds, stated: bool) -> Any:
    if kind == "boolean":
        # Generators describe an implant, or say that there is none.
        return bool(value) if stated else None
    if value is None or value == "":
        return None
    if kind == "texts":
        return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
    return _number(value) if kind == "number" else str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
