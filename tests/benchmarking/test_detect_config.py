"""Configurations of detection benchmarks: presets, sides of the canvas, names of trainings."""

from itertools import product
from pathlib import Path

import pytest
from pydantic import ValidationError

from synthmammo.benchmarking.classify.config import from_preset
from synthmammo.benchmarking.detect.config import (
    MULTIPLE_PX,
    PRESETS,
    ROWS,
    DetectConfig,
    DetectorTraining,
)
from synthmammo.errors import TrainingError
from synthmammo.settings import Changes


def configured(preset: str, path: Path | None = None, settings: Changes = ()) -> DetectConfig:
    return from_preset(DetectConfig, PRESETS, preset, path, settings)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_configurations(preset: str) -> None:
    config = configured(preset)
    assert {name: getattr(config, name) for name in PRESETS[preset]} == PRESETS[preset]
    assert not any(side % MULTIPLE_PX for side in config.canvas_px)


def test_a_preset_is_changed_by_file_and_settings_in_this_order(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("steps: 10\nbatch_size: 3\nseeds: 5\n")
    config = configured("quick", path, ["batch_size=6", "seeds=6", "seeds=7"])
    assert (config.steps, config.batch_size, config.seeds) == (10, 6, 7)


@pytest.mark.parametrize("change", [{"height_px": 100}, {"folds": 1}, {"kinds": ()}, {"synthetic_share": 1}])
def test_what_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DetectConfig.model_validate(change)
    with pytest.raises(TrainingError):
        configured("quick", settings=change)


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(TrainingError, match=r"no preset is called 'quik'\n  Did you mean 'quick'"):
        configured("quik")


def test_every_training_has_a_name_of_its_own() -> None:
    trainings = [DetectorTraining(*one) for one in product(ROWS, range(12), range(12))]
    assert len({training.name for training in trainings}) == len(trainings)
