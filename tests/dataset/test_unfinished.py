"""A job that is cut off goes on where it was; a directory of something else is left alone."""

import json

import pytest

from synthmammo._version import BYTES_VERSION, PIXELS_VERSION
from synthmammo.dataset import unfinished
from synthmammo.dataset.differences import content_differences
from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.layout import MANIFEST, SKIPPED, STATE
from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.errors import OutputError

CONTENT = {"source": "somewhere", "size": 3}
VERSIONS = {"numpy": "2.3", "synthmammo": "0.2.0"}
BLANK = Manifest(kind="ingested", name="d", digest="", options={})


def shard(out, name, text="x", skipped=()):
    path = out / "webdataset" / f"{name}.tar"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    split = name.rpartition("-")[0]
    return ShardResult(
        (ShardRecord("webdataset", split, f"webdataset/{path.name}", 1, len(text), "0"),), (), tuple(skipped)
    )


def test_a_finished_shard_is_remembered_until_a_file_of_it_changes(tmp_path):
    out = tmp_path / "d"
    state = Unfinished(out, CONTENT, VERSIONS)
    result = shard(out, "train-00000", skipped=[{"file": "a", "reason": "b"}])
    assert state.load("train-00000") is None
    state.save("train-00000", result)
    assert Unfinished(out, CONTENT, VERSIONS).load("train-00000") == result
    (out / "webdataset" / "train-00000.tar").write_text("cut off")
    assert Unfinished(out, CONTENT, VERSIONS).load("train-00000") is None


def test_finishing_names_the_shards_and_writes_the_manifest_last(tmp_path):
    out = tmp_path / "d"
    state = Unfinished(out, CONTENT, VERSIONS)
    results = [shard(out, name) for name in ("train-00000", "train-00002", "test-00000")]
    manifest = state.finish([*results, ShardResult((), (), ({"file": "f", "reason": "r"},))], [], BLANK)
    assert [record.name for record in manifest.shards] == [
        "webdataset/test-00000-of-00001.tar",
        "webdataset/train-00000-of-00002.tar",
        "webdataset/train-00001-of-00002.tar",
    ]
    assert {path.name for path in out.iterdir()} == {*manifest.files, MANIFEST, "webdataset"}
    assert {"index.parquet", "croissant.json", "provenance.json", SKIPPED} == set(manifest.files)
    assert json.loads((out / SKIPPED).read_text()) == {"file": "f", "reason": "r"}
    assert Unfinished(out, CONTENT, VERSIONS).manifest() == manifest


def test_a_run_cut_off_while_naming_finds_its_shards_again(tmp_path):
    out = tmp_path / "d"
    state = Unfinished(out, CONTENT, VERSIONS)
    results = {name: shard(out, name, text) for name, text in (("train-00000", "x"), ("train-00001", "yy"))}
    for name, result in results.items():
        state.save(name, result)
    folder = out / "webdataset"
    (folder / "train-00000.tar").rename(folder / "train-00000-of-00002.tar")
    again = Unfinished(out, CONTENT, VERSIONS)
    assert {name: again.load(name) for name in results} == results
    assert sorted(path.name for path in folder.iterdir()) == ["train-00000.tar", "train-00001.tar"]


@pytest.mark.parametrize("finished", [False, True])
def test_other_content_is_refused(tmp_path, finished):
    state = Unfinished(tmp_path, CONTENT, VERSIONS)
    if finished:
        state.finish([], [], BLANK)
    with pytest.raises(OutputError, match="made from something else"):
        Unfinished(tmp_path, CONTENT | {"size": 4}, VERSIONS)


def test_the_difference_is_shown(tmp_path):
    Unfinished(tmp_path, CONTENT, VERSIONS)
    with pytest.raises(OutputError, match="size: 3 .*4 now"):
        Unfinished(tmp_path, CONTENT | {"size": 4}, VERSIONS)


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="not a dataset"):
        Unfinished(tmp_path, CONTENT, VERSIONS)
    with pytest.raises(OutputError, match="not a dataset"):
        Unfinished(tmp_path / "thesis.txt", CONTENT, VERSIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Unfinished(tmp_path / "file" / "below", CONTENT, VERSIONS)
    assert not (tmp_path / STATE).exists()


def test_differences_name_leaves():
    before = {"a": 1, "b": {"c": [1, 2], "d": "x"}, "gone": 1, "l": [{"m": 1, "n": 2}]}
    assert content_differences(before, before) == []
    now = {"a": 2, "b": {"c": [1], "d": "x"}, "new": 1, "l": [{"m": 3, "n": 2}, {"m": 4}]}
    assert content_differences(before, now) == [
        "a: 1 before, 2 now",
        "b.c: [1, 2] before, [1] now",
        "l.0.m: 1 before, 3 now",
        "gone: 1 before, nothing now",
        'l.1: {"m": 4} now, nothing before',
        "new: 1 now, nothing before",
    ]


def test_long_values_are_cut_where_they_differ():
    (text,) = content_differences({"a": "x" * 500 + "early"}, {"a": "x" * 500 + "late"})
    assert len(text) < 160 and "..." in text
    assert "early" in text and "late" in text


def test_every_difference_stands_on_its_line_with_both_values(tmp_path):
    recipe = {"size": 4, "lesions": [{"kind": "mass", "diameter_mm": {"uniform": [5, 9]}}], "name": "x"}
    Unfinished(tmp_path, {"recipe": recipe}, VERSIONS)
    changed = {**recipe, "size": 8, "lesions": [{"kind": "mass", "diameter_mm": {"uniform": [5, 10]}}]}
    with pytest.raises(OutputError) as caught:
        Unfinished(tmp_path, {"recipe": changed}, VERSIONS)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path}: holds a dataset made from something else:"
    assert lines[1:3] == [
        "    recipe.lesions.0.diameter_mm.uniform: [5, 9] before, [5, 10] now",
        "    recipe.size: 4 before, 8 now",
    ]
    assert lines[3].endswith("or begin anew with --overwrite.")


def test_a_command_without_overwrite_does_not_name_it(tmp_path):
    Unfinished(tmp_path, CONTENT, VERSIONS)
    with pytest.raises(OutputError, match=r"or remove it\.") as caught:
        Unfinished(tmp_path, CONTENT | {"size": 4}, VERSIONS)
    assert "--overwrite" not in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[1"])
def test_a_damaged_state_is_one_message_about_the_users_directory(content, tmp_path):
    Unfinished(tmp_path, CONTENT, VERSIONS)
    (tmp_path / STATE / "content.json").write_text(content)
    with pytest.raises(OutputError, match="what it was begun with cannot be read") as caught:
        Unfinished(tmp_path, CONTENT, VERSIONS)
    assert caught.value.where == tmp_path


def test_a_place_that_cannot_be_written_is_named_as_the_user_did(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="A part of this path is a file") as caught:
        Unfinished(tmp_path / "file" / "below", CONTENT, VERSIONS)
    assert caught.value.where == tmp_path / "file" / "below"


def test_content_is_compared_by_what_it_says_not_by_its_types(tmp_path):
    """Numbers as keys become texts in JSON; that is no difference."""
    content = {"recipe": {"count": {"10": 0.5, "2": 0.5}}}
    Unfinished(tmp_path / "out", content, VERSIONS)
    Unfinished(tmp_path / "out", json.loads(json.dumps(content)), VERSIONS)
    with pytest.raises(OutputError, match="recipe.count.2: 0.5 before, 1.0 now"):
        Unfinished(tmp_path / "out", {"recipe": {"count": {"10": 0.5, "2": 1.0}}}, VERSIONS)


def test_a_start_that_was_cut_off_is_no_obstacle(tmp_path):
    (tmp_path / "out" / STATE).mkdir(parents=True)
    (tmp_path / "out" / STATE / ".partial-content.json").write_text("{")
    Unfinished(tmp_path / "out", {"recipe": {}}, VERSIONS)


def test_a_finish_that_was_cut_off_after_the_manifest_is_tidied(tmp_path):
    state = Unfinished(tmp_path, {"recipe": {}}, VERSIONS)
    Manifest("built", "x", state.digest, {}).write(tmp_path)
    again = Unfinished(tmp_path, {"recipe": {}}, VERSIONS)
    assert again.manifest() is not None and not (tmp_path / STATE).exists()


def begun_by(monkeypatch, out, pixels_version, finished):
    with monkeypatch.context() as patched:
        patched.setattr(unfinished, "PIXELS_VERSION", pixels_version)
        state = Unfinished(out, CONTENT, VERSIONS)
        if finished:
            state.finish([], [], BLANK)


@pytest.mark.parametrize("finished", [False, True])
def test_a_dataset_of_another_pixels_version_is_refused_with_both_named(tmp_path, monkeypatch, finished):
    begun_by(monkeypatch, tmp_path, 77, finished)
    with pytest.raises(OutputError, match=f"pixels_version: 77 before, {PIXELS_VERSION} now") as refused:
        Unfinished(tmp_path, CONTENT, VERSIONS)
    assert "makes other pixels: use the one that began it" in (refused.value.hint or "")


@pytest.mark.parametrize("finished", [False, True])
def test_a_dataset_of_another_bytes_version_is_refused_in_the_same_words(tmp_path, monkeypatch, finished):
    with monkeypatch.context() as patched:
        patched.setattr(unfinished, "BYTES_VERSION", 0)
        state = Unfinished(tmp_path, CONTENT, VERSIONS)
        if finished:
            assert state.finish([], [], BLANK).bytes_version == 0
    with pytest.raises(OutputError, match=f"bytes_version: 0 before, {BYTES_VERSION} now") as refused:
        Unfinished(tmp_path, CONTENT, VERSIONS)
    assert "writes other bytes: use the one that began it" in (refused.value.hint or "")


def test_a_dataset_begun_before_pixels_versions_were_recorded_is_refused(tmp_path):
    """As release 0.1.0 left it: its number in the content, and nothing else of the code."""
    (tmp_path / STATE).mkdir()
    (tmp_path / STATE / "content.json").write_text(json.dumps({**CONTENT, "package": "0.1.0"}))
    with pytest.raises(OutputError, match=f"pixels_version: 0 before, {PIXELS_VERSION} now"):
        Unfinished(tmp_path, CONTENT, VERSIONS)


@pytest.mark.parametrize("name", VERSIONS)
def test_a_dataset_is_finished_with_the_versions_it_was_begun_with(tmp_path, name):
    """Or its bytes would be of two kinds: DICOM files name the release, and PNG files depend on isal."""
    Unfinished(tmp_path, CONTENT, VERSIONS)
    with pytest.raises(OutputError, match=f'{name}: "{VERSIONS[name]}" before, "9" now'):
        Unfinished(tmp_path, CONTENT, VERSIONS | {name: "9"})


def test_a_finished_dataset_stays_what_it_is_when_versions_change(tmp_path):
    made = Unfinished(tmp_path, CONTENT, VERSIONS).finish([], [], BLANK)
    assert made.versions == VERSIONS and made.pixels_version == PIXELS_VERSION
    assert Unfinished(tmp_path, CONTENT, {"synthmammo": "9"}).manifest() == made
