"""Files of inverted images, and the command that makes them: round trips, resuming, and backgrounds of recipes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthmammo.building.build import make_dataset
from synthmammo.building.verify import verify
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.editing.inversion.frame import ModelFrame
from synthmammo.editing.inversion.invert import Inverting, Which, invert_images
from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.editing.samples import Samples
from synthmammo.errors import DatasetError, GeneratorError, RecipeError, SourceError
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.anatomy import chest_wall_side
from synthmammo.models.file import load, save_model
from synthmammo.models.inverted import Facts, Inverted, read_inverted, write_inverted
from synthmammo.models.latents import open_model, restored
from synthmammo.recipe import load_recipe
from tests.support import dicom_files, tiny
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file

SMALL = replace(STYLEGAN2, resolution=32)
QUICK = Inverting(InversionOptions(w_steps=1, plus_steps=1, starts=1))


def made(key: str, split: str = "train", noise: bool = True) -> Inverted:
    generator = np.random.default_rng(len(key))
    w = generator.normal(size=(SMALL.latents, SMALL.w_dim)).astype(np.float32)
    planes = {"b8.conv1": generator.normal(size=(8, 8)).astype(np.float16)} if noise else {}
    facts = Facts(key, f"patient-{key}", split, "CC", "L", "b", (0.8, 0.8), "known", {"W": {"rmse": 0.1}})
    return Inverted(facts, w, planes)


def test_round_trip_and_equal_bytes_in_any_order(tmp_path: Path) -> None:
    images = [made("a"), made("bb", "test")]
    path = write_inverted(tmp_path / "x.latents", "a" * 64, {"seed": 0}, images)
    again = read_inverted(path, "a" * 64)
    for image in images:
        found = again[image.facts.key]
        assert found.facts == image.facts and np.array_equal(found.w, image.w)
        assert np.array_equal(found.noise["b8.conv1"], image.noise["b8.conv1"])
    other = write_inverted(tmp_path / "y.latents", "a" * 64, {"seed": 0}, images[::-1])
    assert other.read_bytes() == path.read_bytes()


def test_the_last_phase_is_what_was_reached(tmp_path: Path) -> None:
    errors = {phase: {"rmse": rmse} for phase, rmse in (("start", 0.3), ("W", 0.2), ("W+", 0.1))}
    image = made("a")
    image = replace(image, facts=replace(image.facts, errors=errors))
    again = read_inverted(write_inverted(tmp_path / "x.latents", "a" * 64, {}, [image]))["a"].facts
    assert list(again.errors) == ["start", "W", "W+"] and again.reached == {"rmse": 0.1}
    assert Facts("b", "p").reached == {}


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = write_inverted(tmp_path / "x.latents", "a" * 64, {}, [made("film-1")])
    with pytest.raises(DatasetError, match="latents are of the model aaaaaaaaaaaa, not of bbbbbbbbbbbb"):
        read_inverted(path, "b" * 64)
    with pytest.raises(DatasetError, match=r"no image is called 'film-2'\n  Did you mean 'film-1'"):
        read_inverted(path)["film-2"]
    with pytest.raises(DatasetError, match="no such file of inverted images"):
        read_inverted(tmp_path / "absent")
    with pytest.raises(DatasetError, match="is no file of inverted images"):
        read_inverted(stylegan2_file(tmp_path / "m.safetensors"))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DatasetError, match="is no whole file of inverted images"):
        read_inverted(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of patches, so that no breast has to be found on noise."""
    path = stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors", SMALL)
    checkpoint = load(path)
    generator = {name.removeprefix("generator."): tensor for name, tensor in checkpoint.tensors.items()}
    return save_model(path, {"generator": generator}, replace(checkpoint.description, makes="patches"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "my film.png"
    rows, columns = np.mgrid[:60, :48]
    Image.fromarray((100 + 60 * np.sin(rows / 9) + columns).astype(np.uint8)).save(path)
    return path


def test_a_picture_is_inverted_and_drawn(tmp_path: Path, model: Path, picture: Path) -> None:
    out, sheet = tmp_path / "f.latents", tmp_path / "f.png"
    options = ["--steps", 3, "--seed", 3, "--picture", sheet, "--assume-spacing-mm", 0.1]
    result = tiny.run("invert", picture, "--model", model, "--out", out, *options)
    assert result.exit_code == 0 and "my_film: start" in result.output
    image = read_inverted(out)["my_film"]
    assert image.w.shape == (SMALL.latents, SMALL.w_dim) and set(image.facts.errors) == {"start", "W", "W+"}
    assert image.facts.spacing_mm == pytest.approx((0.15, 0.15)) and image.facts.spacing_origin == "assumed"
    assert set(image.noise) == {"b4.conv1", *(f"b{r}.conv{i}" for r in (8, 16, 32) for i in (0, 1))}
    with Image.open(sheet) as drawn:
        assert drawn.size[0] > 3 * 256
    samples = Samples.of(str(model))
    named = samples.named(f"{out}:my_film")
    assert named.name == "my_film" and np.array_equal(named.w.numpy(), image.w) and named.noise is not None


def test_a_dicom_file_brings_its_view_and_spacing(tmp_path: Path, model: Path) -> None:
    attributes = {"ViewPosition": "MLO", "ImageLaterality": "R", "ImagerPixelSpacing": [0.4, 0.4]}
    path = dicom_files.write(tmp_path / "film.dcm", dicom_files.breast_like(64, 64), **attributes)
    (image,) = invert_images(str(model), path, tmp_path / "f.latents", QUICK)
    facts = image.facts
    assert (facts.view, facts.laterality, facts.spacing_origin) == ("MLO", "R", "known")
    assert facts.spacing_mm == pytest.approx((0.8, 0.8))


def test_what_is_said_of_an_image_later_keeps_its_latents(tmp_path: Path, model: Path, picture: Path) -> None:
    out = tmp_path / "f.latents"
    (before,) = invert_images(str(model), picture, out, QUICK)
    assert before.facts.spacing_mm is None
    (after,) = invert_images(str(model), picture, out, replace(QUICK, which=Which(assume_spacing_mm=0.1)))
    assert after.facts.spacing_origin == "assumed" and after.facts.errors == before.facts.errors
    assert np.array_equal(after.w, before.w)
    assert read_inverted(out)["my_film"].facts == after.facts


@pytest.fixture(scope="module")
def inverted(built: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("inverted") / "four.latents"
    keys = Dataset.open(built).keys[:4]
    found = invert_images(str(model), built, out, replace(QUICK, which=Which(keys=keys)))
    assert [image.facts.key for image in found] == list(keys)
    return out


def test_what_is_known_of_a_sample_stays_known(built: Path, inverted: Path) -> None:
    dataset = Dataset.open(built)
    for key, image in read_inverted(inverted).images.items():
        sample, facts = dataset.sample(key), image.facts
        assert (facts.patient, facts.split, facts.view, facts.laterality) == (
            sample.patient,
            sample.split,
            sample.view,
            sample.laterality,
        )
        side = min(sample.shape)
        assert facts.spacing_mm == pytest.approx((sample.spacing_mm[0] * side / 32,) * 2)


def test_an_interrupted_inversion_goes_on_where_it_was(
    built: Path, model: Path, inverted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthmammo.editing.inversion import search as inversion

    keys, out, calls = Dataset.open(built).keys[:4], tmp_path / "again.latents", []
    search = inversion.search_latents

    def interrupted(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return search(*arguments, **named)

    monkeypatch.setattr(inversion, "search_latents", interrupted)
    with pytest.raises(KeyboardInterrupt):
        invert_images(str(model), built, out, replace(QUICK, which=Which(keys=keys)))
    assert len(read_inverted(out).images) == 2
    invert_images(str(model), built, out, replace(QUICK, which=Which(keys=keys)))
    assert len(calls) == 5 and out.read_bytes() == inverted.read_bytes()
    with pytest.raises(DatasetError, match="inverted with other options: w_steps"):
        invert_images(
            str(model), built, out, replace(QUICK, which=Which(keys=keys), options=replace(QUICK.options, w_steps=2))
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.latents"]


def test_what_cannot_be_inverted_is_named(tmp_path: Path, model: Path, built: Path, picture: Path) -> None:
    out = tmp_path / "x.latents"
    with pytest.raises(SourceError, match="nothing at this path"):
        invert_images(str(model), tmp_path / "absent.png", out, QUICK)
    with pytest.raises(DatasetError, match="no sample is called"):
        invert_images(str(model), built, out, replace(QUICK, which=Which(keys=("nobody",))))
    conditional = stylegan2_file(tmp_path / "c.safetensors", CONDITIONAL)
    with pytest.raises(GeneratorError, match="a class is needed"):
        invert_images(str(conditional), picture, out, QUICK)
    assert not out.exists()


def test_whole_views_are_turned_and_blanked(built: Path) -> None:
    sample = next(iter(Dataset.open(built)))
    for side in ("left", "right"):
        fitted = ModelFrame(32, side, load_scale()).fitted(sample)
        far = fitted.image[:, 0 if side == "right" else -1]
        assert fitted.shape == (32, 32) and not far.any()
        assert chest_wall_side(fitted.image, fitted.breast) == side
    units = ModelFrame(32, "right", load_scale()).units(fitted)
    assert units.min() == -1 and units.max() <= 1


def load_scale() -> object:
    from synthmammo.models.file import Scale

    return Scale.FULL_RANGE


def test_a_host_renders_what_the_file_holds(model: Path, inverted: Path) -> None:
    from synthmammo.mammogram.planned import Row

    opened = open_model(str(model))
    images = list(read_inverted(inverted, opened.checkpoint.digest).images.values())
    host = StyleGAN2(str(model), 12, inverted=inverted)
    rows = [
        Row(f"r{i}", i, "train-00000", "train", "normal", i, 0, image.facts.key, "p") for i, image in enumerate(images)
    ]
    latents = host.latents(rows)
    assert np.array_equal(latents.w.numpy(), restored(images).w.numpy())
    sample = host.render(latents)[1]
    assert sample.provenance["inverted"] == images[1].facts.key and "rmse" in sample.provenance["inversion"]
    assert sample.spacing_mm == images[1].facts.spacing_mm


def test_a_recipe_takes_inverted_images_as_backgrounds(tmp_path: Path, model: Path, inverted: Path) -> None:
    background = {"generator": "stylegan2", "model": str(model), "latents": str(inverted)}
    mixing = {"mixing": [2, 5], "reference": {"keys": sorted(read_inverted(inverted).images)[:1]}}
    recipe = tiny.recipe(
        background=background, lesions=None, classes={"normal": 1}, splits=None, size=6, edits=[mixing]
    )
    out = tmp_path / "out"
    built = make_dataset(recipe, out, engine=Local(1))
    assert not built.manifest.failed and str(inverted) in built.manifest.sources
    facts = {image.facts.key: image.facts for image in read_inverted(inverted).images.values()}
    seen = set()
    for sample in Dataset.open(out):
        known = facts[sample.provenance["host"]["inverted"]]
        assert (sample.patient, sample.split) == (known.patient, known.split)
        seen.add(known.key)
    assert seen == set(facts)
    assert not verify(out, pixels=2).problems


def test_recipes_that_name_what_is_not_there_are_refused(tmp_path: Path, model: Path, inverted: Path) -> None:
    background = {"generator": "stylegan2", "model": str(model), "latents": str(tmp_path / "absent.latents")}
    plain = {"lesions": None, "classes": {"normal": 1}, "splits": None}
    with pytest.raises(GeneratorError, match=r"background.latents: .*absent.latents[\s\S]*synthmammo invert"):
        make_dataset(tiny.recipe(background=background, **plain), tmp_path / "out")
    edited = {"generator": "stylegan2", "model": str(model), "parts": str(tmp_path / "absent.parts")}
    with pytest.raises(GeneratorError, match=r"background.parts: .*absent.parts[\s\S]*parts fit"):
        make_dataset(tiny.recipe(background=edited, edits=[{"part": 0}], **plain), tmp_path / "out")
    path = tiny.write(tmp_path / "r.yaml", background=background | {"latents": str(inverted)}, lesions=None)
    with pytest.raises(RecipeError, match="real hosts bring the split"):
        load_recipe(path)
    own = background | {"latents": str(inverted), "noise": "own"}
    with pytest.raises(RecipeError, match="leave out noise: own"):
        load_recipe(tiny.write(tmp_path / "n.yaml", background=own, **plain))
