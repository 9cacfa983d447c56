"""Training of a StyleGAN2 generator: what the discriminators see, and beginning from a trained model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from synthmammo.errors import CheckpointError, TrainingError
from synthmammo.models.file import load
from synthmammo.models.nets import ops
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.training.objectives.augment import ALIGNED, Augmentation
from synthmammo.training.objectives.generation import GeneratorSettings
from synthmammo.training.objectives.stylegan2 import LogisticObjective, LogisticSettings
from synthmammo.training.start import begin_from
from synthmammo.training.trainer import train
from tests.support import training_data
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, contextual_file, stylegan2_file


@pytest.mark.parametrize("clip", [True, False])
def test_clipped_images_are_what_would_be_written_and_have_slopes_that_lead_back(clip: bool) -> None:
    torch.manual_seed(0)
    general, settings = GeneratorSettings(clip=clip), LogisticSettings()
    objective = LogisticObjective(Generator(STYLEGAN2), general, ALIGNED, settings, torch.device("cpu"))
    last = objective.generator.synthesis.get_submodule("b64.torgb").get_parameter("bias")
    with torch.no_grad():
        last.fill_(-1.0)
    images = objective.generate(torch.zeros(4, dtype=torch.long), torch.Generator().manual_seed(0))
    assert ((images.min() >= -1) and (images.max() <= 1)) == clip
    darkest, brightest, total = int((images == -1).sum()), int((images == 1).sum()), images.numel()
    assert (darkest > 100) == (brightest > 100) == clip
    (darker,) = torch.autograd.grad(images.sum(), last, retain_graph=True)
    (brighter,) = torch.autograd.grad(-images.sum(), last)
    assert darker.item() == pytest.approx(total - darkest, rel=1e-5)
    assert brighter.item() == pytest.approx(brightest - total, rel=1e-5)


def test_noise_is_as_strong_as_said_and_on_every_image() -> None:
    noisy = Augmentation(flips=False, turns=False, shift=0, brightness=0, contrast=0, noise=0.1)
    images = noisy(torch.zeros(8, 1, 64, 64), torch.Generator().manual_seed(0), probability=0.0)
    torch.testing.assert_close(images.std((1, 2, 3)), torch.full((8,), 0.1), rtol=0.1, atol=0)


def test_an_unconditional_model_learns_from_images_of_several_classes(tmp_path: Path) -> None:
    changes = {"conditional": False, "settings": {}, "score_ticks": 0, "total_kimg": 0.008, "tick_kimg": 0.008}
    config = training_data.config(training_data.STYLEGAN2, **changes)
    done = train(config, training_data.write(tmp_path / "data"), tmp_path / "run", pretrained=False)
    assert done.finished and done.images_seen == 8


def test_a_run_can_begin_where_another_ended(tmp_path: Path) -> None:
    source = stylegan2_file(tmp_path / "m.safetensors")
    torch.manual_seed(1)
    generator, z = Generator(STYLEGAN2), torch.randn(2, 8)
    begin_from(str(source), generator)
    assert torch.equal(generator(z), load(source).network()(z))


def test_a_model_tells_which_one_it_began_from(tmp_path: Path) -> None:
    data = training_data.write(tmp_path / "data")
    config = training_data.config(training_data.STYLEGAN2, total_kimg=0.04)
    first = train(config, data, tmp_path / "first", pretrained=False).model
    config = training_data.config(training_data.STYLEGAN2, total_kimg=0.04, start_from=str(first))
    second = load(train(config, data, tmp_path / "second", pretrained=False).model).description
    before = load(first)
    expected = {"digest": before.digest, "resolution": 32, **before.description.training}
    assert second.training["began_from"] == expected and "began_from" not in expected


def test_larger_images_begin_as_the_smaller_ones_enlarged(tmp_path: Path) -> None:
    source = stylegan2_file(tmp_path / "m.safetensors")
    torch.manual_seed(1)
    generator, z = Generator(replace(STYLEGAN2, resolution=256)), torch.randn(2, 8)
    begin_from(str(source), generator)
    expected = ops.upsample(ops.upsample(load(source).network()(z)))
    torch.testing.assert_close(generator(z), expected)
    image_layer = generator.synthesis.get_submodule("b256.torgb").get_parameter("weight")
    (slope,) = torch.autograd.grad(generator(z).square().sum(), image_layer)
    assert slope.abs().min() > 0  # it learns from the first step on


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (replace(STYLEGAN2, w_dim=16), "w_dim of the model is 12, of this run 16"),
        (replace(STYLEGAN2, resolution=32), "resolution of the model is 64, of this run 32"),
        (CONDITIONAL, "classes of the model is 0, of this run 2"),
    ],
    ids=["widths", "size", "classes"],
)
def test_a_start_that_does_not_fit(shape, message: str, tmp_path: Path) -> None:
    source = stylegan2_file(tmp_path / "m.safetensors")
    with pytest.raises(TrainingError, match=message):
        begin_from(str(source), Generator(shape))


def test_a_start_of_another_architecture(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="architecture contextual, expected stylegan2"):
        begin_from(str(contextual_file(tmp_path / "m.safetensors")), Generator(STYLEGAN2))
