"""Configurations of trainings: defaults, settings, and one clear message for what is not understood."""

import pytest

from synthmammo.errors import TrainingError
from synthmammo.training.config import RUN_LENGTH, TrainConfig, default_config, load_config, numbers
from synthmammo.training.objectives.augment import Augmentation


def test_without_a_file_there_is_a_configuration(tmp_path):
    config = default_config("contextual", tmp_path / "my data", ["batch_size=8", "settings.small_kimg=[1]"])
    assert config.batch_size == 8 and config.settings == {"small_kimg": [1]}
    assert config.name == "contextual-my_data" and config.data.roles["real"] == "malignant"
    assert isinstance(default_config("stylegan2", tmp_path), TrainConfig)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("a: [", "is not YAML"),
        ("- 1", "expected a mapping of keys"),
        ("model: stylegan3\nname: x", "model:"),
        ("model: stylegan2\nname: x\ndata: {split: train, spilt: test}", "Did you mean 'split'"),
        ("model: stylegan2\nname: 'a/b'", "name:"),
    ],
)
def test_configurations_that_are_not_understood(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TrainingError, match=message):
        load_config(path)


@pytest.mark.parametrize("setting", ["batch_size", "=3", "batch_size.low=3"])
def test_settings_that_are_not_understood(tmp_path, setting):
    with pytest.raises(TrainingError, match="settings"):
        default_config("stylegan2", tmp_path, [setting])


def test_settings_change_a_file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("model: stylegan2\nname: x\nbatch_size: 4\n")
    config = load_config(path, ["batch_size=8", "data.classes=[b, a]"])
    assert (config.batch_size, config.data.classes) == (8, ("b", "a"))


def test_numbers_are_checked_against_their_type():
    found = numbers(Augmentation, {"shift": 0.5, "flips": False}, "augmentation")
    assert found == Augmentation(shift=0.5, flips=False)
    with pytest.raises(TrainingError, match="augmentation: no setting is called 'shfit'\n  Did you mean 'shift'"):
        numbers(Augmentation, {"shfit": 0.5}, "augmentation")
    with pytest.raises(TrainingError, match="shift"):
        numbers(Augmentation, {"shift": "far"}, "augmentation")


def test_what_a_resumed_run_may_change_is_there():
    assert set(RUN_LENGTH) < set(TrainConfig.model_fields) and "seed" not in RUN_LENGTH
