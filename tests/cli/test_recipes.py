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


def test_check_says_of_each_recipe_whether_it_is_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    right, wrong = (
        tiny.write(tmp_path / "right.yaml"),
        tiny.write(tmp_path / "wrong.yaml", classes={"benign": 1, "x": 0}),
    )
    result = tiny.run("check", right, wrong, "balanced_mass")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [f"ok  {right}", "ok  balanced_mass"]
    assert result.stderr.count("error: ") == 1 and str(wrong) in result.stderr
    assert tiny.run("check", right).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"right.yaml", "wrong.yaml"}


def test_shipped_recipes_are_built_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    coarse = ("--set", "background.spacing_mm=2", "--workers", 1)
    result = tiny.run("build", "balanced_mass", "--size", 2, *coarse)
    assert result.exit_code == 0 and "dataset  datasets/balanced_mass" in result.output
    result = tiny.run("build", "balanced_mas")
    assert result.exit_code == 1 and "Did you mean 'balanced_mass'?" in result.output
    assert "Known: balanced_calc" in tiny.run("plan", "xyzzy").output
