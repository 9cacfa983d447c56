"""Files of parts: where they lie, and that every number is read again."""

from pathlib import Path

import numpy as np

from synthmammo.editing.parts.file import parts_file, read_parts, write_parts
from synthmammo.editing.parts.fitted import Parts

WEIGHTS = "b" * 64


def parts() -> Parts:
    draws = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return draws.normal(size=shape).astype(np.float32)

    layers = {"b4.conv1": drawn(2, 5), "b8.torgb": drawn(2, 7)}
    return Parts(drawn(2, 4), layers, drawn(2), drawn(2), drawn(2, 2), {"seed": 1, "reports": []})


def test_a_file_lies_beside_its_model() -> None:
    assert parts_file(Path("zoo/a.model.safetensors")) == Path("zoo/a.model.parts")


def test_everything_is_read_again(tmp_path: Path) -> None:
    given = parts()
    read = read_parts(write_parts(tmp_path / "x.parts", given, WEIGHTS), WEIGHTS)
    for name in ("centroids", "shares", "brightness", "centres"):
        assert np.array_equal(getattr(read, name), getattr(given, name)), name
    assert read.contributions.keys() == given.contributions.keys() and read.options == given.options
    for layer, m in given.contributions.items():
        assert np.array_equal(read.contributions[layer], m)


def test_a_file_that_is_there_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.parts"
    path.write_text("something else")
    write_parts(path, parts(), WEIGHTS)
    assert len(read_parts(path, WEIGHTS)) == 2 and [one.name for one in tmp_path.iterdir()] == ["x.parts"]
