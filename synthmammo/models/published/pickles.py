"""A reader of model pickles that executes nothing.

Model pickles of NVIDIA's implementations hold networks that carry their own source code, which the original readers
execute, around tensors whose storages are pickles themselves. Here every name a pickle may refer to stands for a
recorder made afresh for this one file; any other name ends the reading. The storages go through PyTorch's own
restricted reader.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import CheckpointError
from synthmammo.models.published.base import check_archive, damaged, forbidden_name, refused

if TYPE_CHECKING:
    from torch import Tensor

_ARRAY_TYPES = ("f4", "f8", "i4", "i8")


class Module:
    """A PyTorch module as its pickle describes it; the source code in `meta` is left unread."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self.kind, self.state = str(meta["class_name"]), dict(meta["state"])

    def tensors(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Parameters and buffers by their full names."""
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


class Network:
    """A TensorFlow network as its pickle describes it; its source code is left unread."""

    state: dict[str, Any]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = dict(state)

    def variables(self, prefix: str = "") -> Iterator[tuple[str, NDArray[np.float32]]]:
        """The variables of the network and of its parts, by PART/NAME."""
        for name, value in self.state["variables"]:
            yield prefix + name, value.array
        for name, part in self.state["components"].items():
            yield from part.variables(f"{prefix}{name}/")


class _Type:
    """A NumPy type, or a scalar or class that no weight depends on."""

    def __init__(self, *args: Any) -> None:
        self.code = args[0] if args else ""

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]


class _Array:
    """A NumPy array, made from its bytes once they are known."""

    array: NDArray[Any]

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        if kind.code not in _ARRAY_TYPES or kind.order != "<":
            raise ValueError(f"an array of the type {kind.order}{kind.code}")
        flat = np.frombuffer(data, np.dtype(f"<{kind.code}"))
        self.array = flat.reshape(shape, order="F" if fortran else "C")


class _Reader(pickle.Unpickler):
    """Reads a pickle with a vocabulary of recorders."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file)
        self._path, self._known = path, vocabulary(path)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise refused(self._path, f"{module}.{name}")
        return self._known[module, name]


def vocabulary(path: Path) -> dict[tuple[str, str], Any]:
    """What the names in a pickle stand for; made afresh, since a pickle may change what it is given."""
    known: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
        ("__builtin__", "set"): set,
        ("dnnlib.util", "EasyDict"): type("Settings", (dict,), {}),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): type("Module", (Module,), {}),
        ("torch._utils", "_rebuild_tensor_v2"): lambda *args: _tensor(*args),
        ("torch._utils", "_rebuild_parameter"): lambda data, requires_grad, hooks: data,
        ("torch.storage", "_load_from_bytes"): lambda data: _storage(data, path),
        ("dnnlib.tflib.network", "Network"): type("Network", (Network,), {}),
        ("numpy", "ndarray"): type("Class", (_Type,), {}),
        ("numpy", "dtype"): type("Type", (_Type,), {}),
        ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        known[module, "scalar"] = type("Scalar", (_Type,), {})
        known[module, "_reconstruct"] = type("Array", (_Array,), {})
    return known


def _storage(data: bytes, path: Path) -> Any:
    """A storage from its nested pickle, by PyTorch's restricted reader; the stock function would execute it."""
    import torch

    check_archive(io.BytesIO(data), len(data), path)
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
        # PyTorch refuses a size that reaches beyond the storage, but not one that repeats what is stored.
        view = empty.set_(storage.untyped(), offset, size, stride)
        if view.numel() * view.element_size() > view.untyped_storage().nbytes():
            raise ValueError("a tensor is larger than what is stored for it")
        return view.clone()


def check_claims(file: IO[bytes], size: int) -> None:
    """Go through the instructions of a pickle without following them.

    A length beyond the end, or a number for what is remembered far beyond what came before, makes Python's reader take
    any amount of memory for a file of a few bytes.

    Args:
        file: The pickle, at its start.
        size: Its size in bytes.

    Raises:
        ValueError: It claims more than it holds.
    """
    remembered = 0
    for operation, argument, _ in pickletools.genops(cast(IO[bytes], _Bounded(file, size))):
        if operation.name in _REMEMBERING:
            remembered += 1
            if argument is not None and not 0 <= argument <= remembered:
                raise ValueError(f"it remembers value {argument} after {remembered - 1}")
        elif operation.name == "FRAME" and argument is not None and argument > size:
            raise ValueError(f"a frame of {argument:,} bytes in a file of {size:,}")


class _Bounded:
    """A file that is not asked for more than it has: Python takes the memory for a read before it reads."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size
        self.readline, self.tell = file.readline, file.tell

    def read(self, count: int) -> bytes:
        return self._file.read(min(count, self._size - self._file.tell()))


_REMEMBERING = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
"""Instructions after which a value can be fetched again by its number; writers number them one after another."""


def read_pickle(path: Path) -> Any:
    """What a model pickle holds, its networks as `Module` or `Network`.

    Raises:
        CheckpointError: It is damaged, or refers to anything but weights and settings.
    """
    try:
        with path.open("rb") as file:
            check_claims(file, path.stat().st_size)
            file.seek(0)
            return _Reader(file, path).load()
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        damaged(path, error)
