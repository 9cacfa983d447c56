"""Both tasks keep the promises of the protocol: shapes of sheets, shares of batches, a pure function of the place."""

from pathlib import Path

import pytest
import torch

from synthmammo.models.file import ARCHITECTURES
from synthmammo.training.data import TrainingData
from synthmammo.training.generation import GenerationTask
from synthmammo.training.insertion import InsertionTask
from synthmammo.training.task import SHEET_COLUMNS, Task
from tests.support import training_data as data

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["generation", "insertion"])
def task(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder: Path = tmp_path_factory.mktemp("data")
    if request.param == "generation":
        config = data.config(data.STYLEGAN2)
        read = TrainingData.load(data.write(folder), config.data, scored=False)
        return GenerationTask(config, read.images, CPU, pretrained=False)
    config = data.config(data.CONTEXTUAL)
    counts = {"train": 36, "validation": 12}
    folder = data.write(folder, ("normal", "benign", "malignant"), counts=counts)
    read = TrainingData.load(folder, config.data, scored=True)
    return InsertionTask(config, read.images, read.held_out, CPU, pretrained=False)


def tensors(batch: object) -> list[torch.Tensor]:
    return [part for part in vars(batch).values() if part is not None]


def test_a_batch_is_a_pure_function_of_its_position(task: Task) -> None:
    again = zip(tensors(task.batch(12, 0, 1)), tensors(task.batch(12, 0, 1)), strict=True)
    assert all(torch.equal(first, second) for first, second in again)
    other = zip(tensors(task.batch(12, 0, 1)), tensors(task.batch(16, 0, 1)), strict=True)
    assert not all(torch.equal(first, second) for first, second in other)


def test_processes_share_a_batch(task: Task) -> None:
    whole = tensors(task.batch(4, 0, 1))
    for number in range(2):
        for part, all_of_it in zip(tensors(task.batch(4, number, 2)), whole, strict=True):
            assert torch.equal(part, all_of_it[number::2])


def test_sheets_are_images_in_whole_rows_and_the_same_again(task: Task) -> None:
    sheet = task.sheet()
    assert sheet.ndim == 4 and len(sheet) % SHEET_COLUMNS == 0 and torch.equal(sheet, task.sheet())
    real = task.real_sheet()
    assert real.shape[1] == 1 and real.min() >= -1 and real.max() <= 1


def test_the_network_can_be_built_again(task: Task) -> None:
    from synthmammo.models.file import Description, build_network

    assert task.architecture in ARCHITECTURES
    again = build_network(Description(task.architecture, task.network()), "generator")
    assert again.state_dict().keys() == task.objective.average.state_dict().keys()
