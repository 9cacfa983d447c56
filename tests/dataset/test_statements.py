"""What is said of a dataset holds: nothing real is called synthetic, nothing assumed is passed off as known."""

from dataclasses import replace

import pytest

from synthmammo.dataset import statements
from synthmammo.dataset.index import index_row
from synthmammo.dataset.manifest import Manifest
from tests.support.example_samples import a_sample, samples

PHANTOM = {"background": {"generator": "phantom"}, "lesions": []}
BUILT = Manifest("built", "d", "0" * 64, PHANTOM, origin="synthetic", made_by=({"name": "phantom", "samples": 1},))
INGESTED = Manifest("ingested", "d", "0" * 64, {"source": "folder"}, origin="real")
PATCHES = Manifest("patches", "d", "0" * 64, {"source": "d"}, origin="real")
PHANTOM_PATCHES = replace(PATCHES, origin="synthetic", made_by=BUILT.made_by)


def on(generator, origin="synthetic", **background):
    options = {"background": {"generator": generator, **background}, "lesions": []}
    return replace(BUILT, options=options, origin=origin, made_by=())


def everything(manifest, rows=()):
    """All sentences on a dataset as one text."""
    parts = [statements.description(manifest), statements.manipulation(manifest), statements.annotation(rows)]
    for say in (statements.collection, statements.use_cases, statements.not_claimed, statements.biases):
        parts += say(manifest)
    parts += statements.limitations(manifest, rows) + statements.sensitive_information(manifest)
    return "\n".join([*parts, statements.social_impact()])


@pytest.mark.parametrize(
    ("manifest", "real"),
    [
        (BUILT, False),
        (on("stylegan2"), False),
        (on("stylegan2", "mixed", latents="a file"), True),
        (on("stylegan2", latents="phantoms as latents"), False),
        (on("ingested", "mixed"), True),
        (on("ingested"), False),
        (INGESTED, True),
        (PATCHES, True),
        (PHANTOM_PATCHES, False),
        (replace(INGESTED, origin="synthetic", made_by=({"name": "MAM-E", "samples": 1},)), False),
    ],
)
def test_images_of_real_people_are_said_to_be_that(manifest, real):
    assert statements.holds_real_images(manifest) is real
    assert ("No image is of a real person" in everything(manifest)) is not real


def test_hosts_of_which_some_are_synthetic_are_said_to_be_that():
    manifest = replace(on("ingested", "mixed"), sources={"a host": "0"})
    rows = [{"origin": origin} for origin in ("mixed", "synthetic", "real")]
    mixed = "The backgrounds are real and synthetic (those of 1 of 3 images) mammograms from `a host`."
    assert mixed in statements.collection(manifest, rows)
    assert "The backgrounds are real mammograms from `a host`." in statements.collection(manifest, rows[:1])
    only = statements.collection(replace(manifest, origin="synthetic"), rows[1:2])
    assert "The backgrounds are synthetic mammograms from `a host`." in only


@pytest.mark.parametrize("manifest", [BUILT, INGESTED, PATCHES])
def test_no_dataset_claims_clinical_use(manifest):
    assert "not for diagnosis" in everything(manifest)


def test_the_command_is_the_one_that_made_it():
    assert [statements.command(manifest) for manifest in (BUILT, INGESTED, PATCHES)] == ["build", "ingest", "patches"]
    assert statements.description(INGESTED) == "Made by `synthmammo ingest`."
    described = replace(BUILT, options={"description": "Its own words."})
    assert statements.description(described) == "Its own words."


def test_findings_are_counted_by_who_put_them_in():
    rows = [index_row(a_sample(lesions=3)), *map(index_row, samples())]
    assert statements.finding_counts(rows) == (2 + 2, 1 + 2)
    assert "are exact" in statements.annotation(rows) and "of their source" in statements.annotation(rows)
    assert statements.annotation([]) == "No finding has a box."


def test_an_assumed_spacing_and_findings_without_a_place_are_limits():
    row = index_row(a_sample())
    assert not any("assumption" in limit or "place" in limit for limit in statements.limitations(BUILT, [row]))
    limits = statements.limitations(BUILT, [row | {"spacing_origin": "assumed"}, row | {"unlocated": ["mass benign"]}])
    assert any("assumption" in limit for limit in limits)
    assert any(limit.startswith("1 images have findings") for limit in limits)


def test_a_model_is_named_with_what_it_was_trained_on():
    facts = {"makes": "views", "training_data": {"name": "archive", "digest": "abc"}}
    said = everything(replace(on("stylegan2"), models={"zoo/a": facts, "zoo/b": {}}))
    assert "`zoo/a` makes views; it was trained on `archive` (digest `abc`)" in said
    assert "`zoo/b` makes images; it was trained on data that its file does not name" in said


def test_the_share_of_malignant_images_is_said():
    manifest = replace(BUILT, counts={"train": {"malignant": 1, "normal": 2}, "test": {"malignant": 1}})
    assert any(bias.startswith("50.0% of the images are malignant") for bias in statements.biases(manifest))
