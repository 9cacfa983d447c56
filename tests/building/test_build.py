import json
import os
import re
import resource
import shutil
import signal
import stat
import tarfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import dcmread

from synthmammo._version import PIXELS_VERSION
from synthmammo.building.build import make_dataset, make_shard, planned_shards
from synthmammo.cli import main
from synthmammo.dataset.card import card
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import PLAN, STATE
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import GeneratorError, OutputError, RecipeError
from synthmammo.identity import file_digest
from synthmammo.planning.planner import write_plan
from tests.support import tiny
from tests.support.tiny_models import contextual_file, stylegan2_file

SMALL = {"size": 4, "emit": {"shard_size": 2, "preview_px": 64}, "splits": {"train": 1}}
"""Two shards, for tests that build often."""

MASS, CALCIFICATION = tiny.TINY["lesions"]


def made(out: Path, workers: int = 1, **changes) -> Path:
    make_dataset(tiny.recipe(**changes), out, engine=Local(workers))
    return out


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, bytes]:
    """The files of an undisturbed build of `SMALL`."""
    return tiny.files(made(tmp_path_factory.mktemp("small") / "out", **SMALL))


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def partial(directory: Path) -> list[Path]:
    return list(directory.rglob(".partial-*"))


# equal bytes


def test_two_workers_make_the_same_bytes_as_one(built, tmp_path):
    out = made(tmp_path / "another_name", workers=2)
    card(out)
    assert tiny.files(out) == tiny.files(built)


def test_progress_counts_every_sample_once(tmp_path):
    counted = []
    result = make_dataset(tiny.recipe(**SMALL), tmp_path / "out", engine=Local(1), advance=counted.append)
    assert (sum(counted), result.made) == (4, 4)
    assert set(result.seconds) == {"generate", "compose", "encode and write"}
    counted.clear()
    again = make_dataset(tiny.recipe(**SMALL), tmp_path / "out", engine=Local(1), advance=counted.append)
    assert (sum(counted), again.made) == (4, 0)


def test_what_the_directory_holds(built):
    manifest = Manifest.read(built)
    tops = {name.partition("/")[0] for name in names(built)}
    assert tops == {"README.md", "recipe.yaml", "plan.parquet", "index.parquet", "manifest.json", "skipped.jsonl"} | {
        "croissant.json",
        "provenance.json",
        "figures",
        "webdataset",
        "parquet",
        "dicom",
    }
    assert manifest.samples == 12 and not manifest.failed
    counted = {split: sum(labels.values()) for split, labels in manifest.counts.items()}
    assert counted == {"train": 6, "validation": 3, "test": 3}
    for shard in manifest.shards:
        assert f"{shard.split}-" in shard.name and "-of-" in shard.name and (built / shard.name).exists()


def test_boxes_and_masks_agree_in_every_sample(built):
    import numpy as np

    from synthmammo.mammogram.sample import Box

    found = 0
    for sample in Dataset.open(built):
        assert not (sample.lesions.astype(bool) & ~sample.breast).any()
        assert set(np.unique(sample.lesions)) - {0} == {finding.label for finding in sample.findings}
        for finding in sample.findings:
            assert Box.around(sample.lesions == finding.label) == finding.box
        found += len(sample.findings)
        assert (sample.label == "normal") == (not sample.findings)
    assert found == 12


# interruption


def crash(recipe, out: Path, after: int) -> bool:
    """Build in a fork of this process that ends, with nothing cleaned up, before the n-th file gets its final name.

    Returns:
        Whether it came to that; False when the build had fewer.
    """
    child = os.fork()
    if child == 0:
        replace, seen = Path.replace, [0]

        def replaced(self, target):
            seen[0] += 1
            if seen[0] > after:
                os._exit(9)
            return replace(self, target)

        Path.replace = replaced
        try:
            make_dataset(recipe, out, engine=Local(1))
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 9)
    return os.waitstatus_to_exitcode(status) == 9


FIRST_SHARD = 9
"""Files named until the first shard is done: content, versions, recipe, plan, size, three formats, its state."""


def test_a_crash_at_any_moment_is_continued_to_the_same_bytes(tmp_path, small):
    recipe, after = tiny.recipe(**SMALL), 0
    while crash(recipe, out := tmp_path / str(after), after):
        make_dataset(recipe, out, engine=Local(1))
        assert tiny.files(out) == small, f"after {after} files"
        after += 4
    assert after >= 15


def test_finished_shards_are_not_made_again(tmp_path, small):
    recipe, out = tiny.recipe(**SMALL), tmp_path / "out"
    assert crash(recipe, out, after=FIRST_SHARD)
    written = {path: path.stat().st_mtime_ns for path in out.glob("[!.]*/train-00000*")}
    assert len(written) == 3
    result = make_dataset(recipe, out, engine=Local(1))
    assert result.made == 2
    kept = {path.with_name(f"train-00000{path.suffix}"): path for path in out.glob("[!.]*/train-00000-of-00002*")}
    assert {old: new.stat().st_mtime_ns for old, new in kept.items()} == written
    assert tiny.files(out) == small


def test_a_shard_whose_file_was_lost_is_made_again(tmp_path, small):
    recipe, out = tiny.recipe(**SMALL), tmp_path / "out"
    assert crash(recipe, out, after=FIRST_SHARD)
    (out / "webdataset" / "train-00000.tar").write_bytes(b"cut short")
    assert make_dataset(recipe, out, engine=Local(1)).made == 4
    assert tiny.files(out) == small


def wait_for(condition, process, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


LONG = {"size": 24}


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> dict[str, bytes]:
    out = made(tmp_path_factory.mktemp("long") / "out", **LONG)
    card(out)
    return tiny.files(out)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(tmp_path, workers, long):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    command = ("build", recipe, "--out", out, "--workers", workers)
    process = tiny.start(*command)
    wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors and "Traceback" not in errors and "KeyboardInterrupt" not in errors
    assert "finishing the shard; Ctrl-C again to stop at once\n" in errors
    assert "kept, and the same command goes on from there" in errors
    assert not partial(out) and not (out / "manifest.json").exists()
    for path in (out / "webdataset").glob("*.tar"):
        with tarfile.open(path) as tar:
            assert len(tar.getnames()) == 15
    again = tiny.run(*command)
    assert again.exit_code == 0 and "24 samples" in again.output
    made = re.search(r"24 samples, (\d+) of them made now", again.output)
    assert made and int(made[1]) < 24, "some were kept"
    assert tiny.files(out) == long


def test_ctrl_c_while_the_workers_start(tmp_path):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 2)
    wait_for((out / PLAN).is_file, process)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors and not partial(out)


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"spawn_main" in command:
            found.append(int(entry.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")


@needs_proc
@pytest.mark.slow
def test_killed_with_its_workers_going_it_is_continued(tmp_path, long):
    """Workers of a killed parent must end too: they would write into the files of the next run."""
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 2)
    wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < end, "the workers live on"
        time.sleep(0.02)
    assert len(workers) == 2
    assert tiny.run("build", recipe, "--out", out, "--workers", 1).exit_code == 0
    assert tiny.files(out) == long


@needs_proc
@pytest.mark.slow
def test_a_killed_worker_gives_a_message_and_the_same_command_goes_on(tmp_path):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 2)
    wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process ended unexpectedly" in errors and "out of memory" in errors and "Traceback" not in errors
    assert tiny.run("build", recipe, "--out", out, "--workers", 1).exit_code == 0
    assert not partial(out)


def test_two_builds_in_one_folder_do_not_mix(tmp_path):
    recipe, out = tiny.write(tmp_path / "tiny.yaml", **LONG), tmp_path / "out"
    process = tiny.start("build", recipe, "--out", out, "--workers", 1)
    try:
        wait_for(lambda: list((out / STATE).glob("train-*.json")), process)
        second = tiny.run("build", recipe, "--out", out, "--workers", 1)
        assert second.exit_code == 1 and "another process is making this dataset now" in second.output
    finally:
        process.kill()
        process.communicate()


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
