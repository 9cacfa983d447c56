"""What `convert` writes, refuses and calls by name."""

import pickle
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from synthmammo.errors import CheckpointError, OutputError
from synthmammo.models.convert import convert
from synthmammo.models.file import load
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.models.published.base import infer_config
from tests.support import tiny
from tests.support.published_networks import nvidia_file
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file


def test_what_does_not_fit_the_target_is_refused(tmp_path: Path) -> None:
    ours = stylegan2_file(tmp_path / "a.safetensors", CONDITIONAL)
    with pytest.raises(CheckpointError, match="no place for a conditional model"):
        convert(str(ours), tmp_path / "b.pt")
    with pytest.raises(CheckpointError, match="z_dim 8 beside w_dim 12"):
        convert(str(stylegan2_file(tmp_path / "a.safetensors")), tmp_path / "b.pt")
    with pytest.raises(CheckpointError, match=r"no format is known by the ending '\.onnx'"):
        convert(str(ours), tmp_path / "b.onnx")
    (tmp_path / "text.pkl").write_text("no model")
    with pytest.raises(CheckpointError, match="no model file of a known format"):
        convert(str(tmp_path / "text.pkl"), tmp_path / "b.safetensors")


def test_class_names_must_be_as_many_as_classes(tmp_path: Path) -> None:
    nvidia_file(tmp_path / "m.pkl", CONDITIONAL)
    with pytest.raises(CheckpointError, match="2 classes, 1 names"):
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors", classes=("a",))


@pytest.mark.parametrize("base", [64, 256, 4096])
def test_the_shape_follows_from_the_tensors(base: int) -> None:
    config = StyleGAN2Config(resolution=64, z_dim=6, w_dim=5, mapping_layers=3, channel_base=base, channel_max=16)
    found = infer_config(Generator(config).state_dict(), Path("x"))
    assert [found.channels(r) for r in found.resolutions] == [config.channels(r) for r in config.resolutions]
    assert {**asdict(found), "channel_base": base, "channel_max": 16} == asdict(config)


def test_a_file_that_is_there_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    source, out = stylegan2_file(tmp_path / "a.safetensors"), tmp_path / "b.safetensors"
    first = convert(str(source), out).read_bytes()
    with pytest.raises(OutputError, match="is there already, with a licence and a description of its own") as caught:
        convert(str(source), out, half=True)
    assert "--overwrite" in str(caught.value)
    assert out.read_bytes() == first
    refused = tiny.run("convert", source, out)
    assert refused.exit_code == 1 and "is there already" in refused.output
    assert tiny.run("convert", source, out, "--half", "--overwrite").exit_code == 0
    assert out.read_bytes() != first


def test_half_precision_on_request(tmp_path: Path) -> None:
    nvidia_file(tmp_path / "m.pkl", STYLEGAN2)
    whole = convert(str(tmp_path / "m.pkl"), tmp_path / "a.safetensors")
    half = convert(str(whole), tmp_path / "b.safetensors", half=True)
    assert all(tensor.dtype == torch.float16 for tensor in load(half).tensors.values())
    assert load(half).description == load(whole).description


def test_a_model_is_converted_in_place(tmp_path: Path) -> None:
    path = stylegan2_file(tmp_path / "m.safetensors")
    before = load(path)
    assert convert(str(path), path, half=True) == path
    after = load(path)
    assert after.description == before.description
    assert {tensor.dtype for tensor in after.tensors.values()} == {torch.float16}
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": 3}, "source: expected a path"),
        ({"out": ""}, "out: expected a path"),
        ({"spacing_mm": -1}, "spacing_mm: expected a number above 0"),
        ({"bits_stored": 10}, "bits_stored: expected 8, 12, 14 or 16, found 10"),
        ({"licence": ""}, "licence: expected a text"),
        ({"licence": " "}, "licence: expected a text"),
        ({"classes": "ab"}, "classes: expected a list of names"),
        ({"about": None}, "about: expected a text"),
        ({"half": "yes"}, "half: expected True or False"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    nvidia_file(tmp_path / "m.pkl", CONDITIONAL)
    with pytest.raises(CheckpointError) as caught:
        convert(**{"source": tmp_path / "m.pkl", "out": tmp_path / "m.safetensors", **changes})
    assert message in str(caught.value) and not (tmp_path / "m.safetensors").exists()


def a_named_pickle(path: Path, words: str) -> Path:
    """A pickle like NVIDIA's, whose network carries these words in its source."""
    meta = {"class_name": "Generator", "state": {}, "module_src": words}
    path.write_bytes(pickle.dumps({"G_ema": meta, "D": None}, protocol=4))
    return path


@pytest.mark.parametrize(
    ("words", "family"),
    [
        ("# training/networks_stylegan3.py\nclass SynthesisInput(torch.nn.Module):", "StyleGAN3"),
        ("class SuperresGenerator(torch.nn.Module):  # of SynthesisInput", "StyleGAN-XL"),
    ],
)
def test_relatives_of_stylegan2_are_called_what_they_are(words: str, family: str, tmp_path: Path) -> None:
    path = a_named_pickle(tmp_path / "model.pkl", words)
    with pytest.raises(CheckpointError, match=f"is a {family} model, and only StyleGAN2 is read") as error:
        convert(path, tmp_path / "out.safetensors")
    assert "rosinality .pt" in (error.value.hint or "")
    assert "no averaged generator" in error.value.message, "the cause is kept"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_lucidrains_is_called_that(zipped: bool, tmp_path: Path) -> None:
    content = {"GAN": {"G.initial_block": torch.zeros(1, 8, 4, 4), "S.net.0.weight": torch.zeros(8, 8)}}
    torch.save(content, tmp_path / "model_5.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"is a stylegan2_pytorch \(lucidrains\) model"):
        convert(tmp_path / "model_5.pt", tmp_path / "out.safetensors")


def test_other_files_keep_their_message(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="it holds no averaged generator"):
        convert(a_named_pickle(tmp_path / "model.pkl", "class Other:"), tmp_path / "out.safetensors")
    (tmp_path / "empty.pkl").write_bytes(b"")
    with pytest.raises(CheckpointError, match="no model file of a known format"):
        convert(tmp_path / "empty.pkl", tmp_path / "out.safetensors")
