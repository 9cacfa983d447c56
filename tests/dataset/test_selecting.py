"""Rows of an index that meet a condition; the columns of the documentation are those of the code."""

from pathlib import Path

import pytest

from synthmammo.dataset.index import index_row, index_schema, read_index, write_index
from synthmammo.dataset.selecting import seen, selected, selected_keys
from synthmammo.errors import DatasetError
from synthmammo.mammogram.columns import COLUMNS, RECORDED
from tests.support.example_samples import a_sample


def rows():
    facts = {"modifier": ["magnification"], "implant": True, "kvp": 28, "partial_view": False}
    return [index_row(a_sample(0, lesions=2).with_(provenance=facts)), index_row(a_sample(1, lesions=0))]


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        (None, ["s000000", "s000001"]),
        ("modifier is null and not implant", ["s000001"]),
        ("implant and kvp = 28", ["s000000"]),
        ("findings = 2 and kinds = 'mass' and 'malignant' in pathologies", ["s000000"]),
        ("findings = 0 and unlocated = 0", ["s000001"]),
        ("spacing_mm <= 0.1", ["s000000"]),
        ("spacing_mm is null", ["s000001"]),
        ("height = 96 and bits_stored = 12 and breast_share > 0", ["s000000", "s000001"]),
        ("partial_view = false", ["s000000"]),
        ("not partial_view", ["s000000", "s000001"]),
        ("origin = 'mixed'", ["s000000", "s000001"]),
        ("origin in ('real', 'mixed') and implant", ["s000000"]),
    ],
)
def test_rows_that_meet_a_condition(where, keys):
    assert [row["key"] for row in selected(rows(), where, Path("d"))] == keys


def test_every_column_is_in_every_row_and_comes_back_from_the_file(tmp_path):
    write_index(tmp_path, rows())
    for row in [*rows(), *read_index(tmp_path).to_pylist()]:
        assert set(COLUMNS) <= set(seen(row))
    assert [seen(row)["modifier"] for row in read_index(tmp_path).to_pylist()] == [["magnification"], None]
    assert selected_keys(tmp_path, "implant") == {"s000000"}
    assert selected_keys(tmp_path, None) is None


def test_an_index_of_an_earlier_release_has_empty_columns(tmp_path):
    import pyarrow.parquet as pq

    write_index(tmp_path, rows())
    table = pq.read_table(tmp_path / "index.parquet").drop_columns(list(RECORDED))
    pq.write_table(table, tmp_path / "index.parquet")
    assert selected_keys(tmp_path, "kvp is null and not implant") == {"s000000", "s000001"}


def test_no_row_is_one_error_that_shows_what_the_columns_hold():
    with pytest.raises(DatasetError, match="none of 2 images meets the condition 'kvp > 30'") as error:
        selected(rows(), "kvp > 30", Path("d"))
    assert "kvp is 28.0" in error.value.hint and error.value.where == Path("d")


def test_columns_have_one_type_each():
    assert set(index_schema().names) >= set(RECORDED)


def test_patched_and_built_images_have_the_columns_of_their_background():
    host = {"generator": "ingested", "kvp": 28, "manufacturer": "Maker"}
    row = index_row(a_sample().with_(provenance={"recipe": "r", "index": 0, "role": "host", "host": host}))
    assert (row["kvp"], row["manufacturer"], row["implant"]) == (28.0, "Maker", None)
    phantom = {"generator": "phantom", "implant": None}
    row = index_row(a_sample().with_(provenance={"recipe": "r", "index": 0, "role": "host", "host": phantom}))
    assert row["implant"] is False


def test_the_page_of_conditions_has_every_column_and_the_grammar():
    import synthmammo.mammogram.where

    page = (Path(__file__).parents[2] / "docs" / "reference" / "conditions.md").read_text(encoding="utf-8")
    kinds = {"boolean": "true or false"}
    for name, column in COLUMNS.items():
        assert f"| `{name}` | {kinds.get(column.kind, column.kind)} | {column.about} |" in page
    grammar = synthmammo.mammogram.where.__doc__.split("```")[1].strip()
    assert grammar in page
