"""The inputs of a build beside the recipe decide its digest; what cannot serve is refused before anything is made."""

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.building.inputs import find_inputs, refuse_unsupported
from synthmammo.dataset.index import index_row, write_index
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import CheckpointError, GeneratorError, RecipeError
from synthmammo.generators.inputs import model_facts
from synthmammo.identity import file_digest
from synthmammo.mammogram.sample import SpacingOrigin
from tests.support import tiny
from tests.support.example_samples import a_sample
from tests.support.tiny_models import CONDITIONAL, contextual_file, edited_file, stylegan2_file

MASS, CALCIFICATION = tiny.TINY["lesions"]


def on(model, **changes):
    """A recipe of healthy images of a StyleGAN2."""
    background = {"generator": "stylegan2", "model": str(model), **changes.pop("background", {})}
    return tiny.recipe(background=background, **{"lesions": [], "classes": {"normal": 1}, **changes})


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    return edited_file(tmp_path_factory.mktemp("model") / "m.safetensors")


DENSITY = {"direction": "density", "strength": {"uniform": [-1, 1]}}
PART = {"part": 1, "strength": {"uniform": [-1, 1]}}


def test_a_recipe_of_phantoms_and_drawn_lesions_has_no_inputs():
    recipe = tiny.recipe()
    assert dict(refuse_unsupported(recipe)) == {} == find_inputs(recipe).digests()


def test_each_model_is_an_input_once_by_the_name_that_the_recipe_gives_it(tmp_path):
    lesion = contextual_file(tmp_path / "lesions.safetensors")
    entries = [{**MASS, "classes": [name], "generator": str(lesion)} for name in ("benign", "malignant")]
    recipe = tiny.recipe(lesions=entries)
    found = find_inputs(recipe)
    assert list(found) == [str(lesion)] and found.path(str(lesion)) == lesion
    assert found.digests() == {str(lesion): file_digest(lesion)}
    assert found.models() == {str(lesion): model_facts(lesion)}


def test_files_beside_the_model_are_inputs_where_an_edit_needs_them(edited):
    for edits, names in (([], set()), ([DENSITY], {"directions"}), ([DENSITY, PART], {"directions", "parts"})):
        recipe = on(edited, edits=edits)
        found = find_inputs(recipe)
        files = [one for one in found.values() if one.facts is None]
        assert {one.path.suffix.removeprefix(".") for one in files} == names
        assert len(found.digests()) == 1 + len(names) and list(found.models()) == [str(edited)]


def test_a_missing_file_beside_the_model_names_its_field_and_the_command_that_makes_it(tmp_path):
    model = stylegan2_file(tmp_path / "m.safetensors")
    for edit, field, command in ((DENSITY, "directions", "directions fit"), (PART, "parts", "parts fit")):
        with pytest.raises(GeneratorError, match="no such file") as error:
            refuse_unsupported(on(model, edits=[edit]))
        assert f"background.{field}" in str(error.value.where) and command in error.value.hint


def test_a_recipe_and_a_model_agree_on_whether_views_are_chosen(tmp_path):
    plain = stylegan2_file(tmp_path / "plain.safetensors")
    views = stylegan2_file(tmp_path / "views.safetensors", CONDITIONAL, classes=("CC", "MLO"))
    refuse_unsupported(on(views, background={"views": {"CC": 0.5, "MLO": 0.5}, "laterality": "L"}))
    refuse_unsupported(on(views, background={"view": "MLO", "laterality": "L"}))
    with pytest.raises(GeneratorError, match=r"does not make the view that it is asked for\n  State background.view"):
        refuse_unsupported(on(plain, background={"views": {"CC": 0.5, "MLO": 0.5}}))
    with pytest.raises(GeneratorError, match=r"none is asked for\n  E.g. views:"):
        refuse_unsupported(on(views))


def test_directions_of_another_model_are_refused(edited, tmp_path):
    other = stylegan2_file(tmp_path / "other.safetensors", discriminator=True)
    named = next(one.path for one in find_inputs(on(edited, edits=[DENSITY])).values() if one.facts is None)
    with pytest.raises(CheckpointError):
        refuse_unsupported(on(other, background={"directions": str(named)}, edits=[DENSITY]))


def test_the_facts_of_a_model_are_those_of_its_file(tmp_path):
    assert model_facts(stylegan2_file(tmp_path / "m.safetensors")) == {
        "architecture": "stylegan2",
        "makes": model_facts(tmp_path / "m.safetensors")["makes"],
        "licence": "apache-2.0",
        "training_data": {"name": "phantom", "digest": "0" * 64},
    }


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


ABSENT = {
    "zoo/whole-breast": {"background": {"generator": "stylegan2", "model": "zoo/whole-breast"}},
    "zoo/absent-mass": {"lesions": [{**MASS, "generator": "zoo/absent-mass"}, CALCIFICATION]},
    "mine.safetensors": {"lesions": [{**MASS, "generator": "mine.safetensors"}, CALCIFICATION]},
    "parametrc": {"lesions": [{**MASS, "generator": "parametrc"}, CALCIFICATION]},
}


@pytest.mark.parametrize("name", list(ABSENT))
@pytest.mark.parametrize("dry", [False, True])
def test_models_that_are_not_there_are_refused_at_once(tmp_path, name, dry):
    recipe = tiny.write(tmp_path / "t.yaml", **ABSENT[name])
    result = tiny.run("build", recipe, "--out", tmp_path / "out", *(["--dry-run"] if dry else []))
    assert result.exit_code == 1
    field = "background.model" if "whole" in name else "lesions.0.generator"
    assert field in result.output and (name in result.output)
    assert names(tmp_path) == ["t.yaml"]
    with pytest.raises(GeneratorError):
        make_dataset(tiny.recipe(**ABSENT[name]), tmp_path / "out", engine=Local(1))
    assert names(tmp_path) == ["t.yaml"]


def test_dicom_of_images_that_lack_what_it_requires_is_refused_before_anything_is_made(tmp_path):
    def hosts(name, **known):
        directory = tmp_path / name
        directory.mkdir()
        write_index(directory, [index_row(a_sample(0, lesions=0).with_(**known))])
        Manifest("ingested", name, "d", {}).write(directory)
        return {"generator": "ingested", "dataset": str(directory)}

    unspaced = hosts("unspaced", spacing_mm=None, spacing_origin=SpacingOrigin.UNKNOWN)
    for background, message in (
        (unspaced, r"(?s)emit.formats.dicom: .* 1 of 1 hosts have no spacing.*background.assume_spacing_mm"),
        (hosts("other_view", view=None), r"(?s)1 of 1 hosts have no view.*formats: \[webdataset, parquet\]"),
    ):
        recipe = tiny.recipe(background=background, splits=None, lesions=[], classes={"normal": 1})
        with pytest.raises(RecipeError, match=message):
            make_dataset(recipe, tmp_path / "out", engine=Local(1))
    assert not (tmp_path / "out").exists()
    assumed = tiny.recipe(background=unspaced | {"assume_spacing_mm": 0.1}, splits=None)
    refuse_unsupported(assumed)
