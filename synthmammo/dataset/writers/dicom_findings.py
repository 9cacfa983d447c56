"""The findings of a sample as DICOM objects beside its image: a segmentation and a structured report.

Both refer to the image by its UIDs, lie in its study, and name a finding by the same tracking identifier. Nothing in
them depends on the clock: the dates and the one UID that highdicom draws are replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom.sr.codedict import codes

from synthmammo._version import __version__
from synthmammo.dataset.writers.dicom_codes import ABNORMAL, BREAST, FINDINGS, PATHOLOGIES, PATHOLOGY, STRUCTURES, TERMS
from synthmammo.dataset.writers.dicom_modules import study_uid
from synthmammo.dataset.writers.dicom_visit import SERIES
from synthmammo.identity import dicom_uid
from synthmammo.mammogram.sample import Finding, Laterality, Sample

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription
    from highdicom.sr import PlanarROIMeasurementsAndQualitativeEvaluations, QualitativeEvaluation

NAME = "synthmammo"
_SIDES = {Laterality.LEFT: codes.SCT.Left, Laterality.RIGHT: codes.SCT.Right}
_SHARED = (
    # The true time would make every build's bytes different.
    *(f"{what}{part}" for what in ("Series", "Content") for part in ("Date", "Time")),
    "LongitudinalTemporalInformationModified",
    "SyntheticData",
    "ContentQualification",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "ContributingEquipmentSequence",
)
"""Attributes that the objects have as their image has them."""


def segmentation(image: Dataset, sample: Sample, dataset: str) -> Dataset | None:
    """The pixel masks of a sample's findings: a binary Segmentation, one segment per finding.

    Args:
        image: Image object of the sample, as `mammogram` makes it, with its file meta information.
        sample: Sample with its findings; the masks are in `lesions`.
        dataset: Text that the UIDs are derived from, beside patient and key.

    Returns:
        The object; None when no finding has a mask.
    """
    from highdicom.seg import Segmentation, SegmentationTypeValues

    masked = [(number, finding) for number, finding in enumerate(sample.findings, 1) if finding.label]
    if not masked:
        return None
    labels = np.array([finding.label for _, finding in masked], np.uint8)
    made = Segmentation(
        [image],
        (sample.lesions[None, :, :, None] == labels).astype(np.uint8),
        SegmentationTypeValues.BINARY,
        [
            _segment(segment, finding, _tracking(number, sample, dataset))
            for segment, (number, finding) in enumerate(masked, 1)
        ],
        omit_empty_frames=False,  # the segment of a finding that another one covers would have no frame
        content_label="FINDINGS",
        content_description="Masks of the findings",
        content_creator_name=f"{NAME}^software",
        **_identity("segmentation", image, sample, dataset),
    )
    made.PatientOrientation = list(image.PatientOrientation)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = dicom_uid("dimensions", dataset, sample.key)
    return _as_the_image("segmentation", made, image)


def structured_report(image: Dataset, sample: Sample, dataset: str) -> Dataset | None:
    """The findings of a sample in words: a Comprehensive SR after TID 1500, one group of items per finding.

    A group has the finding's box as a closed polyline in pixels (the centre of the first pixel is at 0.5, 0.5), its
    kind, pathology and BI-RADS terms as codes, and the area of its mask.

    Args:
        image: Image object of the sample, as `mammogram` makes it.
        sample: Sample with its findings.
        dataset: Text that the UIDs are derived from, beside patient and key.

    Returns:
        The object; None for a sample without findings.
    """
    from highdicom import sr

    if not sample.findings:
        return None
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=dicom_uid(NAME, "device"), name=NAME, manufacturer_name=NAME, model_name=NAME
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(sr.ObserverContext(codes.DCM.Device, device)),
        procedure_reported=codes.SCT.Mammography,
        imaging_measurements=[
            _group(number, finding, image, sample, dataset) for number, finding in enumerate(sample.findings, 1)
        ],
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[image],
    )
    identity = _identity("report", image, sample, dataset)
    for name in ("manufacturer_model_name", "software_versions", "device_serial_number"):
        del identity[name]
    made = sr.ComprehensiveSR([image], content[0], is_complete=True, is_final=False, **identity)
    made.ManufacturerModelName, made.SoftwareVersions = NAME, __version__
    return _as_the_image("report", made, image)


def _identity(what: str, image: Dataset, sample: Sample, dataset: str) -> dict[str, Any]:
    return {
        "series_instance_uid": dicom_uid(what, "series", study_uid(sample, dataset)),
        "series_number": {"segmentation": 2, "report": 3}[what],
        "sop_instance_uid": dicom_uid(what, dataset, sample.key),
        "instance_number": int(image.InstanceNumber),
        "manufacturer": NAME,
        "manufacturer_model_name": NAME,
        "software_versions": __version__,
        "device_serial_number": "0",
    }


def _as_the_image(what: str, made: Dataset, image: Dataset) -> Dataset:
    for name in ("InstanceCreationDate", "InstanceCreationTime"):
        del made[name]
    for name in _SHARED:
        if name in image:
            made[name] = image[name]
    made.SeriesDescription = SERIES[what]
    return made


def _tracking(number: int, sample: Sample, dataset: str) -> tuple[str, str]:
    """Identifier and UID of the finding of that number, the same in all objects."""
    # Keys of real hosts may come from file names, so they are not repeated here.
    origin = "synthetic" if sample.findings[number - 1].synthetic else "reported"
    return f"{origin} finding {number}", dicom_uid("finding", dataset, sample.key, number)


def _segment(segment: int, finding: Finding, tracking: tuple[str, str]) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription

    maker = AlgorithmIdentificationSequence(NAME, codes.cid7162.MorphologicalOperations, __version__)
    return SegmentDescription(
        segment,
        f"{finding.pathology} {finding.kind}"[:64],
        ABNORMAL,
        STRUCTURES[finding.kind],
        SegmentAlgorithmTypeValues.AUTOMATIC if finding.synthetic else SegmentAlgorithmTypeValues.MANUAL,
        maker if finding.synthetic else None,
        tracking_id=tracking[0],
        tracking_uid=tracking[1],
        anatomic_regions=[BREAST],
    )


def _group(
    number: int, finding: Finding, image: Dataset, sample: Sample, dataset: str
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    from highdicom import sr

    row0, col0, row1, col1 = finding.box
    corners = [(col0, row0), (col1, row0), (col1, row1), (col0, row1), (col0, row0)]
    assert sample.laterality
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(*reversed(_tracking(number, sample, dataset))),
        referenced_region=sr.ImageRegion(
            sr.GraphicTypeValues.POLYLINE,
            np.array(corners, np.float64),
            sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID),
        ),
        finding_type=FINDINGS[finding.kind],
        finding_category=ABNORMAL,
        finding_sites=[sr.FindingSite(BREAST, laterality=_SIDES[sample.laterality])],
        measurements=_area(finding, sample),
        qualitative_evaluations=_evaluations(finding),
    )


def _area(finding: Finding, sample: Sample) -> list[Any]:
    from highdicom import sr

    if not finding.label:
        return []
    assert sample.spacing_mm
    pixels = int((sample.lesions[finding.box.slices] == finding.label).sum())
    area_mm2 = round(pixels * sample.spacing_mm[0] * sample.spacing_mm[1], 3)
    return [sr.Measurement(codes.SCT.Area, area_mm2, codes.UCUM.SquareMillimeter)]


def _evaluations(finding: Finding) -> list[QualitativeEvaluation]:
    from highdicom.sr import QualitativeEvaluation

    found = [(PATHOLOGY, PATHOLOGIES[finding.pathology])] if finding.pathology in PATHOLOGIES else []
    for name, word in finding.descriptors.items():
        concept, values = TERMS.get(name, (None, {}))
        if concept and word in values:
            found.append((concept, values[word]))
    return [QualitativeEvaluation(concept, value) for concept, value in found]
