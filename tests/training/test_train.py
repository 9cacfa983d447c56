"""`train`: whatever stands for a configuration, and arguments that cannot be used."""

import numpy as np
import pytest
import yaml

from synthmammo.dataset.reader import Dataset
from synthmammo.errors import SynthmammoError
from synthmammo.training import train as module
from synthmammo.training import trainer
from synthmammo.training.config import TrainConfig
from synthmammo.training.train import train
from tests.support import training_data as data


@pytest.fixture
def asked(monkeypatch):
    """What trainings were asked for; none is run."""
    found = []

    class Trainer:
        def __init__(self, config, folder, out, *, pretrained, device):
            found.append((config, folder, out, pretrained))

        def run(self, hours, progress):
            found[-1] += (hours,)
            return "trained"

    monkeypatch.setattr(trainer, "Trainer", Trainer)
    monkeypatch.setattr(module.Dataset, "open", lambda path: None)
    return found


def test_a_configuration_is_a_file_a_mapping_itself_or_an_architecture(asked, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(data.STYLEGAN2))
    whole = data.config(data.STYLEGAN2)
    for config in (path, str(path), data.STYLEGAN2, whole):
        assert train(config, str(tmp_path / "data"), str(tmp_path / "run"), hours=np.float32(2)) == "trained"
        assert asked.pop() == (whole, tmp_path / "data", tmp_path / "run", True, 2)
    train("contextual", tmp_path / "data", tmp_path / "run")
    assert asked.pop()[0].name == "contextual-data"


@pytest.mark.parametrize("config", [data.STYLEGAN2, data.config(data.STYLEGAN2), "stylegan2"])
@pytest.mark.parametrize("settings", [{"batch_size": 8, "settings.gamma": 2.0}, ["batch_size=8", "settings.gamma=2.0"]])
def test_settings_are_a_mapping_or_texts(asked, tmp_path, config, settings):
    train(config, tmp_path / "data", tmp_path / "run", settings=settings)
    chosen = asked.pop()[0]
    assert isinstance(chosen, TrainConfig) and chosen.batch_size == 8 and chosen.settings["gamma"] == 2.0


def test_a_dataset_is_trained_on(tmp_path):
    folder = data.write(tmp_path / "data")
    settings = {"objective": "logistic", "settings": {}, "score_ticks": 0, "total_kimg": 0.02}
    steps = []
    done = train(
        data.STYLEGAN2,
        Dataset.open(folder),
        tmp_path / "run",
        settings=settings,
        progress=lambda shown, total: steps.append(shown),
        pretrained=False,
    )
    assert done.finished and done.images_seen == 20 and steps


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": 3}, "config: expected 'stylegan2', 'contextual', 'detail' or the path of a YAML file, found 3"),
        ({"config": "stylegan"}, "Did you mean 'stylegan2'?"),
        ({"config": "absent.yaml"}, "absent.yaml: cannot be read"),
        ({"config": {**data.STYLEGAN2, "batchsize": 3}}, "config: batchsize: is not a key that is known here"),
        ({"data": None}, "data: expected a Dataset, or the path"),
        ({"out": 3}, "out: expected a path"),
        ({"settings": "batch_size=3"}, "settings: expected values by key, or a list"),
        ({"settings": {"batch_size": "many"}}, "batch_size"),
        ({"hours": 0}, "hours: expected a number above 0"),
        ({"progress": True}, "progress: expected a function"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(asked, tmp_path, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        train(**{"config": data.STYLEGAN2, "data": tmp_path, "out": tmp_path / "run", **changes})
    assert message in str(caught.value) and not asked
