"""Published model files: the same images from them, in both directions; nothing in them is ever executed."""

import argparse
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthmammo.errors import CheckpointError
from synthmammo.models.convert import convert
from synthmammo.models.file import load
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from tests.support.published_files import (
    FIR,
    NestedPayload,
    Payload,
    nvidia_bytes,
    persistent,
    tensorflow_bytes,
)
from tests.support.published_networks import networks, nvidia_file, trained
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file

SQUARE = StyleGAN2Config(resolution=32, z_dim=12, w_dim=12, mapping_layers=2, channel_base=256, channel_max=12)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("config", [STYLEGAN2, CONDITIONAL], ids=["plain", "conditional"])
def test_a_pickle_gives_the_same_images(config: StyleGAN2Config, protocol: int, tmp_path: Path) -> None:
    originals = nvidia_file(tmp_path / "network.pkl", config, protocol)
    facts = {"spacing_mm": 0.3, "licence": "cc-by-4.0", "classes": ("a", "b")[: config.classes]}
    checkpoint = load(convert(str(tmp_path / "network.pkl"), tmp_path / "ours.safetensors", **facts))
    description = checkpoint.description
    shape = StyleGAN2Config(**description.config)
    assert replace(shape, channel_base=config.channel_base, channel_max=config.channel_max) == replace(
        config, deviation_group=8
    )
    assert all(shape.channels(r) == config.channels(r) for r in config.resolutions)
    assert description.spacing_mm == 0.3 and description.licence == "cc-by-4.0"
    assert "network.pkl" in description.training["converted_from"]
    z, label = torch.randn(2, config.z_dim), torch.eye(2) if config.classes else None
    images = torch.randn(2, 1, config.resolution, config.resolution)
    for role, name in (("generator", "G_ema"), ("training_generator", "G")):
        assert torch.equal(checkpoint.network(role)(z, label, psi=0.7), originals[name](z, label, psi=0.7).detach())
    assert torch.equal(checkpoint.network("discriminator")(images, label), originals["D"](images, label).detach())


def test_the_source_in_a_pickle_is_not_executed(tmp_path: Path) -> None:
    source = f"open({str(tmp_path / 'executed')!r}, 'w')"
    module = persistent(trained(Generator, STYLEGAN2, 0), source)
    (tmp_path / "m.pkl").write_bytes(nvidia_bytes({"G_ema": module}))
    convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("beside", r"refers to posix\.mkdir"),
        ("state", r"posix\.mkdir"),
        ("nested", r"posix\.mkdir in a nested pickle"),
    ],
)
def test_payloads_are_refused_by_name(where: str, message: str, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    module = persistent(trained(Generator, STYLEGAN2, 0))
    payload: Any = NestedPayload(mark) if where == "nested" else Payload(mark)
    beside = {}
    if where == "beside":
        beside["extra"] = payload
    else:
        module.attributes["extra"] = payload
    data = nvidia_bytes({"G_ema": module}, **beside)
    (tmp_path / "m.pkl").write_bytes(data)
    with pytest.raises(CheckpointError, match=message) as caught:
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")
    assert "nothing of it was executed" in str(caught.value)
    assert not mark.exists() and not (tmp_path / "m.safetensors").exists()
    pickle.loads(pickle.dumps(Payload(mark)))  # the payload itself does work
    assert mark.exists()


GADGETS = {
    "os.system": b"cos\nsystem\n(S'true'\ntR.",
    "posix.system": b"cposix\nsystem\n(S'true'\ntR.",
    "builtins.eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "builtins.getattr": b"cbuiltins\ngetattr\n.",
    "torch.load": b"ctorch\nload\n.",
    "torch.hub.load": b"\x80\x04\x8c\x09torch.hub\x8c\x04load\x93.",
    "dnnlib.util.EasyDict.__init__": b"\x80\x04\x8c\x0bdnnlib.util\x8c\x11EasyDict.__init__\x93.",
}


@pytest.mark.parametrize("name", GADGETS)
def test_names_outside_the_list_are_refused(name: str, tmp_path: Path) -> None:
    data = GADGETS[name] if GADGETS[name].startswith(b"\x80") else b"\x80\x03" + GADGETS[name]
    (tmp_path / "m.pkl").write_bytes(data)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")


def test_a_pickle_cannot_change_the_reader_for_the_next(tmp_path: Path) -> None:
    # BUILD with a slot state sets attributes of whatever lies on the stack, here of the stand-in for EasyDict.
    tampering = b"\x80\x04\x8c\x0bdnnlib.util\x8c\x08EasyDict\x93N}\x8c\x04evil\x8c\x04trues\x86b."
    (tmp_path / "m.pkl").write_bytes(tampering)
    with pytest.raises(CheckpointError, match="G_ema"):
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")
    from synthmammo.models.published.pickles import vocabulary

    assert not hasattr(vocabulary(tmp_path)["dnnlib.util", "EasyDict"], "evil")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999), flip=st.integers(0, 10**9))
def test_damage_is_one_message(share: float, flip: int, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pkl"
    if not whole.exists():
        nvidia_file(whole, STYLEGAN2)
    data = bytearray(whole.read_bytes())
    cut = bytes(data[: int(len(data) * share)])
    (tmp_path / "cut.pkl").write_bytes(cut)
    with pytest.raises(CheckpointError):
        convert(str(tmp_path / "cut.pkl"), tmp_path / "m.safetensors", overwrite=True)
    data[2 + flip % 3000] ^= 0xFF  # in the structure at the start, not in the numbers
    (tmp_path / "flipped.pkl").write_bytes(data)
    try:
        convert(str(tmp_path / "flipped.pkl"), tmp_path / "m.safetensors", overwrite=True)
    except CheckpointError as error:
        assert str(tmp_path) in str(error)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("config", [STYLEGAN2, CONDITIONAL], ids=["plain", "conditional"])
def test_a_tensorflow_pickle_gives_the_same_images(config: StyleGAN2Config, protocol: int, tmp_path: Path) -> None:
    made = networks(config)
    (tmp_path / "m.pkl").write_bytes(tensorflow_bytes([made["G"], made["D"], made["G_ema"]], protocol))
    checkpoint = load(convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors"))
    z, label = torch.randn(2, config.z_dim), torch.eye(2) if config.classes else None
    for role, name in (("generator", "G_ema"), ("training_generator", "G")):
        # Adding 1 to style biases that lack it rounds once.
        torch.testing.assert_close(
            checkpoint.network(role)(z, label), made[name](z, label).detach(), atol=1e-5, rtol=1e-5
        )
    assert ("discriminator" in checkpoint.networks) == (config.classes == 0)
    if not config.classes:
        images = torch.randn(2, 1, config.resolution, config.resolution)
        assert torch.equal(checkpoint.network("discriminator")(images), made["D"](images).detach())


def test_a_tensorflow_pickle_of_another_kind_is_named(tmp_path: Path) -> None:
    made = networks(STYLEGAN2)
    data = tensorflow_bytes([made["G"], made["D"], made["G_ema"]], 4, without="synthesis/8x8/Conv0_up/weight")
    (tmp_path / "m.pkl").write_bytes(data)
    with pytest.raises(CheckpointError, match="'synthesis/8x8/Conv0_up/weight' is missing"):
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")
    (tmp_path / "m.pkl").write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\n.")
    with pytest.raises(CheckpointError, match="no averaged generator"):
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")


def test_other_filters_are_refused(tmp_path: Path) -> None:
    module = persistent(trained(Generator, STYLEGAN2, 0))
    module.attributes["_modules"]["synthesis"].attributes["_buffers"]["resample_filter"] = FIR.roll(1)
    (tmp_path / "m.pkl").write_bytes(nvidia_bytes({"G_ema": module}))
    with pytest.raises(CheckpointError, match=r"\[1, 3, 3, 1\]"):
        convert(str(tmp_path / "m.pkl"), tmp_path / "m.safetensors")


def test_there_and_back_through_rosinality(tmp_path: Path) -> None:
    originals = nvidia_file(tmp_path / "a.pkl", SQUARE)
    convert(str(tmp_path / "a.pkl"), tmp_path / "b.pt")
    convert(str(tmp_path / "b.pt"), tmp_path / "c.safetensors")
    convert(str(tmp_path / "c.safetensors"), tmp_path / "d.pt")
    convert(str(tmp_path / "d.pt"), tmp_path / "e.safetensors")
    direct = load(convert(str(tmp_path / "a.pkl"), tmp_path / "direct.safetensors"))
    for name in ("c", "e"):
        found = load(tmp_path / f"{name}.safetensors").tensors
        assert found.keys() == direct.tensors.keys()
        differing = [key for key in found if not torch.equal(found[key], direct.tensors[key])]
        # The format keeps one mean latent, that of the averaged generator.
        assert differing == ["training_generator.mapping.w_avg"]
    z = torch.randn(2, 12)
    again = load(tmp_path / "e.safetensors").network()
    assert torch.equal(again(z), originals["G_ema"](z).detach())


def test_the_layout_of_a_written_pt(tmp_path: Path) -> None:
    stylegan2_file(tmp_path / "a.safetensors", SQUARE, discriminator=True)
    content = torch.load(convert(str(tmp_path / "a.safetensors"), tmp_path / "b.pt"), weights_only=True)
    assert set(content) == {"g_ema", "d", "latent_avg"}
    g, d = content["g_ema"], content["d"]
    expected = {
        "style.1.weight": (12, 12),
        "style.2.bias": (12,),
        "input.input": (1, 12, 4, 4),
        "conv1.conv.weight": (1, 12, 12, 3, 3),
        "conv1.conv.modulation.bias": (12,),
        "conv1.noise.weight": (1,),
        "conv1.activate.bias": (12,),
        "to_rgb1.conv.weight": (1, 1, 12, 1, 1),
        "to_rgb1.bias": (1, 1, 1, 1),
        "convs.0.conv.weight": (1, 12, 12, 3, 3),
        "convs.5.conv.weight": (1, 8, 8, 3, 3),
        "convs.4.conv.blur.kernel": (4, 4),
        "to_rgbs.2.upsample.kernel": (4, 4),
        "noises.noise_0": (1, 1, 4, 4),
        "noises.noise_6": (1, 1, 32, 32),
    }
    assert {name: tuple(g[name].shape) for name in expected} == expected
    expected = {
        "convs.0.0.weight": (8, 1, 1, 1),
        "convs.0.1.bias": (8,),
        "convs.1.conv1.0.weight": (8, 8, 3, 3),
        "convs.1.conv2.1.weight": (12, 8, 3, 3),
        "convs.1.conv2.0.kernel": (4, 4),
        "convs.3.skip.1.weight": (12, 12, 1, 1),
        "final_conv.0.weight": (12, 13, 3, 3),
        "final_linear.0.weight": (12, 192),
        "final_linear.1.bias": (1,),
    }
    assert {name: tuple(d[name].shape) for name in expected} == expected
    assert "convs.4.conv1.0.weight" not in d and "to_rgbs.3.bias" not in g
    assert g["to_rgbs.0.upsample.kernel"].sum() == pytest.approx(4) and d[
        "convs.1.skip.0.kernel"
    ].sum() == pytest.approx(1)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_training_file_with_its_arguments_is_read(zipped: bool, tmp_path: Path) -> None:
    stylegan2_file(tmp_path / "a.safetensors", SQUARE)
    content = torch.load(convert(str(tmp_path / "a.safetensors"), tmp_path / "b.pt"), weights_only=True)
    del content["latent_avg"]
    content |= {"args": argparse.Namespace(size=32, lr=0.002), "g_optim": {"state": {0: {"step": 3}}}, "ada_aug_p": 0.0}
    torch.save(content, tmp_path / "training.pt", _use_new_zipfile_serialization=zipped)
    checkpoint = load(convert(str(tmp_path / "training.pt"), tmp_path / "c.safetensors"))
    # Without a stored mean it is estimated, to the error of ten thousand samples.
    mapping = checkpoint.network().mapping
    with torch.inference_mode():
        w = mapping(torch.randn(20_000, 12))
    assert ((mapping.w_avg - w.mean(0)).abs() < 6 * w.std(0) / 10_000**0.5).all()
    assert mapping.w_avg.abs().sum() > 0


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pt_with_a_payload_is_refused(zipped: bool, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    torch.save({"g_ema": {}, "x": Payload(mark)}, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"refers to posix\.mkdir"):
        convert(str(tmp_path / "m.pt"), tmp_path / "m.safetensors")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["g_ema"].pop("convs.0.conv.weight"), "convs.0.conv.weight is missing"),
        (lambda s: s["g_ema"].update(surprise=torch.zeros(1)), "surprise is of no StyleGAN2"),
        (lambda s: s.pop("g_ema"), "no averaged generator"),
        (lambda s: s["g_ema"].update({"to_rgbs.0.upsample.kernel": torch.ones(4, 4)}), "is not the filter"),
    ],
)
def test_other_pt_files_are_named(change: Callable[[Any], object], message: str, tmp_path: Path) -> None:
    stylegan2_file(tmp_path / "a.safetensors", SQUARE)
    content = torch.load(convert(str(tmp_path / "a.safetensors"), tmp_path / "b.pt"), weights_only=True)
    change(content)
    torch.save(content, tmp_path / "b.pt")
    with pytest.raises(CheckpointError, match=message):
        convert(str(tmp_path / "b.pt"), tmp_path / "c.safetensors")


def test_a_truncated_pt_is_one_message(tmp_path: Path) -> None:
    stylegan2_file(tmp_path / "a.safetensors", SQUARE)
    data = convert(str(tmp_path / "a.safetensors"), tmp_path / "b.pt").read_bytes()
    for share in (0.01, 0.5, 0.99):
        (tmp_path / "b.pt").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(CheckpointError, match="damaged"):
            convert(str(tmp_path / "b.pt"), tmp_path / "c.safetensors")
