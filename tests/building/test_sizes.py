"""What cannot be is refused before anything is made; what can be, is not."""

import pytest

import synthmammo
from synthmammo.building.sizes import check_sizes
from synthmammo.errors import RecipeError
from tests.support import tiny
from tests.support.tiny_models import stylegan2_file

MASS, CLUSTER = tiny.TINY["lesions"]


def lesions(mass=None, cluster=None):
    """The tiny recipe's lesions with other diameters; None leaves the package's own."""
    found = [(MASS, mass), (CLUSTER, cluster)]
    return [{**lesion, "diameter_mm": diameter} for lesion, diameter in found]


IMPOSSIBLE = {
    "larger than the breast": ({"mass": 500}, "lesions.0.diameter_mm: a mass of 500 mm does not fit", "160 mm wide"),
    "a range that ends too high": ({"mass": [10, 170]}, "lesions.0.diameter_mm: a mass of 170 mm", "160 mm"),
    "a distribution": (
        {"mass": {"normal": [100, 40], "within": [20, 300]}},
        "lesions.0.diameter_mm: a mass of 300 mm",
        "160 mm",
    ),
    "smaller than a pixel": (
        {"mass": 0.01},
        "lesions.0.diameter_mm: a mass of 0.01 mm is smaller than a pixel",
        "2 mm",
    ),
    "a cluster in a pixel": ({"cluster": [3, 9]}, "a calcification of 3 mm is smaller than 2 pixels", "4 mm"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_check_plan_and_build_refuse_what_cannot_be(case, tmp_path):
    diameters, message, detail = IMPOSSIBLE[case]
    recipe = tiny.write(tmp_path / "tiny.yaml", lesions=lesions(**{"mass": 12, "cluster": 12} | diameters))
    for command in (["check", recipe], ["plan", recipe], ["build", recipe, "--out", tmp_path / "out"]):
        result = tiny.run(*command)
        assert result.exit_code == 1, command
        assert message in result.output and detail in result.output, command
        assert "State " in result.output
    assert not (tmp_path / "out").exists()


def test_steps_of_a_series():
    series = {"diameter_mm": [5, 8, 300], "contrast": [0.2]}
    lesion = {**MASS, "classes": ["malignant"], "diameter_mm": None}
    recipe = tiny.recipe(series=series, lesions=[lesion], classes={"malignant": 1})
    with pytest.raises(RecipeError, match=r"series.diameter_mm: a mass of 300 mm"):
        synthmammo.plan(recipe)


def test_what_is_possible_is_left_alone():
    for diameters in ({}, {"mass": 4, "cluster": 4}, {"mass": {"lognormal": [12, 1.5], "within": [5, 32]}}):
        check_sizes(tiny.recipe(lesions=lesions(**diameters)))


def test_images_of_a_model(tmp_path):
    model = stylegan2_file(tmp_path / "model.safetensors")
    background = {"generator": "stylegan2", "model": str(model), "view": "CC", "laterality": "L"}
    recipe = tiny.recipe(background=background, lesions=lesions(mass=400, cluster=12))
    with pytest.raises(RecipeError, match="does not fit into the model's images"):
        synthmammo.plan(recipe)
    check_sizes(tiny.recipe(background={**background, "model": "hf://org/model/file@main"}))


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        ({"density": 40}, "edits.0.strength"),
        ({"density": [-40, 1]}, "edits.0.strength"),
        ({"direction": "density", "sweep": [-1, 40]}, "edits.0.sweep"),
    ],
)
def test_edits_out_of_the_latents(edit, field):
    background = {"generator": "stylegan2", "model": "zoo/none"}
    recipe = tiny.recipe(background=background, edits=[edit], lesions=lesions(), size=12)
    with pytest.raises(RecipeError, match=f"{field}: 40 standard deviations along density") as caught:
        synthmammo.plan(recipe)
    assert "Stay within 10" in str(caught.value)
    check_sizes(tiny.recipe(background=background, edits=[{"density": [-4, 4]}], lesions=lesions()))
