import json

import pytest

from synthmammo.planning.estimate import CACHE
from tests.support import tiny


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def planned(*options: object) -> dict:
    result = tiny.run("plan", "t.yaml", "--workers", 2, "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_pixels_are_known_and_the_rest_is_not_guessed(tmp_path):
    tiny.write(tmp_path / "t.yaml")
    found = planned("--size", 24)
    assert found["samples"] == 24 and found["classes"]["normal"]["train"] == 4
    assert found["estimate"] | {"height": 100, "width": 80, "bytes": None, "seconds": None} == found["estimate"]
    printed = tiny.run("plan", "t.yaml").stdout
    assert "pixels  100 x 80, 0.1 million in all" in printed and "not measured here yet; --probe 4" in printed


def test_bytes_and_time_follow_from_the_build_before(tmp_path):
    tiny.write(tmp_path / "t.yaml")
    assert tiny.run("build", "t.yaml", "--workers", 1, "--size", 6).exit_code == 0
    few, many = planned("--size", 6)["estimate"], planned("--size", 600)["estimate"]
    assert few["rate"]["samples"] == 6 and few["rate"]["name"] == "tiny"
    shards = [path for name in ("webdataset", "parquet") for path in (tmp_path / "datasets/tiny" / name).iterdir()]
    dicom = [path for path in (tmp_path / "datasets/tiny/dicom").rglob("*") if path.is_file()]
    assert few["bytes"] == pytest.approx(sum(path.stat().st_size for path in [*shards, *dicom]))
    assert many["bytes"] == pytest.approx(100 * few["bytes"]) and many["seconds"] == pytest.approx(100 * few["seconds"])
    finer = planned("--size", 6, "--set", "background.spacing_mm=1")["estimate"]
    assert finer["seconds"] == pytest.approx(4 * few["seconds"])
    printed = tiny.run("plan", "t.yaml", "--workers", 2).stdout
    assert "as 6 samples of tiny had on this machine" in printed and "on 2 processes that are free" in printed
    other = planned("--set", "emit.formats=[parquet]")["estimate"]
    assert other["bytes"] is None, "other formats have another number of bytes"


def test_a_probe_measures_and_leaves_nothing(tmp_path):
    tiny.write(tmp_path / "t.yaml")
    found = planned("--probe", 2)["estimate"]
    assert found["rate"]["samples"] == 2 and found["seconds"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"t.yaml", "cache"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"x": 1}'])
def test_damaged_notes_are_no_matter(tmp_path, text):
    tiny.write(tmp_path / "t.yaml")
    planned("--probe", 1)
    notes = tmp_path / "cache" / "rates.json"
    notes.write_text(text or notes.read_text().replace('"seconds"', '"secs"'))
    assert planned()["estimate"]["bytes"] is None


def test_check_takes_folders_and_prints_json(tmp_path):
    tiny.write(tmp_path / "a.yaml")
    tiny.write(tmp_path / "b.yml", size=0)
    result = tiny.run("check", tmp_path, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and not found["ok"] and not result.stderr
    right, wrong = found["recipes"]
    assert right == {"file": str(tmp_path / "a.yaml"), "ok": True, "name": "tiny", "samples": 12}
    assert wrong["file"].endswith("b.yml") and "size" in wrong["where"] and not wrong["ok"]
    (tmp_path / "empty").mkdir()
    assert "no .yaml file" in tiny.run("check", tmp_path / "empty").output
