"""Files in the layouts of published implementations, made from our networks, and malicious ones."""

import io
import os
import pickle
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


class EasyDict(dict):
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
    children = OrderedDict((name, persistent(child, source)) for name, child in module._modules.items())
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
    modules = {
        name: types.ModuleType(name) for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")
    }
    modules["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    modules["dnnlib.util"].EasyDict = EasyDict  # type: ignore[attr-defined]
    kept = EasyDict.__module__
    _reconstruct_persistent_obj.__module__, EasyDict.__module__ = "torch_utils.persistence", "dnnlib.util"
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        _reconstruct_persistent_obj.__module__ = EasyDict.__module__ = kept


def nvidia_bytes(networks: dict[str, Any], protocol: int = 4, **beside: Any) -> bytes:
    content = {"augment_pipe": None, "training_set_kwargs": EasyDict(path="data.zip"), **networks, **beside}
    with published_names():
        return pickle.dumps(content, protocol=protocol)


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
