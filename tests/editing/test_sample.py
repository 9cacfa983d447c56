"""`synthmammo sample` and `convert`: seeds, outputs, and messages."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from synthmammo.cli.main import main
from synthmammo.editing.sample import sample, write_samples
from synthmammo.errors import GeneratorError, OutputError, SynthmammoError
from synthmammo.generators.stylegan2 import quantised
from synthmammo.ingesting.sources.origins import file_mark
from synthmammo.mammogram import png
from synthmammo.models.file import load
from tests.support.tiny_models import CONDITIONAL, stylegan2_file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return stylegan2_file(tmp_path / "model.safetensors")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_array_is_the_networks_output(model: Path, tmp_path: Path) -> None:
    code, _ = run("sample", model, "--seeds", "3-5,1", "--truncation", 0.65, "--out", tmp_path / "s.npy")
    assert code == 0
    array = np.load(tmp_path / "s.npy")
    assert array.dtype == np.float32 and array.shape == (4, 1, 64, 64)
    network = load(model).network()
    for image, seed in zip(array, (3, 4, 5, 1), strict=True):
        z = torch.from_numpy(np.random.RandomState(seed).randn(1, 8)).float()
        with torch.inference_mode():
            np.testing.assert_array_equal(image, network(z, psi=0.65)[0].numpy())
    assert np.abs(array).max() > 1  # not clipped


def test_files_and_sheet_show_the_same_images(model: Path, tmp_path: Path) -> None:
    array = np.load(write_samples(model, tmp_path / "s.npy", seeds=(0, 1, 2)))
    folder = write_samples(model, tmp_path / "files", seeds=(0, 1, 2))
    assert sorted(path.name for path in folder.iterdir()) == ["seed0000.png", "seed0001.png", "seed0002.png"]
    for seed in range(3):
        levels = png.decode((folder / f"seed{seed:04d}.png").read_bytes())
        np.testing.assert_array_equal(levels, quantised(array[seed, 0], 12))
    mark = file_mark(folder / "seed0001.png")
    assert (str(mark.making.source_type), mark.key) == ("trainedAlgorithmicMedia", "seed0001")
    assert [maker.weights for maker in mark.making.makers] == [load(model).digest]
    sheet = png.decode(write_samples(model, tmp_path / "s.png", seeds=(0, 1, 2)).read_bytes())
    assert sheet.dtype == np.uint8 and sheet.shape == (128, 128)
    np.testing.assert_array_equal(sheet[:64, 64:], quantised(array[1, 0], 8))
    np.testing.assert_array_equal(sheet[64:, :64], quantised(array[2, 0], 8))
    assert (sheet[64:, 64:] == 0).all()


def test_a_seed_gives_the_same_image_whatever_else_is_asked(model: Path, tmp_path: Path) -> None:
    many = np.load(write_samples(model, tmp_path / "a.npy", seeds=(4, 7, 9)))
    one = np.load(write_samples(model, tmp_path / "b.npy", seeds=(7,)))
    np.testing.assert_array_equal(many[1], one[0])


def test_a_conditional_model_needs_a_class(tmp_path: Path, model: Path) -> None:
    conditional = stylegan2_file(tmp_path / "c.safetensors", CONDITIONAL)
    code, output = run("sample", conditional, "--seeds", "0", "--out", tmp_path / "s.npy")
    assert code == 1 and "Known: benign, malignant." in output
    arrays = []
    for label in ("benign", "malignant"):
        assert run("sample", conditional, "--seeds", "0", "--class", label, "--out", tmp_path / "s.npy")[0] == 0
        arrays.append(np.load(tmp_path / "s.npy"))
    assert not np.array_equal(*arrays)
    code, output = run("sample", conditional, "--class", "malignnt", "--out", tmp_path / "s.npy")
    assert code == 1 and "Did you mean 'malignant'" in output
    code, output = run("sample", model, "--class", "benign", "--out", tmp_path / "s.npy")
    assert code == 1 and "knows no classes" in output


@pytest.mark.parametrize(
    ("text", "seeds"), [("0", (0,)), ("0-3", (0, 1, 2, 3)), ("5,1", (5, 1)), ("1, 7-9", (1, 7, 8, 9)), ("4-4", (4,))]
)
def test_seeds_are_understood(model: Path, text: str, seeds: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(sample(model, seeds=text), sample(model, seeds=seeds))


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1--2", "1.5", "3;4"])
def test_other_seeds_are_refused(model: Path, text: str) -> None:
    with pytest.raises(GeneratorError, match="seeds"):
        sample(model, seeds=text)


def test_no_seeds_are_refused(model: Path, tmp_path: Path) -> None:
    code, output = run("sample", model, "--seeds", "5-3", "--out", tmp_path / "s.npy")
    assert code == 2 and "names no sample" in output
    with pytest.raises(GeneratorError, match="no seeds were given"):
        sample(model, seeds="5-3")


def test_a_failure_leaves_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.npy").write_bytes(b"before")

    def stop(done: int, total: int) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_samples(model, tmp_path / "s.npy", seeds=(0, 1), progress=stop)
    assert (tmp_path / "s.npy").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "s.npy"]
    (tmp_path / "taken").touch()
    code, output = run("sample", model, "--out", tmp_path / "taken")
    assert code == 1 and "is a file" in output


def test_convert_from_the_command_line(model: Path, tmp_path: Path) -> None:
    code, output = run("convert", model, tmp_path / "half.safetensors", "--half")
    assert code == 0 and output.strip().endswith("half.safetensors")
    assert (tmp_path / "half.safetensors").stat().st_size < model.stat().st_size
    code, output = run("convert", tmp_path / "absent.pkl", tmp_path / "x.safetensors")
    assert code == 1 and "no such file" in output


def test_images_in_memory_are_those_of_the_file_but_clipped(model: Path, tmp_path: Path) -> None:
    written = np.load(write_samples(model, tmp_path / "a.npy", seeds=(4, 7), truncation=0.8))
    images = sample(model, seeds=[4, np.int64(7)], truncation=0.8)
    assert images.dtype == np.float32 and images.shape == (2, 64, 64)
    np.testing.assert_array_equal(images, np.clip(written[:, 0], -1, 1))
    np.testing.assert_array_equal(sample(str(model), seeds=7, truncation=0.8), images[1:])


def test_a_class_in_memory(tmp_path: Path) -> None:
    conditional = stylegan2_file(tmp_path / "c.safetensors", CONDITIONAL)
    assert not np.array_equal(*(sample(conditional, seeds=0, label=label) for label in ("benign", "malignant")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": 3}, "model: expected the name"),
        ({"model": "zoo/none"}, "zoo/none: no such model"),
        ({"seeds": {}}, "seeds: no seeds were given"),
        ({"seeds": 1.5}, "seeds: expected a whole number, or several, found 1.5"),
        ({"seeds": [0, -1]}, "seeds: expected a whole number of 0 or more, found -1"),
        ({"seeds": [True]}, "seeds: expected"),
        ({"seeds": []}, "seeds: no seeds were given"),
        ({"truncation": -0.1}, "truncation: expected a number"),
        ({"truncation": "half"}, "truncation: expected a number"),
        ({"label": 3}, "label: expected a text"),
        ({"label": "benign"}, "knows no classes"),
        ({"device": None}, "device: expected a text"),
    ],
)
def test_what_cannot_be_sampled_is_named(model: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(SynthmammoError) as caught:
        sample(**{"model": model, "seeds": range(2), **changes})
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["s2.jpg", "s.tiff", "s.npz", "s.PNG"])
def test_a_file_of_another_kind_does_not_become_a_folder(name, model, tmp_path):
    with pytest.raises(OutputError, match="no format is known by the ending") as caught:
        write_samples(str(model), tmp_path / name, seeds=0)
    assert ".png (a sheet)" in str(caught.value)
    assert not (tmp_path / name).exists()


def test_a_folder_may_have_a_dot(model, tmp_path):
    (tmp_path / "made.jpg").mkdir()
    for name in ("psi-0.4", "run.2", "made.jpg"):
        assert [path.name for path in write_samples(str(model), tmp_path / name, seeds=0).iterdir()]
