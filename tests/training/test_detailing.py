"""Training a detail network: it goes on bit for bit, learns detail, and refuses what does not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthmammo.errors import TrainingError
from synthmammo.models.file import load
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.train import train
from synthmammo.training.trainer import Trainer
from tests.support import training_data as data
from tests.support.tiny_models import DETAIL, as_dict, detail_file

CONFIG = {
    "model": "detail",
    "name": "tiny",
    "makes": "detail",
    "network": {"factor": 4, "channels": 8, "blocks": 1},
    "batch_size": 4,
    "total_kimg": 0.08,
    "tick_kimg": 0.02,
    "score_ticks": 2,
    "score_images": 8,
}


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write(tmp_path_factory.mktemp("patches"), sides=(64,), counts={"train": 40, "validation": 16})


def test_a_broken_run_goes_on_bit_for_bit(patches: Path, tmp_path: Path) -> None:
    whole = data.config(CONFIG)
    train(whole, patches, tmp_path / "whole", pretrained=False)
    train(whole.model_copy(update={"total_kimg": 0.04}), patches, tmp_path / "parts", pretrained=False)
    torch.manual_seed(999)  # what happens in between does not matter
    done = train(whole, patches, tmp_path / "parts", pretrained=False)
    assert done.finished and done.model and (done.run / "sheets" / "00000080.png").is_file()
    weights = [load(tmp_path / run / "tiny.safetensors").tensors for run in ("whole", "parts")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_model_says_what_it_is(patches: Path, tmp_path: Path) -> None:
    model = train(data.config(CONFIG), patches, tmp_path / "run", pretrained=False).model
    described = load(model).description
    assert (described.architecture, described.makes, described.classes) == ("detail", "detail", ())
    assert described.config == as_dict(DETAIL)


def test_averaged_down_its_images_stay_the_coarse_ones(patches: Path, tmp_path: Path) -> None:
    """With the weight of that loss alone, the difference falls below what fresh weights give."""
    settings = {"coarse_weight": 1000.0, "learning_rate": 1e-3}
    trainer = Trainer(data.config(CONFIG, settings=settings), patches, tmp_path / "run", pretrained=False)
    objective, draws = trainer.task.objective, torch.Generator().manual_seed(0)
    losses = [objective.step(trainer.task.batch(4 * step, 0, 1), draws) for step in range(40)]
    kept = [step["kept"] for step in losses]
    assert np.mean(kept[-5:]) < 0.7 * np.mean(kept[:5])


def test_all_rows_of_a_sheet_are_there_when_few_patches_are(patches: Path, tmp_path: Path) -> None:
    trainer = Trainer(data.config(CONFIG), patches, tmp_path / "run", pretrained=False)
    sheet = trainer.task.sheet()
    assert sheet.shape == (32, 1, 64, 64) and sheet.min() >= -1 and sheet.max() <= 1
    assert torch.equal(sheet[24:], trainer.task.real_sheet())


def test_a_run_can_begin_from_a_detail_network(patches: Path, tmp_path: Path) -> None:
    start = detail_file(tmp_path / "start.safetensors")
    trainer = Trainer(data.config(CONFIG, start_from=str(start)), patches, tmp_path / "run", pretrained=False)
    expected = load(start).tensors["generator.first.weight"]
    assert torch.equal(trainer.task.objective.generator.first.weight, expected)
    with pytest.raises(TrainingError, match="blocks of the model is 1, of this run 2"):
        other = data.config(CONFIG, start_from=str(start), network=CONFIG["network"] | {"blocks": 2})
        Trainer(other, patches, tmp_path / "other", pretrained=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"factor": 3}}, "factor: expected one of 2, 4, 8"),
        ({"network": {"depth": 3}}, "no setting is called 'depth'"),
        ({"objective": "logistic"}, "trained unconditionally with 'projected'"),
        ({"data": {"side_px": 32}}, "at least 64 x 64 pixels"),
        ({"settings": {"pixel": 1}}, "no setting is called 'pixel'"),
    ],
)
def test_what_does_not_fit_is_one_message(changes: dict, message: str, patches: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        Trainer(data.config(CONFIG, **changes), patches, tmp_path / "run", pretrained=False)


def test_contrast_is_not_augmented_unless_asked(patches: Path, tmp_path: Path) -> None:
    trainer = Trainer(data.config(CONFIG), patches, tmp_path / "run", pretrained=False)
    assert trainer.task.objective.augmentation == Augmentation(True, True, 0.0, 0.0, 0.0, 0.0, 0.0)
