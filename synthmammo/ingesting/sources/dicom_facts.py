"""The facts of a DICOM mammogram's header that are worth keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.dicom_pixels import is_raw

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def header_facts(header: Dataset) -> dict[str, Any]:
    """Facts of how an image was made, which say nothing of the person."""
    facts: dict[str, Any] = {
        "manufacturer": head.text(header, "Manufacturer"),
        "model": head.text(header, "ManufacturerModelName"),
        "stored_bits": head.integer(header, "BitsStored"),
        "spacing_from": head.spacing_mm(header)[1],
        "magnification": head.text(header, "EstimatedRadiographicMagnificationFactor"),
        "projection": head.view_name(header) if head.view(header) is None else None,
        "burned_in": {"YES": True, "NO": False}.get(head.text(header, "BurnedInAnnotation")),
        "lossy_ratio": head.lossy_ratio(header),
        "intensities": "for processing" if is_raw(header) else None,
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}
