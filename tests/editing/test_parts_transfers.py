"""A part moved from one image to another: the identity at strength 0, and what counts as inside."""

import numpy as np
import pytest
import torch

from synthmammo.editing.parts.clusters import cluster_parts
from synthmammo.editing.parts.fitted import Parts, locality, transfer
from synthmammo.editing.parts.transfers import PartImage
from synthmammo.models.latents import Model, open_model
from tests.support.tiny_models import stylegan2_file


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors")))


def styles(model: Model, seed: int) -> dict[str, torch.Tensor]:
    return model.network.synthesis.styles(model.w([seed], [""], [1.0]))


@pytest.fixture(scope="module")
def parts(model: Model) -> Parts:
    w = model.w(range(8), [""] * 8, [1.0] * 8)
    return cluster_parts(model.network.synthesis, w.split(4), seed=1, count=4)


@torch.inference_mode()
def test_strength_0_changes_nothing(model: Model, parts: Parts) -> None:
    target = PartImage(model.network.synthesis, parts, styles(model, 3))
    moved = target.given(1, styles(model, 4), parts.queries(1, epsilon=400), strength=0.0)
    assert torch.equal(moved.after.image, target.image) and np.array_equal(moved.after.places, target.places)
    assert (moved.locality.inside, moved.locality.outside) == (0, 0)


@torch.inference_mode()
def test_inside_is_where_the_part_was_or_is(model: Model, parts: Parts) -> None:
    synthesis, own, other = model.network.synthesis, styles(model, 3), styles(model, 4)
    queries = parts.queries(0, epsilon=400)
    target = PartImage(synthesis, parts, own)
    moved = target.given(0, other, queries)
    assert torch.equal(moved.after.image, synthesis.render(transfer(own, other, queries))[0])
    assert not torch.equal(moved.after.image, target.image)
    inside = (target.places == 0) | (moved.after.places == 0)
    assert moved.locality == locality(target.image, moved.after.image, inside)
    assert moved.locality.area == pytest.approx(inside.mean())


@torch.inference_mode()
def test_noise_maps_stay_those_of_the_target(model: Model, parts: Parts) -> None:
    synthesis = model.network.synthesis
    noise = synthesis.draw_noise(1, torch.Generator().manual_seed(0))
    target = PartImage(synthesis, parts, styles(model, 3), noise)
    moved = target.given(2, styles(model, 4), parts.queries(2), strength=0.5)
    assert moved.after.noise is noise and moved.before is target
