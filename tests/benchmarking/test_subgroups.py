"""Rows by subgroup: what an image's property is, which subgroups are large enough, and against whom they are held."""

from dataclasses import replace

import numpy as np
import pytest

from synthmammo.benchmarking.classify.subgroups import subgroup_section, subgroups
from synthmammo.benchmarking.properties import property_of
from synthmammo.benchmarking.results import Run
from synthmammo.metrics import auc
from tests.support.example_samples import a_sample

POSITIVE = np.arange(24) % 2 == 1
PATIENTS = np.array([f"p{number // 2}" for number in range(24)])


@pytest.mark.parametrize(
    ("name", "value"),
    [("view", "CC"), ("density", "c"), ("shape", "irregular"), ("subtlety", "4"), ("tilt", "3"), ("absent", "")],
)
def test_a_property_is_of_the_image_its_record_or_its_findings(name: str, value: str) -> None:
    sample = a_sample(0)
    finding = sample.findings[0]
    terms = {**finding.descriptors, "subtlety": 4}
    sample = sample.with_(
        findings=(replace(finding, descriptors=terms),),
        provenance={**sample.provenance, "density": "c", "tilt": 3},
    )
    assert property_of(sample, name) == value


def test_findings_that_differ_have_no_word_in_common() -> None:
    sample = a_sample(0, lesions=2)
    first, second = sample.findings
    sample = sample.with_(findings=(first, replace(second, descriptors={**second.descriptors, "shape": "oval"})))
    assert property_of(sample, "shape") == "" and property_of(sample, "margin") == "spiculated"


def test_what_findings_alone_have_is_held_against_all_negatives() -> None:
    views = np.where(np.arange(24) < 12, "CC", "MLO")
    subtlety = np.where(POSITIVE, np.where(np.arange(24) < 12, "1", "5"), "")
    found = {group[:2]: group.chosen for group in subgroups({"view": views, "subtlety": subtlety}, POSITIVE, PATIENTS)}
    assert list(found) == [("view", "CC"), ("view", "MLO"), ("subtlety", "1"), ("subtlety", "5")]
    assert np.array_equal(found["view", "CC"], np.arange(24) < 12)
    assert np.array_equal(found["subtlety", "1"], ~POSITIVE | (np.arange(24) < 12))


def test_subgroups_of_one_patient_or_one_class_are_left_out() -> None:
    values = np.full(24, "many", dtype="<U9")
    values[[0, 1]] = "one"  # one patient
    values[[2, 4, 6]] = "negatives"
    values[8] = ""
    assert [group.value for group in subgroups({"density": values}, POSITIVE, PATIENTS)] == ["many"]


def test_rows_are_those_of_the_subgroup_alone() -> None:
    scores = {Run(100, 0.0, 0): np.arange(24.0), Run(100, 50.0, 0): np.where(POSITIVE, 1.0, 0.0)}
    views = np.where(np.arange(24) < 12, "CC", "MLO")
    found = list(subgroups({"view": views}, POSITIVE, PATIENTS))
    section, facts = subgroup_section(scores, found, POSITIVE, PATIENTS, resamples=40)
    assert [line[:5] for line in section.table[1:3]] == [
        ("view CC", "6", "6", "6", "real only"),
        ("view CC", "6", "6", "6", "real + 50 %"),
    ]
    assert section.table[1][6] == "baseline" and len(section.table) == 5
    expected = auc(np.arange(12.0), POSITIVE[:12])
    assert facts[0]["value"] == "CC" and facts[0]["auc"][0] == pytest.approx(expected)
    assert facts[1]["auc"][0] == 1 and facts[1]["auc_less_baseline"][0] == pytest.approx(1 - expected)
