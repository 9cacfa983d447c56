"""The gate of an audit: what passes, what does not and why, and whom it blames."""

import pytest
from pydantic import ValidationError

from synthmammo.recipe.gate import AuditGate, blamed
from tests.support import tiny

RECORD = {
    "memorised": {
        "able": True,
        "verdict": "2 of 100",
        "share": 0.02,
        "keys": ["b", "a"],
    },
    "realism": {"kernel_distance_x1000": {"value": 55.0}, "recall": {"value": 0.4}},
    "diversity": {"near_duplicates": {"share": 0.03, "groups": [["d", "c", "e"]]}},
    "seams": {},
}
SIDES = {"reference": "films", "train": "films"}


def gate(**thresholds):
    return AuditGate.model_validate(SIDES | thresholds)


def test_what_is_met_passes():
    passed = gate(memorised={"at_most": 0.02}, kernel_distance_x1000={"at_most": 60}, recall={"at_least": 0.4})
    assert passed.unmet(RECORD) == [] and list(passed.demanded()) == ["memorised", "kernel_distance_x1000", "recall"]


def test_what_is_not_met_is_said_with_both_numbers():
    assert gate(memorised={"at_most": 0.01}, recall={"at_least": 0.5}).unmet(RECORD) == [
        "memorised is 0.02, at most 0.01 is demanded",
        "recall is 0.4, at least 0.5 is demanded",
    ]


def test_what_could_not_be_measured_does_not_pass():
    assert gate(seams={"at_most": 0.6}).unmet(RECORD) == ["seams could not be measured"]


def test_an_audit_that_is_not_able_to_judge_never_passes():
    record = RECORD | {"memorised": {"able": False, "verdict": "not able to judge: x", "share": 0.0, "keys": []}}
    assert gate(recall={"at_least": 0}).unmet(record) == ["the audit was not able to judge: x"]


def test_copies_are_blamed_and_all_but_the_first_of_near_duplicates():
    assert blamed(gate(memorised={"at_most": 0}), RECORD) == ["a", "b"]
    assert blamed(gate(near_duplicates={"at_most": 0}), RECORD) == ["d", "e"]


def test_a_gate_without_a_threshold_is_refused():
    with pytest.raises(ValidationError, match="states no threshold"):
        gate()


def test_a_recipe_that_demands_nothing_is_the_recipe_that_it_was():
    dumped = tiny.recipe().model_dump(mode="json")["quality"]
    assert "audit" not in dumped and "without" not in dumped
    with_gate = tiny.recipe(quality={"audit": SIDES | {"memorised": {"at_most": 0.01}}, "without": ["tiny-0000001"]})
    assert with_gate.quality.audit and with_gate.quality.without == ["tiny-0000001"]
