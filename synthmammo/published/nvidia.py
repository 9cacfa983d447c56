"""StyleGAN2-ADA pickles of NVIDIA's PyTorch implementation, read without executing anything.

Such a file is a pickle of modules that carry their own source code, which the original reader executes, around
storages that are pickles themselves. Here every name a pickle may refer to stands for a recorder made afresh for this
one file; any other name ends the reading. The storages go through PyTorch's own restricted reader.
"""

from __future__ import annotations

import io
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from synthmammo.errors import CheckpointError
from synthmammo.published.base import Published, State, check_filter, damaged, infer_config, refused

if TYPE_CHECKING:
    from torch import Tensor

_ROLES = {"generator": "G_ema", "training_generator": "G", "discriminator": "D"}
_TENSORFLOW = "dnnlib.tflib.network.Network"


class _Module:
    """A module as its pickle describes it; the source code in `meta` is left unread."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self.kind, self.state = str(meta["class_name"]), dict(meta["state"])

    def tensors(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        for kept in ("_parameters", "_buffers"):
            for name, tensor in self.state[kept].items():
                if tensor is not None:
                    yield prefix + name, tensor
        for name, child in self.state["_modules"].items():
            yield from child.tensors(f"{prefix}{name}.")

    def argument(self, *names: str, default: int) -> int:
        """A number among the arguments the module was made with."""
        value: Any = self.state.get("_init_kwargs", {})
        for name in names:
            value = value.get(name, {}) if isinstance(value, dict) else {}
        return value if isinstance(value, int) else default


class _Opaque:
    """Stands for NumPy's types and scalars, which no weight depends on."""

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Reader(pickle.Unpickler):
    """Reads a pickle with a vocabulary of recorders."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file)
        self._path, self._known = path, _vocabulary(path)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            if f"{module}.{name}" == _TENSORFLOW:
                hint = "Convert it first with the script `legacy.py` of stylegan2-ada-pytorch."
                raise CheckpointError("is a TensorFlow model, which is not read", where=self._path, hint=hint)
            raise refused(self._path, f"{module}.{name}")
        return self._known[module, name]


def _vocabulary(path: Path) -> dict[tuple[str, str], Any]:
    """What the names in a pickle stand for; made afresh, since a pickle may change what it is given."""

    class Module(_Module):
        pass

    class Settings(dict[str, Any]):
        pass

    class Opaque(_Opaque):
        pass

    def parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Tensor:
        return data

    def encode(text: str, encoding: str) -> bytes:
        return text.encode("latin1")

    return {
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
        ("__builtin__", "set"): set,
        ("dnnlib.util", "EasyDict"): Settings,
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): Module,
        ("torch._utils", "_rebuild_tensor_v2"): lambda *args: _tensor(*args),
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch.storage", "_load_from_bytes"): lambda data: _storage(data, path),
        ("numpy", "dtype"): Opaque,
        ("numpy.core.multiarray", "scalar"): Opaque,
        ("numpy._core.multiarray", "scalar"): Opaque,
        ("_codecs", "encode"): encode,
    }


def _storage(data: bytes, path: Path) -> Any:
    """A storage from its nested pickle, by PyTorch's restricted reader; the stock function would execute it."""
    import torch

    from synthmammo.published.rosinality import forbidden_name

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # typed storages are deprecated, the files are what they are
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        name = forbidden_name(error)
        if name:
            raise refused(path, f"{name} in a nested pickle") from error
        raise


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any) -> Tensor:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        empty = torch.empty(0, dtype=storage.dtype)
        # PyTorch refuses a size that reaches beyond the storage.
        return empty.set_(storage.untyped(), offset, size, stride).clone()


def read_nvidia(path: Path) -> Published:
    """The model in a StyleGAN2-ADA `.pkl`.

    Raises:
        CheckpointError: It is damaged, no such file, or refers to anything but weights and settings.
    """
    try:
        with path.open("rb") as file:
            content = _Reader(file, path).load()
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        damaged(path, error)
    if not isinstance(content, dict) or not isinstance(content.get("G_ema"), _Module):
        damaged(path, "it holds no averaged generator G_ema")
    found = {role: content[key] for role, key in _ROLES.items() if isinstance(content.get(key), _Module)}
    try:
        networks = {role: _state(module, path) for role, module in found.items()}
        group = (
            found["discriminator"].argument("epilogue_kwargs", "mbstd_group_size", default=4)
            if "discriminator" in found
            else 4
        )
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        damaged(path, error)
    return Published(infer_config(networks["generator"], path, group), networks, "stylegan2-ada-pytorch")


def _state(module: _Module, path: Path) -> State:
    state = {}
    for name, tensor in module.tensors():
        if name.endswith("resample_filter"):
            check_filter(name, tensor, path)
        else:
            state[name] = tensor.float()
    return state
