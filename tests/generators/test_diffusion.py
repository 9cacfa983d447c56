"""Backgrounds, lesions and removals of diffusion pipelines: by the row's seed, with their facts, or refused."""

import json
import shutil

import numpy as np
import pytest

from synthmammo.building.build import make_dataset
from synthmammo.building.inputs import find_inputs, refuse_unsupported
from synthmammo.building.verify import verify
from synthmammo.dataset.card import card
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import CheckpointError, GeneratorError, RecipeError
from synthmammo.generators.base import Context
from synthmammo.generators.diffusion import Diffusion, Inpainting, ellipse
from synthmammo.generators.lesions.base import lesion_kind
from synthmammo.mammogram.planned import PlannedLesion, Row
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.models.pipelines import locate_pipeline, pipeline_digest, pipeline_facts, side_px
from synthmammo.recipe import as_recipe
from synthmammo.recipe.diffusion import DiffusionBackground, DiffusionLesion
from tests.support import tiny
from tests.support.tiny_pipelines import SIDE, inpainting, text_to_image, unconditional

pytest.importorskip("diffusers")
PROMPT = {"prompt": "a {view} mammogram, {label}", "views": {"CC": 0.5, "MLO": 0.5}, "laterality": "L"}
LESION = PlannedLesion(Kind.MASS, Pathology.MALIGNANT, 10.0, 0.3, {"shape": "oval", "margin": "circumscribed"}, ())
IMAGES = {"formats": ["parquet"], "shard_size": 2, "preview_px": 64}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipelines")
    unconditional(folder / "noise")
    text_to_image(folder / "text")
    inpainting(folder / "paint")
    (folder / "text" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\ndatasets: [some/films]\n---\nA model.\n")
    return folder


def a_row(seed=3, view="CC", label="normal"):
    return Row("k", 0, "train-00000", "train", label, 0, seed, None, "p", view=view)


def section(model, **changes):
    return DiffusionBackground(generator="diffusion", model=str(model), steps=2, **changes)


def recipe(model, **changes):
    background = {"generator": "diffusion", "model": str(model), "steps": 2, **changes.pop("background", {})}
    return tiny.recipe(**{"background": background, "lesions": [], "classes": {"normal": 1}, "emit": IMAGES} | changes)


def painted(model, **changes):
    stated = {"kind": "mass", "classes": ["malignant"], "model": str(model), "prompt": "a mass", "steps": 2}
    return DiffusionLesion(**{**stated, "generator": "diffusion", "spacing_mm": 1.0, **changes})


def test_the_seed_decides_an_image_and_nothing_else_does(folder):
    host = Diffusion(section(folder / "noise"))
    first, other, again = (host.render(host.latents([a_row(seed)]))[0] for seed in (3, 2**64 - 1, 3))
    assert first.image.shape == (SIDE, SIDE) == (side_px(folder / "noise"),) * 2
    assert np.array_equal(first.image, again.image) and not np.array_equal(first.image, other.image)
    assert first.image.dtype == np.uint16 and 0 <= first.image.min() < first.image.max() <= 4095


def test_prompts_name_what_the_plan_drew_and_change_the_image(folder):
    host = Diffusion(section(folder / "text", **PROMPT))
    craniocaudal, oblique = (host.render([a_row(view=view)])[0] for view in ("CC", "MLO"))
    assert craniocaudal.provenance["prompt"] == "a craniocaudal mammogram, normal"
    assert oblique.provenance["prompt"] == "a mediolateral oblique mammogram, normal"
    assert not np.array_equal(craniocaudal.image, oblique.image)
    told = craniocaudal.provenance
    assert (told["pipeline"], told["scheduler"], told["steps"]) == ("StableDiffusionPipeline", "DDIMScheduler", 2)
    assert told["weights"] == pipeline_digest(folder / "text") and told["seed"] == 3


def test_a_scheduler_takes_the_place_of_the_pipelines(folder):
    image = Diffusion(section(folder / "noise")).render([a_row()])[0].image
    other = Diffusion(section(folder / "noise", scheduler="DDIMScheduler")).render([a_row()])[0]
    assert other.provenance["scheduler"] == "DDIMScheduler" and not np.array_equal(other.image, image)
    with pytest.raises(GeneratorError, match="no scheduler 'DIMScheduler'[\\s\\S]*DDIMScheduler"):
        Diffusion(section(folder / "noise", scheduler="DIMScheduler"))


def test_a_dataset_says_what_painted_it(folder, tmp_path):
    made = recipe(folder / "text", background={**PROMPT, "spacing_mm": 0.4}, size=3)
    out = tmp_path / "out"
    manifest = make_dataset(made, out, engine=Local(1)).manifest
    (name,) = manifest.sources
    assert manifest.sources[name] == pipeline_digest(folder / "text") and {"diffusers", "torch"} <= {*manifest.versions}
    assert manifest.models[name] == pipeline_facts(folder / "text")
    assert manifest.models[name]["licence"] == "cc-by-nc-4.0" and manifest.origin == "synthetic"
    sample = next(iter(Dataset.open(out)))
    assert str(sample.spacing_origin) == "assumed" and str(sample.making.source_type) == "trainedAlgorithmicMedia"
    assert sample.making.makers[0].name == "text"  # the folder's place is nobody's business
    text = card(out).read_text()
    assert "synthetic" in text and "generative network" in text and "`some/films`" in text
    assert not verify(out, pixels=2).problems


def test_other_weights_make_another_digest(folder, tmp_path):
    other = shutil.copytree(folder / "noise", tmp_path / "other")
    config = other / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"beta_end": 0.03}))
    assert pipeline_digest(other) != pipeline_digest(folder / "noise")
    (other / "README.md").write_text("Words decide nothing.")
    assert find_inputs(recipe(other)).digests() == {str(other): pipeline_digest(other)}


def test_a_painted_lesion_has_the_plans_place_and_size(folder):
    generator = Inpainting(painted(folder / "paint"))
    assert generator.field_mm(LESION) == SIDE
    pixels = np.random.default_rng(0).uniform(-0.5, 0.5, (SIDE, SIDE)).astype(np.float32)
    breast = np.ones((SIDE, SIDE), bool)
    breast[:, :12] = False
    context = Context(pixels, breast, 1.0)
    first, again, other = (generator(context, LESION, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.channel, again.channel) and not np.array_equal(first.channel, other.channel)
    assert np.array_equal(first.mask, ellipse(SIDE, 10.0, 3) & breast) and 20 < first.mask.sum() < 80
    outside = ~(ellipse(SIDE, 15.0, 3) & breast)
    assert (first.channel[outside] == 0).all() and np.abs(first.channel[first.mask]).mean() > 0.05
    assert first.descriptors == {"shape": "unknown", "margin": "unknown"}
    assert Inpainting(painted(folder / "paint", extent="found"))(context, LESION, 3).mask is None


@pytest.mark.parametrize("twin", ["host", "removed"])
def test_lesions_painted_onto_phantoms_are_findings_like_others(folder, tmp_path, twin):
    lesion = painted(folder / "paint").model_dump(exclude_none=True)
    lesion |= {"diameter_mm": [8, 12], "placement": tiny.PLACEMENT}
    removal = {"generator": "diffusion", "model": str(folder / "paint"), "prompt": "tissue", "steps": 2}
    made = tiny.recipe(
        classes={"malignant": 1}, lesions=[lesion], pair=twin, size=4, emit=IMAGES,
        **({"removal": {**removal, "spacing_mm": 1.0}} if twin == "removed" else {}),
    )  # fmt: skip
    out = tmp_path / "out"
    assert not make_dataset(made, out, engine=Local(1)).manifest.failed
    with_lesion, without = list(Dataset.open(out))[:2]
    (finding,) = with_lesion.findings
    told = with_lesion.provenance["lesions"][0]
    assert told["generator"] == "diffusion" and told["weights"] == pipeline_digest(folder / "paint")
    assert (with_lesion.lesions[finding.box.slices] == finding.label).any() and finding.synthetic
    assert without.label == "normal" and not without.findings
    changed = with_lesion.image != without.image
    assert changed.any() and changed.mean() < 0.2
    names = [maker.name for maker in with_lesion.making.makers]
    assert names == ["phantom", "paint"] and not verify(out, pixels=2).problems


BROKEN = {
    "nothing there": (lambda at: shutil.rmtree(at), "expected the folder of a diffusers pipeline, found nothing"),
    "no index": (lambda at: (at / "model_index.json").unlink(), "is no diffusers pipeline"),
    "no weights": (lambda at: weights(at).unlink(), "has no weights: unet/[*].safetensors is not there"),
    "pickles": (
        lambda at: weights(at).rename(at / "unet" / "w.bin"),
        "a Python pickle .w.bin., which is not opened",
    ),
    "a part that is gone": (
        lambda at: shutil.rmtree(at / "scheduler"),
        "the part scheduler of the pipeline is not",
    ),
    "an index that is none": (lambda at: (at / "model_index.json").write_text("[1"), "cannot be read"),
    "code": (lambda at: reindexed(at, unet=["mine", "Net"]), "mine.Net, code from outside diffusers"),
    "a class that is code": (lambda at: reindexed(at, _class_name=["mine", "Pipe"]), "names no class of diffusers"),
}


def weights(at):
    return at / "unet" / "diffusion_pytorch_model.safetensors"


def reindexed(at, **changes):
    path = at / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("case", BROKEN)
def test_a_pipeline_that_cannot_be_used_is_one_message(case, folder, tmp_path):
    spoil, message = BROKEN[case]
    at = shutil.copytree(folder / "noise", tmp_path / "noise")
    spoil(at)
    with pytest.raises(CheckpointError, match=message):
        locate_pipeline(str(at))
    written = tiny.write(tmp_path / "t.yaml", background={"generator": "diffusion", "model": str(at)}, lesions=[],
                         classes={"normal": 1})  # fmt: skip
    for command in (["check", written], ["build", written, "--out", tmp_path / "out"]):
        result = tiny.run(*command)
        assert result.exit_code == 1 and "background.model" in result.output and "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_weights_that_are_damaged_are_one_message(folder, tmp_path):
    at = shutil.copytree(folder / "noise", tmp_path / "noise")
    weights(at).write_bytes(b"not tensors")
    with pytest.raises(CheckpointError, match="cannot be opened"):
        Diffusion(section(at))


def test_what_a_pipeline_cannot_do_is_refused(folder):
    with pytest.raises(GeneratorError, match="StableDiffusionPipeline asks for a prompt"):
        Diffusion(section(folder / "text"))
    with pytest.raises(GeneratorError, match="DDPMPipeline takes no prompt"):
        Diffusion(section(folder / "noise", prompt="a breast"))
    with pytest.raises(GeneratorError, match="needs an image to begin with"):
        Diffusion(section(folder / "paint", prompt="a breast"))
    with pytest.raises(GeneratorError, match="StableDiffusionPipeline does not inpaint"):
        Inpainting(painted(folder / "text"))
    large = PlannedLesion(Kind.MASS, Pathology.BENIGN, 30.0, 0.3, {}, ())
    with pytest.raises(GeneratorError, match="a mass of 30.0 mm leaves no tissue around in 32.0 mm"):
        Inpainting(painted(folder / "paint")).field_mm(large)
    with pytest.raises(RecipeError, match="spacing, view and laterality[\\s\\S]*background.spacing_mm"):
        refuse_unsupported(recipe(folder / "noise", emit={"formats": ["dicom"]}))


PROMPTS = {
    "a place that is none": ({"prompt": "a {vew} breast"}, "'{vew}' is not one of {label}, {view}"),
    "a brace": ({"prompt": "a {view breast"}, "the braces are not understood"),
    "a view that is not stated": ({"prompt": "{view}"}, "names the {view}, and none is stated"),
    "views that are not shown": ({"prompt": "x", "views": {"CC": 1}}, "does not name the {view} that is drawn"),
    "classes that are not shown": ({"prompt": "x", "conditional": True}, "does not name the {label}"),
    "a scheduler that is none": ({"scheduler": "../x"}, "scheduler"),
    "no revision": ({"model": "hf://me/model"}, None),
}


@pytest.mark.parametrize("case", PROMPTS)
def test_a_section_that_contradicts_itself_is_one_message(case):
    background, message = PROMPTS[case]
    content = tiny.content(
        background={"generator": "diffusion", "model": "m", **background}, lesions=[], classes={"normal": 1}
    )
    if message is None:
        with pytest.raises(GeneratorError, match="expected hf://ORG/REPO@REVISION"):
            find_inputs(as_recipe(content))
        return
    with pytest.raises(RecipeError) as error:
        as_recipe(content)
    assert message in str(error.value)


def test_kinds_are_found_by_name_and_list_their_inputs(folder):
    entry = painted(folder / "paint")
    kind = lesion_kind("diffusion", "lesions.0.generator")
    found = list(kind.inputs(entry, "lesions.0.generator", lambda name, where, shelf: shelf.find(name)))
    assert [one.name for one in found] == [str(folder / "paint")] and found[0].facts["licence"] == "other"
