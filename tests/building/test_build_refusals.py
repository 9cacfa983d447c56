"""What is in the way of a build, rows that fail, and formats."""

import json
import os
import resource
import shutil
import stat

import pytest
from click.testing import CliRunner
from pydicom import dcmread

from synthmammo._version import PIXELS_VERSION
from synthmammo.building.build import make_dataset, make_shard, planned_shards
from synthmammo.cli import main
from synthmammo.dataset.card import card
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import PLAN
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import GeneratorError, OutputError, RecipeError
from synthmammo.identity import file_digest
from synthmammo.planning.planner import write_plan
from tests.support import tiny
from tests.support.small_builds import FIRST_SHARD, SMALL, crash, made, names, partial
from tests.support.tiny_models import contextual_file, stylegan2_file

MASS, CALCIFICATION = tiny.TINY["lesions"]


# what is in the way


def test_another_recipe_in_the_same_folder_is_refused_with_the_difference(tmp_path):
    out = made(tmp_path / "out", **SMALL)
    before = tiny.files(out)
    with pytest.raises(OutputError) as caught:
        made(out, **SMALL | {"seed": 12, "description": "Other."})
    assert "recipe.seed: 11 before, 12 now" in str(caught.value) and "--overwrite" in str(caught.value)
    assert tiny.files(out) == before


def test_another_recipe_in_an_unfinished_folder_is_refused_with_the_difference(tmp_path):
    out = tmp_path / "out"
    assert crash(tiny.recipe(**SMALL), out, 5)
    with pytest.raises(OutputError, match="recipe.size: 4 before, 6 now"):
        made(out, **SMALL | {"size": 6})


def test_a_lesion_more_is_a_difference_that_is_shown(tmp_path):
    out = made(tmp_path / "out", **SMALL)
    with pytest.raises(OutputError, match=r"recipe.lesions.1: .* before, nothing now"):
        made(out, **SMALL | {"lesions": [MASS]})


def test_overwrite_begins_anew(tmp_path):
    out = made(tmp_path / "out", **SMALL | {"seed": 12})
    (out / "webdataset" / "left_over.tar").write_text("")
    make_dataset(tiny.recipe(**SMALL), out, engine=Local(1), overwrite=True)
    assert Manifest.read(out).options["seed"] == 11
    assert not (out / "webdataset" / "left_over.tar").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_foreign_directory_is_never_removed(tmp_path, overwrite):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="not a dataset of this package|is not removed"):
        make_dataset(tiny.recipe(**SMALL), tmp_path, engine=Local(1), overwrite=overwrite)
    assert names(tmp_path) == ["thesis.tex"]


def test_a_file_in_place_of_the_directory(tmp_path):
    (tmp_path / "out").write_text("")
    for out in (tmp_path / "out", tmp_path / "out" / "inner"):
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="cannot be written|not a dataset|is not removed"):
                make_dataset(tiny.recipe(**SMALL), out, engine=Local(1), overwrite=overwrite)
    assert names(tmp_path) == ["out"]


def test_an_empty_directory_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    assert Manifest.read(made(tmp_path / "out", **SMALL)).samples == 4


def test_a_finished_dataset_with_a_lost_shard_is_not_called_finished(tmp_path):
    out = made(tmp_path / "out", **SMALL)
    next((out / "webdataset").iterdir()).unlink()
    with pytest.raises(OutputError, match="missing or was changed(.|\n)*synthmammo repair"):
        made(out, **SMALL)


# disks


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match="cannot be written"):
        made(tmp_path / "out", **SMALL)


@pytest.mark.parametrize("format_name", ["webdataset", "parquet", "dicom"])
def test_a_file_in_place_of_a_formats_folder(tmp_path, format_name):
    out = tmp_path / "out"
    assert crash(tiny.recipe(**SMALL), out, FIRST_SHARD - 4)  # content, versions, recipe, plan and size
    shutil.rmtree(out / format_name)
    (out / format_name).write_text("")
    with pytest.raises(OutputError, match=f"{format_name}.*cannot be written"):
        made(out, **SMALL)
    (out / format_name).unlink()
    made(out, **SMALL)
    assert not partial(out)


LARGE_PIXELS = {"background": {**tiny.TINY["background"], "spacing_mm": 0.5}}


@pytest.mark.parametrize("limit", [600, 40_000])
def test_a_full_disk(tmp_path, limit):
    """A limit on the size of files stands in for the end of the disk: the first for the plan, then for the shards."""
    out, child = tmp_path / "out", os.fork()
    recipe = tiny.recipe(**SMALL, **LARGE_PIXELS)
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            make_dataset(recipe, out, engine=Local(1))
        except OutputError as error:
            os._exit(7 if "cannot be written (File too large)" in str(error) and "Free some space" in str(error) else 3)
        except BaseException:
            os._exit(2)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not partial(out)
    assert not any(path.stat().st_size >= limit for path in out.rglob("*") if path.is_file())
    assert Manifest.read(made(out, **SMALL, **LARGE_PIXELS)).samples == 4


# rows that fail


HOPELESS = {**MASS, "diameter_mm": 80, "placement": {"window_mm": 150, "tissue_share": 1, "candidates": 2}}


def test_rows_that_fail_are_reported_and_the_rest_goes_on(tmp_path):
    lesions = [{**HOPELESS, "classes": ["malignant"]}, {**MASS, "classes": ["benign"]}]
    recipe, out = tiny.write(tmp_path / "tiny.yaml", lesions=lesions), tmp_path / "out"
    result = tiny.run("build", recipe, "--out", out, "--workers", 1)
    assert result.exit_code == 3
    assert "4 samples could not be made" in result.output and "skipped.jsonl" in result.output
    skipped = [json.loads(line) for line in (out / "skipped.jsonl").read_text().splitlines()]
    assert len(skipped) == 4 and all("malignant mass of 80.0 mm" in skip["reason"] for skip in skipped)
    index = read_index(out)
    assert not {skip["key"] for skip in skipped} & set(index["key"].to_pylist())
    assert set(index["label"].to_pylist()) == {"normal", "benign"}
    assert "4 planned samples could not be made" in (out / "README.md").read_text()
    again = tiny.run("build", recipe, "--out", out, "--workers", 1)
    assert again.exit_code == 3, "the second run says so too"


def test_a_lost_class_is_said_at_the_end_and_on_the_card(tmp_path):
    lesions = [{**HOPELESS, "classes": ["malignant"]}, {**MASS, "classes": ["benign"]}]
    recipe, out = tiny.write(tmp_path / "tiny.yaml", lesions=lesions), tmp_path / "out"
    result = CliRunner().invoke(main, ["build", str(recipe), "--out", str(out), "--workers", "1"], color=True)
    said = "no sample of the class malignant could be made"
    assert result.stderr.endswith(f"\x1b[31m{said}\x1b[0m\n"), "in red, and last"
    assert "**No sample of the class malignant could be made.**" in (out / "README.md").read_text()
    whole = made(tmp_path / "whole", **SMALL)
    card(whole)
    assert "No sample" not in (whole / "README.md").read_text()


def test_a_build_of_nothing_is_an_error_and_leaves_nothing(tmp_path):
    lesions = [{**HOPELESS, "classes": ["malignant"]}]
    recipe = tiny.write(tmp_path / "t.yaml", **SMALL | {"lesions": lesions, "classes": {"malignant": 1}})
    result = tiny.run("build", recipe, "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 1
    assert "error: tiny: none of the 4 samples could be made\n" in result.output
    assert "(4 x): none of the 2 candidates for a malignant mass of 80.0 mm passed" in result.output
    assert not (tmp_path / "out").exists()


def test_quality_limits_are_reported_by_value(tmp_path):
    with pytest.raises(GeneratorError, match="none of the 4 samples") as caught:
        made(tmp_path / "out", **SMALL, quality={"minimum_breast_share": 0.99})
    assert "expected 99.0%" in str(caught.value)


# formats and labels


@pytest.mark.parametrize("formats", [["webdataset"], ["parquet"], ["dicom"], ["webdataset", "dicom"]])
def test_only_the_formats_asked_for(tmp_path, formats):
    emit = {"shard_size": 2, "preview_px": 64, "formats": formats}
    recipe = tiny.write(tmp_path / "t.yaml", **SMALL | {"emit": emit})
    result = tiny.run("build", recipe, "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 0
    folders = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert folders - {"figures"} == set(formats)
    assert ("picture" in result.output) == ("parquet" in formats)
    assert ("figures/samples.png" in (tmp_path / "out" / "README.md").read_text()) == ("parquet" in formats)
    assert tiny.run("verify", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_bit_depth(tmp_path, bits):
    out = made(tmp_path / "out", **SMALL | {"emit": {"bits_stored": bits, "preview_px": 64, "formats": ["parquet"]}})
    for sample in Dataset.open(out):
        assert sample.bits_stored == bits and 2 ** (bits - 1) < sample.image.max() < 2**bits


def test_a_shard_alone_is_the_shard_of_the_build(built, tmp_path):
    """What a machine makes of one shard is what the whole build makes: the plan carries every draw."""
    recipe = tiny.recipe()
    write_plan(recipe, tmp_path / PLAN)
    last = list(planned_shards(tmp_path / PLAN))[-1]

    class Report:
        def advance(self, samples=1):
            pass

        def raise_if_stopped(self):
            pass

    make_shard(recipe, tmp_path, Manifest.read(built).digest, last, Report())
    for path in (*(tmp_path / "webdataset").iterdir(), *(tmp_path / "parquet").iterdir()):
        assert path.read_bytes() in {other.read_bytes() for other in (built / path.parent.name).iterdir()}


def test_shards_come_out_of_the_plan_whole_and_once(tmp_path):
    write_plan(tiny.recipe(size=100), tmp_path / PLAN)
    found = list(planned_shards(tmp_path / PLAN))
    assert sorted(row.index for shard in found for row in shard.rows) == list(range(100))
    assert len({shard.name for shard in found}) == len(found)
    assert all(row.shard == shard.name for shard in found for row in shard.rows)


def test_images_of_a_stylegan2_are_dicom_where_the_recipe_says_what_they_show(tmp_path):
    background = {"generator": "stylegan2", "model": str(stylegan2_file(tmp_path / "m.safetensors"))}
    kinds = {"size": 1, "lesions": [], "classes": {"normal": 1}, "emit": {"formats": ["dicom"]}}
    with pytest.raises(RecipeError, match=r"(?s)emit.formats.dicom: .*State background.laterality"):
        make_dataset(tiny.recipe(background=background, **kinds), tmp_path / "out", engine=Local(1))
    told = tiny.recipe(background=background | {"view": "MLO", "laterality": "R"}, **kinds)
    make_dataset(told, tmp_path / "out", engine=Local(1))
    (image,) = map(dcmread, (tmp_path / "out").rglob("*.dcm"))
    assert (image.ImageLaterality, image.ViewPosition, image.SyntheticData) == ("R", "MLO", "YES")
    assert "m.safetensors (weights sha256" in image.ContributingEquipmentSequence[0].ContributionDescription


def test_dicom_names_the_model_that_made_a_lesion(tmp_path):
    model = contextual_file(tmp_path / "lesions.safetensors")
    lesions = [{**MASS, "classes": ["malignant"], "generator": str(model)}]
    emit = {"formats": ["parquet", "dicom"]}
    make_dataset(
        tiny.recipe(size=1, classes={"malignant": 1}, lesions=lesions, emit=emit), tmp_path / "out", engine=Local(1)
    )
    (image,) = map(dcmread, (tmp_path / "out" / "dicom").rglob("*.dcm"))
    (sample,) = Dataset.open(tmp_path / "out")
    weights = sample.provenance["lesions"][0]["weights"]
    assert weights == file_digest(model)
    described = image.ContributingEquipmentSequence[0].ContributionDescription
    assert described == (
        f"Background: phantom (synthmammo pixels version {PIXELS_VERSION}). Lesions: lesions.safetensors "
        f"(weights sha256 {weights}). Digital source type: trainedAlgorithmicMedia."
    )
