"""Making a study: the numbers asked for, one geometry and window, nothing that gives the origin away, and refusals."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError, OutputError
from synthmammo.mammogram.sample import Box, Finding
from synthmammo.studying.giveaway import check_giveaways, machine_features
from synthmammo.studying.harmonise import WINDOW, CaseFrame, brought, contrast, difficulties, lesion_words, outline
from synthmammo.studying.new import StudyOptions, make_study
from synthmammo.studying.study import MarkedLesion, Study, read_pixels
from tests.support import tiny

COUNTS = StudyOptions(real=5, synthesised=4, edited=2, seed=3)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A "real" dataset of another size, one with lesion-free twins, and one of both views of breasts."""
    root = tmp_path_factory.mktemp("datasets")
    other = {"generator": "phantom", "spacing_mm": 2.0, "height_mm": 240, "width_mm": 180}
    both = {"generator": "phantom", "spacing_mm": 2.0, "height_mm": 200, "width_mm": 160, "exam": "four views"}
    recipes = {
        "real": tiny.recipe(name="real", background=other, seed=2),
        "made": tiny.recipe(name="made", pair="host", seed=4),
        "exams": tiny.recipe(name="exams", lesions=None, classes={"normal": 1}, background=both),
    }
    for name, recipe in recipes.items():
        make_dataset(recipe, root / name, engine=Local(1))
    return {name: root / name for name in recipes}


@pytest.fixture(scope="module")
def study(places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Study:
    out = tmp_path_factory.mktemp("study") / "study"
    make_study(places["real"], places["made"], out, options=COUNTS)
    return Study.open(out)


def test_numbers_and_files(study: Study) -> None:
    kinds = Counter(truth.kind for truth in study.truths.values())
    assert kinds == {"real": 5, "synthesised": 6}
    assert [item.name for item in study.items] == [f"{number:04}" for number in range(1, 12)]
    assert len({(truth.dataset, truth.keys) for truth in study.truths.values()}) == 11
    files = list((study.path / "images").iterdir())
    assert len(files) == 11 and len({file.stat().st_size for file in files}) == 1


def test_one_geometry_and_one_window(study: Study) -> None:
    for truth in study.truths.values():
        image = read_pixels(study.path / "images" / f"{truth.name}.u16")
        assert image.shape == study.shape == (100, 100) and image.dtype == np.uint16
        low, high = np.percentile(image[image > 0], [0.5, 99.8])
        assert low == pytest.approx(WINDOW[0], abs=300) and high == pytest.approx(WINDOW[1], abs=300)
        assert (image[:, 0] > 0).mean() > (image[:, -1] > 0).mean(), "the chest wall is on the left"


def test_twins_differ_at_the_lesion_alone(study: Study) -> None:
    twins = [truth for truth in study.truths.values() if truth.twins]
    assert twins
    for truth in twins:
        image, twin = (
            read_pixels(study.path / folder / f"{truth.name}.u16").astype(int) for folder in ("images", "twins")
        )
        changed = np.argwhere(np.abs(image - twin) > 400)
        row0, col0, row1, col1 = truth.lesions[0].box
        assert changed.size
        assert len(truth.lesions) > 1 or (changed.min(0) >= (row0 - 8, col0 - 8)).all()
        assert len(truth.lesions) > 1 or (changed.max(0) < (row1 + 8, col1 + 8)).all()


def test_the_same_seed_gives_the_same_study(places: dict[str, Path], study: Study, tmp_path: Path) -> None:
    again = make_study(places["real"], places["made"], tmp_path / "again", options=COUNTS)
    for name in ("study.json", "check.json"):
        assert (again.path / name).read_bytes() == (study.path / name).read_bytes()
    other = make_study(places["real"], places["made"], tmp_path / "o", options=StudyOptions(5, 4, 2, seed=9))
    assert [one.keys for one in other.truths.values()] != [one.keys for one in study.truths.values()]


def test_edited_ones_from_a_dataset_of_their_own(places: dict[str, Path], tmp_path: Path) -> None:
    options = StudyOptions(2, 2, 3, size_px=64)
    made = make_study(places["real"], places["made"], tmp_path / "s", edited=places["exams"], options=options)
    assert Counter(one.kind for one in made.truths.values()) == {"real": 2, "synthesised": 2, "edited": 3}
    assert made.shape == (64, 64)


def test_pairs_show_both_views_of_a_breast(places: dict[str, Path], tmp_path: Path) -> None:
    options = StudyOptions(2, 2, 0, pairs=True)
    made = make_study(places["exams"], places["exams"], tmp_path / "s", options=options)
    assert {item.views for item in made.items} == {("CC", "MLO")}
    dataset = Dataset.open(places["exams"])
    for truth in made.truths.values():
        first, second = (dataset.sample(key) for key in truth.keys)
        assert first.patient == second.patient and first.laterality == second.laterality
    with pytest.raises(DatasetError, match="breasts with both views, but the study needs 2"):
        make_study(places["real"], places["exams"], tmp_path / "t", options=options)


def test_views_that_one_origin_lacks_are_not_shown(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthmammo.studying import new

    real = new.read_index

    def without_views(path: Path):
        table = real(path)
        if path != places["real"]:
            return table
        import pyarrow as pa

        return table.set_column(table.column_names.index("view"), "view", pa.nulls(table.num_rows, pa.string()))

    monkeypatch.setattr(new, "read_index", without_views)
    made = make_study(places["real"], places["made"], tmp_path / "s", options=COUNTS)
    assert {item.views for item in made.items} == {("",)}


def test_refusals(places: dict[str, Path], study: Study, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="12 images, but the study needs 52\n  Ask for at most 12"):
        make_study(places["real"], places["made"], tmp_path / "s")
    with pytest.raises(OutputError, match="holds a study already"):
        make_study(places["real"], places["made"], study.path)
    result = tiny.run("study", "new", "--real", tmp_path, "--synthetic", places["made"], "--out", tmp_path / "s")
    assert result.exit_code == 1 and not (tmp_path / "s").exists()


def noise(number: int, rng: np.random.Generator, mean: float = 30000) -> list[np.ndarray]:
    images = rng.normal(mean, 4000, (number, 40, 40)).clip(1, 65535).astype(np.uint16)
    images[:, :, 30:] = 0
    return list(images)


def test_images_of_one_kind_are_not_told_apart() -> None:
    rng = np.random.default_rng(0)
    found = check_giveaways(noise(60, rng), np.arange(60) % 2 == 0, 0)
    assert found["warnings"] == []
    assert found["four_statistics"][1] < 0.5 < found["four_statistics"][2]
    assert found["machine"][1] < 0.5 < found["machine"][2]


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda image: np.where(image, np.minimum(image.astype(int) + 6000, 65535), 0), "mean grey level"),
        (lambda image: image // 512 * 512, "number of distinct levels"),
        (lambda image: np.where(np.arange(40)[:, None] < 4, 0, image), "blank"),
        (lambda image: np.where(image, np.maximum(image, 24000), 0), "share of the darkest levels"),
    ],
)
def test_what_gives_the_origin_away_is_named(spoil, name) -> None:
    rng = np.random.default_rng(1)
    real, made = noise(30, rng), [spoil(image).astype(np.uint16) for image in noise(30, rng)]
    found = check_giveaways([*real, *made], np.arange(60) >= 30, 0)
    assert any(name in warning for warning in found["warnings"]), found["warnings"]


def test_the_machine_sees_texture_that_grey_levels_do_not_tell() -> None:
    from scipy import ndimage

    rng = np.random.default_rng(2)
    flat = [np.sort(image.ravel()) for image in noise(60, rng)]
    images = []
    for number, levels in enumerate(flat):
        field = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 0.5 + 2 * (number % 2))
        image = np.empty(1600, np.uint16)
        image[np.argsort(field.ravel())] = levels
        images.append(image.reshape(40, 40))
    found = check_giveaways(images, np.arange(60) % 2 == 1, 0)
    assert found["machine"][1] > 0.8 and machine_features(images[0]).shape == (28,)


def test_warnings_are_said_and_the_study_is_made(places: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    from synthmammo.studying import new

    monkeypatch.setattr(new, "check_giveaways", lambda *given: {"warnings": ["The mean tells it."]})
    counts = ("--real-count", 3, "--synthesised-count", 3, "--edited-count", 0)
    line = ("--real", places["real"], "--synthetic", places["made"], "--out", tmp_path / "s", *counts)
    result = tiny.run("study", "new", *line)
    assert result.exit_code == 0 and "warning: The mean tells it." in result.output
    assert "3 real, 3 synthesised, 0 edited; 100 x 100 pixels" in result.output
    assert len(Study.open(tmp_path / "s").items) == 6


def test_lesions_are_described(built: Path) -> None:
    sample = next(one for one in Dataset.open(built) if one.findings)
    made, _ = brought(sample, CaseFrame(100, 12))
    assert (
        lesion_words(Finding("mass", "benign", Box(0, 0, 1, 1), descriptors={"shape": "oval"}))
        == "benign mass: shape oval"
    )
    assert lesion_words(Finding("mass", "benign", Box(0, 0, 1, 1))) == "benign mass"
    corners = outline(made, made.findings[0])
    row0, col0, row1, col1 = made.findings[0].box
    assert all(row0 - 1 <= row <= row1 and col0 - 1 <= column <= col1 for row, column in corners)
    brighter = made.with_(image=np.where(made.lesions > 0, 60000, 20000).astype(np.uint16))
    assert contrast(brighter, made.findings[0]) > contrast(made, made.findings[0])


def test_faint_small_lesions_in_dense_tissue_are_hard() -> None:
    def one(size: int, contrast: float) -> tuple[MarkedLesion, ...]:
        return (MarkedLesion(0, (0, 0, size, size), (), "", contrast),)

    found = difficulties([one(20, 3), (), one(4, 0.2), one(10, 1)], ["a", "a", "d", None])
    assert found == [0.0, None, 1.0, 0.5]
    assert difficulties([(), ()], [None, None]) == [None, None]


def test_nothing_public_names_a_source(study: Study) -> None:
    text = (study.path / "study.json").read_text()
    assert set(json.loads(text)) == {"version", "title", "seed", "shape", "window", "items"}
    assert "made" not in text and "real" not in text
