"""Laws of names and draws; `test_golden.py` holds their recorded values."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.identity import canonical_json, dicom_uid, digest, draw_u64, draw_uniform, file_digest

SEEDS = st.integers(0, 2**63 - 1)
ROWS = 20_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30)
@given(SEEDS, st.text(max_size=8), st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5), st.integers(0, 99))
def test_a_row_alone_is_the_row_of_the_array(seed, column, rows, attempt):
    together = draw_u64(seed, column, rows, attempt)
    assert together.dtype == np.uint64
    assert together.tolist() == [int(draw_u64(seed, column, row, attempt)) for row in rows]


@given(SEEDS, st.integers(1, 6), st.integers(1, 6))
def test_candidates_broadcast_and_the_first_is_the_draw_without_attempts(seed, rows, attempts):
    table = draw_u64(seed, "site", np.arange(rows)[:, None], np.arange(attempts)[None])
    assert table.shape == (rows, attempts)
    assert (table[:, 0] == draw_u64(seed, "site", np.arange(rows))).all()
    assert len(np.unique(table)) == rows * attempts


def test_every_argument_matters():
    draws = [draw_u64(*arguments) for arguments in ((1, "a", 2, 3), (2, "a", 2, 3), (1, "b", 2, 3), (1, "a", 3, 2))]
    assert len({int(draw) for draw in draws}) == 4


@pytest.mark.parametrize("seed", [0, 1, 20200402, 2**63 - 1])
def test_draws_are_uniform_in_every_bit(seed):
    drawn = draw_u64(seed, "bits", np.arange(ROWS))
    bits = (drawn[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    # Five standard deviations of a fair coin.
    assert abs(bits.mean(0) - 0.5).max() < 5 * 0.5 / ROWS**0.5
    uniform = draw_uniform(seed, "bits", np.arange(ROWS))
    assert uniform.min() >= 0 and uniform.max() < 1
    assert (uniform == (drawn >> np.uint64(11)) / 2**53).all()
    counts, _ = np.histogram(uniform, 20, (0, 1))
    assert ((counts - ROWS / 20) ** 2 / (ROWS / 20)).sum() < 50  # chi squared, 19 degrees: exceeded once in 10,000


@pytest.mark.parametrize(
    "other", [(7, "column", 1, 0), (7, "another", 0, 0), (8, "column", 0, 0), (7, "column", 0, 1)], ids=str
)
def test_neighbouring_rows_columns_seeds_and_attempts_are_independent(other):
    seed, column, shift, attempt = other
    first = draw_uniform(7, "column", np.arange(ROWS))
    second = draw_uniform(seed, column, np.arange(ROWS) + shift, attempt)
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / ROWS**0.5
    # Neither do they agree in which half they fall into.
    assert abs(((first < 0.5) == (second < 0.5)).mean() - 0.5) < 5 * 0.5 / ROWS**0.5


@given(JSON)
def test_canonical_json_says_the_same_value_in_one_way(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


def test_the_order_of_keys_does_not_matter_and_that_of_a_list_does():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert canonical_json({"ä": 1, "a": (1, 2)}) == '{"a":[1,2],"ä":1}'.encode()


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_numbers_that_json_lacks_are_refused(value):
    with pytest.raises(ValueError):
        digest(value)


def test_digests_are_sha256(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()
    assert digest("abc") == hashlib.sha256(b'"abc"').hexdigest()


@given(st.lists(st.text(max_size=8) | st.integers(), max_size=4))
def test_uids_are_valid_and_follow_from_their_parts(parts):
    uid = dicom_uid(*parts)
    assert len(uid) <= 64 and re.fullmatch(r"2\.25\.(0|[1-9]\d*)", uid) and int(uid[5:]) < 2**128
    assert uid == dicom_uid(*map(str, parts))
    assert uid != dicom_uid(*parts, "")


def test_parts_do_not_run_into_each_other():
    assert dicom_uid("ab", "c") != dicom_uid("a", "bc")
