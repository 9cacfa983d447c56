"""Backgrounds whose classes a model makes itself."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from synthmammo.building.backgrounds import open_host
from synthmammo.building.build import make_dataset
from synthmammo.building.verify import verify
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import GeneratorError
from synthmammo.models.names import locate_model
from synthmammo.recipe import Recipe, resolved_yaml
from tests.support import tiny
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file


def recipe(model: Path, **changes: object) -> Recipe:
    background = {"generator": "stylegan2", "model": str(model), "conditional": True, "truncation": 1}
    classes = {"benign": 0.5, "malignant": 0.5}
    emit = {"shard_size": 4, "preview_px": 64, "formats": ["parquet"]}
    return tiny.recipe(
        **{"background": background, "classes": classes, "lesions": [], "size": 8, "emit": emit} | changes
    )


def test_a_conditional_model_makes_the_classes_without_lesions(tmp_path: Path) -> None:
    model = stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL)
    out = tmp_path / "out"
    assert not make_dataset(recipe(model), out, engine=Local(1)).manifest.failed
    samples = list(Dataset.open(out))
    assert sorted(sample.label for sample in samples) == ["benign"] * 4 + ["malignant"] * 4
    assert not any(sample.findings for sample in samples)
    network = open_host(recipe(model)).model.network
    assert network.config.classes == 2 and len({sample.image.tobytes() for sample in samples}) == 8
    assert not verify(out, pixels=3).problems
    assert all(np.ptp(sample.image) > 0 for sample in samples)


@pytest.mark.parametrize(
    ("config", "classes", "message"),
    [
        (STYLEGAN2, {"benign": 1}, "knows no class 'benign'[\\s\\S]*without classes"),
        (CONDITIONAL, {"benign": 0.5, "normal": 0.5}, "knows no class 'normal'[\\s\\S]*makes benign, malignant"),
    ],
)
def test_classes_the_model_does_not_know_are_refused(tmp_path: Path, config, classes, message) -> None:
    model = stylegan2_file(tmp_path / "m.safetensors", config)
    with pytest.raises(GeneratorError, match=message):
        open_host(recipe(model, classes=classes))
    with pytest.raises(GeneratorError, match=message):
        make_dataset(recipe(model, classes=classes), tmp_path / "out", engine=Local(1))


def test_without_it_benign_and_malignant_need_lesions(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="'benign' has no lesions[\\s\\S]*background.conditional"):
        recipe(tmp_path / "m.safetensors", background={"generator": "stylegan2", "model": "m.safetensors"})


def test_a_model_is_looked_for_once_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL)
    path = tmp_path / "recipe.yaml"
    path.write_text(resolved_yaml(recipe(model, size=2)))
    asked: list[str] = []

    def counted(name: str) -> Path:
        asked.append(name)
        return locate_model(name)

    monkeypatch.setattr("synthmammo.generators.inputs.locate_model", counted)
    result = tiny.run("build", path, "--out", tmp_path / "out", "--workers", 1)
    # The command checks the recipe before it ingests hosts for it; the build looks once more, for itself.
    assert result.exit_code == 0 and asked == [str(model)] * 2
    asked.clear()
    make_dataset(recipe(model, size=2), tmp_path / "again")
    assert asked == [str(model)]
