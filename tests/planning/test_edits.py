"""The columns of edits and of candidate seeds: who gets which edit, with which draw."""

import numpy as np
import pytest

from synthmammo.identity import draw_u64
from synthmammo.planning.edits import edit_column, seeds_column
from synthmammo.planning.table import EDIT
from tests.support import tiny

BACKGROUND = {"generator": "stylegan2", "model": "zoo/any"}
EDITS = [
    {"direction": "density", "strength": [1, 2], "probability": 0.5},
    {"mixing": [4, 8], "reference": [5, 6], "probability": 0.3},
    {"part": 2, "strength": [0.5, 1]},
]
HOSTS = np.arange(4000)


def recipe(*edits, **changes):
    background = {**BACKGROUND, **changes.pop("background", {})}
    return tiny.recipe(background=background, edits=list(edits or EDITS), **changes)


def column(made, hosts=HOSTS, step=None):
    return edit_column(made, hosts, np.zeros(len(hosts), np.int64) if step is None else step)


def test_without_edits_every_row_has_an_empty_list():
    made = column(tiny.recipe(), HOSTS[:5])
    assert made.to_pylist() == [[]] * 5 and made.type.value_type == EDIT


def test_a_host_has_its_edits_in_the_order_of_the_recipe_wherever_it_stands():
    made = recipe()
    rows = column(made).to_pylist()
    for row in rows:
        assert [edit["spec"] for edit in row] == sorted({edit["spec"] for edit in row})
    shuffled = np.random.default_rng(1).permutation(HOSTS)
    assert column(made, shuffled).to_pylist() == [rows[host] for host in shuffled]
    assert column(made, np.array([7, 7, 3])).to_pylist() == [rows[7], rows[7], rows[3]]


def test_edits_come_in_their_probability_and_independently():
    rows = column(recipe()).to_pylist()
    present = np.array([[number in {edit["spec"] for edit in row} for number in range(3)] for row in rows])
    assert present.mean(0) == pytest.approx([0.5, 0.3, 1], abs=0.03)
    assert abs(np.corrcoef(present[:, 0], present[:, 1])[0, 1]) < 0.06


def test_strengths_are_drawn_from_their_distribution():
    values = np.sort([edit["value"] for row in column(recipe()).to_pylist() for edit in row if edit["spec"] == 0])
    assert np.abs(values - np.linspace(1, 2, len(values))).max() < 0.05


def test_references_are_seeds_keys_or_fresh_and_directions_have_none():
    rows = column(recipe()).to_pylist()
    by_spec = {number: [edit for row in rows for edit in row if edit["spec"] == number] for number in range(3)}
    assert {edit["name"] for edit in by_spec[0]} == {"density"} and {e["reference_seed"] for e in by_spec[0]} == {None}
    stated = [edit["reference_seed"] for edit in by_spec[1]]
    assert set(stated) == {5, 6} and np.mean(np.array(stated) == 5) == pytest.approx(0.5, abs=0.06)
    fresh = [edit["reference_seed"] for edit in by_spec[2]]
    assert len(set(fresh)) == len(HOSTS)
    assert all(edit["reference_key"] is None for edits in by_spec.values() for edit in edits)


def test_keys_take_the_place_of_seeds():
    latents = {"background": {"latents": "reals.inverted"}, "splits": None}
    rows = column(recipe({"part": 1, "reference": {"keys": ["a", "b", "c"]}}, **latents)).to_pylist()
    keys = [edit["reference_key"] for row in rows for edit in row]
    assert {edit["reference_seed"] for row in rows for edit in row} == {None}
    assert [keys.count(key) / len(HOSTS) for key in "abc"] == pytest.approx([1 / 3] * 3, abs=0.03)


def test_a_sweep_steps_and_draws_nothing():
    made = recipe({"density": {"sweep": [-2, 0, 3]}})
    rows = column(made, np.repeat(HOSTS[:4], 3), np.tile([0, 1, 2], 4)).to_pylist()
    assert [row[0]["value"] for row in rows] == [-2, 0, 3] * 4


def test_candidate_seeds_begin_with_that_of_the_host():
    hosts = HOSTS[:9]
    seeds = seeds_column(recipe(require={"view": "CC", "candidates": 3}), hosts).to_pylist()
    assert [row[0] for row in seeds] == draw_u64(11, "host_seed", hosts).tolist()
    assert {len(row) for row in seeds} == {3} and len({seed for row in seeds for seed in row}) == 27
    assert seeds_column(recipe(), hosts).to_pylist() == [[]] * 9
