import json

import pytest
import yaml

from synthmammo.recipe import shipped_recipes
from tests.support import tiny


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("like", [None, *shipped_recipes()])
def test_what_is_written_passes_check(tmp_path, like):
    result = tiny.run("init", "mine", *(["--like", like] if like else []))
    assert result.exit_code == 0, result.output
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=recipe.schema.json\n# synthmammo build mine.yaml\n")
    assert text.count("yaml-language-server") == 1 and text.count("#") > 4, "it is commented"
    assert yaml.safe_load(text)["name"] == "mine" and "include" not in yaml.safe_load(text)
    checked = tiny.run("check", "mine.yaml")
    assert checked.exit_code == 0 or "dataset" in checked.output, checked.output


def test_the_schema_lies_beside_it(tmp_path):
    tiny.run("init", "mine", "--out", "deep/mine.yaml")
    schema = json.loads((tmp_path / "deep" / "recipe.schema.json").read_text())
    assert schema == json.loads(tiny.run("schema").stdout)


def test_a_file_of_something_else_is_left_alone(tmp_path):
    for text in ("{}", "[1]", "no JSON"):
        (tmp_path / "recipe.schema.json").write_text(text)
        assert tiny.run("init", "mine", "--overwrite").exit_code == 0
        assert (tmp_path / "recipe.schema.json").read_text() == text


def test_a_recipe_is_not_replaced_unless_asked(tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    result = tiny.run("init", "mine")
    assert result.exit_code == 1 and "--overwrite" in result.output
    assert (tmp_path / "mine.yaml").read_text() == "precious"
    assert tiny.run("init", "mine", "--overwrite").exit_code == 0


@pytest.mark.parametrize("name", ["My set", "Ünïcode", "-x", "", "a" * 65, "a/b"])
def test_a_name_that_cannot_be_is_answered_with_one_that_can(name, tmp_path):
    result = tiny.run("init", "--", name)
    assert result.exit_code == 1 and "cannot be the name of a dataset" in result.output
    assert not list(tmp_path.iterdir())
    suggested = result.output.rpartition("Try ")[2].strip().removesuffix(".")
    assert tiny.run("init", suggested).exit_code == 0


def test_an_unknown_recipe_is_answered_with_the_nearest():
    result = tiny.run("init", "mine", "--like", "balanced_mas")
    assert result.exit_code == 1
    assert "Did you mean 'balanced_mass'? Known: balanced_calc" in result.output
