"""The plan's table: names and numbers as columns, and rows read back as they were written."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.mammogram.planned import Candidate, PlannedEdit, PlannedLesion
from synthmammo.mammogram.sample import Kind, Laterality, Pathology, View
from synthmammo.planning.planner import write_plan
from synthmammo.planning.table import NOISE, REPEATING, SCHEMA, as_row, named, numbered, read_rows
from tests.support import tiny

RECORD = {
    **{"key": "a-0000001", "index": 1, "shard": "train-00000", "split": "train", "label": "malignant", "role": "plain"},
    **{"host": 3, "host_seed": 2**64 - 1, "host_seeds": [5, 6], "body_seed": 9, "host_key": None, "patient": "a-p1"},
    **{"view": "MLO", "laterality": "R", "density": "c", "implant": True, "truncation": 0.65, "crop": [0.1, 0.2, 0.3]},
    "edits": [{"spec": 0, "name": "density", "value": 1.5, "reference_seed": None, "reference_key": None}],
    "lesions": [
        {
            **{"spec": 1, "kind": "mass", "pathology": "malignant", "diameter_mm": 9.0, "contrast": 0.4},
            **{"shape": "oval", "margin": "spiculated", "morphology": None, "distribution": None},
            "candidates": [{"site": 0.5, "seed": 2**64 - 2}, {"site": 0.25, "seed": 1}],
        }
    ],
}


@given(st.lists(st.integers(0, 10**9), max_size=9), st.integers(1, 9))
def test_numbers_are_filled_up_with_zeros_and_never_cut(numbers, width):
    made = numbered("p-", np.array(numbers, np.int64), width).to_pylist()
    assert made == [f"p-{number:0{width}}" for number in numbers]


@given(st.lists(st.integers(-1, 2), max_size=9))
def test_codes_become_names_and_minus_one_becomes_null(codes):
    made = named(["a", "b", "c"], np.array(codes, np.int64))
    assert made.type == pa.string()
    assert made.to_pylist() == [None if code < 0 else "abc"[code] for code in codes]


def test_a_record_becomes_a_row_with_types():
    row = as_row(RECORD)
    assert (row.view, row.laterality, row.crop) == (View.MLO, Laterality.RIGHT, (0.1, 0.2, 0.3))
    assert (row.host_seed, row.host_seeds, row.body_seed) == (2**64 - 1, (5, 6), 9)
    assert row.edits == (PlannedEdit(0, "density", 1.5),)
    (lesion,) = row.lesions
    candidates = (Candidate(0.5, 2**64 - 2), Candidate(0.25, 1))
    terms = {"shape": "oval", "margin": "spiculated"}
    assert lesion == PlannedLesion(Kind.MASS, Pathology.MALIGNANT, 9.0, 0.4, terms, candidates, 1)


def test_what_is_not_known_stays_none():
    row = as_row(
        {**RECORD, "view": None, "laterality": None, "density": None, "crop": None, "edits": [], "lesions": []}
    )
    assert (row.view, row.laterality, row.density, row.crop, row.edits, row.lesions) == (None, None, None, None, (), ())


def test_the_file_holds_every_bit(tmp_path):
    path = tmp_path / "plan.parquet"
    pq.write_table(pa.Table.from_pylist([RECORD], schema=SCHEMA), path)
    assert list(read_rows(path)) == [as_row(RECORD)]


@pytest.mark.parametrize("names", [NOISE, REPEATING])
def test_the_packing_names_columns_that_exist(names, tmp_path):
    write_plan(tiny.recipe(), tmp_path / "plan.parquet")
    group = pq.ParquetFile(tmp_path / "plan.parquet").metadata.row_group(0)
    columns = {(column := group.column(place)).path_in_schema: column for place in range(group.num_columns)}
    assert set(names) <= set(columns)
    for name in names:
        if names is NOISE:
            assert columns[name].compression == "UNCOMPRESSED"
        else:
            assert any("DICTIONARY" in encoding for encoding in columns[name].encodings)
