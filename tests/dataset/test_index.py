"""The index tells of each sample what can be known without its pixels, and counts what it tells."""

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.dataset.index import count, index_row, index_schema, read_index, write_index
from synthmammo.dataset.layout import INDEX
from synthmammo.errors import DatasetError
from synthmammo.mammogram.columns import RECORDED
from synthmammo.mammogram.sample import Box
from tests.support.example_samples import a_sample, samples


def test_rows_come_back_sorted_by_key(tmp_path):
    rows = [index_row(sample) for sample in samples()]
    write_index(tmp_path, reversed(rows))
    assert [row["key"] for row in read_index(tmp_path).to_pylist()] == [row["key"] for row in rows]


def test_a_row_says_what_its_sample_is(tmp_path):
    sample = a_sample(lesions=2)
    write_index(tmp_path, [index_row(sample)])
    [row] = read_index(tmp_path).to_pylist()
    assert (row["height"], row["width"], row["bits_stored"]) == (*sample.shape, sample.bits_stored)
    assert Box(*row["breast_box"]) == Box.around(sample.breast)
    assert row["breast_share"] == pytest.approx(sample.breast.mean())
    assert [Box(*finding["box"]) for finding in row["findings"]] == [finding.box for finding in sample.findings]
    assert [finding["synthetic"] for finding in row["findings"]] == [True, False]
    assert row["spacing_mm"] == [0.1, 0.1]


def test_what_is_unknown_is_null(tmp_path):
    sample = a_sample(1, lesions=0)
    write_index(tmp_path, [index_row(sample.with_(provenance={}, breast=sample.breast & False))])
    [row] = read_index(tmp_path).to_pylist()
    assert {name for name, value in row.items() if value is None} == {
        *("view", "laterality", "density", "spacing_mm", "breast_box", "host_attempt"),
        *RECORDED,
    }


def test_what_the_history_says_is_told():
    host = {"unlocated": ["mass malignant"], "attempt": 3}
    provenance = {"host": host, "attempts": [2], "edits": [{"name": "density"}], "density": "c"}
    row = index_row(a_sample().with_(provenance=provenance))
    assert (row["unlocated"], row["host_attempt"], row["attempts"]) == (["mass malignant"], 3, [2])
    assert (row["edits"], row["density"]) == (["density"], "c")


def test_an_index_of_an_earlier_version_has_its_new_columns_null(tmp_path):
    table = read_index(write_index(tmp_path, [index_row(a_sample())]).parent)
    pq.write_table(table.drop_columns(["edits", "host_attempt"]), tmp_path / INDEX)
    again = read_index(tmp_path)
    assert set(again.column_names) == set(index_schema().names)
    assert again.column("edits").null_count == 1


def test_an_index_that_is_absent_or_broken_is_one_clear_error(tmp_path):
    with pytest.raises(DatasetError, match="is missing"):
        read_index(tmp_path)
    (tmp_path / INDEX).write_bytes(b"PAR1 and no more")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_index(tmp_path)


@given(st.permutations(range(7)))
def test_counts_do_not_depend_on_the_order_and_sum_to_the_whole(order):
    rows = [index_row(sample) for sample in samples()]
    counted, findings = count([rows[place] for place in order])
    assert counted == {"train": {"malignant": 2, "normal": 5}}
    assert findings == {"mass": {"malignant": 4}}
    assert list(counted["train"]) == sorted(counted["train"])
