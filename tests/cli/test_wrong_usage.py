"""Wrong paths and wrong command lines: a message, an exit code, and nothing changed."""

from pathlib import Path

import pytest

from tests.support import tiny


@pytest.fixture
def places(tmp_path) -> dict[str, Path]:
    (tmp_path / "file").write_text("some text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("")
    return {"absent": tmp_path / "absent", "file": tmp_path / "file", "folder": tmp_path / "folder"}


@pytest.mark.parametrize("place", ["absent", "file", "folder"])
@pytest.mark.parametrize("command", ["build", "plan", "verify", "show", "card", "regenerate", "ingest", "patches"])
def test_a_wrong_path_gives_a_message_and_changes_nothing(places, command, place):
    path = places[place]
    arguments = {
        "regenerate": [path, "key", "--out", path.parent / "out"],
        "ingest": ["folder", path, "--out", path.parent / "out"],
        "patches": [path, "--out", path.parent / "out"],
    }.get(command, [path])
    before = tiny.files(path.parent)
    result = tiny.run(command, *arguments)
    assert result.exit_code == 1
    assert "error: " in result.output and str(path) in result.output.replace("\n", "")
    left = {name for name in tiny.files(path.parent) if not name.startswith("out")}
    assert left == set(before)


WRONG = {
    "text for a number": ["build", "x.yaml", "--size", "ten"],
    "no workers": ["build", "x.yaml", "--workers", "0"],
    "unknown option": ["build", "x.yaml", "--sise", "3"],
    "no recipe": ["build"],
    "two recipes": ["plan", "a.yaml", "b.yaml"],
    "negative pixels": ["verify", ".", "--pixels", "-1"],
    "argument to schema": ["schema", "x"],
    "unknown geometry": ["ingest", "dicom", ".", "--out", "o", "--geometry", "round"],
    "no output": ["ingest", "dicom", "."],
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_exits_with_2(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tiny.run(*WRONG[case]).exit_code == 2
    assert not list(tmp_path.iterdir())
