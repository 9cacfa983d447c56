"""Membership by a discriminator, where a model's file has one, and what is said where it cannot be used."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from synthmammo.auditing.discriminating import by_discriminator
from synthmammo.auditing.extractors import OnDisk
from synthmammo.auditing.sides import open_sides
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import CheckpointError
from synthmammo.models.file import Description, save_model
from synthmammo.training.config import TrainConfig
from synthmammo.training.images import LEAST_IMAGES
from synthmammo.training.trainer import Trainer
from tests.support.breasts import a_breast, write
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, contextual_file, stylegan2_file


def square(index, split):
    rng = np.random.default_rng(index)
    breast = np.ones((64, 64), np.bool_)
    image = rng.integers(0, 256, (64, 64)).astype(np.uint16)
    return a_breast(index, split, image=image, breast=breast, lesions=np.zeros((64, 64), np.uint8))


@pytest.fixture
def sides(tmp_path):
    films = [square(index, "train") for index in range(LEAST_IMAGES)] + [
        square(100 + index, "test") for index in range(30)
    ]
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
    assert auc["low"] < 0.5 < auc["high"] and (auc["n"], auc["reference"]) == (LEAST_IMAGES, 30) and not notes


def test_a_model_whose_discriminator_was_not_kept_is_named(sides, tmp_path):
    model = stylegan2_file(tmp_path / "m.safetensors", replace(STYLEGAN2), classes=())
    found, (note,) = by_discriminator(sides(model))
    assert found == {} and "neither its file nor a training beside it holds one" in note


def test_a_model_that_makes_no_whole_images_is_passed_over(sides, tmp_path):
    assert by_discriminator(sides(contextual_file(tmp_path / "m.safetensors"))) == ({}, [])


def a_run(folder, objective):
    """A training of a few steps on the films, with a model file beside its state."""
    settings = {"adapt_kimg": 0, "class_weight": 0} if objective == "projected" else {}
    small = {"z_dim": 8, "w_dim": 8, "mapping_layers": 1, "channel_base": 64, "channel_max": 8}
    content = {"model": "stylegan2", "name": "m", "network": small, "objective": objective, "settings": settings}
    config = TrainConfig(**content, batch_size=8, total_kimg=0.008, tick_kimg=0.008, score_ticks=0)
    trainer = Trainer(config, folder / "films", folder / "run")
    trainer.run()
    described = Description("stylegan2", trainer.task.network(), training_data={"name": "films"})
    return save_model(folder / "run" / "m.safetensors", {"generator": trainer.task.objective.average}, described)


@pytest.mark.parametrize("objective", ["logistic", "projected"])
def test_the_discriminator_of_a_training_is_found_beside_the_model(sides, tmp_path, objective):
    model = a_run(tmp_path, objective)
    found, notes = by_discriminator(sides(model))
    assert not notes
    (auc,) = found.values()
    assert auc["low"] < 0.55 and auc["high"] > 0.45 and (auc["n"], auc["reference"]) == (LEAST_IMAGES, 30)


def test_a_discriminator_that_knows_its_training_images_tells(sides, tmp_path, monkeypatch):
    """One that finds images of high keys more real, as if it had learned the others by heart."""
    model = stylegan2_file(tmp_path / "m.safetensors", replace(STYLEGAN2), discriminator=True, classes=())
    means = {float(square(index, "train").image.mean()) for index in range(LEAST_IMAGES)}
    top = 255.0

    def judge(_model, _images):
        def of(pixels, labels):
            levels = ((pixels + 1) / 2 * top).mean((1, 2, 3))
            return torch.tensor([float(min(abs(float(level) - mean) for mean in means) < 1e-3) for level in levels])

        return of

    monkeypatch.setattr("synthmammo.auditing.discriminating._realness", judge)
    (auc,) = by_discriminator(sides(model))[0].values()
    assert auc["low"] > 0.95


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
