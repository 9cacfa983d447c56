"""Whatever happens to a file of a dataset is found and named, without making a pixel again."""

import shutil

import pytest

from synthmammo.dataset.index import read_index, write_index
from synthmammo.dataset.manifest import Manifest, digests
from synthmammo.dataset.verify import verify_files
from synthmammo.errors import DatasetError


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def test_a_sound_dataset_has_no_problem_and_every_file_is_looked_at(built):
    seen = []
    found = verify_files(built, lambda done, total: seen.append((done, total)))
    manifest = Manifest.read(built)
    assert (found.problems, found.notes) == ([], [])
    assert found.files == len(manifest.files) + len(manifest.shards)
    assert seen == [(done, found.files) for done in range(1, found.files + 1)]


def test_every_file_of_the_content_counts(copy):
    manifest = Manifest.read(copy)
    for name in (*manifest.files, *(shard.name for shard in manifest.shards)):
        (copy / name).rename(copy / "elsewhere")
        assert verify_files(copy).problems == [f"{name}: is missing"]
        (copy / "elsewhere").rename(copy / name)
    assert not verify_files(copy).problems


def changed_index(copy, change):
    """The dataset with another index, and a manifest that says that this is the one."""
    write_index(copy, change(read_index(copy).to_pylist()))
    manifest = Manifest.read(copy)
    manifest.files.update(digests(copy, ["index.parquet"]))
    manifest.write(copy)
    return verify_files(copy).problems


def test_a_key_that_occurs_twice_is_found(copy):
    problems = changed_index(copy, lambda rows: [*rows[1:], rows[2]])
    assert any("occurs more than once" in problem for problem in problems)


def test_an_empty_key_is_found(copy):
    problems = changed_index(copy, lambda rows: [{**rows[0], "key": ""}, *rows[1:]])
    assert any("1 samples have an empty key" in problem for problem in problems)


def test_samples_that_only_the_index_or_only_the_shards_have_are_found(copy):
    problems = changed_index(copy, lambda rows: rows[1:])
    assert any(problem.startswith("parquet: its shards hold 12 samples, the index 11") for problem in problems)
    assert any(problem.startswith("manifest.json: counts are") for problem in problems)


def test_a_divided_patient_is_found(copy):
    problems = changed_index(copy, lambda rows: [row | {"patient": "one"} for row in rows])
    assert problems == ["index.parquet: patient 'one' is in more than one split"]


def test_a_directory_without_a_manifest_is_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match="not a finished dataset"):
        verify_files(tmp_path)
