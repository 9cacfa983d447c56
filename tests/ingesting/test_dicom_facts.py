"""What is kept of a DICOM header says how the image was made, and of the person a band of age alone."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from synthmammo.ingesting.sources.dicom_facts import header_facts
from synthmammo.mammogram.columns import RECORDED, recorded
from tests.support.dicom_files import FOR_PROCESSING, breast_like, dataset

PERSON = {
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19500101",
    "StudyDate": "20200102",
    "InstitutionName": "General Hospital",
    "AccessionNumber": "A-17",
}


BARE = {"stored_bits": 12, "modality": "MG", "presentation_intent": "for presentation"}


def facts(**attributes):
    return header_facts(dataset(breast_like(), **attributes))


def coded(name, value):
    item = Dataset()
    setattr(item, name, value)
    return item


@pytest.mark.parametrize(
    ("stated", "band"),
    [
        ("055Y", "50 to 59"),
        ("039Y", "below 40"),
        ("060Y", "60 to 69"),
        ("089Y", "80 or more"),
        ("103Y", "80 or more"),
        ("660M", "50 to 59"),
        ("000Y", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_an_age_is_kept_as_a_band_of_ten_years(stated, band):
    from pydicom import config

    with config.disable_value_validation():
        assert facts(PatientAge=stated).get("age") == band


def test_a_bare_header_gives_its_bits_and_its_kind_alone():
    assert facts() == BARE


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
        (
            {"SOPClassUID": FOR_PROCESSING, "PresentationIntentType": None},
            {"intensities": "for processing", "presentation_intent": "for processing"},
        ),
        ({"PartialView": "YES", "BreastImplantPresent": "NO"}, {"partial_view": True, "implant": False}),
        ({"BreastImplantPresent": "YES"}, {"implant": True}),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "RIGHT"]}, {"image_type": ["DERIVED", "PRIMARY", "RIGHT"]}),
        ({"ManufacturerModelName": "Model 7"}, {"manufacturer_model": "Model 7"}),
        (
            {"KVP": 28, "Exposure": 100, "ExposureTime": 1200},
            {"kvp": 28, "exposure_mas": 100, "exposure_time_ms": 1200},
        ),
        ({"ExposureInuAs": 95500, "Exposure": 100}, {"exposure_mas": 95.5}),
        ({"XRayTubeCurrentInuA": 80000}, {"tube_current_ma": 80.0}),
        (
            {"AnodeTargetMaterial": "TUNGSTEN", "FilterMaterial": "RHODIUM"},
            {"anode": "TUNGSTEN", "filter": ["RHODIUM"]},
        ),
        (
            {"CompressionForce": 98.5, "BodyPartThickness": 51},
            {"compression_force_n": 98.5, "compression_thickness_mm": 51.0},
        ),
        ({"OrganDose": 0.0152, "EntranceDoseInmGy": 5.25}, {"organ_dose_mgy": 1.52, "entrance_dose_mgy": 5.25}),
        ({"PositionerPrimaryAngle": -45.5}, {"positioner_angle_deg": -45.5}),
        ({"ViewModifierCodeSequence": [coded("CodeValue", "R-102D6")]}, {"modifier": ["magnification"]}),
        ({"ViewModifierCodeSequence": [coded("CodeValue", "399209000")]}, {"modifier": ["implant displaced"]}),
        (
            {"ViewCodeSequence": [coded("ViewModifierCodeSequence", [coded("CodeValue", "R-102D7")])]},
            {"modifier": ["spot compression"]},
        ),
        ({"SeriesDescription": "L CC SPOT MAG"}, {"modifier": ["magnification", "spot compression"]}),
        ({"SeriesDescription": "R MLO implant-displaced"}, {"modifier": ["implant displaced"]}),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": 12.5}, {"lossy_ratio": 12.5}),
        ({"EstimatedRadiographicMagnificationFactor": 1.08}, {"magnification": 1.08}),
        ({"KVP": "", "Exposure": None, "SeriesDescription": "MAGNETIC SPOTLESS ROLLER"}, {}),
    ],
)
def test_what_a_header_says_of_the_making_is_kept(attributes, fact):
    assert facts(**attributes) == BARE | fact


def test_every_code_of_the_standard_is_known():
    from pydicom.sr._cid_dict import cid_concepts
    from pydicom.sr._concepts_dict import concepts

    for name in cid_concepts[4015]["SCT"]:
        for code in concepts["SCT"][name]:
            assert facts(ViewModifierCodeSequence=[coded("CodeValue", code)])["modifier"]


@given(st.dictionaries(st.sampled_from(sorted(PERSON)), st.text(string.ascii_letters, min_size=6, max_size=12)))
def test_columns_hold_no_data_of_patients(person):
    told = facts(**{name: value for name, value in person.items() if not name.endswith("Date")})
    assert told == BARE


def test_every_fact_that_is_a_column_has_its_kind():
    known = {"image_type": ["A", "B"], "implant": True, "kvp": 28.0, "manufacturer": "Maker"}
    assert {name: recorded(known)[name] for name in known} == known
    everything = facts(
        KVP=28,
        ImageType=["A", "B"],
        BreastImplantPresent="YES",
        Manufacturer="Maker",
        FilterMaterial=["A", "B"],
        Grid="G",
    )
    for name, value in everything.items():
        if name in RECORDED:
            assert recorded(everything)[name] == value
