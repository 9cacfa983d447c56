"""What is kept of a DICOM header says how the image was made, and nothing of the person."""

import pytest

from synthmammo.ingesting.sources.dicom_facts import header_facts
from tests.support.dicom_files import FOR_PROCESSING, breast_like, dataset

PERSON = {
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19500101",
    "StudyDate": "20200102",
    "InstitutionName": "General Hospital",
    "AccessionNumber": "A-17",
}


def facts(**attributes):
    return header_facts(dataset(breast_like(), **attributes))


def test_a_bare_header_gives_its_bits_alone():
    assert facts() == {"stored_bits": 12}


def test_nothing_names_the_person_or_the_day():
    told = repr(facts(**PERSON, Manufacturer="Maker", ManufacturerModelName="Model 7"))
    assert "Maker" in told and "Model 7" in told
    assert not any(value in told for value in (*PERSON.values(), "patient-1", "1.2.3"))


@pytest.mark.parametrize(
    ("attributes", "fact"),
    [
        ({"ImagerPixelSpacing": [0.07, 0.07]}, {"spacing_from": "ImagerPixelSpacing"}),
        ({"ViewPosition": "XCCL"}, {"projection": "XCCL"}),
        ({"BurnedInAnnotation": "NO"}, {"burned_in": False}),
        ({"BurnedInAnnotation": "YES"}, {"burned_in": True}),
        ({"SOPClassUID": FOR_PROCESSING}, {"intensities": "for processing"}),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": 12.5}, {"lossy_ratio": 12.5}),
        ({"EstimatedRadiographicMagnificationFactor": 1.08}, {"magnification": "1.08"}),
    ],
)
def test_what_a_header_says_of_the_making_is_kept(attributes, fact):
    assert facts(**attributes) == {"stored_bits": 12} | fact
