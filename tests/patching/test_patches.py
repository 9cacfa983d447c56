"""Laws of patches: pixels, masks and boxes move together; tissue, places, counts and splits are as asked."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.dataset.layout import PATCHES_PLAN
from synthmammo.dataset.workers.local import Local
from synthmammo.mammogram.geometry import crop, mirror, resize, rotated
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.sample import Box, Sample
from synthmammo.patching.cut import NoPatch, WholeImage
from synthmammo.patching.options import PatchOptions
from synthmammo.patching.patches import cut_patches
from synthmammo.patching.plan import PatchRow, WindowDraw
from synthmammo.patching.survey import Target
from tests.support.patch_sources import (
    EXACT,
    HEIGHT,
    IMAGES,
    LESION,
    SCALED,
    WIDTH,
    a_dataset,
    an_image,
    benign,
    cut,
)


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
