"""Scenes, sessions and recipes of the explorer, without a browser: what is shown is what `build` makes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import synthmammo as sm
from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.errors import GeneratorError
from synthmammo.exploring.desk import Desk, Wish
from synthmammo.exploring.painter import Painter
from synthmammo.exploring.saving import invert, inverted_origin, save_recipe
from synthmammo.exploring.scene import Lesion, Mix, Move, Origin, Scene, Take
from synthmammo.exploring.session import Session
from synthmammo.mammogram import png
from synthmammo.mammogram.sample import Kind, Pathology
from tests.support import tiny_models

PHANTOM = "zoo/stylegan2-phantom-256"
TERMS = (("shape", "irregular"), ("margin", "spiculated"))
MASS = Lesion(Kind.MASS, (150, 200), 4, terms=TERMS)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(PHANTOM)


def built(painter: Painter, scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> sm.Sample:
    """The image of a scene's saved recipe, built where the recipe lies."""
    folder.mkdir(exist_ok=True)
    path, *_ = save_recipe(painter, scene, folder)
    monkeypatch.chdir(folder)
    (sample,) = sm.build(path.name, "made", overwrite=True)
    return sample


def same(painter: Painter, scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> sm.Sample:
    shown, made = painter.paint(scene), built(painter, scene, folder, monkeypatch)
    assert np.array_equal(shown.image, made.image) and np.array_equal(shown.lesions, made.lesions)
    assert [one.box for one in shown.findings] == [one.box for one in made.findings]
    return made


def test_a_saved_recipe_builds_the_same_pixels(
    painter: Painter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(Origin(seed=2**63 + 5, truncation=0.7))
    plain = painter.paint(scene).image
    for edit in (Move("density", 1.5), Move("component 3", -2, (4, 8)), Take(4, 3, 0.8), Mix((9, 14), 11, 0.5)):
        scene = scene.edited(edit)
        assert not np.array_equal(painter.paint(scene).image, plain)
    cluster = Lesion(Kind.CALCIFICATION, (100, 205), 7, Pathology.BENIGN, 10, 0.6)
    scene = scene.with_lesion(MASS).with_lesion(cluster)
    made = same(painter, scene, tmp_path, monkeypatch)
    assert made.label == "malignant" and [one.descriptors for one in made.findings][0] == dict(TERMS)
    assert [str(one.pathology) for one in made.findings] == ["malignant", "benign"]
    assert made.provenance["host"]["seed"] == 2**63 + 5
    assert not np.array_equal(made.image, painter.paint(replace(scene, lesions=())).image)


def test_lesions_of_a_network_and_taken_off_again(
    painter: Painter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(painter, tmp_path)
    wish = Wish(generator="zoo/contextual-mass", terms=TERMS)
    scene = desk.put(Session.begin(Scene(Origin(seed=3, noise="fixed"))), MASS.site, wish).scene
    assert scene.lesions[0].terms == ()
    assert len(same(painter, scene, tmp_path, monkeypatch).findings) == 1
    healed = same(painter, replace(scene, taken_off="zoo/contextual-removal"), tmp_path, monkeypatch)
    assert healed.findings == () and not np.array_equal(healed.image, painter.paint(scene).image)
    drawn = Scene(scene.origin).with_lesion(MASS)
    again = same(painter, replace(drawn, taken_off="parametric"), tmp_path, monkeypatch).image.astype(int)
    assert np.abs(again - painter.paint(drawn.start).image).max() <= 2


def test_lesions_do_not_depend_on_each_other(painter: Painter) -> None:
    other = Lesion(Kind.MASS, (95, 205), 9, diameter_mm=9, terms=TERMS)
    both = painter.paint(Scene(painter.origin(3)).with_lesion(other).with_lesion(MASS))
    alone = painter.paint(Scene(painter.origin(3)).with_lesion(other).with_lesion(MASS).without_lesion(0))
    box = alone.findings[0].box.slices
    assert np.array_equal(both.image[box], alone.image[box])
    desk, session = Desk(painter, Path()), Session.begin(Scene(painter.origin(3)))
    session = desk.put(desk.put(session, (95, 205), Wish(diameter_mm=9)), MASS.site, Wish())
    kept = desk.removed(session, 0).scene.lesions
    assert kept == session.scene.lesions[1:] and set(dict(kept[0].terms)) == {"shape", "margin"}
    again = desk.again(session, 1).scene.lesions[1]
    assert again.terms == kept[0].terms and again.seed != kept[0].seed
    sampled = painter.paint(Scene(painter.origin(3)).with_lesion(replace(MASS, seed=5)))
    assert not np.array_equal(sampled.image, alone.image)


@pytest.mark.parametrize(
    ("lesions", "message"),
    [
        ((replace(MASS, site=(2, 2)),), "would hang over the skin"),
        ((replace(MASS, site=(4000, 4000)),), "would hang over the skin"),
        ((MASS, replace(MASS, seed=1)), "would lie on another one"),
    ],
)
def test_a_place_where_no_lesion_can_be(painter: Painter, lesions: tuple[Lesion, ...], message: str) -> None:
    scene = Scene(painter.origin(3), lesions=lesions)
    with pytest.raises(GeneratorError, match=message):
        painter.paint(scene)


def test_edits_replace_each_other_by_slot() -> None:
    scene = Scene().edited(Move("density", 1)).edited(Move("area", 1)).edited(Move("density", 2))
    assert [str(edit) for edit in scene.edits] == ["density +2.00 sd", "area +1.00 sd"]
    assert scene.edited(Move("density", 1, (0, 3))).strength(("move", "density", (0, 3))) == 1
    assert scene.edited(Move("density", 0)).edits == (Move("area", 1),)
    assert scene.edited(Mix((0, 2), 1)).edited(Mix((3, 5), 9)).edits[-1] == Mix((3, 5), 9)


def test_undo_and_redo() -> None:
    first = Session.begin(Scene())
    moved = first.done("density", Scene().edited(Move("density", 1)), "density")
    further = moved.done("density", Scene().edited(Move("density", 2)), "density")
    assert len(further.steps) == 2 and further.undo() == replace(further, place=0)
    assert further.undo().undo().scene == Scene() and further.undo().redo() == further.redo() == further
    lesion = further.done("a mass", further.scene.with_lesion(MASS))
    assert lesion.before == further.scene and len(moved.steps) == 2
    other = lesion.undo().done("area", lesion.undo().scene.edited(Move("area", 1)))
    assert [step.what for step in other.steps] == ["begin", "density", "area"] and other.redo() == other
    assert other.done("nothing", other.scene) is other


def test_a_real_image_is_edited_through_its_latents(
    painter: Painter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = painter.paint(Scene(painter.origin(8)))
    picture = tmp_path / "A film.png"
    picture.write_bytes(png.encode(film.image))
    options, seen = InversionOptions(w_steps=3, plus_steps=2, starts=2), list[int]()
    origin = invert(
        painter,
        picture,
        tmp_path / "found",
        options,
        assume_spacing_mm=0.9,
        progress=lambda done, total: seen.append(done),
    )
    assert seen[-1] == 5 and origin.latents
    scene = Scene(origin).edited(Move("density", 1)).edited(Take(4, 3)).with_lesion(MASS)
    made = same(painter, scene, tmp_path / "out", monkeypatch)
    assert made.provenance["host"]["inverted"] == origin.key and (tmp_path / "out" / "explored.latents").is_file()
    again = inverted_origin(painter, f"{origin.latents}:{origin.key}", tmp_path / "one")
    assert np.array_equal(painter.paint(Scene(again)).image, painter.paint(Scene(origin)).image)


def test_a_model_of_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(str(tiny_models.stylegan2_file(tmp_path / "c.safetensors", tiny_models.CONDITIONAL)))
    assert painter.labels == ("benign", "malignant") and painter.directions is painter.parts is None
    scene = Scene(replace(painter.origin(1), label="malignant"))
    assert same(painter, scene, tmp_path / "out", monkeypatch).label == "malignant"
    assert not np.array_equal(painter.paint(scene).image, painter.paint(Scene(painter.origin(1))).image)
    assert painter.places(scene) is None


def test_a_model_of_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_models.stylegan2_file(tmp_path / "v.safetensors", tiny_models.CONDITIONAL, classes=("CC", "MLO"))
    painter = Painter(str(path))
    made = same(painter, Scene(replace(painter.origin(1), label="MLO")), tmp_path / "out", monkeypatch)
    assert (made.view, made.label) == ("MLO", "normal")


def test_parts_are_found_where_they_are(painter: Painter) -> None:
    scene = Scene(painter.origin(3))
    places = painter.places(scene)
    assert places is not None and places.shape == (8, 8) and len(np.unique(places)) > 4
    assert np.array_equal(places, painter.places(scene))
    assert not np.array_equal(places, painter.places(scene.edited(Take(4, 9))))
