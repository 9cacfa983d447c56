"""Ingest: an archive becomes a dataset; what cannot be read is listed; an interruption costs one shard at most."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import OutputError, SourceError, SynthmammoError
from synthmammo.ingesting.ingest import ingest, ingest_archive
from synthmammo.ingesting.options import IngestOptions
from synthmammo.ingesting.sources import folder as folder_source
from synthmammo.mammogram.anatomy import chest_wall_side
from synthmammo.mammogram.sample import SpacingOrigin
from tests.support import tiny
from tests.support.dicom_files import breast_like, write

DATA = Path(__file__).parents[3] / "shared" / "data"
HERE = Local(1)
PIXELS = (breast_like(120, 90) >> 4).astype(np.uint8)


@pytest.fixture
def archive(tmp_path):
    """Eight patients with two films each; the left and right ones face each other, and one file is damaged."""
    folder = tmp_path / "archive"
    folder.mkdir()
    lines = ["file,patient,laterality,view,label,kind,pathology,x,y,radius"]
    for number in range(8):
        for side, step in (("R", 1), ("L", -1)):
            name = f"{number}{side}.png"
            Image.fromarray(np.roll(PIXELS, number, 0)[:, ::step]).save(folder / name)
            column = 20 if step == 1 else 69
            finding = f"malignant,mass,m,{column},60,8" if number % 4 == 0 else "normal,,,,,"
            lines.append(f"{name},p{number},{side},MLO,{finding}")
    (folder / "7L.png").write_bytes((folder / "7L.png").read_bytes()[:200])
    (folder / "table.csv").write_text("\n".join([*lines, "gone.png,p9,L,MLO,normal,,,,,"]))
    return folder


def run(archive, out, progress=lambda done, total: None, **options):
    return ingest_archive("folder", archive, out, IngestOptions(**options), engine=HERE, progress=progress)


def test_an_archive_becomes_a_dataset(archive, tmp_path):
    steps = []
    summary = run(archive, tmp_path / "out", lambda done, total: steps.append((done, total)), shard_size=4)
    assert steps == [(done, 16) for done in range(1, 17)]
    dataset = Dataset.open(tmp_path / "out")
    samples = {sample.key: sample for sample in dataset}
    assert len(samples) == len(dataset) == summary.manifest.samples == 15
    np.testing.assert_array_equal(samples["3R"].image, np.roll(PIXELS, 3, 0))
    sample = samples["0R"]
    assert sample.lesions[60, 20] == sample.findings[0].label == 1
    assert sample.breast[60, 20]
    assert not sample.breast[2, 80]
    assert sample.spacing_origin is SpacingOrigin.UNKNOWN
    unstated = {"source_type": "digitalCapture", "stated_by": "nobody", "made_by": []}
    assert sample.provenance == {"source": "folder", "file": "0R.png", "origin": unstated}
    by_patient = {}
    for sample in samples.values():
        by_patient.setdefault(sample.patient, set()).add(sample.split)
    assert all(len(splits) == 1 for splits in by_patient.values())
    index = read_index(tmp_path / "out").to_pylist()
    assert [row["key"] for row in index] == sorted(samples)
    assert {row["key"]: row["split"] for row in index} == {key: sample.split for key, sample in samples.items()}


def test_what_cannot_be_read_is_listed_and_the_rest_goes_on(archive, tmp_path):
    summary = run(archive, tmp_path / "out")
    listed = [json.loads(line) for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    assert [entry["file"] for entry in listed] == ["gone.png", "7L.png"]
    assert "no such image" in listed[0]["reason"]
    assert "damaged" in listed[1]["reason"]
    assert [{"file": str(skip.path), "reason": skip.reason} for skip in summary.skipped] == listed
    assert list(summary.reasons.values()) == [1, 1]


def test_real_images_and_their_findings_as_dicom(archive, tmp_path):
    options = {"formats": ("parquet", "dicom"), "assume_spacing_mm": 0.2}
    manifest = run(archive, tmp_path / "out", **options).manifest
    files = {path.name: path for path in (tmp_path / "out" / "dicom").rglob("*.dcm")}
    assert {"3R.dcm", "0R.dcm", "0R.seg.dcm", "0R.sr.dcm"} <= set(files) and "3R.seg.dcm" not in files
    image = dcmread(files["0R.dcm"])
    assert (image.SyntheticData, image.PatientIdentityRemoved) == ("NO", "YES")
    assert "p0" not in (image.PatientID, str(image.PatientName).partition("^")[2])
    assert dcmread(files["0R.seg.dcm"]).pixel_array[60, 20] == 1
    assert sum(shard.samples for shard in manifest.shards if shard.format == "dicom") == manifest.samples == 15


def test_an_ingest_of_nothing_is_an_error_and_leaves_nothing(archive, tmp_path):
    message = (
        r"not one of 16 images can be used: a DICOM mammogram requires a pixel spacing, .* \(15 files\); the image"
    )
    for _ in range(2):
        with pytest.raises(SourceError, match=message):
            run(archive, tmp_path / "out", formats=("dicom",))
        assert not (tmp_path / "out").exists()


def test_what_cannot_be_dicom_is_listed(archive, tmp_path):
    table = (archive / "table.csv").read_text().replace("file,", "spacing_mm,file,", 1).splitlines()
    lines = [table[0], *(f"{'0.1' if line.startswith('0') else ''},{line}" for line in table[1:])]
    (archive / "table.csv").write_text("\n".join(lines))
    summary = run(archive, tmp_path / "out", formats=("dicom",))
    assert "a DICOM mammogram requires a pixel spacing, and it is unknown" in summary.reasons


def test_what_is_passed_over_is_counted_and_listed_and_is_no_failure(archive, tmp_path):
    (archive / "LICENSE").write_text("as you like")
    (archive / "again").symlink_to(archive)
    summary = run(archive, tmp_path / "out")
    assert "2 other files were passed over, listed in passed_over.jsonl" in " ".join(summary.notes)
    lines = (tmp_path / "out" / "passed_over.jsonl").read_text().splitlines()
    assert {json.loads(line)["file"] for line in lines} == {"LICENSE", "again"}
    assert "passed_over.jsonl" in summary.manifest.files
    assert not any("passed" in reason for reason in summary.reasons)


def test_only_images_that_meet_the_condition_are_ingested(archive, tmp_path):
    summary = run(archive, tmp_path / "out", where="laterality = 'L' and label != 'malignant'", limit=4)
    dataset = Dataset.open(tmp_path / "out")
    assert len(dataset) == 4 and {str(sample.laterality) for sample in dataset} == {"L"}
    assert any("images do not meet the condition" in note for note in summary.notes)
    assert summary.manifest.options["where"] == "laterality = 'L' and label != 'malignant'"
    with pytest.raises(SourceError, match="none of 16 images meets the condition") as error:
        run(archive, tmp_path / "none", where="kvp > 20")
    assert "kvp is empty" in error.value.hint
    with pytest.raises(SourceError, match="'height' is not known here") as error:
        IngestOptions(where="height > 20")
    assert "patches, benchmark, show" in error.value.hint
    with pytest.raises(SourceError, match="no column is called 'lateralty'"):
        IngestOptions(where="lateralty = 'L'")


def test_an_ingest_without_a_condition_keeps_its_digest(archive, tmp_path):
    options = run(archive, tmp_path / "out", limit=2).manifest.options
    assert "where" not in options and "frames" not in options


def test_the_same_command_gives_the_same_bytes(archive, tmp_path):
    first, second = (run(archive, tmp_path / name / "d", shard_size=5).manifest for name in "ab")
    assert first == second
    assert first.shards
    workers = ingest_archive(
        "folder", archive, tmp_path / "c" / "d", IngestOptions(shard_size=5), engine=Local(2)
    ).manifest
    assert workers == first


class Stop(BaseException):
    """As Ctrl-C."""


def test_an_interrupted_ingest_leaves_no_half_file_and_goes_on(archive, tmp_path, monkeypatch):
    out = tmp_path / "out"
    whole = run(archive, tmp_path / "whole" / "out", shard_size=4).manifest

    def stop_at_ten(done, total):
        if done == 10:
            raise Stop

    with pytest.raises(Stop):
        run(archive, out, stop_at_ten, shard_size=4)
    files = [path.name for path in out.rglob("*.parquet*")]
    assert files
    assert not [name for name in files if name.startswith(".partial")]
    assert not (out / MANIFEST).exists()
    reads = []
    monkeypatch.setattr(
        folder_source,
        "read_noted_raster",
        lambda path, read=folder_source.read_noted_raster: reads.append(path) or read(path),
    )
    assert run(archive, out, shard_size=4).manifest == whole
    assert len(reads) == 16 - 4 * len(files)
    assert run(archive, out, shard_size=4).manifest == whole
    assert len(reads) == 16 - 4 * len(files)


def test_other_options_in_the_same_directory_are_refused(archive, tmp_path):
    run(archive, tmp_path / "out")
    with pytest.raises(OutputError, match="made from something else"):
        run(archive, tmp_path / "out", seed=1)
    (archive / "0R.png").write_bytes((archive / "1R.png").read_bytes())
    with pytest.raises(OutputError, match="made from something else"):
        run(archive, tmp_path / "out")


@pytest.mark.parametrize("side", ["left", "right", None])
def test_the_chest_walls_can_be_turned_to_a_side(archive, tmp_path, side):
    run(archive, tmp_path / "out", chest_wall=side)
    samples = list(Dataset.open(tmp_path / "out"))
    found = {sample.key[1]: chest_wall_side(sample.image, sample.breast) for sample in samples}
    assert found == ({"L": side, "R": side} if side else {"R": "left", "L": "right"})
    for sample in samples:
        for finding in sample.findings:
            assert sample.lesions[finding.box.slices].any()


def test_the_geometry_of_zakka_et_al(archive, tmp_path):
    run(archive, tmp_path / "out", geometry="square512", assume_spacing_mm=0.5)
    for sample in Dataset.open(tmp_path / "out"):
        assert sample.shape == (512, 512)
        assert chest_wall_side(sample.image, sample.breast) == "right"
        height, width = sample.provenance["original_shape"]
        assert (height, width) == (120, 90)
        assert sample.spacing_mm[0] < 0.5 * 120 / 512 + 1e-9
        assert sample.spacing_origin is SpacingOrigin.ASSUMED
        assert sample.laterality == sample.key[1]


def test_the_background_can_be_blanked(archive, tmp_path):
    label = PIXELS.copy()
    label[2:8, 70:85] = 255
    Image.fromarray(label).save(archive / "0R.png")
    run(archive, tmp_path / "out", background="blank")
    sample = Dataset.open(tmp_path / "out").sample("0R")
    assert not sample.image[~sample.breast].any()
    assert (sample.image[sample.breast] == label[sample.breast]).all()


def test_blanking_does_not_change_the_geometry(archive, tmp_path):
    label = PIXELS.copy()
    label[2:8, 70:85] = 255
    Image.fromarray(np.maximum(label, 1)).save(archive / "0R.png")
    for background in ("keep", "blank"):
        run(archive, tmp_path / background, geometry="square512", background=background)
    kept, blanked = (Dataset.open(tmp_path / name).sample("0R") for name in ("keep", "blank"))
    np.testing.assert_array_equal(kept.breast, blanked.breast)
    assert kept.image[~kept.breast].any()
    assert not blanked.image[~blanked.breast].any()


def test_the_first_images_only(archive, tmp_path):
    assert run(archive, tmp_path / "out", limit=3).manifest.samples == 3


def test_labels_and_formats(archive, tmp_path):
    manifest = run(archive, tmp_path / "out", formats=("parquet", "webdataset"), shard_size=50).manifest
    assert {record.format for record in manifest.shards} == {"parquet", "webdataset"}
    assert Dataset.open(tmp_path / "out").label_names == ("malignant", "normal")
    totals = {split: sum(labels.values()) for split, labels in manifest.counts.items()}
    for form in ("parquet", "webdataset"):
        assert {record.split: record.samples for record in manifest.shards if record.format == form} == totals


def test_an_image_without_a_breast_is_skipped(tmp_path):
    write(tmp_path / "a" / "1.dcm", PatientID="1")
    write(tmp_path / "a" / "2.dcm", np.zeros((96, 64), np.uint16), PatientID="2")
    summary = ingest_archive("dicom", tmp_path / "a", tmp_path / "out", engine=HERE)
    assert summary.manifest.samples == 1
    assert [(skip.path.name, skip.reason) for skip in summary.skipped] == [("2.dcm", "no breast can be seen on it")]


def test_when_nothing_can_be_used_nothing_is_made(tmp_path):
    write(tmp_path / "a" / "1.dcm", Modality="CT")
    with pytest.raises(SourceError, match=r"not one image can be used: Modality is CT, expected MG \(1 files\)"):
        ingest_archive("dicom", tmp_path / "a", tmp_path / "out", engine=HERE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"geometry": "square"},
        {"chest_wall": "up"},
        {"background": "white"},
        {"split": "oficial"},
        {"formats": ("parket",)},
        {"shares": {"train": 0.8, "valid": 0.2}},
        {"shares": {"train": -1, "test": 2}},
        {"shares": {"train": 0}},
        {"shares": [0.8, 0.2]},
        {"shares": {"train": "most"}},
        {"seed": "zero"},
        {"limit": True},
        {"assume_spacing_mm": 50},
        {"shard_size": 0},
        {"limit": 0},
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(wrong):
    with pytest.raises(SourceError, match=next(iter(wrong))):
        IngestOptions(**wrong)


def test_the_old_name_of_the_square_geometry_leads_to_the_new_one():
    with pytest.raises(SourceError, match="geometry.*\\n.*now called 'square512'"):
        IngestOptions(geometry="seed1")


def test_the_command_still_understands_the_old_name_and_says_so(archive, tmp_path):
    told = {}
    for name in ("seed1", "square512"):
        arguments = ("ingest", "folder", archive, "--out", tmp_path / name, "--limit", 2, "--workers", 1)
        result = tiny.run(*arguments, "--geometry", name)
        assert result.exit_code == 0, result.output
        told[name] = result.stderr
        assert Manifest.read(tmp_path / name).options["geometry"] == "square512"
    assert "seed1 is now called square512" in told["seed1"] and "seed1" not in told["square512"]


def test_an_output_inside_a_file_is_one_clear_error(archive, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        run(archive, tmp_path / "file")


def test_patches_keep_their_size_and_are_all_breast(tmp_path):
    Image.fromarray(PIXELS[:64, :64]).save(tmp_path / "a.png")
    table = "file,split,patient,label,side,view\na.png,val,P_1,benign,RIGHT,MLO\n"
    (tmp_path / "manifest.csv").write_text(table)
    ingest_archive("cbis_ddsm", tmp_path, tmp_path / "out", IngestOptions(geometry="square512"), engine=HERE)
    (sample,) = Dataset.open(tmp_path / "out")
    assert (sample.shape, sample.split) == ((64, 64), "validation")
    assert sample.breast.all()
    assert sample.provenance["patch"] is True
    assert sample.findings[0].descriptors["extent"] == "unknown"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the real data are not beside this checkout")
def test_the_real_films(tmp_path):
    summary = ingest_archive("mini_mias", DATA / "mini_mias", tmp_path / "out")
    assert (summary.manifest.samples, summary.skipped) == (242, ())
    counts = summary.manifest.counts
    assert {label: sum(counts[split][label] for split in counts) for label in counts["train"]} == {
        "benign": 50,
        "malignant": 40,
        "normal": 152,
    }


# the function with plain arguments


def test_the_dataset_comes_back_and_what_was_skipped_is_told(archive, tmp_path, caplog):
    caplog.set_level(logging.INFO, "synthmammo")
    steps = []
    dataset = ingest(
        "folder",
        str(archive),
        str(tmp_path / "a"),
        shard_size=4,
        assume_spacing_mm=0.1,
        formats=["parquet", "webdataset"],
        progress=lambda done, total: steps.append(done),
    )
    assert isinstance(dataset, Dataset) and len(dataset) == 15 and steps[-1] == 16
    assert {sample.spacing_mm for sample in dataset} == {(0.1, 0.1)}
    options = IngestOptions(shard_size=4, assume_spacing_mm=0.1, formats=("parquet", "webdataset"))
    assert dataset.manifest == ingest_archive("folder", archive, tmp_path / "b" / "a", options).manifest
    assert f"files were skipped, listed in {tmp_path / 'a' / 'skipped.jsonl'}" in caplog.text


def test_settings_of_the_reader_are_a_mapping_or_texts(archive, tmp_path):
    (archive / "other.csv").write_text((archive / "table.csv").read_text())
    for number, settings in enumerate(({"table": "other.csv"}, ["table=other.csv"])):
        assert len(ingest("folder", archive, tmp_path / str(number), settings=settings)) == 15
    with pytest.raises(SourceError, match="tabel"):
        ingest("folder", archive, tmp_path / "out", settings={"tabel": "other.csv"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": 3}, "source: expected a text"),
        ({"source": "foldr"}, "Did you mean 'folder'"),
        ({"path": None}, "path: expected a path"),
        ({"out": 5}, "out: expected a path"),
        ({"workers": 0}, "workers: expected a whole number of 1 or more, found 0"),
        ({"workers": "2"}, "workers: expected a whole number"),
        ({"progress": 1}, "progress: expected a function"),
        ({"shardsize": 4}, "shardsize: is no option that is known here\n  Did you mean 'shard_size'?"),
        ({"shard_size": "4"}, "shard_size: '4' is not understood"),
        ({"geometry": "square51"}, "Did you mean 'square512'"),
        ({"shares": 3}, "shares: '3' are no shares"),
        ({"formats": "parquet"}, "formats: 'parquet' is not understood"),
        ({"formats": ()}, "formats: expected one format at least"),
        ({"settings": 3}, "settings: expected values by key"),
        ({"settings": ["a"]}, "settings: expected KEY=VALUE, found 'a'"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(archive, tmp_path, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        ingest(**{"source": "folder", "path": archive, "out": tmp_path / "out", **changes})
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()
