"""The attributes of a Digital Mammography X-Ray Image, module by module (DICOM PS3.3, A.27 and C.8.11).

Nothing of a real host's file is copied: every attribute is made here from the sample, so what named a patient, a
clock or a place is absent rather than blanked.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation
from pydicom.valuerep import format_number_as_ds

from synthmammo._version import __version__
from synthmammo.dataset.writers import dicom_visit as visit
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.dicom_codes import BREAST, VIEWS
from synthmammo.errors import OutputError
from synthmammo.identity import dicom_uid
from synthmammo.mammogram.anatomy import chest_wall_side, foreign_objects
from synthmammo.mammogram.history import History
from synthmammo.mammogram.origin import Origin
from synthmammo.mammogram.sample import Laterality, Sample, SpacingOrigin, View

_LONGEST_NAME, _LONGEST_TEXT = 64 - len("DEIDENTIFIED^"), 1024
"""Letters that DICOM leaves for a pseudonym (PN, LO), and for a description (ST)."""

_PSEUDONYM = re.compile("p[0-9a-f]{12}")
_MODIFYING_EQUIPMENT = Code("109103", "DCM", "Modifying Equipment")


def mammogram(encoded: Encoded, dataset: str) -> Dataset:
    """The DICOM object of a sample, without file meta information.

    Args:
        encoded: Sample to write.
        dataset: Text that the UIDs are derived from, beside patient and key.

    Returns:
        The attributes and uncompressed pixels, the same for the same arguments.

    Raises:
        OutputError: The sample lacks what the object requires: pixel spacing, view or laterality, or a whole image.
    """
    require(encoded.sample)
    image = Dataset()
    for module in (
        _sop_common(encoded.sample, dataset),
        _patient(encoded.sample),
        _study_and_series(encoded, dataset),
        _equipment(encoded.sample),
        _anatomy(encoded.sample),
        _image(encoded.sample),
        _intensities(encoded),
        _pixels(encoded.sample),
    ):
        image.update(module)
    return image


def instance_uid(sample: Sample, dataset: str) -> str:
    """SOP Instance UID of a sample's image; what refers to the image derives it again."""
    return dicom_uid("image", dataset, sample.key)


def study_uid(sample: Sample, dataset: str) -> str:
    """Study Instance UID: one study per patient."""
    return dicom_uid("study", dataset, _person(sample))


def is_real(sample: Sample) -> bool:
    """Whether the background is a real one, or a network made it after one: then it shows a person."""
    return sample.history.background.making.origin is not Origin.SYNTHETIC


def is_synthetic(sample: Sample) -> bool:
    """Whether any pixel was made by a generator: all but a real image that nothing was put on or taken off."""
    return sample.origin is not Origin.REAL


def require(sample: Sample) -> None:
    """Refuse a sample that cannot be such an object.

    Raises:
        OutputError: It lacks pixel spacing, view or laterality, or is not a whole image.
    """
    if sample.spacing_mm is None:
        hint = "Set `assume_spacing_mm` (on the recipe's background, or at ingest), or leave out the format 'dicom'."
        raise OutputError("a DICOM mammogram requires a pixel spacing, and it is unknown", where=sample.key, hint=hint)
    for name in ("view", "laterality"):
        if getattr(sample, name) is None:
            hint = "Leave out the format 'dicom' in the recipe's `emit`."
            raise OutputError(f"a DICOM mammogram requires a {name}, and it is unknown", where=sample.key, hint=hint)
    if sample.history.crop is not None:
        hint = "Leave out the format 'dicom' for patches."
        raise OutputError("a patch is no mammogram: its orientation is unknown", where=sample.key, hint=hint)


def _person(sample: Sample) -> str:
    """The patient's pseudonym; a hash of it where it is too long, or came from a user's table or a file name."""
    person = sample.patient or sample.key
    if len(person) <= _LONGEST_NAME and (not is_real(sample) or _PSEUDONYM.fullmatch(person)):
        return person
    return "p" + hashlib.blake2b(person.encode(), digest_size=6).hexdigest()


def _sop_common(sample: Sample, dataset: str) -> Dataset:
    module = Dataset()
    module.SpecificCharacterSet = "ISO_IR 192"
    module.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    module.SOPInstanceUID = instance_uid(sample, dataset)
    module.SyntheticData = "YES" if is_synthetic(sample) else "NO"
    module.ContentQualification = "RESEARCH"
    return module


def _patient(sample: Sample) -> Dataset:
    # The name follows from the background alone, so that all images of one patient agree on it.
    real, person = is_real(sample), _person(sample)
    module = Dataset()
    module.PatientName = f"{'DEIDENTIFIED' if real else 'SYNTHETIC'}^{person}"
    module.PatientID = person
    module.PatientBirthDate = ""
    module.PatientSex = "" if real else "F"
    if not real:
        module.PatientAge = visit.age_band(person)
    module.PatientIdentityRemoved = "YES"
    module.DeidentificationMethod = "Kept: pixels and a pseudonym only" if real else "Not a person: synthetic"
    return module


def _study_and_series(encoded: Encoded, dataset: str) -> Dataset:
    sample, module = encoded.sample, Dataset()
    person = _person(sample)
    date, time = visit.date_and_time(person)
    module.StudyInstanceUID = study_uid(sample, dataset)
    for what in ("Study", "Series", "Acquisition", "Content"):
        setattr(module, f"{what}Date", date)
        setattr(module, f"{what}Time", time)
    module.StudyID = "1"
    module.AccessionNumber = visit.accession_number(module.StudyInstanceUID)
    module.StudyDescription = visit.study_description(real=is_real(sample))
    module.SeriesDescription = visit.SERIES["image"]
    if is_real(sample):
        module.LongitudinalTemporalInformationModified = "REMOVED"
    module.ReferringPhysicianName = ""
    module.Modality = "MG"
    module.PresentationIntentType = "FOR PRESENTATION"
    module.SeriesInstanceUID = dicom_uid("series", dataset, person)
    module.SeriesNumber = 1
    module.InstanceNumber = encoded.index + 1
    return module


def _equipment(sample: Sample) -> Dataset:
    host = sample.history.background
    lesions = sorted(str(maker) for maker in sample.making.makers if maker not in host.making.makers)
    background = _background(host)
    maker = Dataset()
    maker.PurposeOfReferenceCodeSequence = [_item(_MODIFYING_EQUIPMENT)]
    maker.Manufacturer = maker.ManufacturerModelName = "synthmammo"
    maker.SoftwareVersions = __version__
    # The term of IPTC is read back when the file is ingested (`ingesting.sources.origins`).
    term = f"Digital source type: {sample.making.source_type}."
    made = f"Background: {background}. Lesions: {', '.join(lesions) or 'none'}."
    maker.ContributionDescription = made[: _LONGEST_TEXT - len(term) - 1] + " " + term
    module = Dataset()
    module.Manufacturer = module.ManufacturerModelName = "synthmammo"
    module.SoftwareVersions = __version__
    module.ContributingEquipmentSequence = [maker]
    return module


def _background(host: History) -> str:
    """Where a background is from: an archive, another dataset, or what made it."""
    makers = ", ".join(map(str, host.making.makers))
    match host.making.origin:
        case Origin.REAL:
            return f"real, from {host.source}" if host.source else "real"
        case Origin.MIXED if not makers:
            return "of unknown origin"
        case Origin.MIXED:
            return f"real, changed or made again by {makers}"
        case _:
            return makers or "synthetic, from an unknown generator"


def _anatomy(sample: Sample) -> Dataset:
    assert sample.view and sample.laterality
    view = _item(VIEWS[sample.view])
    view.ViewModifierCodeSequence = []
    module = Dataset()
    module.BodyPartExamined = module.OrganExposed = "BREAST"
    module.ImageLaterality = str(sample.laterality)
    module.AnatomicRegionSequence = [_item(BREAST)]
    module.ViewCodeSequence = [view]
    module.ViewPosition = str(sample.view)  # the code above is what counts, but most software reads this
    module.PatientOrientation = patient_orientation(sample)
    module.PositionerType = "MAMMOGRAPHIC"
    module.DetectorType = ""
    module.ImagerPixelSpacing = [format_number_as_ds(float(side)) for side in sample.spacing_mm or ()]
    implant = sample.history.background.implant
    if implant is not None:
        module.BreastImplantPresent = "YES" if implant else "NO"
    module.AcquisitionContextSequence = []
    return module


def patient_orientation(sample: Sample) -> list[str]:
    """Directions of the patient along a row and down a column (PS3.3 C.7.6.1.1.1).

    A row leads away from the chest wall (anterior) or towards it. Down a column leads from the lateral side, which
    is hung on top, to the medial one, and on an oblique view to the feet as well; a mirrored image keeps that.
    """
    row = "A" if chest_wall_side(sample.image, sample.breast) == "left" else "P"
    medial = "L" if sample.laterality is Laterality.RIGHT else "R"
    return [row, f"F{medial}" if sample.view is View.MLO else medial]


def _image(sample: Sample) -> Dataset:
    ratio, module = sample.history.background.lossy_ratio, Dataset()
    module.ImageType = ["DERIVED", "PRIMARY", ""]
    module.DerivationDescription = _derivation(sample)
    module.BurnedInAnnotation = "YES" if is_annotated(sample) else "NO"
    module.LossyImageCompression = "00" if ratio is None else "01"
    if ratio is not None:
        module.LossyImageCompressionRatio = format_number_as_ds(ratio)
    module.QualityControlImage = "NO"
    return module


def is_annotated(sample: Sample) -> bool:
    """Whether a real image may show who the patient was: its header says so, or does not say and marks are seen.

    Labels beside the breast usually give no more than side and view, but what they say is not read here.
    """
    if not is_real(sample):
        return False
    stated = sample.history.background.burned_in
    return bool(foreign_objects(sample.image, sample.breast).any()) if stated is None else bool(stated)


def _kind(sample: Sample) -> str:
    making = sample.history.background.making
    if "inverted" in sample.history.background.record and making.origin is Origin.MIXED:
        return "inverted"
    return "unknown" if making.origin is Origin.MIXED and not making.makers else str(making.origin)


_DERIVED_FROM = {
    "real": "Real mammogram",
    "synthetic": "Mammogram made by a generator; no patient was exposed",
    "mixed": "Real mammogram that a program changed",
    "inverted": "Real mammogram as a network makes it again",
    "unknown": "Mammogram of unknown origin",
}


def _derivation(sample: Sample) -> str:
    count = len(sample.history.lesions)
    background = _DERIVED_FROM[_kind(sample)]
    change = f"{count} synthetic lesion(s) inserted" if count else "no lesion inserted"
    if sample.history.role == "removed":
        change += " and removed again"
    if painted := sum(one.action == "remove" for one in sample.history.changes):
        change += f", {painted} finding(s) painted over by a network"
    sentences = [f"{background}; {change}.", "For research, not for diagnosis."]
    if sample.spacing_origin is SpacingOrigin.ASSUMED:
        sentences.append("The pixel spacing is assumed.")
    if sample.unlocated:
        sentences.append(f"Findings its source reports without a place: {', '.join(sample.unlocated)}.")
    return " ".join(sentences)[:_LONGEST_TEXT]


def _intensities(encoded: Encoded) -> Dataset:
    low, high = encoded.window
    module = Dataset()
    module.PixelIntensityRelationship = "LOG"
    module.PixelIntensityRelationshipSign = -1  # bright is dense: less of the beam arrived
    module.RescaleIntercept, module.RescaleSlope, module.RescaleType = "0", "1", "US"
    module.PresentationLUTShape = "IDENTITY"
    # PS3.3 C.11.2.1.2: with these, `low` is the brightest black and `high` the darkest white.
    module.WindowCenter = format_number_as_ds((low + high + 1) / 2)
    module.WindowWidth = format_number_as_ds(float(high - low + 1))
    module.WindowCenterWidthExplanation = "percentiles inside the breast"
    module.VOILUTFunction = "LINEAR"
    return module


def _pixels(sample: Sample) -> Dataset:
    allocated = 8 if sample.bits_stored == 8 else 16
    module = Dataset()
    module.SamplesPerPixel = 1
    module.PhotometricInterpretation = "MONOCHROME2"
    module.Rows, module.Columns = sample.shape
    module.BitsAllocated, module.BitsStored, module.HighBit = allocated, sample.bits_stored, sample.bits_stored - 1
    module.PixelRepresentation = 0
    data = sample.image.astype("<u2" if allocated == 16 else np.uint8).tobytes()
    module.add_new("PixelData", "OW", data + b"\0" * (len(data) % 2))
    return module


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
