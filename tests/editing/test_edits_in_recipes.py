"""Edits and requirements from recipe to pixels, and the attributes they rest on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthmammo.building.assemble import Assembler, Failure
from synthmammo.building.build import make_dataset
from synthmammo.building.requirement import unmet
from synthmammo.building.verify import verify
from synthmammo.dataset.card import card
from synthmammo.dataset.index import read_index
from synthmammo.dataset.workers.local import Local
from synthmammo.editing.directions.file import directions_file, write_directions
from synthmammo.errors import GeneratorError
from synthmammo.generators.phantom import Phantom
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.attributes import measure
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, Sample, View
from synthmammo.mammogram.terms import ATTRIBUTES
from synthmammo.models.latents import open_model
from synthmammo.planning.planner import tables
from synthmammo.planning.summary import summarise_plan
from synthmammo.planning.table import as_row
from synthmammo.recipe import Recipe
from synthmammo.recipe.backgrounds import Requirement
from tests.editing.test_directions import directions
from tests.support import tiny
from tests.support.tiny_models import stylegan2_file

MINI_MIAS = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"
EDITS = [
    {"density": {"target": "c", "probability": 0.5}},
    {"component 2": {"strength": {"normal": [0, 1]}, "layers": [0, 4], "probability": 0.7}},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = stylegan2_file(tmp_path_factory.mktemp("models") / "tiny.safetensors")
    write_directions(directions_file(path), directions(), open_model(str(path)).checkpoint.digest)
    return path


def recipe(model: Path, **changes: object) -> Recipe:
    background = {"generator": "stylegan2", "model": str(model)}
    plain = {
        "lesions": None,
        "classes": {"normal": 1},
        "emit": {"shard_size": 3, "preview_px": 64, "formats": ["parquet"]},
    }
    return tiny.recipe(**{"background": background, **plain, **changes})


def rows_of(planned: Recipe) -> list[Row]:
    return [as_row(record) for table in tables(planned) for record in table.to_pylist()]


def made(planned: Recipe, rows: list[Row] | None = None) -> dict[str, Sample | Failure]:
    return {sample.key: sample for sample in Assembler(planned).samples(rows or rows_of(planned))}


# from the plan to the pixels


def test_the_plan_draws_what_the_recipe_says(model: Path) -> None:
    rows = rows_of(recipe(model, edits=[*EDITS, {"mixing": [4, 8], "reference": [5, 6]}, {"part": 2}], size=2000))
    drawn = {
        name: [e for row in rows for e in row.edits if e.name == name]
        for name in ("density", "component 2", "mixing", "part 2")
    }
    shares = {name: len(found) / 2000 for name, found in drawn.items()}
    assert shares == pytest.approx({"density": 0.5, "component 2": 0.7, "mixing": 1, "part 2": 1}, abs=0.04)
    assert all(0.5 <= edit.value <= 0.9 for edit in drawn["density"])
    assert np.std([edit.value for edit in drawn["component 2"]]) == pytest.approx(1, abs=0.1)
    assert {edit.reference_seed for edit in drawn["mixing"]} == {5, 6}
    assert len({edit.reference_seed for edit in drawn["part 2"]}) == 2000
    assert {edit.reference_seed for edit in drawn["density"]} == {None}
    assert all([edit.spec for edit in row.edits] == sorted(edit.spec for edit in row.edits) for row in rows)


def test_a_plan_row_gives_the_same_edit_wherever_and_with_whomever_it_is_made(model: Path) -> None:
    planned = recipe(model, edits=EDITS)
    rows = rows_of(planned)
    together = made(planned)
    assert any(row.edits for row in rows) and not all(row.edits for row in rows)
    for order in (rows[::-1], rows[5:6], rows[2:9:3]):
        for key, sample in made(planned, order).items():
            assert sample.image.tobytes() == together[key].image.tobytes()
    plain = made(recipe(model))
    for row in rows:
        assert (together[row.key].image.tobytes() == plain[row.key].image.tobytes()) is (not row.edits)


def test_workers_and_verification_agree_and_the_card_counts(model: Path, tmp_path: Path) -> None:
    planned = recipe(model, edits=EDITS, size=6)
    one, two = (make_dataset(planned, tmp_path / str(n), engine=Local(n)).manifest for n in (1, 2))
    assert one == two
    assert str(directions_file(model)) in one.sources
    assert not verify(tmp_path / "1", pixels=4).problems
    index = read_index(tmp_path / "1").to_pylist()
    rows = {row.key: row for row in rows_of(planned)}
    assert all(entry["edits"] == [edit.name for edit in rows[entry["key"]].edits] for entry in index)
    count = sum("density" in entry["edits"] for entry in index)
    assert f"density ({count} samples)" in card(tmp_path / "1").read_text()
    assert f"{count} density" in dict(summarise_plan(planned).lines)["edits"]


def test_other_directions_make_another_dataset(model: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other.directions"
    write_directions(elsewhere, directions(seed=1), open_model(str(model)).checkpoint.digest)
    background = {"generator": "stylegan2", "model": str(model), "directions": str(elsewhere)}
    edits = [{"component 0": 2}]
    first, second = made(recipe(model, edits=edits)), made(recipe(model, edits=edits, background=background))
    assert all(first[key].image.tobytes() != second[key].image.tobytes() for key in first)


@pytest.mark.parametrize(
    ("edit", "says"),
    [({"component 6": 1}, "has no direction 'component 6'"), ({"area": 1}, "has no direction 'area'")],
)
def test_directions_that_are_not_there_are_refused_at_once(model: Path, tmp_path: Path, edit: dict, says: str) -> None:
    with pytest.raises(GeneratorError, match=says):
        make_dataset(recipe(model, edits=[edit]), tmp_path / "out", engine=Local(1))
    alone = stylegan2_file(tmp_path / "alone.safetensors")
    with pytest.raises(GeneratorError, match="background.directions: .*alone.directions: there is no such file"):
        make_dataset(recipe(alone, edits=[{"density": 1}]), tmp_path / "out", engine=Local(1))
    assert not (tmp_path / "out").exists()


# what backgrounds must look like


@pytest.fixture(scope="module")
def brightness(model: Path) -> list[float]:
    """Brightness of the first candidates of the tiny recipe's backgrounds."""
    return [measure(sample, ("brightness",))["brightness"] for sample in made(recipe(model)).values()]


def test_the_first_candidate_that_passes_is_taken_and_counted(
    model: Path, brightness: list[float], tmp_path: Path
) -> None:
    low = float(np.median(brightness))
    planned = recipe(model, require={"within": {"brightness": [low, 1]}, "candidates": 4}, size=8)
    for row in rows_of(planned):
        tried = [made(recipe(model), [replace(row, host_seed=seed)])[row.key] for seed in row.host_seeds]
        passing = [number for number, sample in enumerate(tried) if unmet(sample, planned.require) is None]
        sample = made(planned, [row])[row.key]
        if passing:
            assert sample.provenance["host"]["attempt"] == passing[0]
            assert sample.image.tobytes() == tried[passing[0]].image.tobytes()
        else:
            assert isinstance(sample, Failure) and "none of the 4 candidate seeds" in sample.reason
    make_dataset(planned, tmp_path / "out", engine=Local(1))
    attempts = [entry["host_attempt"] for entry in read_index(tmp_path / "out").to_pylist()]
    assert sum(attempts) > 0
    assert f"{len(attempts)} taken, {sum(attempts)} rejected before them" in card(tmp_path / "out").read_text()


def test_what_nothing_satisfies_is_reported_with_the_value(model: Path) -> None:
    planned = recipe(model, require={"within": {"brightness": [0.999, 1]}, "candidates": 2})
    for failure in made(planned).values():
        assert isinstance(failure, Failure)
        assert failure.reason.startswith(
            "none of the 2 candidate seeds looks as required; of the last one brightness is 0."
        )


def test_a_requirement_that_all_meet_changes_no_pixel(model: Path) -> None:
    plain, required = made(recipe(model)), made(recipe(model, require={"within": {"brightness": [0, 1]}}))
    assert all(plain[key].image.tobytes() == required[key].image.tobytes() for key in plain)
    assert {sample.provenance["host"]["attempt"] for sample in required.values()} == {0}


def test_a_required_view_is_the_samples_view(model: Path) -> None:
    assert {row.view for row in rows_of(recipe(model, require={"view": "mlo"}))} == {View.MLO}
    assert {row.view for row in rows_of(recipe(model))} == {None}


# attributes


def phantom(view: View = View.MLO, density: str = "b", *, implant: bool = False, seed: int = 3) -> Sample:
    names = {"key": "k", "shard": "", "split": "train", "label": "normal", "host_key": None, "patient": ""}
    row = Row(
        **names,
        index=0,
        host=0,
        host_seed=seed,
        view=view,
        laterality=Laterality.LEFT,
        density=density,
        implant=implant,
    )
    return Phantom(0.9, 230, 230, bits_stored=12, chest_wall="left").render([row])[0]


@pytest.fixture(scope="module")
def phantoms() -> dict[str, Sample]:
    return {
        "cc": phantom(View.CC),
        "fatty": phantom(density="a"),
        "dense": phantom(density="d"),
        "implant": phantom(View.CC, implant=True),
    }


def test_views_densities_and_implants_of_phantoms_are_told_apart(phantoms: dict[str, Sample]) -> None:
    found = {name: measure(sample) for name, sample in phantoms.items()}
    assert found["cc"]["view"] < 0.1 and found["fatty"]["view"] > 0.9 and found["dense"]["view"] > 0.9
    assert found["dense"]["density"] > found["fatty"]["density"] + 0.1
    assert found["implant"]["implant"] > 0.5 > found["cc"]["implant"]
    assert np.isnan(found["cc"]["pectoral_angle"]) and 30 < found["fatty"]["pectoral_angle"] < 85
    assert all(list(values) == list(ATTRIBUTES) for values in found.values())


def test_a_mirrored_image_has_the_same_attributes(phantoms: dict[str, Sample]) -> None:
    sample = phantoms["fatty"]
    mirrored = sample.with_(image=sample.image[:, ::-1].copy(), breast=sample.breast[:, ::-1].copy())
    first, second = measure(sample), measure(mirrored)
    for name in first:
        assert second[name] == pytest.approx(first[name], rel=0.03), name


@pytest.mark.slow
@pytest.mark.skipif(not MINI_MIAS.exists(), reason="the mini-MIAS films are not in ../shared/data")
def test_most_oblique_films_are_taken_for_oblique() -> None:
    views = []
    for path in sorted(MINI_MIAS.rglob("*.png"))[::5]:
        image = np.asarray(Image.open(path).convert("L")).astype(np.uint16)
        film = phantom().with_(
            image=image, bits_stored=8, breast=breast_mask(image, 8), lesions=np.zeros(image.shape, np.uint8)
        )
        views.append(measure(film, ("view",))["view"])
    assert np.mean(np.array(views) >= 0.9) > 0.8 and np.mean(np.array(views) <= 0.1) < 0.05


def test_bit_depth_does_not_matter(phantoms: dict[str, Sample]) -> None:
    sample = phantoms["dense"]
    deeper = sample.with_(image=sample.image << 4, bits_stored=16)
    assert measure(deeper, ("brightness", "area", "texture")) == pytest.approx(
        measure(sample, ("brightness", "area", "texture")), rel=1e-2
    )


def test_nothing_is_measured_where_no_breast_is(phantoms: dict[str, Sample]) -> None:
    empty = phantoms["cc"].with_(breast=np.zeros_like(phantoms["cc"].breast))
    assert all(np.isnan(value) for value in measure(empty).values())


def test_white_noise_is_flat_and_smoothed_noise_steep() -> None:
    from scipy import ndimage

    noise = np.random.default_rng(0).normal(size=(128, 128))
    slopes = []
    for plane in (noise, ndimage.gaussian_filter(noise, 2) * 5):
        image = np.clip(2000 + 300 * plane, 0, 4095).astype(np.uint16)
        whole = phantom().with_(image=image, breast=np.ones(image.shape, bool), lesions=np.zeros(image.shape, np.uint8))
        slopes.append(measure(whole, ("texture",))["texture"])
    assert abs(slopes[0]) < 0.3 and slopes[1] > 2


def test_requirements_name_what_is_missing(phantoms: dict[str, Sample]) -> None:
    cc, oblique = phantoms["cc"], phantoms["fatty"]
    wanted = Requirement(view="mlo")
    assert unmet(oblique, wanted) is None
    assert unmet(cc, wanted) == "view is 0.001, expected 0.9 to 1"
    assert unmet(cc, Requirement(view="CC")) is None
    assert "pectoral_angle is nan" in (unmet(cc, Requirement(within={"pectoral_angle": (0, 90)})) or "")
    assert unmet(cc, Requirement(implant=False, confidence=0.5)) is None
    assert "implant" in (unmet(cc, Requirement(implant=True, confidence=0.5)) or "")
