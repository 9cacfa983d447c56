"""Directories of runs: what is written reads back, and another run's is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from synthmammo.errors import TrainingError
from synthmammo.ingesting.sources.origins import file_mark
from synthmammo.training.run import RunDirectory, grey_levels
from tests.support import training_data as data


@settings(max_examples=20)
@given(st.floats(-1.2, 1.2))
def test_grey_levels_of_sheets(value):
    (tile,) = grey_levels(torch.full((1, 1, 2, 2), value))
    assert tile.dtype == np.uint8 and abs(tile[0, 0] - np.clip((value + 1) * 127.5, 0, 255)) <= 0.5 + 1e-9


def test_a_configuration_reads_back(tmp_path):
    config = data.config(data.STYLEGAN2)
    run = RunDirectory(tmp_path)
    run.begin(config, "digest")
    content = run.config_file.read_text()
    run.begin(config, "digest")
    assert run.config_file.read_text() == content
    with pytest.raises(TrainingError, match="those of dataset digest when the run began"):
        run.begin(config, "another")


def test_statistics_after_a_count_are_dropped_and_others_kept(tmp_path):
    run = RunDirectory(tmp_path)
    assert run.records() == []
    for kimg in (0.0, 1.0, 2.0):
        run.record(kimg=kimg, loss=-kimg)
    run.record(what="no count")
    run.forget_after(1.0)
    assert run.records() == [{"kimg": 0.0, "loss": 0.0}, {"kimg": 1.0, "loss": -1.0}, {"what": "no count"}]


def test_a_state_reads_back_and_one_of_another_version_is_refused(tmp_path):
    run = RunDirectory(tmp_path)
    assert run.load_state() is None
    run.save_state({"weights": torch.arange(3)})
    assert torch.equal(run.load_state()["weights"], torch.arange(3))
    torch.save({"version": 99}, run.state)
    with pytest.raises(TrainingError, match="a state of another version"):
        run.load_state()


def test_a_sheet_has_its_columns(tmp_path):
    path = RunDirectory(tmp_path).draw_sheet("real", torch.zeros(6, 1, 8, 8), 3)
    assert path == tmp_path / "sheets" / "real.png"
    assert str(file_mark(path).making.source_type) == "composite", "nobody said what these images are"
    with Image.open(path) as picture:
        assert picture.width > picture.height > 256  # tiles of at least 128 pixels, 3 a row
    assert [one.name for one in path.parent.iterdir()] == ["real.png"]
