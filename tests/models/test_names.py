"""Names of models: what each kind leads to, and one clear message for a name that leads nowhere."""

from pathlib import Path

import pytest

from synthmammo.errors import CheckpointError
from synthmammo.models import names
from synthmammo.models.file import load
from tests.support.tiny_models import stylegan2_file


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in an empty package's folder; the user has none."""
    monkeypatch.setenv(names.USER_ZOO, str(tmp_path / "user"))
    return stylegan2_file(tmp_path / "model.safetensors")


def test_a_users_model_takes_precedence(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "ZOO", tmp_path)
    own = stylegan2_file(tmp_path / "user" / "model.safetensors")
    assert names.zoo() == ["zoo/model"] and names.locate_model("zoo/model") == own
    own.rename(own.with_name(".model.safetensors"))  # hidden files are no models
    assert names.locate_model("zoo/model") == model


@pytest.mark.parametrize(
    ("name", "expected"),
    [("zoo/a", True), ("hf://org/repo/f@main", True), ("m.safetensors", True), ("phantom", False), ("", False)],
)
def test_models_are_told_from_generators(name: str, expected: bool) -> None:
    assert names.is_model(name) is expected


def test_names_of_models(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "ZOO", tmp_path)
    assert names.zoo() == ["zoo/model"]
    assert names.locate_model("zoo/model") == names.locate_model(str(model)) == model
    fetched: list[tuple[str, str, str]] = []

    def download(repo: str, file: str, *, revision: str) -> str:
        fetched.append((repo, file, revision))
        return str(model)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert names.locate_model("hf://org/repo/folder/m.safetensors@abc") == model
    assert fetched == [("org/repo", "folder/m.safetensors", "abc")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zoo/modle", "Did you mean 'zoo/model'"),
        ("nowhere.safetensors", "no such file"),
        ("nowhere", "Known: zoo/model"),
        ("hf://org/repo@main", "expected hf://ORG/REPO/FILE@REVISION"),
        ("hf://org/repo/file.safetensors", "Name the revision"),
    ],
)
def test_names_that_lead_nowhere(
    name: str, message: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "ZOO", tmp_path)
    with pytest.raises(CheckpointError, match=message):
        load(name)


def test_an_unreachable_hub_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def download(*args: object, **options: object) -> str:
        raise LocalEntryNotFoundError("cannot find the file\nand many more lines")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    with pytest.raises(CheckpointError, match=r"cannot be fetched \(cannot find the file\)"):
        load("hf://org/repo/m.safetensors@main")
