"""Readers of models: every published format, this package's own, and what is fitted to a model."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tests.support.published_files import EasyDict, nvidia_bytes, persistent, tensorflow_bytes
from tests.support.tiny_models import contextual_file, stylegan2_file
from tools.fuzz.containers import zip_member
from tools.fuzz.plain import safetensors_header
from tools.fuzz.reader import Reader

if TYPE_CHECKING:
    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

WEIGHTS = "0" * 64
"""Digest of the model that fitted files claim to belong to."""

_GADGETS = (
    b"cos\nsystem\n(S'true'\ntR.", b"cbuiltins\neval\n(S'1'\ntR.", b"c__builtin__\ngetattr\n", b"cposix\nsystem\n",
    b"ctorch.storage\n_load_from_bytes\n", b"ccollections\nOrderedDict\n)R", b"cdnnlib.util\nEasyDict\n)\x81",
    b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"c_codecs\nencode\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n", b"\x93", b"R", b"\x81", b"b", b"u", b"e", b".",
    b"0", b"2",
    b"\x8e\xff\xff\xff\xff\xff\xff\xff\x00", b"\x8d\xff\xff\xff\xff\xff\x00\x00\x00", b"r\xff\xff\xff\x7f",
    b"\x8b\xff\xff\xff\x7f",
    b"csubprocess\nPopen\n", b"cbuiltins\nset\n", b"\x8c\x02os\x8c\x06system\x93",
)  # fmt: skip
"""Calls that a reader that executes would follow, and opcodes that claim much or change what is on the stack."""


def _config() -> StyleGAN2Config:
    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

    return StyleGAN2Config(resolution=8, z_dim=4, w_dim=4, mapping_layers=1, channel_base=32, channel_max=4)


def _networks() -> list[torch.nn.Module]:
    from synthmammo.models.nets.stylegan2 import Discriminator, Generator

    torch.manual_seed(0)
    torch.set_num_threads(1)
    return [Generator(_config()), Discriminator(_config()), Generator(_config())]


def _nvidia_corpus(folder: Path) -> list[bytes]:
    training, judge, averaged = _networks()
    whole = {
        "G_ema": persistent(averaged),
        "G": persistent(training),
        "D": persistent(judge, epilogue_kwargs=EasyDict(mbstd_group_size=8)),
    }
    return [nvidia_bytes(whole, protocol) for protocol in (2, 4)] + [nvidia_bytes({"G_ema": persistent(averaged)})]


def _tensorflow_corpus(folder: Path) -> list[bytes]:
    modules = _networks()
    return [tensorflow_bytes(modules, protocol) for protocol in (2, 4)]


def _rosinality_corpus(folder: Path) -> list[bytes]:
    from synthmammo.models.published.rosinality import write_rosinality

    names = ("training_generator", "discriminator", "generator")
    states = {name: network.state_dict() for name, network in zip(names, _networks(), strict=True)}
    path = write_rosinality(folder / "a.pt", _config(), states)
    content = torch.load(path, weights_only=True)
    torch.save(content, folder / "old.pt", _use_new_zipfile_serialization=False)
    small = {
        "g_ema": content["g_ema"],
        "latent_avg": content["latent_avg"],
    }  # a mean that is missing takes long to find
    torch.save(small, folder / "small.pt")
    return [(folder / name).read_bytes() for name in ("a.pt", "old.pt", "small.pt")]


def _read_published(path: Path) -> object:
    from synthmammo.models.convert import read_published

    return read_published(path)


def _own_corpus(folder: Path) -> list[bytes]:
    small = stylegan2_file(folder / "a.safetensors", _config(), discriminator=True)
    return [small.read_bytes(), contextual_file(folder / "b.safetensors").read_bytes()]


def _read_own(path: Path) -> object:
    from synthmammo.models.file import describe, load

    describe(path)
    return load(path).network()


def _inverted_corpus(folder: Path) -> list[bytes]:
    from synthmammo.models.inverted import Facts, Inverted, write_inverted

    def image(key: str, **noise: np.ndarray) -> Inverted:
        facts = Facts(key, "p1", spacing_mm=(0.1, 0.1), spacing_origin="known", errors={"W": {"loss": 1.0}})
        return Inverted(facts, np.ones((4, 4), np.float32), noise)

    noise = {"b4.conv1": np.ones((4, 4), np.float16)}
    files = [
        write_inverted(folder / "a", WEIGHTS, {"steps": 1}, [image("a"), image("b")]),
        write_inverted(folder / "b", WEIGHTS, {}, [image("c", **noise)]),
    ]
    return [path.read_bytes() for path in files]


def _read_inverted(path: Path) -> object:
    from synthmammo.models.inverted import read_inverted

    found = read_inverted(path, WEIGHTS)
    return found.rows(), [image.facts.reached for image in found.images.values()]


def _directions_corpus(folder: Path) -> list[bytes]:
    from synthmammo.editing.directions.file import write_directions
    from synthmammo.editing.directions.fitted import Attribute, Directions
    from synthmammo.mammogram.terms import ATTRIBUTES

    unit = np.eye(len(ATTRIBUTES), dtype=np.float32)
    attributes = {
        name: Attribute(unit[number], unit[number], 0.5, np.linspace(0, 1, 101, dtype=np.float32), 0.9)
        for number, name in enumerate(ATTRIBUTES)
    }
    ones = np.ones(len(unit), np.float32)
    found = Directions(np.zeros((1, len(unit)), np.float32), unit, ones, ones / np.float32(len(unit)), attributes)
    return [write_directions(folder / "a.directions", found, WEIGHTS).read_bytes()]


def _read_directions(path: Path) -> object:
    from synthmammo.editing.directions.file import read_directions

    return read_directions(path, WEIGHTS)


def readers() -> list[Reader]:
    """Readers of models."""
    words = (*_GADGETS, pickle.dumps({"a": [1]}))
    header = (safetensors_header,)
    return [
        Reader("stylegan2-ada-pkl", "a.pkl", _nvidia_corpus, _read_published, words=words),
        Reader("stylegan2-tf-pkl", "a.pkl", _tensorflow_corpus, _read_published, words=words),
        Reader("rosinality-pt", "a.pt", _rosinality_corpus, _read_published, (zip_member,), words),
        Reader("safetensors", "a.safetensors", _own_corpus, _read_own, header),
        Reader("inverted", "a.safetensors", _inverted_corpus, _read_inverted, header),
        Reader("directions", "a.directions", _directions_corpus, _read_directions, header),
    ]
