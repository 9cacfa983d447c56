"""Directories of benchmarks: what is added is found, a cut line is dropped, another benchmark is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.benchmarking.results import GRID, Results, Run
from synthmammo.errors import DatasetError, OutputError

FACTS = {"config": {"batch_size": 4, "seeds": 2}, "real": {"digest": "a" * 64}, "synthetic": None}
RUN = Run(100, 25.0, 3)


@given(st.tuples(st.sampled_from([10.0, 100.0]), st.sampled_from([None, 0.0, 12.5]), st.integers(0, 9)))
def test_different_trainings_have_different_names(other: tuple[float, float | None, int]) -> None:
    assert (Run(*other).name == RUN.name) is (Run(*other) == RUN) and "/" not in Run(*other).name


def test_what_is_added_is_found_with_its_scores(tmp_path: Path) -> None:
    results, scores = Results(tmp_path), np.array([0.5, -2.0])
    assert results.records() == [] and results.finished() == {}
    results.add(RUN, scores, {"auc": 0.75})
    record = results.finished()[RUN]
    assert record["auc"] == 0.75 and np.array_equal(results.scores(record), scores) and record["package"]
    (tmp_path / record["scores"]).write_bytes(b"other")
    assert results.finished() == {} and len(results.records()) == 1


def test_a_line_that_was_cut_short_is_dropped_and_one_in_the_middle_named(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.append({"number": 1})
    with results.lines.open("a") as file:
        file.write('{"number": 2')
    assert [record["number"] for record in results.records()] == [1]
    results.append({"number": 3})
    assert [record["number"] for record in results.records()] == [1, 3]
    results.lines.write_text("no json\n" + results.lines.read_text())
    with pytest.raises(DatasetError, match="results.jsonl, line 1: not a record of a training"):
        results.records()


def test_another_benchmark_is_refused_and_a_larger_grid_is_not(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.begin(FACTS, [("key", "patient", "class")])
    results.begin({**FACTS, "config": {"batch_size": 4, "seeds": 9}}, [])
    assert "seeds" in GRID and results.tested.read_text().strip() == "key,patient,class"
    with pytest.raises(OutputError, match="batch_size was 4 when it began, and is 8 now"):
        results.begin({**FACTS, "config": {"batch_size": 8, "seeds": 2}}, [])
    with pytest.raises(OutputError, match="where was None when it began, and is 'implant' now"):
        results.begin({**FACTS, "config": {**FACTS["config"], "where": "implant"}}, [])
    with pytest.raises(OutputError, match="batch_size was 4 when it began, and is None now"):
        results.begin({**FACTS, "config": {}}, [])
    with pytest.raises(OutputError, match="digest of the real images was 'aaaaaaaaaaaa' when it began"):
        results.begin({**FACTS, "real": {"digest": "b" * 64}}, [])
    results.facts.write_text("a list: []")
    with pytest.raises(OutputError, match="not the record of a benchmark"):
        results.begin(FACTS, [])


def test_only_the_states_of_a_finished_training_are_forgotten(tmp_path: Path) -> None:
    results, other = Results(tmp_path), Run(100, 25.0, 4)
    for run in (RUN, other):
        results.state_file(run, 0).parent.mkdir(exist_ok=True)
        results.state_file(run, 0).touch()
    results.forget(RUN)
    assert not results.state_file(RUN, 0).exists() and results.state_file(other, 0).exists()
