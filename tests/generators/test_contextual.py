"""Lesions from a contextual GAN: the protocol, its seed, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from synthmammo.building.compose import isolate
from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.generators.base import Context
from synthmammo.generators.contextual import REMOVAL, Contextual, ContextualRemoval
from synthmammo.generators.inputs import Inputs
from synthmammo.generators.lesions.base import lesion_kind
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.models.names import ZOO
from synthmammo.recipe import PostProcessing
from synthmammo.recipe.lesions import PAPER_POST, LesionSpec, Removal
from tests.support.tiny_models import contextual_file, stylegan2_file

SIZE = 64
MASS = PlannedLesion(Kind.MASS, Pathology.MALIGNANT, 8.0, 0.5, {"shape": "irregular", "margin": "spiculated"}, ())


def context(size: int = SIZE) -> Context:
    pixels = np.random.default_rng(0).uniform(-1, 1, (size, size)).astype(np.float32)
    breast = np.ones((size, size), np.bool_)
    breast[:, :20] = False
    return Context(pixels, breast, 0.4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for makes in ("mass", "removal"):
        contextual_file(folder / f"{makes}.safetensors", makes)
    return folder


def test_a_lesion_generator_is_found_by_its_model(folder: Path) -> None:
    name = str(folder / "mass.safetensors")
    kind = lesion_kind(name, "lesions.0.generator")
    entry = LesionSpec(kind="mass", classes=["malignant"], generator=name)
    generator = kind.open(entry, Inputs())
    assert isinstance(generator, Contextual)
    assert generator.spacing_mm == 0.4
    assert generator.field_mm(MASS) == pytest.approx(SIZE * 0.4)
    other = kind.open(entry.model_copy(update={"spacing_mm": 0.2}), Inputs())
    assert other.spacing_mm == 0.2 and other.field_mm(MASS) == pytest.approx(SIZE * 0.2)
    with pytest.raises(GeneratorError, match="named by its model"):
        lesion_kind("contextual", "lesions.0.generator")
    with pytest.raises(GeneratorError, match="Did you mean 'parametric'"):
        lesion_kind("parametrc", "lesions.0.generator")


def test_the_channel_keeps_to_the_breast_and_off_the_border(folder: Path) -> None:
    answer = Contextual(str(folder / "mass.safetensors"))(context(), MASS, 3)
    assert answer.channel.dtype == np.float32 and answer.channel.shape == (SIZE, SIZE)
    assert answer.mask is None
    assert answer.descriptors == {"shape": "unknown", "margin": "unknown"}
    assert (answer.channel[:, :20] == 0).all() and (answer.channel[:4] == 0).all()
    assert np.abs(answer.channel).max() > 0.1
    assert isolate(answer.channel, PostProcessing(), 0.4) is not None


def test_the_seed_decides(folder: Path) -> None:
    generator = Contextual(str(folder / "mass.safetensors"))
    first, again, other = (generator(context(), MASS, seed).channel for seed in (3, 3, 2**63))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_removal_gives_a_negative_channel(folder: Path) -> None:
    stated = Removal(generator=str(folder / "removal.safetensors"))
    generator = lesion_kind(stated.generator, "removal.generator").open_removal(stated, Inputs())
    assert isinstance(generator, ContextualRemoval)
    answer = generator(context(), MASS, 3)
    assert answer.channel.mean() < 0
    assert isolate(answer.channel, PostProcessing(), 0.4, sign=-1) is not None


def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path) -> None:
    mass, removal = str(folder / "mass.safetensors"), str(folder / "removal.safetensors")
    with pytest.raises(GeneratorError, match="takes lesions off"):
        Contextual(removal)
    with pytest.raises(GeneratorError, match="does not take lesions off"):
        ContextualRemoval(mass)
    with pytest.raises(GeneratorError, match="makes a mass, a calcification was planned"):
        calcification = PlannedLesion(Kind.CALCIFICATION, Pathology.BENIGN, 8.0, 0.5, {}, ())
        Contextual(mass)(context(), calcification, 0)
    with pytest.raises(GeneratorError, match=r"a context of \(65, 65\) pixels"):
        Contextual(mass)(context(65), MASS, 0)
    with pytest.raises(CheckpointError, match="expected contextual"):
        Contextual(str(stylegan2_file(tmp_path / "m.safetensors")))


SHIPPED = sorted(path.stem for path in ZOO.glob("contextual-*.safetensors"))


@pytest.mark.parametrize("name", [name for name in SHIPPED if not name.endswith(REMOVAL)])
def test_the_shipped_models_put_on_varied_lesions_and_have_a_card(name: str) -> None:
    generator = Contextual(f"zoo/{name}")
    kind = Kind(generator.makes)
    planned = PlannedLesion(kind, Pathology.MALIGNANT, 8.0, 0.5, {}, ())
    side, spacing_mm = generator.network.config.size, generator.checkpoint.description.spacing_mm
    assert generator.field_mm(planned) == pytest.approx(side * spacing_mm)
    slope = np.linspace(-0.6, 0.2, side, dtype=np.float32)
    tissue = Context(
        np.ascontiguousarray(np.broadcast_to(slope, (side, side))), np.ones((side, side), bool), spacing_mm
    )
    lesions = np.stack([generator(tissue, planned, seed).channel for seed in range(4)])
    post = PAPER_POST[kind].model_copy(update={"minimum_area": 5e-5})
    assert sum(isolate(lesion, post, spacing_mm) is not None for lesion in lesions) >= 3
    assert np.abs(lesions[0] - lesions[1]).max() > 0.05
    assert 1 > lesions.max() > -lesions.min()
    assert (ZOO / f"{name}.md").read_text().startswith(f"# {name}\n")


@pytest.mark.parametrize("name", [name for name in SHIPPED if name.endswith(REMOVAL)])
def test_the_shipped_model_takes_a_bright_disc_down_and_has_a_card(name: str) -> None:
    generator = ContextualRemoval(f"zoo/{name}")
    side, spacing_mm = generator.network.config.size, generator.checkpoint.description.spacing_mm
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    disc = np.hypot(rows, columns) * spacing_mm < 6
    pixels = np.where(disc, 0.1, -0.3).astype(np.float32)
    planned = PlannedLesion(Kind.MASS, Pathology.MALIGNANT, 12.0, 0.4, {}, ())
    channel = generator(Context(pixels, np.ones((side, side), bool), spacing_mm), planned, 0).channel
    assert channel[disc].mean() < -0.05 < channel[~disc].mean()
    assert (ZOO / f"{name}.md").read_text().startswith(f"# {name}\n")
