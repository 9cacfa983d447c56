"""Membership by a discriminator, where a model's file has one, and what is said where it cannot be used."""

from dataclasses import replace

import numpy as np
import pytest

from synthmammo.auditing.discriminating import by_discriminator
from synthmammo.auditing.extractors import OnDisk
from synthmammo.auditing.sides import open_sides
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import CheckpointError
from tests.support.breasts import a_breast, write
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file


def square(index, split):
    rng = np.random.default_rng(index)
    breast = np.ones((64, 64), np.bool_)
    image = rng.integers(0, 256, (64, 64)).astype(np.uint16)
    return a_breast(index, split, image=image, breast=breast, lesions=np.zeros((64, 64), np.uint8))


@pytest.fixture
def sides(tmp_path):
    films = [square(index, "train") for index in range(30)] + [square(100 + index, "test") for index in range(30)]
    write(tmp_path / "films", films)
    opened = open_sides(dict.fromkeys(("dataset", "reference", "train"), tmp_path / "films"))

    def of(model):
        manifest = Manifest("built", "made", "d", {}, models={str(model): {}})
        opened["dataset"].dataset.manifest = manifest
        return opened

    return of


def test_a_discriminator_without_training_tells_nothing(sides, tmp_path):
    model = stylegan2_file(tmp_path / "m.safetensors", replace(STYLEGAN2), discriminator=True, classes=())
    found, notes = by_discriminator(sides(model))
    (auc,) = found.values()
    assert auc["low"] < 0.5 < auc["high"] and (auc["n"], auc["reference"]) == (30, 30) and not notes


def test_a_file_without_one_is_passed_over(sides, tmp_path):
    assert by_discriminator(sides(stylegan2_file(tmp_path / "m.safetensors"))) == ({}, [])


def test_what_cannot_be_looked_at_is_said(sides, tmp_path):
    model = stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL, discriminator=True)
    found, (note,) = by_discriminator(sides(model))
    assert found == {} and "could not be looked at: no class is called 'benign'" in note
    assert "could not be looked at" in by_discriminator(sides(tmp_path / "gone.safetensors"))[1][0]


def test_an_extractor_that_is_not_there_is_one_message(tmp_path):
    with pytest.raises(CheckpointError, match="^extractor .*nowhere: there is no such extractor"):
        OnDisk(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError):
        OnDisk(tmp_path / "empty")
