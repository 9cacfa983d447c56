"""Training that begins from a trained generator: the same images, enlarged, and what does not fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from synthmammo.errors import CheckpointError, TrainingError
from synthmammo.models.file import load
from synthmammo.models.nets import ops
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.training.start import begin_from
from synthmammo.training.train import train
from tests.support import training_data
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, contextual_file, stylegan2_file


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
