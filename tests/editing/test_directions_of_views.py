"""Directions of a model that makes the view it is asked for."""

from pathlib import Path

from synthmammo.editing.directions.fit import fit_directions
from tests.support.tiny_models import CONDITIONAL, stylegan2_file


def test_both_views_are_measured(tmp_path: Path) -> None:
    model = stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL, classes=("CC", "MLO"))
    path, found = fit_directions(str(model), components=4, latents=64, samples=24, checks=2)
    assert path.is_file() and set(found.facts["table"]) and len(found.components) == 4
