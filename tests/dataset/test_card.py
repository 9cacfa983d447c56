import json
import re
import shutil

import pyarrow.parquet as pq
import pytest
import yaml

from synthmammo.building.build import make_dataset
from synthmammo.dataset.card import card
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError, OutputError
from tests.support import tiny


def header(directory):
    text = (directory / "README.md").read_text()
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def test_the_header_declares_the_parquet_and_its_features(built):
    declared = header(built)
    assert declared["license"] == "cc-by-4.0" and declared["size_categories"] == ["n<1K"]
    assert {"image-classification", "object-detection"} <= set(declared["task_categories"])
    (configuration,) = declared["configs"]
    assert [one["split"] for one in configuration["data_files"]] == ["train", "validation", "test"]
    features = {one["name"]: one for one in declared["dataset_info"]["features"]}
    assert features["image"]["dtype"] == "image"
    names = features["label"]["dtype"]["class_label"]["names"]
    assert names == {"0": "normal", "1": "benign", "2": "malignant"}


def test_the_composition_is_that_of_the_manifest(built):
    text, manifest = (built / "README.md").read_text(), Manifest.read(built)
    for label in ("normal", "benign", "malignant"):
        numbers = [manifest.counts[split][label] for split in ("train", "validation", "test")]
        assert f"| {label} | {numbers[0]} | {numbers[1]} | {numbers[2]} | 4 | 33.3% |" in text
    assert manifest.digest in text and "samples.png" in text and (built / "figures" / "samples.png").is_file()
    assert "synthmammo build recipe.yaml" in text
    assert "| 100 x 80 |" in text or "100 x 80" in text
    assert "$" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL), "a placeholder was left"


def test_the_resolved_recipe_is_in_it_word_for_word(built):
    assert (built / "recipe.yaml").read_text().strip() in (built / "README.md").read_text()


def test_the_recipe_in_the_dataset_makes_it_again(built, tmp_path):
    result = tiny.run("build", built / "recipe.yaml", "--out", tmp_path / "again", "--workers", 1)
    assert result.exit_code == 0
    assert tiny.files(tmp_path / "again") == tiny.files(built)


def test_the_card_says_nothing_of_the_place(built):
    for path in built.rglob("*"):
        if path.is_file():
            assert str(built.parent).encode() not in path.read_bytes(), path


def test_texts_with_dollars_braces_and_pipes_survive(tmp_path):
    odd = "Costs $5, {braces}, `code`, a | pipe, and Umlaute: äöü"
    make_dataset(
        tiny.recipe(description=odd, citation="Doe & Co. ($2)", size=3, lesions=[], classes={"a: b": 1}),
        tmp_path,
        engine=Local(1),
    )
    card(tmp_path)
    assert odd in (tmp_path / "README.md").read_text()
    names = {one["name"]: one for one in header(tmp_path)["dataset_info"]["features"]}["label"]["dtype"]
    assert names["class_label"]["names"] == {"0": "a: b"}


def test_a_pair_names_the_class_of_its_twins(tmp_path):
    lesion = {**tiny.TINY["lesions"][0], "classes": ["malignant"]}
    emit = {"formats": ["parquet"], "preview_px": 64}
    recipe = tiny.recipe(classes={"malignant": 1}, lesions=[lesion], pair="host", size=4, splits={"test": 1}, emit=emit)
    make_dataset(recipe, tmp_path, engine=Local(1))
    card(tmp_path)
    assert "| normal | 2 | 2 | 50.0% |" in (tmp_path / "README.md").read_text()
    assert [one["split"] for one in header(tmp_path)["configs"][0]["data_files"]] == ["test"]


def test_refused_where_there_is_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match="not a finished dataset"):
        card(tmp_path)


def test_a_card_that_cannot_be_written(built, tmp_path, monkeypatch):
    copy = shutil.copytree(built, tmp_path / "copy")
    (copy / "README.md").unlink()
    (copy / "README.md").mkdir()
    with pytest.raises(OutputError, match="README.md: cannot be written"):
        card(copy)


def test_a_dataset_of_an_earlier_version_still_gets_its_card(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    table = pq.read_table(copy / "index.parquet")
    pq.write_table(table.drop_columns(["edits", "host_attempt", "unlocated"]), copy / "index.parquet")
    assert "# tiny" in card(copy).read_text()


def test_an_ingested_dataset_is_not_called_generated(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    content = json.loads((copy / "manifest.json").read_text())
    changes = {"kind": "ingested", "licence": "other (on request)", "options": {"source": "folder"}, "origin": "real"}
    (copy / "manifest.json").write_text(json.dumps(content | changes))
    (copy / "recipe.yaml").unlink()
    card(copy)
    text = (copy / "README.md").read_text()
    assert header(copy)["license"] == "other" and "synthetic" not in header(copy)["tags"]
    assert "Read from folder by `synthmammo ingest`" in text and "The options" in text and "Generated by" not in text
