"""One lesion on one image: the pixels of a build, what the sample says of it, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthmammo.building.assemble import Assembler
from synthmammo.building.backgrounds import Backgrounds
from synthmammo.building.compose import softened
from synthmammo.building.films import insert_lesion, remove_lesion
from synthmammo.dataset.writers.dicom_modules import is_synthetic
from synthmammo.errors import CheckpointError, GeneratorError, SynthmammoError
from synthmammo.generators.contextual import Contextual
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample, SpacingOrigin, View
from synthmammo.models.threads import one_thread
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from tests.support import tiny
from tests.support.example_samples import a_sample
from tests.support.tiny_models import contextual_file, stylegan2_file

FINE = {**tiny.TINY["background"], "spacing_mm": 1.0}


def a_film(**changes) -> Sample:
    """Noise on a breast of 19 x 14 cm, at 1 mm."""
    sample = a_sample(0, shape=(200, 160), lesions=0)
    facts = {"key": "film", "spacing_mm": (1.0, 1.0), "spacing_origin": SpacingOrigin.KNOWN, "view": View.CC}
    return sample.with_(**{**facts, "provenance": {"source": "folder"}, **changes})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contextual GANs that see 25.6 mm."""
    folder = tmp_path_factory.mktemp("models")
    return {makes: str(contextual_file(folder / f"{makes}.safetensors", makes)) for makes in ("mass", "removal")}


@pytest.mark.parametrize("kind", ["mass", "calcification"])
def test_the_lesion_is_the_one_that_a_recipe_puts_there(kind: str):
    lesion = {"kind": kind, "classes": ["benign"]}
    recipe = tiny.recipe(seed=5, size=1, classes={"benign": 1}, background=FINE, lesions=[lesion])
    (row,) = (as_row(record) for table in tables(recipe) for record in table.to_pylist())
    (built,) = Assembler(recipe).samples([row])
    (host,) = Backgrounds(recipe)([row])
    assert isinstance(built, Sample) and isinstance(host, Sample)
    film = insert_lesion(host, seed=5, kind=kind, pathology="benign")
    np.testing.assert_array_equal(film.image, built.image)
    np.testing.assert_array_equal(film.lesions, built.lesions)
    assert film.findings == built.findings
    assert film.provenance["changes"][0]["lesion"] == built.provenance["lesions"][0]


def test_only_the_softened_mask_changes_and_the_sample_says_what_was_done():
    film = a_film()
    before = film.image.copy()
    stated = {"diameter_mm": 14, "contrast": 0.5, "descriptors": {"shape": "round", "margin": "circumscribed"}}
    made = insert_lesion(film, seed=7, kind="mass", site=(90, 50), **stated)
    again = insert_lesion(film, seed=7, kind="mass", site=(90, 50), **stated)
    np.testing.assert_array_equal(made.image, again.image)
    np.testing.assert_array_equal(film.image, before)
    assert made.provenance == again.provenance
    reach = softened(made.lesions > 0, 1, 0.3) > 0
    assert not np.any((made.image != film.image) & ~reach) and np.any(made.image != film.image)
    (finding,) = made.findings
    assert finding.synthetic and finding.label == 1 and finding.descriptors == stated["descriptors"]
    assert Box.around(made.lesions == 1) == finding.box
    assert finding.box.height == pytest.approx(14, abs=2)
    (change,) = made.history.changes
    assert (change.action, change.seed, change.lesion["site"]) == ("insert", 7, [90, 50])
    assert change.lesion["generator"] == "parametric" and made.history.source == "folder"
    assert is_synthetic(made) and not is_synthetic(film)


def test_a_site_is_found_off_what_is_there_already():
    film = a_film()
    for seed in range(3):
        film = insert_lesion(film, seed=seed, diameter_mm=8)
    assert [finding.label for finding in film.findings] == [1, 2, 3]
    assert set(np.unique(film.lesions)) == {0, 1, 2, 3}
    assert [change.seed for change in film.history.changes] == [0, 1, 2]


@pytest.mark.parametrize(
    ("label", "pathology", "expected"),
    [
        ("normal", "benign", "benign"),
        ("benign", "malignant", "malignant"),
        ("malignant", "benign", "malignant"),
        ("screening", "malignant", "screening"),
    ],
)
def test_the_class_becomes_the_graver_one(label: str, pathology: str, expected: str):
    film = insert_lesion(a_film(label=label), seed=1, diameter_mm=8, pathology=pathology)
    assert film.label == expected and film.findings[0].pathology == pathology


def test_a_network_puts_a_lesion_on(models: dict[str, str]):
    film = a_film()
    made = insert_lesion(film, seed=3, model=models["mass"], site=(90, 50))
    again = insert_lesion(film, seed=3, model=Path(models["mass"]), site=(90, 50))
    np.testing.assert_array_equal(made.image, again.image)
    lesion = made.history.changes[0].lesion
    assert lesion["generator"] == models["mass"] and len(lesion["weights"]) == 64
    assert made.findings[0].descriptors == {"shape": "unknown", "margin": "unknown"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample": np.zeros((8, 8))}, "sample: expected a Sample"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"seed": 2**63}, "seed: expected a whole number below 2^63"),
        ({"kind": "mas"}, "Did you mean 'mass'?"),
        ({"kind": "asymmetry"}, "kind: expected 'mass' or 'calcification'"),
        ({"pathology": "unknown"}, "pathology: expected 'malignant' or 'benign'"),
        ({"diameter_mm": "12"}, "diameter_mm: expected a number above 0 (millimetres), found '12'"),
        ({"diameter_mm": True}, "diameter_mm: expected"),
        ({"diameter_mm": 0.01}, "diameter_mm: 0.01 mm is less than a pixel has"),
        ({"diameter_mm": 1000}, "diameter_mm: 1000.0 mm is more than the breast has"),
        ({"contrast": float("nan")}, "contrast: expected a number above 0"),
        ({"descriptors": "round"}, "descriptors: expected a mapping"),
        ({"descriptors": {"morphology": "punctate"}}, "descriptors: a mass has no morphology"),
        ({"descriptors": {"shape": "ovl"}}, "Did you mean 'oval'?"),
        ({"model": "contextual-mass"}, "model: expected the name of a model"),
        ({"model": "zoo/none"}, "zoo/none: no such model"),
        ({"model": "zoo/contextual-mass", "contrast": 0.3}, "contrast: a network decides this itself"),
        ({"model": "zoo/contextual-calcification"}, "makes a calcification, a mass was planned"),
        ({"model": "zoo/contextual-removal"}, "takes lesions off"),
        ({"site": 5}, "site: expected (row, column) inside the image"),
        ({"site": (10.5, 3)}, "site: expected (row, column) inside the image"),
        ({"site": (200, 3)}, "site: expected (row, column) inside the image"),
        ({"site": (100, 130), "diameter_mm": 12}, "site: a mass of 12.0 mm cannot lie there"),
    ],
)
def test_what_cannot_be_put_on_is_named(changes: dict[str, object], message: str):
    with pytest.raises(SynthmammoError) as caught:
        insert_lesion(**{"sample": a_film(), "seed": 1, **changes})
    assert message in str(caught.value)


def test_what_an_image_lacks_is_named(tmp_path: Path):
    with pytest.raises(GeneratorError, match=r"film: the pixel spacing is unknown[^$]*spacing_mm="):
        insert_lesion(a_film(spacing_mm=None, spacing_origin=SpacingOrigin.UNKNOWN), seed=1)
    with pytest.raises(GeneratorError, match=r"film: no site with enough tissue[^$]*site=\(row, column\)"):
        insert_lesion(a_film(spacing_mm=(0.15, 0.15)), seed=1, diameter_mm=5)
    with pytest.raises(GeneratorError, match="breast mask is empty"):
        insert_lesion(a_film(breast=np.zeros((200, 160), np.bool_)), seed=1)
    with pytest.raises(CheckpointError, match="architecture stylegan2"):
        insert_lesion(a_film(), seed=1, model=str(stylegan2_file(tmp_path / "s.safetensors")))


def test_a_label_that_is_taken_is_not_given_again():
    lesions = np.zeros((200, 160), np.uint8)
    lesions[60:66, 40:46] = 2
    kept = Finding(Kind.MASS, Pathology.BENIGN, Box(60, 40, 66, 46), 2)
    film = insert_lesion(a_film(lesions=lesions, findings=(kept,)), seed=1, diameter_mm=8, site=(120, 50))
    assert [finding.label for finding in film.findings] == [2, 3]
    np.testing.assert_array_equal(film.lesions == 2, lesions == 2)


# removal


def test_a_network_takes_a_lesion_off(models: dict[str, str]):
    film = insert_lesion(a_film(), seed=7, diameter_mm=8, site=(60, 40))
    film = insert_lesion(film, seed=8, diameter_mm=8, site=(140, 40), pathology="benign")
    mask = film.lesions == 1
    made = remove_lesion(film, 0, model=models["removal"])
    np.testing.assert_array_equal(made.image, remove_lesion(film, 0, model=models["removal"], seed=0).image)
    assert made.findings == film.findings[1:] and made.label == "benign"
    np.testing.assert_array_equal(made.lesions, np.where(mask, 0, film.lesions))
    assert made.image[mask].mean() < film.image[mask].mean() - 100
    far = ~(softened(mask, 5, 0.1) > 0)
    np.testing.assert_array_equal(made.image[far], film.image[far])
    change = made.history.changes[-1]
    assert (change.action, change.model, len(made.history.changes)) == ("remove", models["removal"], 3)
    assert change.lesion["box"] == list(film.findings[0].box) and change.lesion["synthetic"]
    assert insert_lesion(made, seed=9, diameter_mm=8, site=(60, 40)).findings[-1].label == 3


def test_a_real_finding_without_a_mask_goes_by_its_box(models: dict[str, str]):
    box = Box(80, 30, 92, 44)
    film = a_film(label="malignant", findings=(Finding(Kind.MASS, Pathology.MALIGNANT, box),))
    made = remove_lesion(film, model=models["removal"])
    changed = Box.around(made.image != film.image)
    assert changed and changed.row0 >= box.row0 - 4 and changed.row1 <= box.row1 + 4
    assert changed.col0 >= box.col0 - 4 and changed.col1 <= box.col1 + 4
    assert made.findings == () and made.label == "normal"
    assert is_synthetic(made), "a network made some of its pixels"


def test_a_class_that_is_not_known_any_more_stays(models: dict[str, str]):
    first = Finding(Kind.MASS, Pathology.MALIGNANT, Box(80, 30, 92, 44))
    other = replace(first, pathology=Pathology.UNKNOWN, box=Box(120, 30, 130, 44))
    film = a_film(label="malignant", findings=(first, other))
    assert remove_lesion(film, model=models["removal"]).label == "malignant"
    unlocated = film.with_(findings=(first,), provenance={"unlocated": ["mass malignant"]})
    assert remove_lesion(unlocated, model=models["removal"]).label == "malignant"


def test_what_cannot_be_taken_off_is_named(models: dict[str, str]):
    large = a_film(findings=(Finding(Kind.MASS, Pathology.BENIGN, Box(60, 30, 90, 44)),))
    with pytest.raises(GeneratorError, match=r"finding: finding 0 is 30.0 mm by 14.0 mm.*sees 25.6 mm"):
        remove_lesion(large, model=models["removal"])
    with pytest.raises(GeneratorError, match="finding: expected a number below 1"):
        remove_lesion(large, 1, model=models["removal"])
    with pytest.raises(GeneratorError, match="finding: expected a whole number"):
        remove_lesion(large, -1, model=models["removal"])
    with pytest.raises(GeneratorError, match="film: it has no findings"):
        remove_lesion(a_film(), model=models["removal"])
    with pytest.raises(GeneratorError, match="it does not take lesions off"):
        remove_lesion(large, model=models["mass"])
    with pytest.raises(GeneratorError, match="the pixel spacing is unknown"):
        remove_lesion(large.with_(spacing_mm=None, spacing_origin=SpacingOrigin.UNKNOWN), model=models["removal"])
    with pytest.raises(GeneratorError, match="seed: expected"):
        remove_lesion(large, model=models["removal"], seed=None)
    with pytest.raises(GeneratorError, match="model: expected"):
        remove_lesion(large, model="parametric")


# threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_networks_compute_on_one_thread_and_the_callers_number_comes_back(two_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError), one_thread():
        raise RuntimeError
    assert torch.get_num_threads() == 2


def test_bytes_do_not_depend_on_the_callers_threads(
    two_threads, models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []
    for kind, name in ((Contextual, "__call__"), (StyleGAN2, "latents"), (StyleGAN2, "render")):
        monkeypatch.setattr(kind, name, _noting(getattr(kind, name), seen))
    background = {"generator": "stylegan2", "model": str(stylegan2_file(tmp_path / "s.safetensors"))}
    lesion = {"kind": "mass", "classes": ["malignant"], "generator": models["mass"]}
    lesion |= {"placement": {"window_mm": 5, "tissue_share": 0.3}, "post": {"minimum_area": 0.0001}}
    removal = {"generator": models["removal"], "classes": ["malignant"]}
    recipe = tiny.recipe(size=2, classes={"malignant": 1}, background=background, lesions=[lesion], removal=removal)
    rows = [as_row(record) for table in tables(recipe) for record in table.to_pylist()]
    made = []
    for threads in (2, 1):
        torch.set_num_threads(threads)
        made.append([*Assembler(recipe).samples(rows)])
        assert torch.get_num_threads() == threads
    for one, other in zip(*made, strict=True):
        assert isinstance(one, Sample) and one.image.tobytes() == other.image.tobytes()
    torch.set_num_threads(2)
    film = insert_lesion(a_film(), seed=3, model=models["mass"], site=(90, 50))
    remove_lesion(film, model=models["removal"])
    assert set(seen) == {1} and torch.get_num_threads() == 2


def _noting(method, seen):
    def noted(*arguments, **options):
        seen.append(torch.get_num_threads())
        return method(*arguments, **options)

    return noted
