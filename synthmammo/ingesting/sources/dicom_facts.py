"""The facts of a DICOM mammogram's header that are worth keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.ages import age_band
from synthmammo.ingesting.sources.dicom_pixels import is_raw
from synthmammo.ingesting.sources.origins import STATED, header_origin

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_NUMBERS = {
    "kvp": (("KVP", 1.0),),
    "exposure_mas": (("ExposureInmAs", 1.0), ("ExposureInuAs", 1e-3), ("Exposure", 1.0)),
    "exposure_time_ms": (("ExposureTimeInms", 1.0), ("ExposureTimeInuS", 1e-3), ("ExposureTime", 1.0)),
    "tube_current_ma": (("XRayTubeCurrentInmA", 1.0), ("XRayTubeCurrentInuA", 1e-3), ("XRayTubeCurrent", 1.0)),
    "entrance_dose_mgy": (("EntranceDoseInmGy", 1.0),),
    "organ_dose_mgy": (("OrganDose", 100.0),),
    "half_value_layer_mm": (("HalfValueLayer", 1.0),),
    "compression_force_n": (("CompressionForce", 1.0),),
    "compression_thickness_mm": (("BodyPartThickness", 1.0),),
    "positioner_angle_deg": (("PositionerPrimaryAngle", 1.0),),
}
"""Attributes that give a number, the first that is there, and the factor to the unit of the fact (PS3.3, C.8.7)."""

_TEXTS = {"anode": "AnodeTargetMaterial", "detector": "DetectorType"}
_SEVERAL = {"image_type": "ImageType", "filter": "FilterMaterial", "grid": "Grid"}
_ANSWERS = {"partial_view": "PartialView", "implant": "BreastImplantPresent", "burned_in": "BurnedInAnnotation"}


def header_facts(header: Dataset) -> dict[str, Any]:
    """Facts of how an image was made, which say nothing of the person but a band of age.

    `mammogram.columns.RECORDED` describes most of them.
    """
    facts: dict[str, Any] = {
        "manufacturer": head.text(header, "Manufacturer"),
        "manufacturer_model": head.text(header, "ManufacturerModelName"),
        "modality": head.text(header, "Modality").upper(),
        "presentation_intent": _intent(header),
        "stored_bits": head.integer(header, "BitsStored"),
        "spacing_from": head.spacing_mm(header)[1],
        "magnification": head.magnification(header),
        "projection": head.view_name(header) if head.view(header) is None else None,
        "modifier": head.modifiers(header),
        "lossy_ratio": head.lossy_ratio(header),
        "age": age_band(_years(header)),
        "intensities": "for processing" if is_raw(header) else None,
        STATED: header_origin(header),
    }
    answers = {name: {"YES": True, "NO": False}.get(head.text(header, of).upper()) for name, of in _ANSWERS.items()}
    texts = {name: head.text(header, of) for name, of in _TEXTS.items()}
    several = {name: [str(one) for one in head.as_list(header, of) if str(one)] for name, of in _SEVERAL.items()}
    numbers = {name: _number(header, *of) for name, of in _NUMBERS.items()}
    facts |= answers | texts | several | numbers
    return {name: value for name, value in facts.items() if value not in ("", None, [])}


def _years(header: Dataset) -> float | None:
    """Age in years, from an age string such as 055Y or 660M (PS3.5, 6.2)."""
    text = head.text(header, "PatientAge").strip().upper()
    per_year = {"Y": 1, "M": 12, "W": 52, "D": 365}.get(text[-1:])
    return int(text[:-1]) / per_year if per_year and text[:-1].isdecimal() else None


def _intent(header: Dataset) -> str | None:
    if stated := head.text(header, "PresentationIntentType").lower():
        return stated
    classes = {head.FOR_PRESENTATION: "for presentation", head.FOR_PROCESSING: "for processing"}
    return classes.get(head.text(header, "SOPClassUID"))


def _number(header: Dataset, *attributes: tuple[str, float]) -> float | None:
    for name, factor in attributes:
        value = head.number_value(header, name, float("nan"))
        if abs(value) < float("inf"):
            return round(value * factor, 9)
    return None
