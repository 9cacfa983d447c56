"""What follows from the fields of a recipe: sizes of groups, what shares a shard, default splits."""

import pytest

from synthmammo.errors import RecipeError
from synthmammo.recipe.fields import RecipeFields
from synthmammo.recipe.load import as_recipe
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]
MALIGNANT = {"classes": {"malignant": 1}, "lesions": [{**MASS, "classes": ["malignant"]}]}
STYLEGAN2 = {"background": {"generator": "stylegan2", "model": "zoo/any"}}


def fields(**changes):
    """The fields of the tiny recipe, each checked by itself only."""
    return RecipeFields.model_validate(tiny.content(**changes))


def with_background(**changes):
    return {"background": {**tiny.TINY["background"], **changes}}


@pytest.mark.parametrize(
    ("changes", "members", "groups_per_patient", "together"),
    [
        ({}, 1, 1, 1),
        (with_background(samples_per_host=4), 1, 4, 1),
        (MALIGNANT | {"pair": "host"}, 2, 1, 2),
        (MALIGNANT | {"pair": "removed", "removal": {}}, 2, 1, 2),
        (MALIGNANT | {"series": {"diameter_mm": [5, 8, 12], "contrast": [0.2, 0.4]}}, 6, 1, 6),
        (with_background(exam="four views"), 2, 2, 4),
        (STYLEGAN2 | {"edits": [{"density": {"sweep": [-2, 0, 2]}}]}, 3, 1, 3),
        (STYLEGAN2 | {"edits": [{"density": 1.5}]}, 1, 1, 1),
    ],
)
def test_groups_follow_from_the_shape(changes, members, groups_per_patient, together):
    recipe = fields(**changes)
    assert (recipe.members, recipe.groups_per_patient, recipe.together) == (members, groups_per_patient, together)


def test_the_sweep_is_that_of_the_edit_that_has_one():
    edits = [{"area": 0.5}, {"density": {"sweep": [-1, 1]}}, {"mixing": [4, 8]}]
    assert fields(**STYLEGAN2, edits=edits).sweep == [-1, 1]
    assert fields(**STYLEGAN2, edits=edits[:1]).sweep is None and fields().sweep is None


def test_only_a_phantom_can_be_an_exam():
    assert fields(**with_background(exam="four views")).exam
    assert not fields().exam and not fields(**STYLEGAN2).exam


def test_splits_are_those_stated_or_eight_to_one_to_one():
    assert fields(splits={"train": 0.5, "test": 0.5}).split_shares == {"train": 0.5, "test": 0.5}
    assert fields(splits=None).split_shares == {"train": 0.8, "validation": 0.1, "test": 0.1}


@pytest.mark.parametrize(
    ("name", "example"),
    [("Tumören", "'tumoren' would do"), ("two words", "'two_words' would do"), ("-a", "'a' would do"), ("腫瘤", "")],
)
def test_a_name_that_will_not_do_is_answered_in_words(name: str, example: str) -> None:
    with pytest.raises(RecipeError) as caught:
        as_recipe(tiny.content(name=name))
    message = str(caught.value)
    assert "name: expected letters from a to z, digits, '-' and '_'" in message and f"found '{name}'" in message
    assert example in message and "pattern" not in message and "^[" not in message and "\n" not in message


def test_fields_say_what_they_are():
    def described(schema):
        for name, part in schema.get("properties", {}).items():
            constant = "const" in part or (name == "generator" and "enum" in part)
            assert part.get("description") or constant, f"{schema['title']}.{name}"

    schema = RecipeFields.model_json_schema()
    formats = schema["$defs"].pop("FormatOptions")  # its keys are the names of the formats
    assert formats["properties"]
    distributions = schema["$defs"].pop("DrawModel")
    assert distributions["description"]
    for part in (schema, *schema["$defs"].values()):
        described(part)
