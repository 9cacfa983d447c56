"""The edit along a direction: what is moved, by how much, and that nothing given is written to."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthmammo.editing.directions.edit import Direction
from synthmammo.editing.directions.fitted import FARTHEST
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Model, open_model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import DirectionEdit
from tests.support.tiny_models import STYLEGAN2, edited_file

ROW = Row("r", 0, "", "train", "normal", 0, 5, None, "", truncation=0.7)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(edited_file(tmp_path_factory.mktemp("model") / "m.safetensors")))


def edit(model: Model, **fields: object) -> Direction:
    background = StyleGAN2Background(generator="stylegan2", model=str(model.checkpoint.path))
    return Direction(DirectionEdit.model_validate(fields), model, background)


def planned(value: float) -> PlannedEdit:
    return PlannedEdit(0, "density", value)


def test_an_edit_moves_the_named_layers_and_writes_to_nothing(model: Model) -> None:
    given = model.w([3], [""], [0.7])[0]
    before = given.clone()
    moved = edit(model, direction="component 1", layers=[2, 5]).w(given, ROW, planned(1.5))
    assert torch.equal(given, before)
    change = moved - before
    assert not change[:2].any() and not change[5:].any()
    # Directions of the test model are the axes of W, one unit each.
    torch.testing.assert_close(change[2:5, 1], torch.full((3,), 1.5))
    assert edit(model, direction="component 1").w(given, ROW, planned(0.0)) is given


def test_a_target_asks_for_what_is_missing_and_no_more_than_the_limit(model: Model) -> None:
    aim = edit(model, direction="density", target=0.5)
    w = torch.zeros(STYLEGAN2.latents, STYLEGAN2.w_dim)  # at the mean, where the regression says 0.5
    assert aim.strength(w, ROW, planned(0.5)) == pytest.approx(0)
    assert aim.strength(w, ROW, planned(1.5)) == pytest.approx(1)
    assert aim.strength(w, ROW, planned(-99.0)) == -FARTHEST
    assert edit(model, direction="density").strength(w, ROW, planned(2.5)) == 2.5


def test_a_density_letter_is_a_quantile_of_what_was_measured(model: Model) -> None:
    aim = edit(model, direction="density", target="b")
    w = torch.zeros(STYLEGAN2.latents, STYLEGAN2.w_dim)
    # Measured values of the test model are even from 0 to 1, so the quantile 0.8 is 0.8, 0.3 above the mean.
    assert aim.strength(w, ROW, planned(0.8)) == pytest.approx(0.3, abs=1e-6)
    assert np.sign(aim.strength(w, ROW, planned(0.1))) == -1


def test_the_file_may_lie_elsewhere(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "other.directions"
    path.write_bytes(model.checkpoint.path.with_suffix(".directions").read_bytes())
    background = StyleGAN2Background(generator="stylegan2", model="zoo/none", directions=str(path))
    assert Direction(DirectionEdit(direction="density"), model, background)
