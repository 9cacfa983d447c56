"""Model files: round trips, equal bytes, and one clear message for everything that is not a model file."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from synthmammo.errors import CheckpointError, OutputError
from synthmammo.models.file import Checkpoint, Description, load, save_model
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, as_dict, contextual_file, stylegan2_file

DESCRIPTION = Description("stylegan2", as_dict(STYLEGAN2))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return stylegan2_file(tmp_path / "model.safetensors", discriminator=True)


@pytest.mark.parametrize("config", [STYLEGAN2, CONDITIONAL], ids=["plain", "conditional"])
def test_what_was_saved_is_loaded(config: StyleGAN2Config, tmp_path: Path) -> None:
    checkpoint = load(stylegan2_file(tmp_path / "m.safetensors", config))
    assert checkpoint.networks == ("generator",)
    assert checkpoint.description.config == as_dict(config)
    assert checkpoint.description.spacing_mm == 0.45
    assert checkpoint.description.classes == ("benign", "malignant")[: config.classes]
    torch.manual_seed(0)
    original, z = Generator(config), torch.randn(2, 8)
    label = torch.eye(2) if config.classes else None
    loaded = checkpoint.network()
    assert not loaded.training and not any(weight.requires_grad for weight in loaded.parameters())
    assert torch.equal(loaded(z, label), original(z, label).detach())


def test_contextual_models_too(tmp_path: Path) -> None:
    checkpoint = load(contextual_file(tmp_path / "m.safetensors", "calcification"))
    assert checkpoint.description.makes == "calcification"
    generator = checkpoint.generator_of("contextual")
    assert generator(torch.zeros(1, 1, 64, 64), torch.zeros(1, 8)).lesion.shape == (1, 1, 64, 64)
    assert checkpoint.network("discriminator")(torch.zeros(1, 2, 64, 64)).shape == (1, 4)


def test_the_same_model_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    again = stylegan2_file(tmp_path / "again.safetensors", discriminator=True)
    assert again.read_bytes() == model.read_bytes()
    assert load(again).digest == load(model).digest
    checkpoint = load(model)
    states = {name: checkpoint.network(name) for name in checkpoint.networks}
    assert save_model(tmp_path / "third.safetensors", states, checkpoint.description).read_bytes() == model.read_bytes()


def test_a_model_file_can_be_read_by_whom_any_file_can(model: Path, tmp_path: Path) -> None:
    (tmp_path / "any").write_bytes(b"")
    assert model.stat().st_mode == (tmp_path / "any").stat().st_mode


def test_half_precision_halves_the_file_and_loads_as_single(model: Path, tmp_path: Path) -> None:
    checkpoint = load(model)
    states = {name: checkpoint.network(name) for name in checkpoint.networks}
    small = save_model(tmp_path / "half.safetensors", states, checkpoint.description, torch.float16)
    # The header, which does not shrink, is most of so small a model.
    numbers = sum(tensor.numel() for tensor in checkpoint.tensors.values())
    assert model.stat().st_size - small.stat().st_size == pytest.approx(2 * numbers, abs=512)
    loaded = load(small).network()
    assert all(weight.dtype == torch.float32 for weight in loaded.parameters())
    z = torch.randn(1, 8)
    torch.testing.assert_close(loaded(z), checkpoint.network()(z), atol=0.02, rtol=0.02)


def test_loading_and_saving_draw_no_random_numbers(model: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    network = load(model).network()
    save_model(tmp_path / "b.safetensors", {"generator": network}, DESCRIPTION)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(share: float, model: Path) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="not a whole .safetensors file"):
        load(model)


def test_a_pickle_is_refused_and_not_opened(model: Path, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "executed",)

    model.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(CheckpointError, match="synthmammo convert"):
        load(model)
    assert not (tmp_path / "executed").exists()


def rewritten(model: Path, **changes: object) -> Path:
    tensors = safetensors.torch.load_file(model)
    with safetensors.safe_open(model, "pt") as file:
        content = json.loads(file.metadata()["synthmammo"])
    safetensors.torch.save_file(tensors, model, {"synthmammo": json.dumps({**content, **changes})})
    return model


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 99}, "format_version is 99"),
        ({"colour": "blue"}, "its description is not one of this package"),
        ({"scale": "logarithmic"}, "logarithmic"),
        ({"architecture": "stylegan9"}, "Did you mean 'stylegan2'"),
        ({"config": {"resolution": 63}}, "configuration of stylegan2 is not valid"),
        ({"config": {"layers": 3}}, "configuration of stylegan2 is not valid"),
        ({"config": as_dict(replace(STYLEGAN2, resolution=32))}, "has no place in the network"),
        ({"config": as_dict(replace(STYLEGAN2, resolution=128))}, "is missing"),
        ({"config": as_dict(replace(STYLEGAN2, w_dim=13))}, "has the shape"),
        ({"architecture": "contextual", "config": {}}, "tensor .* is missing"),
    ],
)
def test_a_description_that_does_not_fit_is_named(changes: dict[str, object], message: str, model: Path) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load(rewritten(model, **changes)).network()
    assert str(model) in str(caught.value)


def test_bare_weights_are_refused(model: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, model)
    with pytest.raises(CheckpointError, match="without a description"):
        load(model)


def test_another_architecture_or_network_is_refused(tmp_path: Path) -> None:
    checkpoint = load(contextual_file(tmp_path / "m.safetensors"))
    with pytest.raises(CheckpointError, match="architecture contextual, expected stylegan2"):
        checkpoint.generator_of("stylegan2")
    with pytest.raises(CheckpointError, match="Did you mean 'generator'"):
        checkpoint.network("generatr")


def test_a_failed_save_leaves_the_old_file(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, network = model.read_bytes(), load(model).network()

    def full(tensors: object, path: Path, header: object) -> None:
        Path(path).write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        save_model(model, {"generator": network}, DESCRIPTION)
    assert model.read_bytes() == before
    assert [file.name for file in model.parent.iterdir()] == [model.name]


@pytest.mark.parametrize(("value", "dtype"), [(float("nan"), None), (1e6, torch.float16)])
def test_weights_that_are_no_numbers_are_not_saved(
    value: float, dtype: torch.dtype | None, model: Path, tmp_path: Path
) -> None:
    network: Checkpoint = load(model)
    state = network.network().state_dict()
    state["synthesis.b4.const"][0, 0, 0] = value
    with pytest.raises(CheckpointError, match="generator.synthesis.b4.const has values"):
        save_model(tmp_path / "bad.safetensors", {"generator": state}, DESCRIPTION, dtype)
    assert not (tmp_path / "bad.safetensors").exists()


def test_a_network_of_another_shape_is_not_saved(model: Path, tmp_path: Path) -> None:
    other = Description("stylegan2", as_dict(replace(STYLEGAN2, resolution=32)))
    with pytest.raises(CheckpointError, match="no place"):
        save_model(tmp_path / "bad.safetensors", {"generator": load(model).network()}, other)
    with pytest.raises(CheckpointError, match="no network is called 'critic'"):
        save_model(tmp_path / "bad.safetensors", {"critic": load(model).network()}, DESCRIPTION)
