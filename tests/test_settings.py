"""KEY=VALUE texts and YAML files, and what is said of those that are not understood."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from synthmammo.benchmarking.classify.config import PRESETS, ClassifyConfig, from_preset
from synthmammo.errors import RecipeError, SourceError, TrainingError
from synthmammo.ingesting.sources.base import open_source
from synthmammo.settings import assignments, changed, checked, read_yaml
from tests.support import tiny


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cat(Strict):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Strict):
    kind: Literal["dog"] = "dog"
    walks: int


class Wheel(Strict):
    inch: int


class Box(Strict):
    side: float


class House(Strict):
    rooms: int = Field(3, ge=1)
    names: dict[str, int] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    things: list[
        Annotated[
            Annotated[Wheel, Tag("wheel")] | Annotated[Box, Tag("box")],
            Discriminator(lambda value: "wheel" if "inch" in value else "box"),
        ]
    ] = []


# KEY=VALUE


def test_assignments_have_flat_keys_and_yaml_values():
    texts = ["train/normal=4", "a.b=[1, x]", "empty=", "text=a=b", "a.b=2"]
    assert assignments(texts, SourceError) == {"train/normal": 4, "a.b": 2, "empty": None, "text": "a=b"}


def test_dotted_keys_lead_into_mappings_and_lists_of_a_copy():
    content: dict[str, Any] = {"a": {"b": 1}, "list": [{"x": 1}, {"x": 2}], "none": None}
    before = yaml.safe_dump(content)
    result = changed(content, ["a.c=2", "list.1.x=[3]", "none.d.e=4", "list.0=5", "a.b=6", "a.b=7"], RecipeError)
    assert result == {"a": {"b": 7, "c": 2}, "list": [5, {"x": [3]}], "none": {"d": {"e": 4}}}
    assert yaml.safe_dump(content) == before


def test_places_in_lists_may_stand_in_brackets():
    content: dict[str, Any] = {"list": [{"x": 1}, {"x": [5, 6]}], "a": {"b": 1}}
    result = changed(content, ["list[0].x=2", "list[1].x[1]=7", "a.c=[1]"], RecipeError)
    assert result == {"list": [{"x": 2}, {"x": [5, 7]}], "a": {"b": 1, "c": [1]}}
    for key in ("list[2].x", "list[0].x[1]"):
        with pytest.raises(RecipeError, match="does not lead to a value"):
            changed(content, {key: 1}, RecipeError)


NO_VALUES = ["[", "{a", "'", "2024-13-45", "!!python/name:os.system", "*x", "{[1]: 2}", "{a: 1, a: 2}", "[" * 9999]


@pytest.mark.parametrize("value", NO_VALUES, ids=lambda value: value[:30])
def test_a_value_that_is_not_yaml_is_named(value):
    with pytest.raises(SourceError, match="is not YAML") as caught:
        assignments([f"key={value}"], SourceError, "--share")
    assert caught.value.where == "--share key"


@pytest.mark.parametrize("text", ["a", "", "=3"])
def test_a_text_without_key_or_value_is_named(text):
    for parse in (assignments, lambda *arguments: changed({}, *arguments)):
        with pytest.raises(TrainingError, match=f"--count: expected KEY=VALUE, found '{text}'"):
            parse([text], TrainingError, "--count")


@pytest.mark.parametrize("key", ["a.b", "list.2", "list.-1", "list.²", "list.two", "list.0.x"])
def test_keys_that_lead_nowhere_are_named(key):
    with pytest.raises(RecipeError, match="does not lead to a value") as caught:
        changed({"a": 1, "list": [1, 2]}, [f"{key}=3"], RecipeError)
    assert caught.value.where == f"settings {key}"


PLACES = {
    "build": ["build", "RECIPE", "--out", "OUT", "--set"],
    "plan": ["plan", "RECIPE", "--set"],
    "ingest": ["ingest", "folder", "FOLDER", "--out", "OUT", "--set"],
    "shares of ingest": ["ingest", "folder", "FOLDER", "--out", "OUT", "--share"],
    "counts of patches": ["patches", "FOLDER", "--out", "OUT", "--quota"],
    "train": ["train", "stylegan2", "--data", "FOLDER", "--out", "OUT", "--set"],
    "train by a file": ["train", "stylegan2", "--config", "CONFIG", "--data", "FOLDER", "--out", "OUT", "--set"],
    "classifiers": ["benchmark", "classify", "--real", "FOLDER", "--out", "OUT", "--set"],
    "detectors": ["benchmark", "detect", "--real", "FOLDER", "--out", "OUT", "--set"],
}


@pytest.mark.parametrize("value", ["a=[", "a=2024-13-45", "a=!!x", "a", "=", ""])
@pytest.mark.parametrize("place", PLACES)
def test_every_command_answers_with_a_message(tmp_path, place, value):
    (tmp_path / "config.yaml").write_text("model: stylegan2\nname: x\n")
    places = {"RECIPE": tiny.write(tmp_path / "a.yaml"), "CONFIG": tmp_path / "config.yaml"}
    places |= {"FOLDER": tmp_path, "OUT": tmp_path / "out"}
    *arguments, option = (places.get(word, word) for word in PLACES[place])
    result = tiny.run(*arguments, option, value)
    assert result.exit_code == 1 and f"error: {option}" in result.output
    assert ("is not YAML" if "=" in value[1:] else "expected KEY=VALUE") in result.output
    assert not (tmp_path / "out").exists()


SETTINGS_OF_READERS = ["label=[1]", "label=3", "licence=2020-01-01", "citation=.nan"]


@pytest.mark.parametrize("setting", SETTINGS_OF_READERS)
def test_settings_of_a_reader_are_of_its_types(tmp_path, setting):
    result = tiny.run("ingest", "dicom", tmp_path, "--out", tmp_path / "out", "--set", setting)
    assert result.exit_code == 1
    assert f"{tmp_path}: {setting.partition('=')[0]}: expected a text, found " in result.output


def test_the_types_of_a_union_are_no_part_of_the_field(tmp_path):
    with pytest.raises(SourceError) as caught:
        open_source("folder", tmp_path, {"bits_stored": [8]})
    assert "  bits_stored: input should be a valid integer, found [8]\n  bits_stored: expected a text" in str(
        caught.value
    )


# files


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1", "expected a mapping of keys, found list"),
        ("", "expected a mapping of keys, found NoneType"),
        ("a: [", "is not YAML: "),
        ("a: 1\na: 2", "'a' is stated twice"),
        ("a: 2024-13-45", "is not YAML: month must be in 1..12"),
        (b"\xff\xd8", "is not YAML: "),
        (None, "cannot be read: No such file or directory\n  Did you mean 'configs.yaml'?"),
    ],
)
def test_files_that_are_not_understood(tmp_path, text, says):
    path = tmp_path / "config.yaml"
    (tmp_path / "configs.yaml").touch()
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TrainingError) as caught:
        read_yaml(path, TrainingError)
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)


@pytest.mark.parametrize("config", ["3", "", "[a]"])
def test_the_configuration_of_a_finished_benchmark_is_a_mapping(tmp_path, config):
    (tmp_path / "benchmark.yaml").write_text(f"config: {config}\n")
    with pytest.raises(TrainingError, match=r"benchmark\.yaml: config: expected a mapping"):
        from_preset(ClassifyConfig, PRESETS, "quick", tmp_path / "benchmark.yaml", ())


# models


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"rooms": 0}, "f: rooms: input should be greater than or equal to 1, found 0"),
        ({"romms": 1}, "f: romms: is not a key that is known here\n  Did you mean 'rooms'?"),
        ({"names": {"cat": "x"}}, "f: names.cat: input should be a valid integer"),
        ({"names": 3}, "f: names: expected a mapping (NAME: VALUE), found 3"),
        ({"pet": {"kind": "cow"}}, "f: pet.kind: no kind is called 'cow'\n  Known: cat, dog."),
        ({"pet": {"kind": "dog"}}, "f: pet.walks: is missing\n  Add it."),
        ({"pet": {"kind": "dog", "wakls": 1, "walks": 1}}, "f: pet.wakls: is not a key that is known here\n  Did you"),
        ({"pet": {"kind": "cat", "cat": 1}}, "f: pet.cat: is not a key that is known here\n  Known: kind, lives."),
        ({"things": [{"inch": 1}, {"sdie": 1, "side": 1}]}, "f: things.1.sdie: is not a key that is known here\n  Did"),
        ({"rooms": 0, "x": 1}, "f: 2 problems\n  rooms: input should be greater than or equal to 1, found 0\n  x: is"),
        (3, "f: expected a mapping of keys, found 3"),
    ],
)
def test_findings_of_pydantic_in_our_words(content, says):
    with pytest.raises(RecipeError) as caught:
        checked(House, content, "f", RecipeError)
    assert says in str(caught.value)


def test_a_part_of_something_larger_is_named_with_it():
    with pytest.raises(TrainingError) as caught:
        checked(House, {"rooms": 0}, None, TrainingError, within="network")
    assert caught.value.where == "network.rooms"
    assert checked(House, {"rooms": "4"}, None, TrainingError).rooms == 4


def test_the_module_needs_neither_torch_nor_numpy():
    code = "import sys, synthmammo.settings; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.stdout == "[]\n", done.stderr
