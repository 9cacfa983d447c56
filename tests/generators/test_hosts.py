"""The real backgrounds a plan may use: which samples of a dataset, and what is told of them."""

import pytest

from synthmammo.dataset.index import index_row, write_index
from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import DatasetError, RecipeError
from synthmammo.generators.backgrounds.base import HOST_COLUMNS
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.recipe.load import as_recipe
from tests.support import example_samples, tiny


@pytest.fixture
def dataset(tmp_path):
    """Samples 0 to 3: with a finding, with one that has no place, and two without any."""
    samples = [example_samples.a_sample(number, lesions=int(number == 0)) for number in range(4)]
    samples[1] = samples[1].with_(provenance={"unlocated": ["mass benign"]})
    write_index(tmp_path, [index_row(sample) for sample in samples])
    Manifest("ingested", "hosts", "d", {}, files={INDEX: ""}).write(tmp_path)
    return tmp_path


def recipe(dataset, **changes):
    background = {"generator": "ingested", "dataset": str(dataset), **changes}
    return tiny.recipe(background=background, splits=None)


def real_hosts(recipe):
    return kind_of(recipe).hosts(recipe)


def test_generated_backgrounds_need_none():
    assert real_hosts(tiny.recipe()) is None
    assert real_hosts(tiny.recipe(background={"generator": "stylegan2", "model": "zoo/any"})) is None


def test_hosts_with_findings_are_refused_also_those_without_a_place(dataset):
    hosts = real_hosts(recipe(dataset))
    assert hosts.column_names == list(HOST_COLUMNS)
    assert hosts["key"].to_pylist() == ["s000002", "s000003"]
    assert hosts.to_pylist()[0] == {
        "key": "s000002", "patient": "p0002", "split": "train", "view": "CC", "laterality": "L", "density": None
    }  # fmt: skip
    assert hosts.to_pylist()[1]["view"] is None


def test_hosts_with_findings_may_be_kept(dataset):
    assert real_hosts(recipe(dataset, findings="keep")).num_rows == 4


def test_no_dataset_and_no_usable_host_are_told_apart(dataset, tmp_path):
    with pytest.raises(DatasetError, match=r"gone: the hosts' dataset is not there\n.*background.ingest"):
        real_hosts(recipe(tmp_path / "gone"))
    write_index(dataset, [index_row(example_samples.a_sample(0))])
    with pytest.raises(DatasetError, match="every host already has findings\n.*findings: keep"):
        real_hosts(recipe(dataset))


def test_hosts_are_those_that_meet_the_condition(dataset):
    hosts = real_hosts(recipe(dataset, findings="keep", where="view is null"))
    assert hosts["key"].to_pylist() == ["s000001", "s000003"]
    with pytest.raises(DatasetError, match="none of 4 images meets the condition"):
        real_hosts(recipe(dataset, where="kvp > 20"))


def test_a_recipe_whose_condition_is_not_understood_is_refused_where_it_is_read(dataset):
    background = {"generator": "ingested", "dataset": str(dataset), "where": "veiw is null"}
    with pytest.raises(RecipeError, match="no column is called 'veiw'.*Did you mean 'view'"):
        as_recipe(tiny.content(background=background))


def test_a_recipe_without_a_condition_keeps_its_digest(dataset):
    assert "where" not in recipe(dataset).model_dump(mode="json")["background"]
    assert recipe(dataset, where="view is null").model_dump(mode="json")["background"]["where"] == "view is null"
