"""Laws of patches: pixels, masks and boxes move together; tissue, places, counts and splits are as asked."""

import dataclasses
import json
import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.building.verify import verify
from synthmammo.cli import main
from synthmammo.dataset.card import card
from synthmammo.dataset.index import count, index_row, write_index
from synthmammo.dataset.layout import PATCHES_PLAN
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.parquet import ParquetWriter
from synthmammo.errors import DatasetError, OutputError, RecipeError, SynthmammoError
from synthmammo.mammogram.geometry import crop, mirror, resize, rotated
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample, SpacingOrigin
from synthmammo.patching.cut import NoPatch, WholeImage
from synthmammo.patching.options import PatchOptions
from synthmammo.patching.patches import cut_patches, patches
from synthmammo.patching.plan import PatchRow, Target, WindowDraw, survey

HEIGHT, WIDTH = 120, 100
LABELS = ("benign", "malignant", "normal")
MINI_MIAS = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"

EXACT = PatchOptions(size_px=24, scale=(1.0, 1.0), per_lesion=24, shard_size=20)
SCALED = PatchOptions(size_px=24, per_lesion=24, shard_size=20)

LESION = Finding(Kind.MASS, Pathology.MALIGNANT, Box(30, 20, 42, 34), 1)


def an_image(key: str, *findings: Finding, split: str = "train", label: str | None = None, **changes) -> Sample:
    """A breast at the left whose grey levels tell the place of every pixel; lesions are the ellipses in their boxes."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    lesions = np.zeros((HEIGHT, WIDTH), np.uint8)
    for finding in findings:
        row0, col0, row1, col1 = finding.box
        radii = (row1 - row0) / 2, (col1 - col0) / 2
        inside = ((rows + 0.5 - row0) / radii[0] - 1) ** 2 + ((columns + 0.5 - col0) / radii[1] - 1) ** 2 <= 1
        lesions[inside] = finding.label or lesions[inside]
    sample = Sample(
        key=key,
        image=(1 + rows * WIDTH + columns).astype(np.uint16),
        bits_stored=14,
        breast=(columns / 80) ** 2 + ((rows - HEIGHT / 2) / 58) ** 2 < 1,
        lesions=lesions,
        findings=findings,
        label=label or (str(findings[0].pathology) if findings else "normal"),
        split=split,
        patient=f"patient of {key}",
    )
    return sample.with_(**changes)


def a_dataset(folder: Path, *images: Sample) -> Path:
    records = []
    for split in ("train", "validation", "test"):
        members = [image for image in images if image.split == split]
        if members:
            writer = ParquetWriter(folder / "parquet", f"{split}-00000", label_names=LABELS)
            for number, image in enumerate(members):
                writer.write(Encoded(image, number))
            records.append(writer.close())
    rows = [index_row(image) for image in images]
    write_index(folder, rows)
    counts, findings = count(rows)
    Manifest("ingested", "source", "0" * 64, {}, counts, findings, tuple(records), licence="CC-BY-4.0").write(folder)
    return folder


def benign(*box: int, label: int = 1) -> Finding:
    return Finding(Kind.CALCIFICATION, Pathology.BENIGN, Box(*box), label)


IMAGES = (
    an_image("sick", LESION, Finding(Kind.MASS, Pathology.MALIGNANT, LESION.box, 0)),
    an_image("edge", benign(56, 70, 64, 80)),
    an_image("both", dataclasses.replace(LESION, box=Box(30, 30, 40, 40)), benign(34, 44, 44, 52, label=2)),
    an_image("well"),
    an_image("also"),
    an_image("last", LESION, split="test"),
    an_image("fine", split="test"),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return a_dataset(tmp_path_factory.mktemp("source"), *IMAGES)


def cut(source: Path, out: Path, options: PatchOptions, **more):
    result = cut_patches(source, out, options, engine=Local(1), **more)
    return result, {sample.key: sample for sample in Dataset.open(out)}


@pytest.fixture(scope="module", params=[EXACT, SCALED], ids=["exact", "scaled"])
def found(request, source, tmp_path_factory) -> dict[str, Sample]:
    return cut(source, tmp_path_factory.mktemp("patches") / "out", request.param)[1]


@pytest.fixture(scope="module")
def exact(source, tmp_path_factory) -> dict[str, Sample]:
    return cut(source, tmp_path_factory.mktemp("exact") / "out", EXACT)[1]


def source_of(patch: Sample) -> Sample:
    return next(image for image in IMAGES if image.key == patch.provenance["source"])


def as_read(sample: Sample) -> dict:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(sample).items()}


def test_every_pixel_stays_with_its_masks(exact):
    seen = set()
    for patch in exact.values():
        image, (row0, col0, row1, col1) = source_of(patch), patch.provenance["crop"]
        rows, columns = np.divmod(patch.image.astype(int) - 1, WIDTH)
        np.testing.assert_array_equal(patch.breast, image.breast[rows, columns])
        np.testing.assert_array_equal(patch.lesions, image.lesions[rows, columns])
        assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (row0, col0, row1, col1)
        corner = rows[0, 0] == row0, columns[0, 0] == col0, rows[0, 1] == rows[0, 0]
        seen.add(corner)
        assert patch.provenance["scale"] == 1
    assert len(seen) == 8, "all eight orientations occur"


def test_what_is_done_can_be_undone(found):
    for patch in found.values():
        made = patch.provenance
        size = patch.shape
        expected = resize(crop(source_of(patch), Box(*made["crop"])), size)
        undone = rotated(patch, -made["turns"] % 4)
        undone = mirror(undone) if made["flip"] else undone
        for name in ("image", "breast", "lesions"):
            np.testing.assert_array_equal(getattr(undone, name), getattr(expected, name), err_msg=patch.key)


def test_boxes_are_those_of_the_masks(found):
    compared = 0
    for patch in found.values():
        masked = [finding for finding in patch.findings if finding.label]
        for finding in masked:
            assert finding.box == Box.around(patch.lesions == finding.label)
        assert set(np.unique(patch.lesions)) - {0} == {finding.label for finding in masked}
        for finding in (finding for finding in patch.findings if not finding.label):
            # Its box in the source is that of a lesion with a mask, an ellipse that touches its middles.
            twin = next((other for other in masked), None)
            height, width = patch.shape
            assert 0 <= finding.box.row0 < finding.box.row1 <= height
            assert 0 <= finding.box.col0 < finding.box.col1 <= width
            if twin and patch.provenance["lesion_share"] == 1:
                assert all(abs(a - b) <= 1 for a, b in zip(finding.box, twin.box, strict=True))
                compared += 1
    assert compared > 5


def test_tissue_share_holds_on_what_is_written(found):
    shares = [patch.breast.mean() for patch in found.values()]
    assert min(shares) >= 0.9
    assert min(shares) < 1, "the rule was put to the test"


def test_the_grey_levels_of_the_whole_image_go_with_its_patches(exact):
    for patch in exact.values():
        image = source_of(patch)
        expected = Intensity.of(image.image, image.breast)
        assert patch.history.intensity == (expected.low, expected.high)


def test_a_lesion_outside_of_its_patch_gives_no_patch():
    options = PatchOptions(size_px=96, augment=False, tissue_share=0.0)
    image = an_image("flat", dataclasses.replace(LESION, box=Box(30, 92, 42, 100)))
    small = crop(image, Box(24, 0, 84, WIDTH))  # smaller than a patch, so that its middle square is taken
    whole = WholeImage(small, options)
    row = PatchRow("k", 0, "s", "train", "malignant", Target("flat", "p", 0, True), False, 0, (WindowDraw(0, 0, 0, 1),))
    with pytest.raises(NoPatch, match="the lesion lies outside the window"):
        whole.patch(row)


def test_windows_lie_inside_and_have_their_scale(found):
    scales = set()
    for patch in found.values():
        row0, col0, row1, col1 = patch.provenance["crop"]
        assert 0 <= row0 < row1 <= HEIGHT
        assert 0 <= col0 < col1 <= WIDTH
        assert row1 - row0 == col1 - col0 == round(24 / patch.provenance["scale"])
        scales.add(patch.provenance["scale"])
    assert min(scales) >= 0.8
    assert max(scales) <= 1.2


def test_the_chosen_pixel_is_the_lesions_and_inside(exact):
    places = []
    for patch in (patch for patch in exact.values() if patch.label != "normal"):
        pixel, place = patch.provenance["pixel"], tuple(patch.provenance["pixel_in_patch"])
        assert patch.image[place] == 1 + pixel[0] * WIDTH + pixel[1]
        finding = source_of(patch).findings[patch.provenance["finding"]]
        assert patch.lesions[place] == (finding.label or patch.lesions[place])
        row0, col0, row1, col1 = finding.box
        assert row0 <= pixel[0] < row1
        assert col0 <= pixel[1] < col1
        places.append(place)
    quadrants = Counter((row < 12, column < 12) for row, column in places)
    assert min(quadrants[a, b] for a in (True, False) for b in (True, False)) > len(places) / 8


@given(st.floats(0.8, 1.2), st.integers(0, 3), st.booleans(), st.integers(0, 20), st.integers(0, 20))
def test_a_dot_is_where_its_pixel_is(scale, turns, flip, down, right):
    from synthmammo.patching.cut import WholeImage
    from synthmammo.patching.plan import PatchRow, Target, WindowDraw

    # A lesion of one pixel: after resizing it may be none to four pixels wide, and never further off than one.
    box = Box(45 + down, 25 + right, 46 + down, 26 + right)
    image = an_image("dot", benign(*box))
    row = PatchRow("k", 0, "train-00000", "train", "benign", Target("dot", "p", 0, False), flip, turns, ())
    row = dataclasses.replace(row, candidates=(WindowDraw(0.5, down / 21, right / 21, scale),))
    patch = WholeImage(image, PatchOptions(size_px=24)).patch(row)
    [finding] = patch.findings
    assert finding.box == Box.around(patch.lesions == 1)
    row_px, column_px = patch.provenance["pixel_in_patch"]
    assert finding.box.row0 - 1 <= row_px <= finding.box.row1
    assert finding.box.col0 - 1 <= column_px <= finding.box.col1


def test_offset_zero_puts_the_pixel_in_the_middle(source, tmp_path):
    options = dataclasses.replace(EXACT, offset_px=0, augment=False, tissue_share=0.5)
    for patch in cut(source, tmp_path / "out", options)[1].values():
        if patch.label != "normal":
            assert patch.provenance["pixel_in_patch"] == [12, 12]
            assert not patch.provenance["flip"]
            assert patch.provenance["turns"] == 0


def test_classes_are_pure(found):
    for patch in found.values():
        assert {str(finding.pathology) for finding in patch.findings} == {patch.label} - {"normal"}
        assert patch.label != "normal" or not patch.lesions.any()


def test_normal_patches_come_from_healthy_images_alone(found):
    normal = {patch.provenance["source"] for patch in found.values() if patch.label == "normal"}
    assert normal == {"well", "also", "fine"}


def test_normal_patches_beside_findings_keep_their_distance(source, tmp_path):
    options = dataclasses.replace(EXACT, beside_findings_px=5)
    normal = [patch for patch in cut(source, tmp_path / "out", options)[1].values() if patch.label == "normal"]
    beside = [patch for patch in normal if source_of(patch).findings]
    assert len(beside) > 10
    gaps = []
    for patch in beside:
        row0, col0, row1, col1 = patch.provenance["crop"]
        for box in (finding.box for finding in source_of(patch).findings):
            gaps.append(max(box.row0 - row1, row0 - box.row1, box.col0 - col1, col0 - box.col1))
    assert min(gaps) in (5, 6)


def test_splits_and_patients_are_the_sources(found):
    for patch in found.values():
        image = source_of(patch)
        assert (patch.split, patch.patient) == (image.split, image.patient)


def test_counts_are_as_many_normal_as_lesion_patches(source, tmp_path):
    result, _ = cut(source, tmp_path / "out", EXACT)
    failed = Counter(skip["key"].rpartition("-")[0] for skip in result.manifest.failed)
    counts = result.manifest.counts
    # In train three malignant findings and two benign ones; the one at the skin line loses some.
    assert counts["train"]["malignant"] + failed["source-malignant-train"] == 3 * 24
    assert counts["train"]["benign"] + failed["source-benign-train"] == 2 * 24
    assert counts["train"]["normal"] == 5 * 24
    assert counts["test"] == {"malignant": 24, "normal": 24}


def test_counts_can_be_given(source, tmp_path):
    options = dataclasses.replace(SCALED, per_class=5, classes="kind", counts={"train/normal": 30, "malignant mass": 7})
    result, _ = cut(source, tmp_path / "out", options)
    assert result.manifest.counts == {
        "train": {"normal": 30, "malignant mass": 7, "benign calcification": 5 - len(result.manifest.failed)},
        "test": {"normal": 5, "malignant mass": 7},
    }


def test_a_class_that_a_split_lacks_is_said(source, tmp_path):
    result, _ = cut(source, tmp_path / "out", EXACT)
    assert "test has nothing to cut these from: benign" in result.notes


def test_failures_are_recorded_and_never_replaced(tmp_path):
    sick = an_image("tip", benign(56, 76, 62, 80))
    result, found = cut(a_dataset(tmp_path / "source", sick, an_image("well")), tmp_path / "out", EXACT)
    failed = [json.loads(line) for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    assert failed
    assert len(failed) + len(found) == 48
    assert not {skip["key"] for skip in failed} & set(found)
    assert {skip["source"] for skip in failed} == {"tip"}
    assert all("breast" in skip["reason"] for skip in failed)
    assert max(patch.provenance["attempts"][0] for patch in found.values()) < 16


def test_same_seed_same_bytes(source, tmp_path):
    first, again, other = (
        cut(source, tmp_path / name / "patches", dataclasses.replace(SCALED, seed=seed, per_lesion=3))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first[0].manifest.shards == again[0].manifest.shards
    assert first[0].manifest.files == again[0].manifest.files
    assert first[0].manifest.shards != other[0].manifest.shards


@pytest.mark.slow
def test_processes_do_not_matter(source, tmp_path):
    here = cut_patches(source, tmp_path / "a", SCALED, engine=Local(1)).manifest
    there = cut_patches(source, tmp_path / "b", SCALED, engine=Local(2)).manifest
    assert here.shards == there.shards


def test_more_patches_leave_the_earlier_ones_as_they_were(source, tmp_path):
    few = cut(source, tmp_path / "few", dataclasses.replace(SCALED, per_lesion=3))[1]
    many = cut(source, tmp_path / "many", dataclasses.replace(SCALED, per_lesion=7, shard_size=50))[1]
    assert len(many) > len(few)
    for key, patch in few.items():
        assert as_read(patch) == as_read(many[key])


def test_resume_makes_only_what_is_missing(source, tmp_path):
    whole, _ = cut(source, tmp_path / "whole", SCALED)

    def stop(done: int, total: int) -> None:
        if done >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_patches(source, tmp_path / "cut", SCALED, engine=Local(1), progress=stop)
    assert not (tmp_path / "cut" / "manifest.json").exists()
    assert not list((tmp_path / "cut" / "parquet").glob(".partial*"))
    seen = []
    result, _ = cut(source, tmp_path / "cut", SCALED, progress=lambda done, total: seen.append((done, total)))
    assert result.made == whole.made - 40 + sum(
        skip["key"] in _first_shards(tmp_path) for skip in whole.manifest.failed
    )
    assert seen[-1][0] == seen[-1][1]
    assert result.manifest.shards == whole.manifest.shards
    assert result.manifest.digest == whole.manifest.digest
    assert cut_patches(source, tmp_path / "cut", SCALED).made == 0


def _first_shards(folder: Path) -> set[str]:
    import pyarrow.parquet as pq

    plan = pq.read_table(folder / "whole" / PATCHES_PLAN).to_pylist()
    return {row["key"] for row in plan[:40]}


def test_the_plan_names_every_patch_and_groups_them_by_image(source, tmp_path, found):
    import pyarrow.parquet as pq

    result, _ = cut(source, tmp_path / "out", EXACT)
    plan = pq.read_table(tmp_path / "out" / PATCHES_PLAN).to_pylist()
    assert len({row["key"] for row in plan}) == len(plan) == result.manifest.samples + len(result.manifest.failed)
    assert [row["index"] for row in plan] == list(range(len(plan)))
    runs = [
        row["source"]
        for row, before in zip(plan, [{"source": ""}, *plan], strict=False)
        if row["source"] != before["source"]
    ]
    assert sorted(runs) == sorted(image.key for image in IMAGES), "each image is one run of rows"


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
