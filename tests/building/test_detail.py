"""Recipes whose backgrounds a detail network makes finer: what they emit, say and refuse."""

from pathlib import Path
from typing import Any

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.building.inputs import find_inputs, refuse_unsupported
from synthmammo.dataset.libraries import Use, of_recipe
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import GeneratorError
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.recipe import Recipe
from tests.support import tiny
from tests.support.tiny_models import detail_file, edited_file, stylegan2_file

MASS = tiny.TINY["lesions"][0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    edited_file(made / "m.safetensors")
    detail_file(made / "fine.safetensors")
    return made


def refined(folder: Path, **changes: Any) -> Recipe:
    """A recipe of a StyleGAN2 whose images become four times as wide."""
    background = {"generator": "stylegan2", "model": str(folder / "m.safetensors")}
    background |= {"view": "MLO", "laterality": "R", "detail": str(folder / "fine.safetensors")}
    background |= changes.pop("background", {})
    return tiny.recipe(background=background, **{"lesions": [], "classes": {"normal": 1}, "size": 4, **changes})


def test_images_are_finer_and_the_manifest_names_the_network(folder: Path, tmp_path: Path) -> None:
    make_dataset(refined(folder), tmp_path / "out")
    (first, *_) = Dataset.open(tmp_path / "out")
    assert first.shape == (256, 256) and first.spacing_mm == pytest.approx((0.1125, 0.1125))
    assert first.provenance["host"]["detail"]["model"] == str(folder / "fine.safetensors")
    models = Manifest.read(tmp_path / "out").models
    assert models[str(folder / "fine.safetensors")]["makes"] == "detail" and len(models) == 2


def test_edits_reach_the_coarse_model(folder: Path, tmp_path: Path) -> None:
    edits = [{"direction": "density", "strength": {"uniform": [1, 2]}}]
    make_dataset(refined(folder, edits=edits), tmp_path / "edited")
    make_dataset(refined(folder), tmp_path / "plain")
    edited, plain = (Dataset.open(tmp_path / name)[0] for name in ("edited", "plain"))
    assert edited.shape == plain.shape and (edited.image != plain.image).any()


def test_the_plan_knows_how_large_they_will_be(folder: Path) -> None:
    recipe = refined(folder)
    extent = kind_of(recipe).extent(recipe, find_inputs(recipe))
    assert extent and (extent.height_px, extent.spacing_mm, extent.side_mm) == (256, 0.1125, pytest.approx(28.8))


def test_a_phantom_with_a_detail_network_rests_on_torch(folder: Path) -> None:
    phantom = {**tiny.TINY["background"], "detail": str(folder / "fine.safetensors")}
    assert Use.NETWORK in of_recipe(tiny.recipe(background=phantom))
    assert Use.NETWORK not in of_recipe(tiny.recipe())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.safetensors", r"background\.detail: .*none\.safetensors: no such file"),
        ("m.safetensors", r"background\.detail: .*: is a model of the architecture stylegan2, expected detail"),
        ("other.safetensors", r"refines pixels of 1\.2 mm, the background's are 0\.45 mm"),
    ],
)
def test_what_cannot_refine_is_refused_before_anything_is_made(name: str, message: str, folder: Path) -> None:
    detail_file(folder / "other.safetensors", 0.3)
    recipe = refined(folder, background={"detail": str(folder / name)})
    with pytest.raises(GeneratorError, match=message):
        refuse_unsupported(recipe)


def test_a_recipe_without_one_says_nothing_of_it(tmp_path: Path) -> None:
    model = stylegan2_file(tmp_path / "m.safetensors")
    recipe = tiny.recipe(background={"generator": "stylegan2", "model": str(model)}, lesions=[], classes={"normal": 1})
    assert "detail" not in recipe.background.model_dump() and recipe.background.refined_by is None
