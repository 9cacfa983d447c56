"""Errors of a full memory become one message; every other error stays what it is."""

from pathlib import Path

import pytest
import torch

from synthmammo.errors import TrainingError
from synthmammo.training.memory import memory_errors

FULL = (
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    MemoryError("Unable to allocate 9 GiB"),
)


@pytest.mark.parametrize("error", FULL, ids=["device", "processor", "NumPy"])
def test_a_full_memory_is_one_message(error: Exception) -> None:
    with (
        pytest.raises(TrainingError, match="memory of the device does not suffice") as caught,
        memory_errors(Path("r")),
    ):
        raise error
    assert caught.value.where == Path("r") and "batch_size" in caught.value.hint and caught.value.__cause__ is error


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("memory")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, memory_errors(Path("r")):
        raise error
    assert caught.value is error


def test_without_an_error_nothing_happens() -> None:
    with memory_errors(Path("r")):
        pass
