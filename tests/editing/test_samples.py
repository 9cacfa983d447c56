"""Samples by name, and the pictures made of them: mixtures, walks, sheets."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from synthmammo.editing.pictures import sheet
from synthmammo.editing.pictures.mix import write_mix
from synthmammo.editing.pictures.walk import Way, along_direction, blended, points_of, write_walk
from synthmammo.editing.samples import Samples, grey, parse_names
from synthmammo.errors import CheckpointError, GeneratorError, OutputError
from synthmammo.ingesting.sources.origins import file_mark
from synthmammo.mammogram.pictures import BACKGROUND, difference, outlined, tinted
from synthmammo.models.inverted import Facts, Inverted, write_inverted
from tests.support import tiny
from tests.support.tiny_models import CONDITIONAL, edited_file, stylegan2_file


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples.of(str(edited_file(tmp_path_factory.mktemp("model") / "m.safetensors")), 0.7)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def frames_of(path: Path) -> list[np.ndarray]:
    with Image.open(path) as picture:
        return [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(picture)]


@pytest.fixture(scope="module")
def inverted(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = {"b8.conv1": np.zeros((8, 8), np.float16)}
    w = samples.named("5").w.numpy()
    planes = {
        name: samples.model.network.synthesis.get_buffer(f"{name}.noise_const").numpy().astype(np.float16)
        for name in samples.model.network.synthesis.layers
        if not name.endswith("torgb")
    }
    images = [Inverted(Facts("film", "p"), w, planes | noise)]
    path = tmp_path_factory.mktemp("films") / "f.latents"
    return write_inverted(path, samples.model.checkpoint.digest, {}, images)


def test_names_are_seeds_and_inverted_images(samples: Samples, inverted: Path) -> None:
    seed, film = samples.named("5"), samples.named(f"{inverted}:film")
    assert torch.equal(seed.w, film.w) and seed.noise is None and film.noise is not None
    assert film.name == "film" and samples.image(film.w, film.noise).shape == (64, 64)
    for wrong in ("five", "-1", "1.5"):
        with pytest.raises(GeneratorError, match=r"neither a seed nor FILE:KEY"):
            samples.named(wrong)


def test_lists_of_names() -> None:
    assert parse_names("3, 5-7,a/b.latents:mdb-001") == ["3", "5", "6", "7", "a/b.latents:mdb-001"]
    for wrong in ("", " , "):
        with pytest.raises(GeneratorError, match="names no sample"):
            parse_names(wrong)


def test_the_class_is_asked_for_and_checked(tmp_path: Path, samples: Samples) -> None:
    path = stylegan2_file(tmp_path / "c.safetensors", CONDITIONAL)
    with pytest.raises(
        GeneratorError,
        match=r"a class is needed; none is known\n  Name one as the class \(label\). Known: benign, malignant",
    ):
        Samples.of(str(path))
    with pytest.raises(GeneratorError, match="'odd' is none of them"):
        Samples.of(str(path), label="odd")
    with pytest.raises(GeneratorError, match="knows no classes"):
        Samples.of(str(samples.model.checkpoint.path), label="benign")
    benign, malignant = (Samples.of(str(path), label=label).named("3") for label in ("benign", "malignant"))
    assert not torch.equal(benign.w, malignant.w)


def test_a_sheet_of_mixtures_has_the_samples_at_its_edges(samples: Samples, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    out = write_mix(samples, ["1", "2"], ["7"], (0, 0), tmp_path / "m.png", progress=lambda *step: steps.append(step))
    (picture,) = frames_of(out)
    assert str(file_mark(out).making.source_type) == "trainedAlgorithmicMedia"
    assert steps[-1] == (5, 5)
    # An empty range takes nothing: both columns of a row are the same.
    left, right = np.hsplit(picture[226:, 3:-3], 2)
    assert np.array_equal(left[:190, 3:195], right[:190, 3:195])
    with pytest.raises(GeneratorError, match=r"4:99 is no range[\s\S]*layers 0 to 9"):
        write_mix(samples, ["1"], ["7"], (4, 99), tmp_path / "n.png")
    assert not (tmp_path / "n.png").exists()


def test_a_walk_visits_its_stops(samples: Samples, tmp_path: Path) -> None:
    stops = tuple(map(samples.named, ("1", "2", "3")))
    points = points_of(Way(stops, 4))
    assert [point.name for point in points] == ["1", "33%", "67%", "2", "2", "33%", "67%", "3"]
    assert torch.equal(points[0].w, stops[0].w) and torch.equal(points[-1].w, stops[2].w)
    for suffix, frames in (("gif", 14), ("webp", 14), ("apng", 14)):
        out = write_walk(samples, Way(stops, 4), tmp_path / f"w.{suffix}")
        shown = frames_of(out)
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in out.read_bytes()
        # GIF and APNG hold a frame that is shown twice only once.
        assert len(shown) in (frames, frames - 2)
        assert np.array_equal(shown[0], grey(samples.image(stops[0].w)))
    assert size_of(write_walk(samples, Way(stops, 4), tmp_path / "w.png"))[0] == 6 + 4 * 166
    with pytest.raises(OutputError, match="cannot tell from its ending"):
        write_walk(samples, Way(stops, 4), tmp_path / "w.mp4")
    with pytest.raises(GeneratorError, match="expected two samples or more"):
        Way(stops[:1])


def test_a_walk_along_a_direction_passes_the_sample(samples: Samples) -> None:
    named = samples.named("4")
    points = points_of(Way(along_direction(samples, [named], "density", 2.0), 5))
    assert [points[0].name, points[-1].name] == ["density -2", "density +2"]
    torch.testing.assert_close(points[2].w, named.w)
    step = samples.step("density", layers=(2, 4))
    assert step[2:4].abs().sum() > 0 and not step[:2].any() and not step[4:].any()
    with pytest.raises(GeneratorError, match="no direction 'densty'"):
        samples.step("densty")


def test_noise_on_the_way_keeps_its_variance() -> None:
    generator = torch.Generator().manual_seed(0)
    start, end = ({"a": torch.randn(1, 1, 64, 64, generator=generator)} for _ in range(2))
    for share in (0.0, 0.3, 1.0):
        assert blended(start, end, share)["a"].var().item() == pytest.approx(1, abs=0.06)
    assert torch.equal(blended(start, end, 0.0)["a"], start["a"])
    assert blended(None, None, 0.5) is None and blended(None, end, 0.2) is end


def test_a_picture_of_inverted_real_images_is_no_purely_synthetic_one(samples: Samples, inverted: Path) -> None:
    assert "trainedAlgorithmicMedia" in samples.packet("1") and "composite" not in samples.packet("1")
    assert "compositeWithTrainedAlgorithmicMedia" in samples.packet("1", f"{inverted}:film")


def test_figure_1(samples: Samples, inverted: Path) -> None:
    picture = sheet.seeds_sheet(samples, ["0", "1", f"{inverted}:film"])
    assert picture.size == (6 + 3 * 198, 6 + 214)


def test_figure_2_has_the_sample_in_the_middle(samples: Samples) -> None:
    picture = np.asarray(
        sheet.directions_sheet(samples, "3", ["density", "component 1"], sheet.DirectionsLayout(1.5, 3))
    )
    middle = [picture[top : top + 192, 204 : 204 + 192] for top in (6, 6 + 214)]
    assert np.array_equal(*middle)
    assert not np.array_equal(middle[0], picture[6:198, 6:198])
    with pytest.raises(GeneratorError, match="odd number"):
        sheet.DirectionsLayout(columns=4)


def test_figure_3_and_the_parts(samples: Samples, tmp_path: Path) -> None:
    same = sheet.transfers_sheet(samples, ["1"], ["2"], sheet.Transfer(1, strength=0))
    tiles = [np.asarray(same)[6:198, 6 + 198 * column :][:, :192] for column in range(4)]
    assert np.array_equal(tiles[1], tiles[2]) and (tiles[3] == BACKGROUND).all()
    assert not np.array_equal(tiles[0], tiles[1])
    with pytest.raises(GeneratorError, match=r"no part is called '7'[\s\S]*0 to 3"):
        sheet.transfers_sheet(samples, ["1"], ["2"], sheet.Transfer(7))
    with pytest.raises(GeneratorError, match="1 targets for 2 references"):
        sheet.transfers_sheet(samples, ["1", "2"], ["3"], sheet.Transfer(1))
    assert sheet.parts_sheet(samples, ["1", "2", "3"]).size[0] == 6 + 3 * 198
    with pytest.raises(CheckpointError, match="no such file of parts"):
        sheet.parts_sheet(samples, ["1"], tmp_path / "absent")


def test_colours_of_changes_and_parts() -> None:
    before = np.zeros((16, 16), np.float32)
    after = before + np.float32([[-0.5] * 8 + [0.5] * 8] * 16)
    shown = difference(before, after)
    assert shown[0, 0, 2] > shown[0, 0, 0] and shown[0, -1, 0] > shown[0, -1, 2]
    assert (difference(before, before) == BACKGROUND).all()
    flat = np.full((64, 64), 128, np.uint8)
    cells = np.arange(64).reshape(8, 8) // 32
    coloured = tinted(flat, cells)
    assert coloured.shape == (256, 256, 3) and not np.array_equal(coloured[2, 2], coloured[-3, 2])
    piece = np.zeros((8, 8), np.int64)
    piece[0, 0], piece[5:, 4:7] = 1, 1  # two pieces of number 1: it is written on the larger one
    written = (tinted(flat, piece) == 255).all(-1)
    assert not written[:32, :32].any() and written[6 * 32 + 8 : 7 * 32 - 8, 5 * 32 + 8 : 6 * 32 - 8].any()
    lined = outlined(flat, cells == 0)
    assert (lined[31] != 128).any() and (lined[10, 10] == 128).all() and (lined[40] == 128).all()


@pytest.mark.parametrize(
    "command",
    [
        ("sheet", "seeds", "--seeds", "0-2"),
        ("sheet", "directions", "--along", "density", "--columns", 3, "--layers", "0-3"),
        ("sheet", "parts", "--seeds", "0,1"),
        ("sheet", "local", "--cluster", 1, "--references", "0", "--targets", "1"),
        ("mix", "--targets", "0", "--references", "1", "--layers", "0-3"),
        ("walk", "3", "4", "--pictures", 2),
    ],
    ids=lambda command: " ".join(map(str, command[:2])),
)
def test_commands_write_a_picture(samples: Samples, tmp_path: Path, command: tuple[object, ...]) -> None:
    words = 2 if command[0] == "sheet" else 1
    out = tmp_path / "x.png"
    model = samples.model.checkpoint.path
    result = tiny.run(*command[:words], model, *command[words:], "--out", out)
    assert result.exit_code == 0, result.output
    assert size_of(out)[0] > 190 and [path.name for path in tmp_path.iterdir()] == ["x.png"]
