"""Parts of a dataset on the command line: build --part and --shards, status, merge."""

import json
import shutil
import subprocess
import sys
import time

import pytest

from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.journal import Entry, Journal
from synthmammo.dataset.layout import STATE
from synthmammo.dataset.manifest import ShardRecord
from synthmammo.dataset.standing import status
from tests.support import tiny


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli_parts")
    recipe = tiny.write(folder / "t.yaml")
    for number in (1, 2):
        result = tiny.run(
            "build", recipe, "--part", f"{number}/2", "--workers", 1, "--out", folder / "all" / str(number)
        )
        assert result.exit_code == 0 and "2 shards of the dataset" in result.stdout
    return folder / "all"


def test_merge_makes_the_bytes_of_a_single_build(parts, built, tmp_path):
    result = tiny.run("merge", parts / "1", parts / "2", "--out", tmp_path / "out")
    assert result.exit_code == 0 and "12 samples of 2 parts" in result.stdout
    assert tiny.files(tmp_path / "out") == tiny.files(built)


def test_status_of_parts_and_of_their_folder(parts, tmp_path):
    text = tiny.run("status", parts / "2").stdout
    assert "part 2 of 2: done; `synthmammo merge`" in text and "2 of 2 shards done" in text
    both = json.loads(tiny.run("status", parts, "--json").stdout)
    assert (both["samples"], both["planned"], both["shards_done"], both["state"]) == (12, 12, 4, "done")
    assert [part["portion"] for part in both["parts"]] == ["part 1 of 2", "part 2 of 2"]
    assert "samples/s" in tiny.run("status", parts).stdout


def test_one_part_is_broken_off(parts, tmp_path):
    shutil.copytree(parts, tmp_path / "all")
    journal = tmp_path / "all" / "2" / STATE / "journal.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:30])  # killed while it wrote
    found = status(tmp_path / "all")
    assert found.state == "unfinished" and found.shards_done == 3 and found.shards_planned == 4
    recipe = tiny.write(tmp_path / "t.yaml")
    assert tiny.run("build", recipe, "--part", "2/2", "--out", tmp_path / "all" / "2").exit_code == 0
    assert len(journal.read_text().splitlines()) > len(lines)


def test_the_rate_and_what_could_not_be_made(tmp_path):
    journal = Journal(tmp_path)
    journal.begin()
    rows = tuple({"label": "benign"} for _ in range(4))
    journal.add("train-00000", ShardResult((), rows, ({"key": "a", "reason": "no place"},), {"compose": 1.0}))
    begun, done = journal.last_run()
    assert begun <= done[0].at <= time.time()
    assert done[0].counts == {"benign": 4} and done[0].reasons == {"no place": 1} and done[0].split == "train"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--part", "0/64"], "--part: there is no part 0 of 64"),
        (["--part", "65/64"], "--part: there is no part 65 of 64"),
        (["--shards", "0-99"], "--shards: the plan has 4 shards"),
        (["--part", "1/2", "--shards", "0"], "--part: expected either a part or shards"),
        (["--part", "1/2", "--dry-run"], "--dry-run is about the whole dataset"),
    ],
)
def test_one_message_for_parts_that_there_are_not(given, message, tmp_path):
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), *given, "--out", tmp_path / "out")
    assert result.exit_code in (1, 2) and message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def many(folder, shards):
    """The state of a build of many shards, as if all but the last were done."""
    state = folder / STATE
    state.mkdir(parents=True)
    (state / "content.json").write_text(json.dumps({"recipe": {"name": "many", "size": shards * 100}}))
    (state / "work.json").write_text(json.dumps({"shards": shards, "samples": shards * 100}))
    journal = Journal(state)
    journal.begin()
    lines = []
    for number in range(shards - 1):
        name = f"train-{number:05d}"
        records = tuple(
            ShardRecord(kind, "train", f"{kind}/{name}", 100, 10**7, "0" * 64)
            for kind in ("webdataset", "parquet", "dicom")
        )
        entry = Entry(name, records, {"benign": 50, "normal": 49}, {"no place": 1}, {"compose": 9.0}, time.time())
        lines.append(json.dumps(vars(entry) | {"records": [vars(record) for record in records]}))
    with (state / "journal.jsonl").open("a") as file:
        file.write("\n".join(lines) + "\n")


def test_status_of_ten_thousand_shards_takes_less_than_two_seconds(tmp_path):
    many(tmp_path / "d", 10_000)
    command = [sys.executable, "-m", "synthmammo", "status", str(tmp_path / "d"), "--json"]
    used = []
    for _ in range(2):
        before = _children()
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        used.append(_children() - before)
    assert found["shards_done"] == 9_999 and found["failed"] == 9_999 and found["samples"] == 989_901
    assert min(used) < 2, "seconds of processor time; the wall clock belongs to whoever else runs"


def _children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
