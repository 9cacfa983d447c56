"""Files of directions: where they lie, and that the order of attributes does not depend on who wrote them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from synthmammo.editing.directions.file import directions_file, read_directions, write_directions
from synthmammo.editing.directions.fitted import Attribute, Directions
from synthmammo.mammogram.terms import ATTRIBUTES

WEIGHTS = "a" * 64


def directions(*names: str) -> Directions:
    unit = np.eye(3, dtype=np.float32)
    attributes = {name: Attribute(unit[0], unit[1], 0.25, np.arange(101, dtype=np.float32), 0.5) for name in names}
    return Directions(unit[:1], unit, unit[0], unit[1], attributes, {"fitting": {"seed": 3}})


def test_a_file_lies_beside_its_model() -> None:
    assert directions_file(Path("zoo/a.model.safetensors")) == Path("zoo/a.model.directions")


def test_everything_is_read_again(tmp_path: Path) -> None:
    given = directions("density", "texture")
    read = read_directions(write_directions(tmp_path / "x.directions", given, WEIGHTS), WEIGHTS)
    for name in ("means", "components", "deviations", "explained"):
        assert np.array_equal(getattr(read, name), getattr(given, name)), name
    for name, one in given.attributes.items():
        again = read.attributes[name]
        assert (again.mean, again.correlation) == (one.mean, one.correlation)
        for part in ("gradient", "direction", "quantiles"):
            assert np.array_equal(getattr(again, part), getattr(one, part)), part
    assert read.facts == given.facts


def test_attributes_come_in_one_order(tmp_path: Path) -> None:
    first, second, *_ = ATTRIBUTES
    given = directions(second, first)
    assert list(given.attributes) == [second, first]
    path = write_directions(tmp_path / "x.directions", given, WEIGHTS)
    assert list(read_directions(path, WEIGHTS).attributes) == [first, second]
    turned = replace(given, attributes=dict(reversed(given.attributes.items())))
    assert write_directions(tmp_path / "y.directions", turned, WEIGHTS).read_bytes() == path.read_bytes()
