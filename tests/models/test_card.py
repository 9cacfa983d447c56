"""Cards of published models: the Hub's header, how to name the model, and the pictures that go along."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from synthmammo.models.card import model_card, pictures
from synthmammo.models.zoo import ModelFile, find_model
from tests.support.tiny_models import contextual_file, stylegan2_file

ADDRESS = "hf://org/repo/m.safetensors@abc"


@pytest.fixture
def described(tmp_path: Path) -> ModelFile:
    return find_model(stylegan2_file(tmp_path / "m.safetensors"))


def header(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---")[1])


def test_a_card_has_header_address_digest_and_data(described: ModelFile) -> None:
    card = model_card(described, "f" * 64, ADDRESS)
    assert header(card)["license"] == "apache-2.0" and header(card)["pipeline_tag"] == "unconditional-image-generation"
    assert f"synthmammo sample {ADDRESS}" in card and "f" * 64 in card and "0" * 64 in card
    assert described.card.strip() in card


def test_a_contextual_model_is_named_where_recipes_take_it(tmp_path: Path) -> None:
    for makes, place in (("mass", "an entry of `lesions`"), ("removal", "`removal`")):
        card = model_card(find_model(contextual_file(tmp_path / f"{makes}.safetensors", makes)), "f" * 64, ADDRESS)
        assert f"`generator: {ADDRESS}` in {place}" in card and "pipeline_tag" not in header(card)


def test_unknown_training_data_is_said(described: ModelFile) -> None:
    unknown = replace(described, description=replace(described.description, training_data={}))
    assert "does not say what it was trained on" in model_card(unknown, "f" * 64, ADDRESS)


def test_pictures_are_those_beside_the_file_that_the_card_shows(described: ModelFile) -> None:
    folder = described.path.parent
    text = "![a](a.png) ![again](a.png) ![far](https://x.org/b.png) ![absent](c.png) ![d](d.png)"
    described.path.with_suffix(".md").write_text(text)
    for name in ("a.png", "d.png", "other.png"):
        (folder / name).write_bytes(b"")
    assert pictures(described) == [folder / "a.png", folder / "d.png"]
