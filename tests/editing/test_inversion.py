"""Inversion: a generated image is found again, the same seed finds the same, fitted noise stays noise."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from synthmammo.editing.inversion import invert
from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.editing.inversion.search import Inversion, perceptual_distance, perceptual_maps, search_latents
from synthmammo.editing.inversion.search import structure as structure_of
from synthmammo.errors import SourceError
from synthmammo.models.features import Features
from synthmammo.models.latents import Model, one_hot, open_model
from synthmammo.models.nets.stylegan2 import StyleGAN2Config
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file

SMALL = replace(STYLEGAN2, resolution=32)
QUICK = InversionOptions(w_steps=25, plus_steps=25, w_rate=0.1, plus_rate=0.06, starts=4)
SHORT = replace(QUICK, w_steps=3, plus_steps=3)


def model_of(path: Path, config: StyleGAN2Config) -> Model:
    """A tiny model whose layers answer to noise, as those of trained ones do."""
    from synthmammo.models.file import load, save_model

    checkpoint = load(stylegan2_file(path, config))
    tensors = dict(checkpoint.tensors)
    for name, tensor in tensors.items():
        if name.endswith("noise_strength"):
            tensors[name] = torch.full_like(tensor, 0.05)
    generator = {name.removeprefix("generator."): tensor for name, tensor in tensors.items()}
    return open_model(str(save_model(path, {"generator": generator}, checkpoint.description)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("model") / "m.safetensors", SMALL)


@pytest.fixture(scope="module")
def features() -> Features:
    torch.manual_seed(0)
    return Features(pretrained=False)


def generated(model: Model, seed: int) -> torch.Tensor:
    with torch.inference_mode():
        image = model.network.synthesis(model.w([seed], [""], [0.7]))[0]
    return image.clamp(-1, 1).clone()


@pytest.fixture(scope="module")
def found(model: Model, features: Features) -> Inversion:
    return search_latents(model.network, generated(model, 77), features, QUICK)


def test_a_generated_image_is_found_again(found: Inversion) -> None:
    start, in_w, in_plus = (found.errors[phase] for phase in ("start", "W", "W+"))
    assert in_w["rmse"] < start["rmse"] and in_plus["rmse"] < 0.5 * start["rmse"]
    assert in_plus["perceptual"] < in_w["perceptual"] < start["perceptual"]
    assert in_plus["psnr_db"] > 20
    assert found.w.shape == (SMALL.latents, SMALL.w_dim)


def test_what_is_reported_is_what_the_latents_render(model: Model, features: Features, found: Inversion) -> None:
    noise = {name: plane[None] for name, plane in found.noise.items()}
    with torch.inference_mode():
        image = model.network.synthesis(found.w[None], noise)[0].clamp(-1, 1)
    torch.testing.assert_close(image, found.image, atol=1e-5, rtol=0)
    rmse = (image - generated(model, 77)).square().mean().sqrt().item()
    assert found.errors["W+"]["rmse"] == pytest.approx(rmse, abs=1e-4)


def test_the_same_seed_finds_the_same(model: Model, features: Features) -> None:
    target = generated(model, 77)
    first, again, other = (
        search_latents(model.network, target, features, replace(SHORT, seed=seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(again.w, first.w) and again.errors == first.errors
    assert not torch.equal(other.w, first.w)


def test_the_model_is_left_as_it_was(model: Model, features: Features) -> None:
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    search_latents(model.network, generated(model, 5), features, SHORT)
    after = model.network.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_noise_is_fitted_or_fixed(model: Model, features: Features, found: Inversion) -> None:
    for name, plane in found.noise.items():
        fixed = model.network.synthesis.get_buffer(f"{name}.noise_const")
        assert plane.shape == (1, *fixed.shape)
        assert plane.mean().abs() < 1e-5 and plane.square().mean().item() == pytest.approx(1, abs=1e-3)
    assert not torch.equal(found.noise["b32.conv1"][0], model.network.synthesis.get_buffer("b32.conv1.noise_const"))
    fixed = search_latents(model.network, generated(model, 77), features, replace(SHORT, fit_noise=False, plus_steps=0))
    assert fixed.noise == {} and list(fixed.errors) == ["start", "W"]
    assert torch.equal(fixed.w, fixed.w[:1].expand_as(fixed.w))


def test_structure_tells_noise_from_pictures() -> None:
    noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    ramp = torch.linspace(-1.7, 1.7, 64).expand(1, 1, 64, 64)
    coarse = noise[..., ::8, ::8].repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert structure_of(noise) < 0.1 < 1 < structure_of(coarse)
    assert structure_of(ramp) > 1


def test_perceptual_distance_is_zero_of_equals_and_grows(features: Features) -> None:
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    maps = perceptual_maps(image, features)
    assert perceptual_distance(maps, maps).item() == 0
    near, far = (perceptual_distance(maps, perceptual_maps(image * scale, features)).item() for scale in (0.9, 0.3))
    assert 0 < near < far <= 4
    for side in (16, 512):
        assert len(perceptual_maps(torch.zeros(1, 1, side, side), features)) == 4


def test_a_conditional_model_starts_in_its_class(tmp_path: Path, features: Features) -> None:
    model = model_of(tmp_path / "m.safetensors", CONDITIONAL)
    target = torch.zeros(1, 32, 32)
    steps: list[tuple[int, int]] = []
    options = replace(SHORT, w_steps=2, plus_steps=1)
    by_class = [
        search_latents(
            model.network,
            target,
            features,
            options,
            label=one_hot(model.checkpoint, [label], "cpu"),
            progress=lambda done, total: steps.append((done, total)),
        )
        for label in ("benign", "malignant")
    ]
    assert not torch.equal(by_class[0].w, by_class[1].w)
    assert steps == [(1, 3), (2, 3), (3, 3)] * 2


def test_another_shape_is_refused(model: Model, features: Features) -> None:
    with pytest.raises(ValueError, match=r"expected \(1, 32, 32\), got \(1, 16, 16\)"):
        search_latents(model.network, torch.zeros(1, 16, 16), features, QUICK)


def test_what_is_no_image_is_called_so(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(SourceError, match=r"notes.txt: is neither an image \(PNG, .*PGM\) nor DICOM"):
        invert._from_file(tmp_path / "notes.txt", invert.Which(), patches=True)
