"""Parts that several machines made become the dataset of a single build, to the byte; what does not fit is refused."""

import json
import os
import shutil

import pytest

import synthmammo
from synthmammo.building.build import planned_shards
from synthmammo.building.merge import merge, yielded
from synthmammo.building.parts import build_part
from synthmammo.building.portion import Part, Ranges, as_ranges
from synthmammo.dataset.layout import PLAN, STATE
from synthmammo.errors import DatasetError, OutputError, RecipeError
from synthmammo.planning.table import shard_sizes
from tests.support import tiny

NAMES = [f"train-{number:05d}" for number in range(7)]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The tiny recipe in three parts."""
    folder = tmp_path_factory.mktemp("parts")
    for number in (1, 2, 3):
        build_part(tiny.recipe(), folder / f"p{number}", part=f"{number}/3")
    return folder


@pytest.fixture
def copies(parts, tmp_path):
    for number in (1, 2, 3):
        shutil.copytree(parts / f"p{number}", tmp_path / f"p{number}")
    return tmp_path


def three(folder):
    return [folder / f"p{number}" for number in (3, 1, 2)]


def test_merged_parts_are_the_bytes_of_a_single_build(parts, built, tmp_path):
    made = merge(three(parts), tmp_path / "whole")
    assert tiny.files(tmp_path / "whole") == tiny.files(built)
    assert len(made) == 12 and not synthmammo.verify(tmp_path / "whole", pixels=1).problems
    again = merge(three(parts), tmp_path / "whole")
    assert again.manifest == made.manifest


def test_labels_and_failures_are_merged_too(tmp_path):
    changes = {
        "emit": {"shard_size": 3, "preview_px": 64, "labels": ["coco", "yolo"]},
        "quality": {"minimum_breast_share": 0.35},
    }
    single = synthmammo.build(tiny.recipe(**changes), tmp_path / "single")
    assert 0 < len(single.manifest.failed) < 12
    for number in (1, 2):
        build_part(tiny.recipe(**changes), tmp_path / f"q{number}", part=f"{number}/2")
    merge([tmp_path / "q1", tmp_path / "q2"], tmp_path / "whole")
    assert tiny.files(tmp_path / "whole") == tiny.files(tmp_path / "single")


def test_files_are_linked_and_copied_where_that_cannot_be(parts, built, tmp_path, monkeypatch):
    merge(three(parts), tmp_path / "linked")
    tar = next((tmp_path / "linked" / "webdataset").iterdir())
    assert tar.stat().st_nlink > 1

    def refuse(*paths):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    merge(three(parts), tmp_path / "copied")
    assert next((tmp_path / "copied" / "webdataset").iterdir()).stat().st_nlink == 1
    assert tiny.files(tmp_path / "copied") == tiny.files(built)


def test_a_part_goes_on_where_it_was_and_ranges_are_parts_too(parts, built, tmp_path):
    first = build_part(tiny.recipe(), tmp_path / "p", shards="0-1")
    again = build_part(tiny.recipe(), tmp_path / "p", shards="0-1")
    assert first.made == first.samples and again.made == 0 and again.samples == first.samples
    rest = build_part(tiny.recipe(), tmp_path / "q", shards="2,3")
    merge([rest.path, first.path], tmp_path / "whole")
    assert tiny.files(tmp_path / "whole") == tiny.files(built)


def test_a_merge_that_was_cut_off_goes_on(parts, built, tmp_path):
    def cut(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(three(parts), tmp_path / "whole", progress=cut)
    assert not (tmp_path / "whole" / "manifest.json").exists()
    merge(three(parts), tmp_path / "whole")
    assert tiny.files(tmp_path / "whole") == tiny.files(built)


def test_shards_are_ordered_as_a_build_makes_them(built):
    assert yielded(list(shard_sizes(built / PLAN))) == [shard.name for shard in planned_shards(built / PLAN)]


def test_rows_of_some_shards_alone_are_read(built):
    some = list(planned_shards(built / PLAN, ["train-00001", "test-00000"]))
    every = {shard.name: shard for shard in planned_shards(built / PLAN)}
    assert sorted(some, key=lambda shard: shard.name) == [every["test-00000"], every["train-00001"]]


@pytest.mark.parametrize("parts_", [1, 2, 3, 7])
def test_parts_have_every_shard_once(parts_):
    found = [name for number in range(1, parts_ + 1) for name in Part(number, parts_).of(NAMES)]
    assert found == NAMES


def test_ranges():
    assert Ranges.parse("0-1, 5").of(NAMES) == [NAMES[0], NAMES[1], NAMES[5]]
    assert as_ranges([5, 0, 1, 2, 9, 8]) == "0-2,5,8-9"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"part": "0/64"}, "no part 0 of 64"),
        ({"part": "65/64"}, "no part 65 of 64"),
        ({"part": "3"}, "names no part"),
        ({"part": "2/64"}, "4 shards, too few for 64 parts"),
        ({"shards": "0-99"}, "0 to 3, and 99 is none"),
        ({"shards": "3-1"}, "ends before it begins"),
        ({"shards": "a"}, "names no shards"),
        ({}, "either a part or shards"),
        ({"part": "1/2", "shards": "1"}, "either a part or shards"),
    ],
)
def test_parts_that_there_are_not(given, message, tmp_path):
    with pytest.raises(RecipeError, match=message):
        build_part(tiny.recipe(), tmp_path / "p", **given)
    assert not (tmp_path / "p").exists()


def test_parts_of_two_builds(copies):
    build_part(tiny.recipe(seed=12), copies / "other", part="2/3")
    with pytest.raises(DatasetError, match=r"another dataset.*\n.*recipe.seed: 11 before, 12 now"):
        merge([copies / "p1", copies / "other", copies / "p3"], copies / "whole")
    assert not (copies / "whole").exists()


def test_other_versions_and_other_machines(copies):
    versions = copies / "p2" / STATE / "versions.json"
    known = json.loads(versions.read_text())
    versions.write_text(json.dumps(known | {"numpy": "1.0"}))
    with pytest.raises(DatasetError, match=r"other versions(.|\n)*numpy: .* before, \"1.0\" now"):
        merge(three(copies)[1:], copies / "whole")
    versions.write_text(json.dumps(known))
    draft = copies / "p2" / STATE / "draft.json"
    content = json.loads(draft.read_text())
    there = content["machine"]["processor"]
    content["machine"]["processor"] = "z80"
    draft.write_text(json.dumps(content))
    assert merge(three(copies), copies / "whole").manifest.machine["processor"] == f"{there}, z80"


def test_overlapping_missing_and_broken_off_parts(copies):
    with pytest.raises(DatasetError, match=r"p1: the shard .* is in .*p1 too"):
        merge([*three(copies), copies / "p1"], copies / "whole")
    with pytest.raises(DatasetError, match=r"parts: 1 of 4 shards are missing(.|\n)*--shards 1`"):
        merge([copies / "p1", copies / "p3"], copies / "whole")
    results = sorted((copies / "p3" / STATE).glob("*-0*.json"))
    results[0].unlink()
    with pytest.raises(DatasetError, match=r"p3: is not done: 1 of 4 shards"):
        merge(three(copies), copies / "whole")
    assert not (copies / "whole").exists()


def test_a_shard_that_was_damaged_is_made_again_by_its_part(copies, built):
    tar = next((copies / "p2" / "webdataset").iterdir())
    tar.write_bytes(b"short")
    with pytest.raises(DatasetError, match="missing or was changed"):
        merge(three(copies), copies / "whole")
    build_part(tiny.recipe(), copies / "p2", part="2/3")
    merge(three(copies), copies / "whole")
    assert tiny.files(copies / "whole") == tiny.files(built)


def test_what_is_no_part(built, tmp_path):
    for folder, message in ((built, "finished dataset"), (tmp_path, "no part")):
        with pytest.raises(DatasetError, match=message):
            merge([folder], tmp_path / "whole")
    with pytest.raises(DatasetError, match="in a list"):
        merge("parts", tmp_path / "whole")
    with pytest.raises(OutputError, match="finished"):
        build_part(tiny.recipe(), built, part="1/3")
