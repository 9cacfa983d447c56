"""Training that begins from a trained generator: the same images, enlarged, and what does not fit."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from synthmammo.errors import CheckpointError, TrainingError
from synthmammo.models.file import Description, load, save_model
from synthmammo.models.nets import ops
from synthmammo.models.nets.comodulated import ComodulatedConfig, ComodulatedGenerator
from synthmammo.models.nets.contextual import ContextualGenerator
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.training.start import begin_from, begin_lesions_from, with_start
from synthmammo.training.train import train
from synthmammo.training.trainer import Trainer
from tests.support import training_data
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, contextual_file, stylegan2_file
from tests.support.tiny_models import CONTEXTUAL as CONTEXTUAL_SHAPE


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
    assert before.description.training_data["origin"] == second.training_data["origin"] == "mixed", "of blobs"


def test_a_model_that_began_from_real_images_is_not_one_of_synthetic_images_alone(tmp_path: Path) -> None:
    source = load(stylegan2_file(tmp_path / "m.safetensors"))
    synthetic = {"name": "phantoms", "origin": "synthetic", "terms": "open"}
    for before, expected in (("real", "mixed"), ("synthetic", "synthetic"), (None, "mixed")):
        data = {"name": "films", **({"origin": before} if before else {})}
        described = replace(source.description, training_data=data)
        start = save_model(tmp_path / f"{before}.safetensors", {"generator": source.network()}, described)
        known = {"name": "phantoms", "origin": expected, "terms": "open", "patients": "?"}
        assert with_start(synthetic, str(start)) == known
    assert with_start(synthetic, "") == synthetic


def test_a_model_that_began_from_restricted_images_is_restricted(tmp_path: Path) -> None:
    source = load(stylegan2_file(tmp_path / "m.safetensors"))
    phantoms = {"name": "phantoms", "terms": "open"}
    for terms, licence, expected in (
        ("restricted", "apache-2.0", "restricted"),
        ("open", "cc-by-nc-4.0", "non-commercial"),
        ("open", "other", "restricted"),
        ("open", "apache-2.0", "open"),
    ):
        described = replace(source.description, licence=licence, training_data={"name": "films", "terms": terms})
        start = save_model(tmp_path / "start.safetensors", {"generator": source.network()}, described)
        assert with_start(phantoms, str(start))["terms"] == expected
    assert with_start({"name": "unknown"}, str(start))["terms"] == "restricted"


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


def test_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    source = stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL)
    begin_from(str(source), Generator(CONDITIONAL), ("benign", "malignant"))
    with pytest.raises(TrainingError, match=r"classes of the model are benign, malignant, of this run CC, MLO\n  Give"):
        begin_from(str(source), Generator(CONDITIONAL), ("CC", "MLO"))


SMALL = ComodulatedConfig(
    size=32, channel_base=128, channel_max=8, z_dim=4, w_dim=6, mapping_layers=1, noise_sizes=(8,), attention_size=8,
    border_px=2,
)  # fmt: skip
LARGE = replace(SMALL, size=64, border_px=4, discriminator_images=1)


def lesions_of(config: ComodulatedConfig, path: Path) -> tuple[Path, ComodulatedGenerator]:
    torch.manual_seed(0)
    generator = ComodulatedGenerator(config)
    save_model(path, {"generator": generator}, Description("comodulated", asdict(config), makes="mass"))
    return path, generator


def test_smaller_lesions_begin_a_larger_model(tmp_path: Path) -> None:
    source, trained = lesions_of(SMALL, tmp_path / "m.safetensors")
    torch.manual_seed(1)
    generator, scalars = ComodulatedGenerator(LARGE), torch.rand(2, LARGE.scalars)
    begin_lesions_from(str(source), generator)
    tissue = torch.rand(2, 1, 32, 32) - 0.5
    maps = generator._encode(ops.upsample(tissue), 1.0)
    assert all(torch.isfinite(found).all() for found in maps.values())
    large, small = generator(tissue.repeat_interleave(2, 2).repeat_interleave(2, 3), scalars), trained(tissue, scalars)
    middle = slice(24, 40)  # further out the lesion fades to nothing, over as many pixels at either size
    torch.testing.assert_close(large.lesion[..., middle, middle], ops.upsample(small.lesion)[..., middle, middle])
    loss = generator(torch.rand(2, 1, 64, 64), scalars).lesion.square().sum()
    layer = generator.decoder["64"].to_lesion.get_parameter("weight")
    (slope,) = torch.autograd.grad(loss, layer)
    assert slope.abs().max() > 0  # it learns from the first step on


def test_larger_lesions_begin_a_smaller_model(tmp_path: Path) -> None:
    source, trained = lesions_of(LARGE, tmp_path / "m.safetensors")
    generator, scalars, tissue = ComodulatedGenerator(SMALL), torch.rand(2, SMALL.scalars), torch.rand(2, 1, 32, 32)
    begin_lesions_from(str(source), generator)
    # What a growing model makes of small patches is what its part of these sides makes.
    torch.testing.assert_close(generator(tissue, scalars).lesion, trained(tissue, scalars).lesion)


def test_lesions_of_another_shape_are_refused(tmp_path: Path) -> None:
    source, _ = lesions_of(SMALL, tmp_path / "m.safetensors")
    with pytest.raises(TrainingError, match=r"w_dim of the model is 6, of this run 7\n  .* of any side"):
        begin_lesions_from(str(source), ComodulatedGenerator(replace(SMALL, w_dim=7)))
    with pytest.raises(CheckpointError, match="architecture comodulated, expected contextual"):
        begin_lesions_from(str(source), ContextualGenerator(CONTEXTUAL_SHAPE))
    published = contextual_file(tmp_path / "c.safetensors")
    same = ContextualGenerator(CONTEXTUAL_SHAPE)
    begin_lesions_from(str(published), same)
    taken, before = same.state_dict(), load(published).network().state_dict()
    assert all(torch.equal(taken[name], weight) for name, weight in before.items())
    with pytest.raises(TrainingError, match="attention_size of the model is 16, of this run 8"):
        begin_lesions_from(str(published), ContextualGenerator(replace(CONTEXTUAL_SHAPE, attention_size=8)))


@pytest.mark.parametrize("base", [training_data.COMODULATED, training_data.INSERTION, training_data.CONTEXTUAL])
def test_a_contextual_run_begins_where_another_ended(base, tmp_path: Path) -> None:
    side = 64 if base["objective"] == "projected" else 32
    data = training_data.write(tmp_path / "data", ("normal", "benign", "malignant"), (side,))
    first = train(training_data.config(base), data, tmp_path / "first", pretrained=False).model
    settings = {**base["settings"], "small_kimg": []}
    again = training_data.config(base, total_kimg=0.04, start_from=str(first), settings=settings)
    trainer = Trainer(again, data, tmp_path / "second", pretrained=False)
    before, began = load(first).network().state_dict(), trainer.task.objective.generator.state_dict()
    assert all(torch.equal(began[name], weight) for name, weight in before.items() if name in began)
    found = trainer.run().model
    assert load(found).description.training["began_from"]["digest"] == load(first).digest


def test_a_start_of_another_architecture(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="architecture contextual, expected stylegan2"):
        begin_from(str(contextual_file(tmp_path / "m.safetensors")), Generator(STYLEGAN2))
