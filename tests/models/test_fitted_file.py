"""Files of what was fitted to a model: equal bytes, whole or not at all, tied to the weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthmammo.errors import CheckpointError
from synthmammo.models.fitted_file import read_fitted, write_fitted

WEIGHTS = "a" * 64
TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.arange(3, dtype=np.float64)}


def written(path: Path, **content: object) -> Path:
    return write_fitted(path, "parts", TENSORS, {"weights": WEIGHTS, **content})


def read(path: Path, what: str = "parts", weights: str = WEIGHTS) -> tuple[dict[str, Any], dict[str, Any]]:
    return read_fitted(path, what, weights, "Make one.", lambda content, tensors: (content, tensors))


def test_tensors_and_content_are_read_again(tmp_path: Path) -> None:
    content, tensors = read(written(tmp_path / "x.parts", options={"seed": 3}))
    assert content["options"] == {"seed": 3} and tensors.keys() == TENSORS.keys()
    assert all(np.array_equal(tensors[name], array) for name, array in TENSORS.items())
    assert all(tensors[name].dtype == array.dtype for name, array in TENSORS.items())


def test_the_order_in_memory_does_not_matter(tmp_path: Path) -> None:
    turned = {name: np.asfortranarray(array) for name, array in reversed(TENSORS.items())}
    other = write_fitted(tmp_path / "y.parts", "parts", turned, {"weights": WEIGHTS})
    assert other.read_bytes() == written(tmp_path / "x.parts").read_bytes()


def test_a_file_of_another_kind_or_model_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parts")
    with pytest.raises(CheckpointError, match="is no whole file of directions"):
        read(path, "directions")
    with pytest.raises(CheckpointError, match="is of the model aaaaaaaaaaaa, not of bbbbbbbbbbbb"):
        read(path, weights="b" * 64)
    with pytest.raises(CheckpointError, match=r"there is no such file of parts\n  Make one"):
        read(tmp_path / "absent")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), ValueError("x")])
def test_what_cannot_be_built_is_a_broken_file(tmp_path: Path, error: Exception) -> None:
    def build(content: dict[str, Any], tensors: dict[str, Any]) -> None:
        raise error

    with pytest.raises(CheckpointError, match=r"no whole file of parts .*\n  Make it again with `synthmammo"):
        read_fitted(written(tmp_path / "x.parts"), "parts", WEIGHTS, "", build)
