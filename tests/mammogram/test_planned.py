"""A planned row is a value: equal by content, unchangeable, the same in another process."""

import pickle
from dataclasses import FrozenInstanceError, fields

import pytest

from synthmammo.mammogram.planned import Candidate, PlannedEdit, PlannedLesion, Row
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.planning.table import CANDIDATE, EDIT, LESION, SCHEMA, TERM_COLUMNS

LESION_ROW = PlannedLesion(Kind.MASS, Pathology.BENIGN, 9.0, 0.3, {"shape": "oval"}, (Candidate(0.5, 7),))
ROW = Row("a-1", 1, "train-00000", "train", "benign", 0, 11, None, "p1", lesions=(LESION_ROW,))


@pytest.mark.parametrize("value", [ROW, LESION_ROW, LESION_ROW.candidates[0], PlannedEdit(0, "density", 1.0)])
def test_values_survive_the_way_between_processes_and_cannot_change(value):
    assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)


def test_a_bare_row_is_a_whole_unedited_image_without_lesions():
    bare = Row("a-1", 1, "train-00000", "train", "normal", 0, 11, None, "p1")
    assert (bare.role, bare.crop, bare.edits, bare.lesions, bare.host_seeds) == ("plain", None, (), (), ())
    assert (bare.truncation, bare.implant, bare.body_seed) == (1.0, False, None)


def names(kind):
    return {field.name for field in fields(kind)}


def test_the_table_has_a_column_for_every_attribute_and_none_beside():
    assert set(SCHEMA.names) == names(Row)
    assert {field.name for field in EDIT} == names(PlannedEdit)
    assert {field.name for field in CANDIDATE} == names(Candidate)
    assert {field.name for field in LESION} - set(TERM_COLUMNS) == names(PlannedLesion) - {"descriptors"}
