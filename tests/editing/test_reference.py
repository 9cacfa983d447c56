"""The reference of an edit: by seed it is the model's sample, by key the inverted image, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthmammo.editing.reference import reference_latents
from synthmammo.errors import DatasetError, GeneratorError
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.inverted import Facts, Inverted, write_inverted
from synthmammo.models.latents import Model, open_model
from tests.support.tiny_models import CONDITIONAL, stylegan2_file

ROW = Row("r", 0, "train-00000", "train", "benign", 0, 5, None, "p", truncation=0.5)
PLANNED = PlannedEdit(0, "mixing", 1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors", CONDITIONAL)))


def test_a_seed_takes_the_rows_class_and_truncation(model: Model) -> None:
    planned = replace(PLANNED, reference_seed=7)
    found = reference_latents(model, None, ROW, planned)
    assert torch.equal(found, model.w([7], ["benign"], [0.5])[0])
    assert not torch.equal(found, reference_latents(model, None, replace(ROW, label="malignant"), planned))
    assert not torch.equal(found, reference_latents(model, None, replace(ROW, truncation=1.0), planned))


def test_a_key_takes_the_inverted_image(model: Model, tmp_path: Path) -> None:
    config = model.network.config
    w = np.arange(config.latents * config.w_dim, dtype=np.float32).reshape(config.latents, config.w_dim)
    weights = model.checkpoint.digest
    path = str(write_inverted(tmp_path / "f.latents", weights, {}, [Inverted(Facts("film", "p"), w, {})]))
    found = reference_latents(model, path, ROW, replace(PLANNED, reference_key="film"))
    assert np.array_equal(found.numpy(), w)
    with pytest.raises(DatasetError, match=r"no image is called 'flim'\n  Did you mean 'film'"):
        reference_latents(model, path, ROW, replace(PLANNED, reference_key="flim"))
    other = str(write_inverted(tmp_path / "g.latents", "0" * 64, {}, [Inverted(Facts("film", "p"), w, {})]))
    with pytest.raises(DatasetError, match="latents are of the model 000000000000"):
        reference_latents(model, other, ROW, replace(PLANNED, reference_key="film"))


@pytest.mark.parametrize("key", [None, "film"])
def test_a_plan_without_a_reference_is_refused(model: Model, key: str | None) -> None:
    with pytest.raises(GeneratorError, match=r"r, mixing: the plan names no reference\n  Plan again"):
        reference_latents(model, None, ROW, replace(PLANNED, reference_key=key))
