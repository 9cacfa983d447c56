"""Settings of recipes, their round trips, their schema and their draws."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.mammogram.sample import Kind
from synthmammo.recipe import Recipe, load_recipe, own_schema, resolved_yaml
from synthmammo.recipe.draws import DrawModel, fractions
from tests.support import tiny
from tests.support.refusals import CALCIFICATION, MASS, refused, with_background

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


# settings


def test_settings_are_yaml_by_dotted_keys(tmp_path):
    path = tiny.write(tmp_path / "a.yaml")
    settings = ["size=24", "emit.shard_size=7", "lesions.1.diameter_mm=[5, 6]", "splits={test: 1}", "description=a=b"]
    recipe = load_recipe(path, [*settings, "quality.minimum_breast_share=0.1", "background.chest_wall=left"])
    assert (recipe.size, recipe.emit.shard_size, recipe.description) == (24, 7, "a=b")
    assert recipe.lesions[1].diameter_mm.uniform == (5, 6)
    assert recipe.splits == {"test": 1}
    assert recipe.quality.minimum_breast_share == 0.1, "a mapping that the file does not have is made"
    assert recipe.background.chest_wall == "left"


def test_later_settings_win(tmp_path):
    assert load_recipe(tiny.write(tmp_path / "a.yaml"), ["size=6", "size=9"]).size == 9


SETTINGS = {
    "size": "expected KEY=VALUE",
    "": "expected KEY=VALUE",
    "=3": "expected KEY=VALUE",
    "size=[1": "is not YAML",
    "size.x=3": "'x' does not lead to a value",
    "lesions.7.kind=mass": "'7' does not lead to a value",
    "lesions.two.kind=mass": "'two' does not lead to a value",
    "emit.shardsize=3": "Did you mean 'shard_size'?",
    "size=many": "size: input should be a valid integer",
    "include=other.yaml": "include: is not a key",
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_bad_settings(tmp_path, setting):
    assert SETTINGS[setting] in refused(tiny.write(tmp_path / "a.yaml"), setting)


# round trips and the schema


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_resolved_yaml_loads_to_an_equal_recipe(path, tmp_path):
    recipe = load_recipe(path)
    copy = tmp_path / "copy.yaml"
    copy.write_text(resolved_yaml(recipe))
    again = load_recipe(copy)
    assert again == recipe
    assert resolved_yaml(again) == resolved_yaml(recipe)


def admits(schema, value, definitions):
    """Whether a JSON Schema of the sort pydantic writes admits a value: types, keys, alternatives, enumerations."""
    if "$ref" in schema:
        return admits(definitions[schema["$ref"].rpartition("/")[2]], value, definitions)
    for several in ("anyOf", "oneOf"):
        if several in schema and not any(admits(one, value, definitions) for one in schema[several]):
            return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}
    if "type" in schema and schema["type"] in types and not isinstance(value, types[schema["type"]]):
        return False
    if not isinstance(value, dict):
        return not isinstance(value, list) or all(admits(schema.get("items", {}), one, definitions) for one in value)
    known, others = dict(schema.get("properties", {})), schema.get("additionalProperties", True)
    for pattern, part in schema.get("patternProperties", {}).items():
        known |= {key: part for key in value if re.search(pattern, key)}
    if not set(schema.get("required", ())) <= set(value) or (others is False and not set(value) <= set(known)):
        return False
    return all(
        admits(known.get(key, others if isinstance(others, dict) else {}), part, definitions)
        for key, part in value.items()
    )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_schema_admits_the_shipped_recipes(path):
    schema = own_schema()
    assert admits(schema, yaml.safe_load(path.read_text()), schema["$defs"])


@pytest.mark.parametrize(
    "changes",
    [{"sise": 3}, {"size": "ten"}, with_background(spacing="x"), {"lesions": MASS}, {"seed": None}]
    + [{"edits": [{"densty": 1}]}, {"edits": [{"density": "much"}]}, {"edits": [{"direction": "area", "to": 1}]}],
)
def test_schema_refuses_what_the_reader_refuses(changes):
    schema = own_schema()
    assert admits(schema, tiny.content(), schema["$defs"])
    assert not admits(schema, tiny.content(**changes), schema["$defs"])


def test_post_processing_keeps_the_defaults_of_its_kind():
    stated = tiny.recipe(lesions=[MASS, {**CALCIFICATION, "post": {"threshold": 0.2}}]).lesions[1].post
    plain = tiny.recipe().lesions[1].post
    assert stated == plain.model_copy(update={"threshold": 0.2})
    assert plain.join_mm > 0 == tiny.recipe().lesions[0].post.join_mm


def test_every_default_lesion_can_be_drawn():
    for kind in (Kind.MASS, Kind.CALCIFICATION):
        recipe = tiny.recipe(lesions=[{"kind": kind, "classes": ["benign", "malignant"]}])
        assert isinstance(recipe, Recipe)


# draws


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_fractions_sum_to_exactly_one(weights):
    shares = {str(place): weight / sum(weights) for place, weight in enumerate(weights)}
    assert sum(fractions(shares)) == 1


@given(low=st.floats(-5, 5), width=st.floats(0, 5), u=st.floats(0, 1, exclude_max=True))
def test_draws_stay_within_their_bounds(low, width, u):
    for draw in (
        DrawModel(uniform=(low, low + width)),
        DrawModel(normal=(0, 3), within=(low, low + width)),
        DrawModel(lognormal=(1, 2), within=(low, low + width)),
    ):
        value = float(draw.at(u))
        assert draw.bounds[0] <= value <= draw.bounds[1] + 1e-12


@pytest.mark.parametrize(("spacing_mm", "pixels"), [(0.45, 512), (0.1, 2400), (0.07, 3328), (1 / 3, 517)])
def test_a_size_in_pixels_states_the_one_in_millimetres(spacing_mm, pixels):
    background = {"spacing_mm": spacing_mm, "height_px": pixels, "width_px": pixels}
    made = tiny.recipe(background=background).background
    assert round(made.height_mm / spacing_mm) == round(made.width_mm / spacing_mm) == pixels
    both = tiny.recipe(background={**background, "height_mm": made.height_mm}).background
    assert both.height_mm == made.height_mm
    assert "height_px" not in made.model_dump(), "digests of datasets do not depend on how a size was stated"
    assert tiny.recipe(background={"height_px": 1000, "width_px": 800}).background.height_mm == 100
