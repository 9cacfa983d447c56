"""Style mixing and walks: identities at their ends, untouched layers, the edit of a recipe."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.editing.mixing import Mixing, between, mixed
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Model, open_model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import MixingEdit
from tests.support.tiny_models import stylegan2_file

LAYERS = 10
ROW = Row("r", 0, "train-00000", "train", "normal", 0, 5, None, "p", truncation=0.8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors")))


def pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.randn(2, LAYERS, 7, generator=torch.Generator().manual_seed(seed))
    return drawn[0], drawn[1]


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, LAYERS), st.integers(0, LAYERS))
def test_layers_outside_the_range_keep_every_bit(seed: int, first: int, second: int) -> None:
    w, other = pair(seed)
    start, stop = sorted((first, second))
    result = mixed(w, other, (start, stop))
    assert torch.equal(result[:start], w[:start]) and torch.equal(result[stop:], w[stop:])
    assert torch.equal(result[start:stop], other[start:stop])


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, LAYERS))
def test_an_empty_range_and_strength_0_are_the_identity(seed: int, place: int) -> None:
    w, other = pair(seed)
    assert torch.equal(mixed(w, other, (place, place)), w)
    assert torch.equal(mixed(w, other, (0, LAYERS), 0.0), w)
    assert torch.equal(mixed(w, other, (0, LAYERS)), other)


@pytest.mark.parametrize("layers", [(-1, 2), (3, 2), (0, LAYERS + 1)])
def test_ranges_that_are_none_are_refused(layers: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"\[0, {LAYERS}\]"):
        mixed(*pair(0), layers)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(2, 12))
def test_a_walk_begins_and_ends_at_the_samples_in_even_steps(seed: int, steps: int) -> None:
    start, end = pair(seed)
    path = between(start, end, steps)
    assert path.shape == (steps, LAYERS, 7) and torch.equal(path[0], start) and torch.equal(path[-1], end)
    torch.testing.assert_close(path.diff(dim=0), ((end - start) / (steps - 1)).expand(steps - 1, -1, -1))


def test_a_walk_of_one_step_is_none() -> None:
    with pytest.raises(ValueError, match="steps: expected 2 or more, got 1"):
        between(*pair(0), 1)


def edit(model: Model, *layers: int) -> Mixing:
    background = StyleGAN2Background(generator="stylegan2", model=str(model.checkpoint.path))
    return Mixing(MixingEdit(mixing=layers), model, background)


def test_the_edit_takes_the_layers_of_its_reference(model: Model) -> None:
    w, other = (model.w([seed], [""], [0.8])[0] for seed in (3, 9))
    planned = PlannedEdit(0, "mixing", 1.0, reference_seed=9)
    assert torch.equal(edit(model, 2, 5).w(w, ROW, planned), mixed(w, other, (2, 5)))
    assert torch.equal(edit(model, 2, 5).w(w, ROW, PlannedEdit(0, "mixing", 0.0, reference_seed=9)), w)


def test_an_edit_that_cannot_work_is_refused(model: Model) -> None:
    with pytest.raises(GeneratorError, match="reaches beyond the model"):
        edit(model, 2, 99)
    w = model.w([3], [""], [1.0])[0]
    with pytest.raises(GeneratorError, match="names no reference"):
        edit(model, 2, 5).w(w, ROW, PlannedEdit(0, "mixing", 1.0))
