import json

import pytest

from tests.support import tiny


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_that_is_none(tmp_path, size):
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), "--size", size, "--out", tmp_path / "out")
    assert result.exit_code == 1 and f"found {size}" in result.output and not (tmp_path / "out").exists()


def test_dry_run_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), "--dry-run", "--size", 24)
    assert result.exit_code == 0 and "24 samples on 24 backgrounds" in result.output
    assert "datasets/tiny" in result.output and "Nothing was made" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["t.yaml"]


def test_plan_prints_and_writes(tmp_path):
    result = tiny.run("plan", tiny.write(tmp_path / "t.yaml"), "--out", tmp_path / "plan.parquet")
    assert result.exit_code == 0 and (tmp_path / "plan.parquet").is_file()
    for word in ("normal", "malignant", "train", "33.33%", "4 malignant calcification"):
        assert word in result.output


def test_build_goes_to_datasets_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = tiny.run("build", tiny.write(tmp_path / "t.yaml"), "--size", 3, "--workers", 1)
    assert result.exit_code == 0
    for name in ("README.md", "manifest.json", "figures/samples.png"):
        assert (tmp_path / "datasets" / "tiny" / name).is_file()
    assert "card     datasets/tiny/README.md" in result.output and "3 of them made now" in result.output


def test_schema():
    assert json.loads(tiny.run("schema").output)["title"] == "synthmammo recipe"
