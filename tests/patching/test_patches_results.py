"""Patches of images that are special, the dataset of patches, and what is refused."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthmammo.building.verify import verify
from synthmammo.cli import main
from synthmammo.dataset.card import card
from synthmammo.dataset.index import index_row
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError, OutputError, RecipeError, SynthmammoError
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample, SpacingOrigin
from synthmammo.patching.options import PatchOptions
from synthmammo.patching.patches import cut_patches, patches
from synthmammo.patching.survey import survey
from tests.support.patch_sources import (
    EXACT,
    IMAGES,
    LESION,
    SCALED,
    a_dataset,
    an_image,
    benign,
    cut,
)

MINI_MIAS = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"


def a_patch(key: str, *findings: Finding, **changes) -> Sample:
    """An image that lies wholly inside a breast."""
    sample = an_image(key, **changes)
    side = slice(0, 32), slice(0, 32)
    return sample.with_(
        image=sample.image[side],
        breast=np.ones((32, 32), np.bool_),
        lesions=np.zeros((32, 32), np.uint8),
        findings=findings,
    )


UNKNOWN = Finding(Kind.MASS, Pathology.BENIGN, Box(0, 0, 32, 32), descriptors={"extent": "unknown"})


def test_lesions_of_unknown_extent_are_taken_whole_and_marked(tmp_path):
    images = [a_patch("boxed", UNKNOWN, label="benign"), a_patch("bare", label="malignant"), a_patch("healthy")]
    options = PatchOptions(size_px=24, per_class=8)
    result, found = cut(a_dataset(tmp_path / "source", *images), tmp_path / "out", options)
    assert result.manifest.counts == {"train": {"benign": 8, "malignant": 8, "normal": 8}}
    assert "2 images are patches already and are taken whole" in result.notes
    for patch in found.values():
        assert patch.provenance["crop"] == [0, 0, 32, 32] or patch.label == "normal"
        assert patch.provenance.get("extent") == (None if patch.label == "normal" else "unknown")
        assert [finding.box for finding in patch.findings] == [Box(0, 0, 24, 24)] * (patch.label == "benign")
    benign_images = {patch.image.tobytes() for patch in found.values() if patch.label == "benign"}
    assert len(benign_images) == 8, "the first eight patches of a lesion differ"


def test_patches_can_pass_as_they_are(tmp_path):
    image = a_patch("boxed", UNKNOWN, label="benign")
    options = PatchOptions(size_px=32, augment=False)
    _, found = cut(a_dataset(tmp_path / "source", image), tmp_path / "out", options)
    [patch] = found.values()
    np.testing.assert_array_equal(patch.image, image.image)
    assert patch.findings == image.findings


def test_findings_without_a_place_give_no_patches(tmp_path):
    lost = an_image("lost", label="malignant")
    half = an_image("half", LESION, provenance={"unlocated": ["mass malignant"]})
    folder = a_dataset(tmp_path / "source", lost, half)
    result, found = cut(folder, tmp_path / "out", dataclasses.replace(EXACT, beside_findings_px=0))
    assert any("1 images have findings without a place" in note for note in result.notes)
    assert {patch.label for patch in found.values()} == {"malignant"}
    assert not any("without a place" in skip["reason"] for skip in result.manifest.failed), "they were never planned"


def test_findings_without_a_place_on_a_real_host_make_no_normal_patches_of_what_was_built_on_it(tmp_path):
    host = {"source": "an archive", "unlocated": ["mass malignant"]}
    built_on_it = an_image("built", LESION, provenance={"recipe": "r", "index": 0, "role": "lesion", "host": host})
    plain = an_image("plain", label="normal", provenance={"recipe": "r", "index": 1, "role": "host", "host": host})
    folder = a_dataset(tmp_path / "source", built_on_it, plain)
    result, found = cut(folder, tmp_path / "out", dataclasses.replace(EXACT, beside_findings_px=0))
    assert {patch.label for patch in found.values()} == {"malignant"}
    assert {skip["source"] for skip in result.manifest.failed} <= {"built"}
    assert any("1 images have findings without a place" in note for note in result.notes)


def test_a_healthy_image_with_findings_without_a_place_is_not_planned_for_normal_patches():
    lost = index_row(an_image("lost", label="normal", provenance={"unlocated": ["mass malignant"]}))
    surveyed = survey([lost, index_row(an_image("well"))], EXACT)
    assert [target.source for target in surveyed.cells["train", "normal"]] == ["well"]


def test_patches_are_cut_from_the_images_that_meet_the_condition_and_keep_their_columns(tmp_path):
    spot = an_image("spot", LESION, provenance={"modifier": ["spot compression"], "kvp": 28.0})
    plain = an_image("plain", LESION, provenance={"kvp": 30.0})
    folder = a_dataset(tmp_path / "source", spot, plain)
    result, found = cut(folder, tmp_path / "out", dataclasses.replace(EXACT, where="modifier is null"))
    assert {patch.provenance["source"] for patch in found.values()} == {"plain"}
    assert result.manifest.options["where"] == "modifier is null"
    again, found = cut(tmp_path / "out", tmp_path / "again", dataclasses.replace(EXACT, where="kvp > 29"))
    assert found and again.manifest.samples
    with pytest.raises(DatasetError, match="none of 2 images meets the condition") as error:
        cut(folder, tmp_path / "none", dataclasses.replace(EXACT, where="kvp > 40"))
    assert "kvp is 28.0, 30.0" in error.value.hint
    with pytest.raises(RecipeError, match="no column is called 'modifer'") as error:
        dataclasses.replace(EXACT, where="modifer is null")
    assert "modifier" in error.value.hint


def test_a_dataset_of_patches_without_a_condition_keeps_its_digest():
    assert "where" not in EXACT.plain()


def test_padding_of_zeros_is_never_cut(tmp_path):
    image = an_image("well")
    image.image[:40] = 0
    _, found = cut(a_dataset(tmp_path / "source", image), tmp_path / "out", EXACT)
    assert found
    assert all(patch.image.min() > 0 for patch in found.values())


def test_images_are_resampled_to_a_spacing(tmp_path):
    known = {"spacing_mm": (0.2, 0.1), "spacing_origin": SpacingOrigin.KNOWN}
    images = (
        an_image("known", LESION, **known),
        an_image("unknown", dataclasses.replace(LESION, box=Box(50, 20, 60, 40))),
    )
    folder = a_dataset(tmp_path / "source", *images)
    result, found = cut(folder, tmp_path / "out", PatchOptions(size_px=24, spacing_mm=0.15, per_lesion=6))
    assert "1 images have no known spacing and keep their own pixels" in result.notes
    for patch in found.values():
        row0, _, row1, _ = patch.provenance["crop"]
        if patch.provenance["source"] == "unknown":
            assert patch.spacing_mm is None
            continue
        assert patch.provenance["resampled_shape"] == [160, 67]
        assert patch.spacing_mm == pytest.approx((0.15 * (row1 - row0) / 24,) * 2, rel=0.01)
        assert patch.spacing_origin is SpacingOrigin.KNOWN


def test_uneven_spacing_turns_with_the_patch(tmp_path):
    image = an_image("known", LESION, spacing_mm=(0.2, 0.1), spacing_origin=SpacingOrigin.KNOWN)
    _, found = cut(a_dataset(tmp_path / "source", image), tmp_path / "out", dataclasses.replace(EXACT, per_lesion=8))
    for patch in found.values():
        assert patch.spacing_mm == ((0.1, 0.2) if patch.provenance["turns"] % 2 else (0.2, 0.1))


def test_result_is_a_sound_dataset_with_a_card(source, tmp_path):
    options = dataclasses.replace(SCALED, per_lesion=2, formats=("parquet", "webdataset"))
    result, _ = cut(source, tmp_path / "out", options)
    assert verify(tmp_path / "out").problems == []
    assert result.manifest.kind == "patches"
    assert result.manifest.licence == "CC-BY-4.0"
    assert result.manifest.sources == {"source": "0" * 64}
    assert {shard.format for shard in result.manifest.shards} == {"parquet", "webdataset"}
    text = card(tmp_path / "out").read_text()
    assert "synthmammo patches" in text
    assert "| normal |" in text


def test_command(source, tmp_path):
    arguments = ["patches", str(source), "--out", str(tmp_path / "out"), "--size-px", "24", "--per-lesion", "2"]
    arguments += ["--quota", "train/normal=4", "--workers", "1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 3), result.output
    assert "patches, " in result.output
    assert "4 normal" in result.output
    assert (tmp_path / "out" / "README.md").is_file()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size_px", 4),
        ("spacing_mm", 0.0),
        ("classes", "shape"),
        ("per_lesion", 0),
        ("per_class", -1),
        ("counts", {"normal": "many"}),
        ("offset_px", 200),
        ("tissue_share", 1.5),
        ("scale", (1.2, 0.8)),
        ("beside_findings_px", -1),
        ("candidates", 0),
        ("formats", ("dicom",)),
        ("shard_size", 0),
    ],
)
def test_options_that_make_no_sense(name, value):
    with pytest.raises(RecipeError, match="cannot be") as caught:
        PatchOptions(**{name: value})
    assert caught.value.where == name


def test_a_count_of_an_unknown_class(source, tmp_path):
    with pytest.raises(RecipeError, match="no patches can be 'malign'") as caught:
        cut(source, tmp_path / "out", dataclasses.replace(SCALED, counts={"malign": 3}))
    assert "Did you mean 'malignant'?" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_other_options_in_the_same_directory_are_refused(source, tmp_path):
    cut(source, tmp_path / "out", dataclasses.replace(SCALED, per_lesion=1))
    with pytest.raises(OutputError, match=r"options.per_lesion: 1 before, 2 now"):
        cut(source, tmp_path / "out", dataclasses.replace(SCALED, per_lesion=2))


def test_nothing_to_cut(tmp_path):
    folder = a_dataset(tmp_path / "source", an_image("lost", label="malignant"))
    with pytest.raises(DatasetError, match="no patch can be cut"):
        cut(folder, tmp_path / "out", SCALED)


def test_nothing_could_be_cut(tmp_path):
    folder = a_dataset(tmp_path / "source", an_image("tip", benign(56, 79, 62, 80)))
    options = dataclasses.replace(EXACT, candidates=1, offset_px=0, tissue_share=1.0)
    with pytest.raises(DatasetError, match="not one of 24 patches could be cut"):
        cut(folder, tmp_path / "out", options)


def test_no_dataset(tmp_path):
    with pytest.raises(DatasetError):
        cut_patches(tmp_path / "absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_survey_of_a_large_index_is_quick():
    from time import perf_counter

    image = index_row(IMAGES[0])
    images = [image | {"key": f"k{number}", "patient": f"p{number}"} for number in range(5000)]
    start = perf_counter()
    found = survey(images, SCALED)
    assert len(found.cells["train", "malignant"]) == 10_000
    assert perf_counter() - start < 5


@pytest.mark.slow
@pytest.mark.skipif(not MINI_MIAS.is_dir(), reason="the real films of mini-MIAS are not here")
def test_real_films(tmp_path):
    from synthmammo.ingesting.ingest import ingest_archive
    from synthmammo.ingesting.options import IngestOptions

    ingest_archive("mini_mias", MINI_MIAS, tmp_path / "films", IngestOptions(limit=12), engine=Local(1))
    _, found = cut(tmp_path / "films", tmp_path / "out", PatchOptions(per_lesion=4))
    assert len(found) > 20
    assert min(patch.breast.mean() for patch in found.values()) >= 0.9
    assert all(patch.shape == (256, 256) for patch in found.values())


# the function with plain arguments


def test_the_dataset_of_patches_comes_back(source, tmp_path, caplog):
    caplog.set_level(logging.INFO, "synthmammo")
    steps = []
    options = {"size_px": 24, "scale": [1.0, 1.0], "per_lesion": 24, "shard_size": 20}
    found = patches(
        Dataset.open(source), str(tmp_path / "a" / "d"), progress=lambda done, total: steps.append(done), **options
    )
    assert isinstance(found, Dataset) and len(found) and steps
    assert found.manifest == cut(source, tmp_path / "b" / "d", EXACT)[0].manifest
    assert patches(str(source), tmp_path / "a" / "d", **options).manifest == found.manifest
    if found.manifest.failed:
        assert f"could not be cut, listed in {tmp_path / 'a' / 'd' / 'skipped.jsonl'}" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": 3}, "dataset: expected a Dataset, or the path"),
        ({"dataset": "absent"}, "absent"),
        ({"out": None}, "out: expected a path"),
        ({"workers": 1.5}, "workers: expected a whole number"),
        ({"progress": "bar"}, "progress: expected a function"),
        ({"size": 24}, "size: is no option that is known here\n  Did you mean 'size_px'?"),
        ({"size_px": "24"}, "size_px: cannot be 24"),
        ({"size_px": 24.5}, "size_px: cannot be 24.5"),
        ({"spacing_mm": "a"}, "spacing_mm: cannot be a"),
        ({"scale": 1}, "scale: cannot be 1"),
        ({"scale": (1.2, 0.8)}, "scale: cannot be (1.2, 0.8)"),
        ({"counts": 4}, "counts: cannot be 4"),
        ({"counts": {"normal": -1}}, "counts: cannot be"),
        ({"healthy": "normal"}, "healthy: cannot be normal"),
        ({"augment": 1}, "augment: cannot be 1"),
        ({"seed": None}, "seed: cannot be None"),
        ({"formats": ("dicom",)}, "formats: cannot be ('dicom',)"),
        ({"offset_px": 13, "size_px": 24}, "offset_px: cannot be 13"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(source, tmp_path, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        patches(**{"dataset": source, "out": tmp_path / "out", **changes})
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()
