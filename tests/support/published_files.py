"""Files in the layouts of published implementations, made from our networks, and malicious ones."""

import io
import os
import pickle
import re
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

FIR = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64


class EasyDict(dict[str, Any]):
    """Pickled under the name of the published settings class."""


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
    """Only its name is pickled."""


class Persistent:
    """Pickles as a published module does: a call that carries the source code and the module's attributes."""

    def __init__(self, kind: str, state: dict[str, Any], source: str) -> None:
        self.kind, self.attributes, self.source = kind, state, source

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": self.source,
            "class_name": self.kind,
            "state": self.attributes,
        }
        return _reconstruct_persistent_obj, (meta,)


def persistent(module: nn.Module, source: str = "raise SystemExit", **settings: Any) -> Persistent:
    buffers = OrderedDict(module._buffers)
    if "noise_const" in buffers or hasattr(module, "conv1"):
        buffers["resample_filter"] = FIR.clone()
    children = OrderedDict(
        (name, persistent(child, source)) for name, child in module._modules.items() if child is not None
    )
    state = {
        "training": False,
        "_parameters": OrderedDict(module._parameters),
        "_buffers": buffers,
        "_non_persistent_buffers_set": set(),
        "_modules": children,
        "_init_kwargs": EasyDict(settings),
        "act_gain": np.sqrt(np.float64(2)),
        "dtype_of_something": np.dtype("float32"),
    }
    return Persistent(type(module).__name__, state, source)


@contextmanager
def published_names() -> Iterator[None]:
    """For the time of pickling our stand-ins carry the published modules' names."""
    homes: dict[Any, str] = {
        _reconstruct_persistent_obj: "torch_utils.persistence",
        EasyDict: "dnnlib.util",
        Network: "dnnlib.tflib.network",
    }
    kept = {stand_in: stand_in.__module__ for stand_in in homes}
    for stand_in, home in homes.items():
        stand_in.__module__ = home
        sys.modules[home] = types.ModuleType(home)
        setattr(sys.modules[home], stand_in.__name__, stand_in)
    parents = ("torch_utils", "dnnlib", "dnnlib.tflib")
    sys.modules.update({name: types.ModuleType(name) for name in parents})
    try:
        yield
    finally:
        for name in (*homes.values(), *parents):
            del sys.modules[name]
        for stand_in, home in kept.items():
            stand_in.__module__ = home


def nvidia_bytes(networks: dict[str, Any], protocol: int = 4, **beside: Any) -> bytes:
    content = {"augment_pipe": None, "training_set_kwargs": EasyDict(path="data.zip"), **networks, **beside}
    with published_names():
        return pickle.dumps(content, protocol=protocol)


class Network:
    """Pickled under the name of the TensorFlow network."""

    def __init__(self, variables: dict[str, np.ndarray], components: dict[str, Any]) -> None:
        self.state = {
            "version": 4,
            "name": "G",
            "static_kwargs": EasyDict(num_channels=1),
            "components": EasyDict(components),
            "build_module_src": "raise SystemExit",
            "build_func_name": "G_main",
            "variables": list(variables.items()),
        }

    def __getstate__(self) -> dict[str, Any]:
        return self.state


def tensorflow_variables(name: str, value: np.ndarray) -> tuple[str, np.ndarray]:
    """The TensorFlow name and numbers of one of our tensors, rule by rule."""
    name = name.replace("mapping.embed", "mapping/LabelEmbed")
    name = re.sub(r"mapping\.fc(\d+)", r"mapping/Dense\1", name)
    found = re.match(r"synthesis\.b(\d+)\.conv(\d)\.noise_const", name)
    if found:
        block = int(found[1]).bit_length() - 3
        return f"synthesis/noise{2 * block - 1 + int(found[2])}", value[None, None]
    name = re.sub(r"^b(\d+)\.", r"\1x\1/", re.sub(r"synthesis\.b(\d+)\.", r"synthesis/\1x\1/", name))
    if "const" in name:
        return "synthesis/4x4/Const/const", value[None]
    name = name.replace("4x4/out", "Output") if name.startswith("4x4/out") else name
    name = name.replace("affine.weight", "mod_weight").replace("affine.bias", "mod_bias")
    if "mod_bias" in name:
        value = value - 1
    turned = False
    if name.startswith("synthesis"):
        turned = "conv0" in name
        name = name.replace("conv0", "Conv0_up").replace("synthesis/4x4/conv1", "synthesis/4x4/Conv")
        name = name.replace("conv1", "Conv1").replace("torgb", "ToRGB")
    elif not name.startswith("mapping"):
        turned = "conv1" in name or "skip" in name
        for ours, theirs in (("conv1", "Conv1_down"), ("conv0", "Conv0"), ("4x4/conv", "4x4/Conv"), ("skip", "Skip")):
            name = name.replace(ours, theirs)
        name = name.replace("fromrgb", "FromRGB").replace("4x4/fc", "4x4/Dense0")
    if value.ndim == 4:
        value = value.transpose(2, 3, 1, 0)
        value = value[::-1, ::-1] if turned else value
    elif value.ndim == 2:
        value = value.T
    name = name.replace("mapping.w_avg", "dlatent_avg").replace(".", "/")
    return name, np.array(value, np.float32, order="F" if value.ndim == 2 else "C")


def tensorflow_network(module: nn.Module, without: str) -> Network:
    pairs = [tensorflow_variables(name, tensor.numpy()) for name, tensor in module.state_dict().items()]
    own: dict[str, np.ndarray] = {}
    parts: dict[str, dict[str, np.ndarray]] = {"mapping": {}, "synthesis": {}}
    for name, value in pairs:
        part, _, rest = name.partition("/")
        if name != without:
            target, key = (parts[part], rest) if part in parts else (own, name)
            target[key] = value
    components = {part: Network(variables, {}) for part, variables in parts.items() if variables}
    return Network({"lod": np.zeros((), np.float32), **own}, components)


def tensorflow_bytes(modules: list[nn.Module], protocol: int, without: str = "") -> bytes:
    with published_names():
        return pickle.dumps(tuple(tensorflow_network(module, without) for module in modules), protocol=protocol)


class Payload:
    """Leaves a file behind when it is unpickled by a reader that executes."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


class NestedPayload:
    """A storage whose own pickle carries the payload: the stock reader of storages executes it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        buffer = io.BytesIO()
        torch.save(Payload(self.mark), buffer, _use_new_zipfile_serialization=False)
        return torch.storage._load_from_bytes, (buffer.getvalue(),)
