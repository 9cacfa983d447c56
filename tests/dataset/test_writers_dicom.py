"""Laws of the DICOM writer: conformant by an independent program, lossless, the same bytes, nothing of a patient."""

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID

from synthmammo import __version__
from synthmammo.dataset.writers import dicom, dicom_visit
from synthmammo.dataset.writers.base import Encoded, open_writer
from synthmammo.dataset.writers.dicom import COMPRESSIONS
from synthmammo.dataset.writers.dicom_modules import is_synthetic, mammogram
from synthmammo.errors import OutputError
from synthmammo.identity import digest
from synthmammo.mammogram.geometry import mirror
from synthmammo.mammogram.sample import Laterality, SpacingOrigin, View
from tests.support.example_samples import a_sample

REAL = {"source": "dicom", "manufacturer": "LORAD", "file": "DOE^JANE/1.dcm"}
BUILT = {"recipe": "r", "role": "plain", "lesions": [], "host": REAL}
LESION = {"generator": "parametric", "kind": "mass"}


def complete(index: int = 0, **changes):
    """A sample with spacing, view and laterality."""
    known = {"spacing_mm": (0.05, 0.07), "spacing_origin": SpacingOrigin.KNOWN}
    sides = {"view": View.CC, "laterality": Laterality.LEFT}
    return a_sample(index, bits_stored=(12, 8, 16)[index % 3]).with_(**(known | sides | changes))


def write(folder: Path, *samples, **options):
    writer = open_writer("dicom", folder / "dicom", "train-00000", **({"dataset": "d"} | options))
    for index, sample in enumerate(samples):
        writer.write(Encoded(sample, index))
    return writer.close()


def all_compressions(folder: Path) -> list[str]:
    """Digests of a shard with findings in every compression."""
    both = ("segmentation", "report")
    return [
        write(folder / name, complete(0), complete(1), compression=name, findings=both).sha256 for name in COMPRESSIONS
    ]


def image_of(sample, **options):
    return mammogram(Encoded(sample, 0), options.get("dataset", "d"))


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


class TestShard:
    def test_record_states_what_lies_on_disk(self, tmp_path):
        record = write(tmp_path, *map(complete, range(3)))
        files = sorted((tmp_path / record.name).iterdir())
        assert (record.format, record.split, record.name, record.samples) == ("dicom", "train", "dicom/train-00000", 3)
        assert [file.name for file in files] == [f"s{i:06d}.dcm" for i in range(3)]
        assert record.bytes == sum(file.stat().st_size for file in files)
        assert record.sha256 == digest([[f.name, hashlib.sha256(f.read_bytes()).hexdigest()] for f in files])

    def test_another_process_gives_the_same_bytes(self, tmp_path):
        code = (
            "import sys; from pathlib import Path; from tests.dataset import test_writers_dicom as t\n"
            "print(*t.all_compressions(Path(sys.argv[1])))"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "there")]
        there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        assert there.stdout.split() == all_compressions(tmp_path / "here")

    def test_final_name_appears_only_on_close(self, tmp_path):
        writer = open_writer("dicom", tmp_path, "train-00000", dataset="d")
        writer.write(Encoded(complete(), 0))
        assert [folder.name for folder in tmp_path.iterdir()] == [".partial-train-00000"]
        writer.close()
        writer.abort()
        assert [folder.name for folder in tmp_path.iterdir()] == ["train-00000"]

    def test_abort_leaves_nothing(self, tmp_path):
        writer = open_writer("dicom", tmp_path, "train-00000", dataset="d")
        writer.write(Encoded(complete(), 0))
        writer.abort()
        writer.abort()
        assert not list(tmp_path.iterdir())

    def test_leftovers_of_a_killed_run_are_replaced(self, tmp_path):
        for name in (".partial-train-00000", "train-00000"):
            (tmp_path / "dicom" / name).mkdir(parents=True)
            (tmp_path / "dicom" / name / "old.dcm").write_bytes(b"old")
        write(tmp_path, complete())
        assert [str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*.dcm")] == ["dicom/train-00000/s000000.dcm"]

    @pytest.mark.parametrize("call", ["write_bytes", "fsync", "replace"])
    def test_failing_disk(self, call, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, call, full)))
        with pytest.raises(OutputError, match=r"train-00000: cannot be written \(No space left on device\)"):
            write(tmp_path, complete())
        assert not list((tmp_path / "dicom").iterdir())

    def test_unknown_compression(self, tmp_path):
        with pytest.raises(OutputError, match="no compression is called 'jpeg200'") as caught:
            write(tmp_path, compression="jpeg200")
        assert "'jpeg2000'" in str(caught.value)


@pytest.mark.parametrize("compression", COMPRESSIONS)
class TestFile:
    @pytest.mark.parametrize("index", range(3))
    def test_pixels_come_back_exactly(self, compression, index, tmp_path):
        sample = complete(index)
        write(tmp_path, sample, compression=compression)
        read = dcmread(tmp_path / "dicom" / "train-00000" / f"{sample.key}.dcm")
        assert (read.BitsStored, read.PhotometricInterpretation) == (sample.bits_stored, "MONOCHROME2")
        assert read.file_meta.TransferSyntaxUID == (COMPRESSIONS[compression] or UID("1.2.840.10008.1.2.1"))
        np.testing.assert_array_equal(read.pixel_array, sample.image)

    @pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy (Debian's dicom3tools) is not installed")
    @pytest.mark.parametrize("view", View)
    @pytest.mark.parametrize("provenance", [{}, BUILT], ids=["synthetic", "real"])
    def test_no_error_by_an_independent_validator(self, compression, view, provenance, tmp_path):
        write(tmp_path, *(complete(i, view=view, provenance=provenance) for i in range(3)), compression=compression)
        for path in (tmp_path / "dicom").rglob("*.dcm"):
            report = run("dciodvfy", path).stderr
            assert "MammographyImageForPresentation" in report
            # SyntheticData (0008,001C) is in the standard since 2022; the validator of some distributions is older.
            errors = [line for line in report.splitlines() if line.startswith("Error") and "0x001c" not in line]
            assert errors == []

    @pytest.mark.skipif(not shutil.which("dcm2pnm"), reason="dcm2pnm (dcmtk) is not installed")
    def test_an_independent_viewer_shows_the_window(self, compression, tmp_path):
        if compression == "jpeg2000":
            pytest.skip("dcmtk has no JPEG 2000 decoder")
        viewer = "dcml2pnm" if compression == "jpegls" else "dcm2pnm"
        sample = complete(0)
        write(tmp_path, sample, compression=compression)
        path, out = tmp_path / "dicom" / "train-00000" / f"{sample.key}.dcm", tmp_path / "shown.pgm"
        assert run(viewer, "+Wi", "1", path, out).returncode == 0
        low, high = Encoded(sample, 0).window
        expected = np.clip((sample.image - float(low)) / (high - low), 0, 1) * 255
        from PIL import Image

        shown = np.asarray(Image.open(out), dtype=float)
        assert np.abs(shown - expected).max() <= 1


class TestAttributes:
    def test_text_of_a_real_host_is_not_carried_over(self, tmp_path):
        write(tmp_path, complete(provenance=BUILT))
        data = next((tmp_path / "dicom").rglob("*.dcm")).read_bytes()
        for word in (b"LORAD", b"DOE", b"JANE"):
            assert word not in data

    def test_names_cannot_be_taken_for_a_persons(self):
        assert image_of(complete(provenance={"generator": "phantom"})).PatientName == "SYNTHETIC^p0000"
        unknown = image_of(complete(provenance={}))
        assert str(unknown.PatientName).startswith("DEIDENTIFIED^") and unknown.SyntheticData == "YES"
        twins = (image_of(complete(provenance=BUILT | {"lesions": some})).PatientName for some in ([], [LESION]))
        assert len(set(twins)) == 1

    def test_a_name_from_a_users_table_is_hashed_and_a_pseudonym_kept(self):
        named = image_of(complete(provenance=BUILT, patient="Doe_Jane"))
        assert re.fullmatch(r"DEIDENTIFIED\^p[0-9a-f]{12}", str(named.PatientName))
        assert named.PatientID == str(named.PatientName).removeprefix("DEIDENTIFIED^")
        assert image_of(complete(provenance=BUILT, patient="p0123456789ab")).PatientID == "p0123456789ab"

    def test_the_longest_name_of_a_recipe_fits(self):
        long = image_of(complete(provenance={}, patient="r" * 64 + "-p0000001"))
        assert len(long.PatientID) <= 64 and len(str(long.PatientName)) <= 64

    @pytest.mark.parametrize(
        ("host", "marked", "expected"),
        [
            ({"generator": "phantom"}, True, "NO"),
            (REAL, False, "NO"),
            (REAL, True, "YES"),
            (REAL | {"burned_in": False}, True, "NO"),
            (REAL | {"burned_in": True}, False, "YES"),
        ],
        ids=["phantom", "clean", "marks are seen", "the header denies", "the header tells"],
    )
    def test_burned_in_annotation(self, host, marked, expected):
        sample = complete(provenance={"host": host})
        image = sample.image.copy()
        if marked:
            image[4:12, 54:62] = 4000  # a label in the corner, off the breast
        assert image_of(sample.with_(image=image)).BurnedInAnnotation == expected

    def test_lossy_compression_of_a_host_is_told(self):
        assert image_of(complete()).LossyImageCompression == "00"
        image = image_of(complete(provenance={"host": REAL | {"lossy_ratio": 12.5}}))
        assert (image.LossyImageCompression, image.LossyImageCompressionRatio) == ("01", 12.5)

    @pytest.mark.parametrize("provenance", [{}, BUILT], ids=["synthetic", "real"])
    def test_a_worklist_has_no_blank_rows(self, provenance):
        """All that archives list of a study and a series, the same in every image of a patient."""
        names = ("StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber", "PatientID", "PatientName")
        images = [image_of(complete(n, patient="p0123456789ab", provenance=provenance)) for n in (0, 1)]
        for name in (*names, "SeriesDescription", "SeriesDate", "Modality"):
            assert images[0][name].value, name
            assert images[0][name].value == images[1][name].value, name
        for image in images:
            assert image.StudyDate == image.SeriesDate == image.AcquisitionDate == image.ContentDate
            assert "20000101" <= image.StudyDate <= "20001231" and "080000" <= image.StudyTime < "180000"
            assert len(image.AccessionNumber) <= 16 and len(image.StudyDescription) <= 64

    def test_dates_and_ages_tell_patients_apart_and_come_back(self):
        people = [f"p{number:04d}" for number in range(300)]
        images = [image_of(complete(patient=person, provenance={})) for person in people[:3]]
        again = [image_of(complete(patient=person, provenance={})) for person in people[:3]]
        assert [one.StudyDate for one in images] == [one.StudyDate for one in again]
        assert len({dicom_visit.date_and_time(person) for person in people}) > 290
        assert {dicom_visit.age_band(person) for person in people} == {f"{age:03d}Y" for age in range(42, 73, 5)}

    def test_a_synthetic_woman_has_an_age_band_and_a_real_person_says_nothing(self):
        phantom = {"recipe": "r", "role": "plain", "lesions": [], "host": {"generator": "phantom"}}
        made, real = image_of(complete(provenance=phantom)), image_of(complete(provenance=BUILT))
        assert made.PatientSex == "F" and re.fullmatch(r"0\d\dY", made.PatientAge)
        assert "Synthetic" in made.StudyDescription and "LongitudinalTemporalInformationModified" not in made
        assert real.PatientSex == "" and "PatientAge" not in real and real.PatientBirthDate == ""
        assert "de-identified" in real.StudyDescription and real.LongitudinalTemporalInformationModified == "REMOVED"

    def test_models_are_named_with_their_digest(self):
        host = {"generator": "stylegan2", "model": "zoo/whole", "weights": "ab12" * 16}
        lesion = {"generator": "zoo/mass", "weights": "cd34" * 16}
        image = image_of(complete(provenance={"host": host, "lesions": [lesion]}))
        (maker,) = image.ContributingEquipmentSequence
        assert maker.SoftwareVersions == __version__
        for words in ("zoo/whole (weights sha256 ab12ab12", "zoo/mass (weights sha256 cd34cd34"):
            assert words in maker.ContributionDescription

    @pytest.mark.parametrize(
        ("provenance", "findings", "expected"),
        [
            ({"generator": "phantom"}, False, True),
            (REAL, False, False),
            (BUILT, False, False),
            (BUILT, True, True),
            (BUILT | {"role": "removed", "lesions": [LESION]}, False, True),
            (BUILT | {"host": {"generator": "phantom"}}, False, True),
        ],
        ids=["phantom", "ingested", "untouched host", "lesion", "removed", "built phantom"],
    )
    def test_synthetic_data(self, provenance, findings, expected):
        sample = complete(provenance=provenance)
        sample = sample if findings else sample.with_(findings=())
        assert is_synthetic(sample) is expected
        assert image_of(sample).SyntheticData == ("YES" if expected else "NO")

    @pytest.mark.parametrize(
        ("laterality", "view", "expected"),
        [("L", "CC", ["A", "R"]), ("L", "MLO", ["A", "FR"]), ("R", "CC", ["P", "L"]), ("R", "MLO", ["P", "FL"])],
    )
    def test_orientation_follows_chest_wall_and_side(self, laterality, view, expected):
        sample = complete(laterality=Laterality(laterality), view=View(view))
        hung = sample if laterality == "L" else mirror(sample)  # the samples' chest wall is at the left
        image = image_of(hung)
        assert list(image.PatientOrientation) == expected
        assert (image.ImageLaterality, image.ViewPosition) == (laterality, view)
        assert image.ViewCodeSequence[0].CodeValue == {"CC": "399162004", "MLO": "399368009"}[view]
        turned = "P" if expected[0] == "A" else "A"
        assert list(image_of(mirror(hung)).PatientOrientation) == [turned, expected[1]]

    def test_uids_follow_from_dataset_patient_and_key(self):
        one, same_patient = image_of(complete(0)), image_of(complete(1, patient="p0000"))
        assert one.StudyInstanceUID == same_patient.StudyInstanceUID
        assert one.SOPInstanceUID != same_patient.SOPInstanceUID
        elsewhere = image_of(complete(0), dataset="e")
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            assert UID(one[name].value).is_valid
            assert one[name].value != elsewhere[name].value

    def test_assumed_spacing_is_told(self):
        assert list(image_of(complete()).ImagerPixelSpacing) == [0.05, 0.07]
        assert "assumed" not in image_of(complete()).DerivationDescription
        assert "assumed" in image_of(complete(spacing_origin=SpacingOrigin.ASSUMED)).DerivationDescription

    def test_findings_without_a_place_are_told(self):
        provenance = BUILT | {"host": REAL | {"unlocated": ["mass malignant"]}}
        text = image_of(complete(provenance=provenance)).DerivationDescription
        assert text.endswith("Findings its source reports without a place: mass malignant.")
        assert "place" not in image_of(complete(provenance=BUILT)).DerivationDescription

    @pytest.mark.parametrize(
        ("changes", "message", "hint"),
        [
            ({"spacing_mm": None, "spacing_origin": SpacingOrigin.UNKNOWN}, "pixel spacing", "assume_spacing_mm"),
            ({"view": None}, "requires a view", "emit"),
            ({"laterality": None}, "requires a laterality", "emit"),
            ({"provenance": {"crop": [0, 0, 9, 9]}}, "a patch is no mammogram", "patches"),
        ],
    )
    def test_what_the_object_requires(self, changes, message, hint):
        with pytest.raises(OutputError, match=message) as caught:
            image_of(complete(**changes))
        assert hint in str(caught.value)
        assert caught.value.where == "s000000"


def test_objects_of_another_release_have_other_uids(tmp_path, monkeypatch):
    """They name their release, so they differ, and objects that differ may not share a UID."""
    uids = []
    for release in ("1", "1", "2"):
        monkeypatch.setattr(dicom, "__version__", release)
        write(tmp_path, complete())
        image = dcmread(next((tmp_path / "dicom" / "train-00000").glob("*.dcm")))
        uids.append({image.SOPInstanceUID, image.SeriesInstanceUID, image.StudyInstanceUID})
    assert uids[0] == uids[1] and not uids[1] & uids[2]
