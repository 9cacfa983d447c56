"""Draws that a recipe states instead: seeds of images, places of lesions, seeds of their forms."""

from pathlib import Path

import numpy as np
import pytest

from synthmammo.building.assemble import Assembler, Failure
from synthmammo.errors import RecipeError
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from synthmammo.recipe import Recipe, load_recipe, resolved_yaml
from tests.support import tiny, tiny_models

LESION = {"kind": "mass", "classes": ["benign", "malignant"], "diameter_mm": 12}
ONE = {"classes": {"malignant": 1}, "size": 4}


def rows(recipe: Recipe) -> list[object]:
    return [as_row(record) for table in tables(recipe) for record in table.to_pylist()]


def test_a_lesion_lies_where_the_recipe_says() -> None:
    lesions = [{**LESION, "classes": ["malignant"], "seed": 2**64 - 1, "placement": {"site": [50, 25]}}]
    recipe = tiny.recipe(**ONE, lesions=lesions)
    planned = rows(recipe)
    assert {one.seed for row in planned for one in row.lesions[0].candidates} == {2**64 - 1}
    made = [one for one in Assembler(recipe).samples(planned) if not isinstance(one, Failure)]
    assert made
    for sample in made:
        row0, col0, row1, col1 = sample.findings[0].box
        assert row0 <= 50 < row1 and col0 <= 25 < col1
    outside = tiny.recipe(**ONE, lesions=[{**lesions[0], "placement": {"site": [5000, 5000]}}])
    assert all(isinstance(one, Failure) for one in Assembler(outside).samples(rows(outside)))


def test_backgrounds_take_the_stated_seeds_in_turn(tmp_path: Path) -> None:
    model = str(tiny_models.stylegan2_file(tmp_path / "m.safetensors"))
    recipe = tiny.recipe(
        size=5,
        classes={"normal": 1},
        lesions=[],
        background={"generator": "stylegan2", "model": model, "seeds": [7, 2**64 - 1]},
    )
    planned = rows(recipe)
    assert [row.host_seed for row in planned] == [7, 2**64 - 1, 7, 2**64 - 1, 7]
    images = [sample.image for sample in Assembler(recipe).samples(planned)]
    assert np.array_equal(images[0], images[2]) and not np.array_equal(images[0], images[1])


def test_recipes_without_them_resolve_as_before() -> None:
    for name in ("balanced_mass", "stylegan2_views"):
        text = resolved_yaml(load_recipe(name))
        assert not any(key in text for key in ("site:", "seeds:")) and text.count("seed:") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lesions": [{**LESION, "placement": {"site": [3, 4], "layout": "contiguous"}}]},
            "one place has room for one",
        ),
        ({"lesions": [{**LESION, "count": 2, "placement": {"site": [3, 4]}}]}, "one place has room for one lesion"),
        ({"lesions": [{**LESION, "placement": {"site": [-3, 4]}}]}, "greater than or equal to 0"),
        ({"lesions": [{**LESION, "seed": -1}]}, "seed"),
        (
            {
                "lesions": [{**LESION, "placement": {"site": [3, 4]}}],
                "patch": {"size_px": 64},
                "emit": {"formats": ["parquet"]},
            },
            "remove placement.site",
        ),
    ],
)
def test_what_contradicts_them_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(tiny.write(tmp_path / "r.yaml", **changes))


@pytest.mark.parametrize("other", [{"latents": "x.latents"}, {}])
def test_seeds_beside_what_decides_them(tmp_path: Path, other: dict[str, str]) -> None:
    background = {"generator": "stylegan2", "model": "m.safetensors", "seeds": [1], **other}
    changes = {"background": background, "splits": None} | ({} if other else {"require": {"view": "CC"}})
    with pytest.raises(RecipeError, match="background.seeds: cannot be combined"):
        load_recipe(tiny.write(tmp_path / "r.yaml", **changes))
