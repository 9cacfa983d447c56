"""The order of names decides draws, and so it decides which dataset it is."""

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import OutputError
from synthmammo.recipe.order import name_orders
from tests.support import tiny

ALPHABETICAL = {"benign": "1/3", "malignant": "1/3", "normal": "1/3"}


def test_orders_that_are_not_alphabetical_are_told():
    background = {**tiny.TINY["background"], "views": {"MLO": 0.5, "CC": 0.5}}
    assert name_orders(tiny.recipe(classes=ALPHABETICAL, splits={"train": 1})) == {}
    assert name_orders(tiny.recipe(splits={"train": 1}, background=background)) == {
        "classes": ["normal", "benign", "malignant"],
        "background.views": ["MLO", "CC"],
    }


def test_the_order_of_fields_says_nothing():
    turned = dict(reversed(tiny.content().items()))
    assert name_orders(tiny.recipe(**turned)) == name_orders(tiny.recipe())


def test_two_orders_are_two_datasets(tmp_path):
    few = {"size": 3, "emit": {"formats": ["parquet"]}, "splits": {"train": 1}}
    digests = []
    for name, classes in (("one", tiny.TINY["classes"]), ("other", ALPHABETICAL)):
        make_dataset(tiny.recipe(classes=classes, **few), tmp_path / name)
        digests.append(Manifest.read(tmp_path / name).digest)
    assert digests[0] != digests[1]
    with pytest.raises(OutputError, match="the order of names"):
        make_dataset(tiny.recipe(classes=ALPHABETICAL, **few), tmp_path / "one")
