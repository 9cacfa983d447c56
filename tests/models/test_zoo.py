"""The zoo: what is added is what recipes find, halved, with a card; what does not belong is refused."""

import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from synthmammo.cli import main
from synthmammo.errors import CheckpointError, OutputError
from synthmammo.models import names
from synthmammo.models import zoo as model_zoo
from synthmammo.models.file import Description, load, save_model
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.models.zoo import add_model, find_model, list_models
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, as_dict, contextual_file, stylegan2_file

METRICS = {
    "extractor": "some network",
    "model": {"images": 100.0, "frechet_distance": 12.34, "kernel_distance_x1000": 8.0},
    "real": {"images": 100.0, "frechet_distance": 4.5},
}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An empty package and an empty user's folder, which is not there yet."""
    monkeypatch.setattr(names, "ZOO", tmp_path / "package")
    monkeypatch.setattr(model_zoo, "ZOO", tmp_path / "package")
    monkeypatch.setenv(names.USER_ZOO, str(tmp_path / "user"))
    return tmp_path / "user", tmp_path / "package"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["zoo", *arguments])
    return result.exit_code, result.output


def test_what_is_added_is_found_halved_without_the_discriminator(tmp_path: Path) -> None:
    source = stylegan2_file(tmp_path / "mine.safetensors", discriminator=True)
    added = add_model(source)
    assert added.name == "zoo/mine" and names.zoo() == ["zoo/mine"] and list_models() == [added]
    stored = load("zoo/mine")
    assert stored.networks == ("generator",)
    assert {tensor.dtype for tensor in stored.tensors.values()} == {torch.float16}
    assert stored.description == load(source).description
    assert added.numbers == sum(tensor.numel() for tensor in Generator(STYLEGAN2).state_dict().values())
    z = torch.randn(1, 8)
    torch.testing.assert_close(stored.network()(z), load(source).network()(z), atol=0.02, rtol=0.02)


def test_a_name_is_taken_once_and_replaced_on_request(tmp_path: Path) -> None:
    first = add_model(stylegan2_file(tmp_path / "a.safetensors"), "views")
    with pytest.raises(OutputError, match="Give another name, or replace"):
        add_model(stylegan2_file(tmp_path / "a.safetensors"), "views")
    second = add_model(stylegan2_file(tmp_path / "b.safetensors", CONDITIONAL), "zoo/views", overwrite=True)
    assert second.path == first.path and second.description.classes == ("benign", "malignant")


def test_a_users_model_takes_precedence_over_the_packages(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    folders[1].mkdir()
    shipped = stylegan2_file(folders[1] / "views.safetensors")
    assert names.locate_model("zoo/views") == shipped and find_model("zoo/views").shipped
    added = add_model(stylegan2_file(tmp_path / "mine.safetensors", CONDITIONAL), "views")
    assert names.locate_model("zoo/views") == added.path == folders[0] / "views.safetensors"
    assert [found.shipped for found in list_models()] == [False]


def test_the_card_beside_a_model_comes_along_else_one_is_drafted(tmp_path: Path) -> None:
    source = stylegan2_file(tmp_path / "mine.safetensors")
    assert "32-bit floats" in find_model(source).card
    drafted = add_model(source).card
    assert "16-bit floats" in drafted
    assert "# mine" in drafted and "apache-2.0" in drafted and "64 x 64 pixels, 12 bits" in drafted
    assert "phantom (digest 000000000000)" in drafted and "Nothing was measured." in drafted
    source.with_suffix(".md").write_text("# By hand\n", encoding="utf-8")
    assert add_model(source, "other").card == "# By hand\n"
    assert drafted in run("show", "zoo/mine")[1]


def test_a_file_with_several_networks_counts_its_generator_once(tmp_path: Path) -> None:
    generator = Generator(STYLEGAN2)
    networks = {"generator": generator, "training_generator": Generator(STYLEGAN2)}
    source = save_model(tmp_path / "m.safetensors", networks, Description("stylegan2", as_dict(STYLEGAN2)))
    described = find_model(source)
    assert described.weights == sum(weight.numel() for weight in generator.parameters())
    assert described.numbers == sum(tensor.numel() for tensor in generator.state_dict().values())
    assert f"{described.weights / 1e6:.2f} million weights, 32-bit floats" in described.card
    assert "| for further training | training generator |" in described.card


def test_cards_and_table_of_the_shipped_models_keep_to_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("COLUMNS", "200")
    table = run("list")[1]
    shipped = [described for described in list_models() if described.shipped]
    assert shipped
    for described in shipped:
        stated, decimals = re.search(r"(\d+\.(\d+)) million weights", described.card).groups()
        assert stated == f"{described.weights / 1e6:.{len(decimals)}f}", described.name
        assert described.precision in described.card
        assert f"{described.side_px} x {described.side_px}" in described.card
        (row,) = [line for line in table.splitlines() if described.name in line]
        assert f"{described.weights / 1e6:.1f} M" in row and f"{described.side_px} x {described.side_px}" in row


def test_a_name_without_its_folder_is_understood_as_a_slip(tmp_path: Path) -> None:
    add_model(stylegan2_file(tmp_path / "views.safetensors"))
    for name in ("views", "vews"):
        code, output = run("show", name)
        assert code == 1 and f"{name}: no such file\n  Did you mean 'zoo/views'?" in output
    assert "A model is named as zoo/NAME" in run("show", "something")[1]


def test_a_model_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stylegan2_file(tmp_path / "mine.safetensors")
    monkeypatch.setattr(model_zoo, "MOST_NUMBERS", find_model(source).numbers - 1)
    with pytest.raises(CheckpointError, match=r"million weights; a model of the zoo has at most .*\(16 MB\)"):
        add_model(source)
    assert list_models() == []
    monkeypatch.setattr(model_zoo, "MOST_NUMBERS", find_model(source).numbers)
    assert add_model(source)


def test_weights_that_overflow_in_half_precision_leave_nothing(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    generator = Generator(STYLEGAN2)
    with torch.no_grad():
        generator.synthesis.b4.const[0, 0, 0] = 1e6
    source = save_model(
        tmp_path / "m.safetensors", {"generator": generator}, Description("stylegan2", as_dict(STYLEGAN2))
    )
    with pytest.raises(CheckpointError, match="not finite"):
        add_model(source)
    assert not list(folders[0].glob("*"))


@pytest.mark.parametrize("name", ["", "../escape", "a b", ".hidden"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no name"):
        add_model(stylegan2_file(tmp_path / "mine.safetensors"), name)


def test_a_published_file_is_sent_to_convert(tmp_path: Path) -> None:
    (tmp_path / "network.pkl").write_bytes(b"\x80\x04N.")
    code, output = run("add", str(tmp_path / "network.pkl"))
    assert code == 1 and "synthmammo convert" in output


def test_the_list_names_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, output = run("list")
    assert code == 0 and "No models" in output and str(tmp_path / "user") in output
    add_model(stylegan2_file(tmp_path / "views.safetensors", CONDITIONAL))
    add_model(contextual_file(tmp_path / "masses.safetensors"))
    code, output = run("list")
    assert code == 0
    for text in ("zoo/views", "zoo/masses", "mass, 64 x 64", "benign, malignant", "apache-2.0", "user"):
        assert text in output, output
