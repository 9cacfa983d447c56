"""Laws of the segmentation and the report: they say what the sample says, refer to its image, and conform."""

import shutil
import time
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread

from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.dicom import COMPRESSIONS, IMAGE, REPORT, SEGMENTATION, objects
from synthmammo.dataset.writers.dicom_codes import FINDINGS, STRUCTURES, TERMS
from synthmammo.mammogram.sample import Box, Finding, Kind, Laterality, Pathology, View
from tests.dataset.test_writers_dicom import BUILT, complete, run, write
from tests.support.example_samples import a_sample

BOTH = ("segmentation", "report")


def with_lesions(count: int = 2, **changes):
    """A sample whose findings are synthetic and a real host's own in turn."""
    lesions = a_sample(0, lesions=count)
    return complete(0, lesions=lesions.lesions, findings=lesions.findings, **changes)


def made(sample, compression="none", findings=BOTH, dataset="d"):
    files = objects(Encoded(sample, 0), dataset, compression, findings)
    return {ending: dcmread(BytesIO(data)) for ending, data in files.items()}


def codes_of(items):
    """(concept, value) of the coded items of a report, by their code values."""
    return {
        (item.ConceptNameCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeValue)
        for item in items
        if item.ValueType == "CODE"
    }


def groups(report):
    """The measurement groups of a report: one a finding."""
    container = next(i for i in report.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == "126010")
    return [group.ContentSequence for group in container.ContentSequence]


def by_concept(group, value):
    return next(item for item in group if item.ConceptNameCodeSequence[0].CodeValue == value)


class TestSegmentation:
    def test_a_segment_is_the_mask_of_a_finding(self):
        sample = with_lesions(3)
        seg = made(sample)[SEGMENTATION]
        frames = seg.pixel_array
        assert frames.shape == (3, *sample.shape)
        for number, frame in enumerate(frames, 1):
            np.testing.assert_array_equal(frame == 1, sample.lesions == number)

    def test_segments_say_what_they_show(self):
        seg = made(with_lesions(2))[SEGMENTATION]
        segments = seg.SegmentSequence
        assert [s.SegmentLabel for s in segments] == ["malignant mass"] * 2
        assert [s.SegmentAlgorithmType for s in segments] == ["AUTOMATIC", "MANUAL"]
        assert {s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in segments} == {STRUCTURES[Kind.MASS].value}

    def test_a_covered_finding_keeps_its_segment(self):
        sample = with_lesions(2)
        seg = made(sample.with_(lesions=np.where(sample.lesions == 1, 2, sample.lesions).astype(np.uint8)))
        assert [int(frame.sum()) for frame in seg[SEGMENTATION].pixel_array] == [0, 2 * 6 * 8]

    def test_none_without_a_mask(self):
        sample = with_lesions(1)
        boxed = Finding(Kind.MASS, Pathology.BENIGN, Box(1, 1, 5, 5))
        assert set(made(sample.with_(findings=(boxed,)))) == {IMAGE, REPORT}
        assert set(made(sample.with_(findings=()))) == {IMAGE}


class TestReport:
    def test_a_group_has_box_kind_terms_and_area_of_a_finding(self):
        sample = with_lesions(2)
        found = groups(made(sample)[REPORT])
        assert len(found) == 2
        for finding, group in zip(sample.findings, found, strict=True):
            row0, col0, row1, col1 = finding.box
            polyline = by_concept(group, "111030").GraphicData
            assert list(polyline) == [col0, row0, col1, row0, col1, row1, col0, row1, col0, row0]
            assert {
                ("121071", FINDINGS[Kind.MASS].value),
                ("111042", "21594007"),  # pathology: malignant
                ("300842002", TERMS["shape"][1]["irregular"].value),
                ("111037", TERMS["margin"][1]["spiculated"].value),
            } <= codes_of(group)
            area = by_concept(group, "42798000").MeasuredValueSequence[0]
            assert float(area.NumericValue) == pytest.approx(6 * 8 * 0.05 * 0.07)
            assert area.MeasurementUnitsCodeSequence[0].CodeValue == "mm2"

    def test_words_without_a_code_are_left_out(self):
        finding = Finding(Kind.OTHER, Pathology.UNKNOWN, Box(1, 1, 5, 5), descriptors={"outline": "circle"})
        (group,) = groups(made(with_lesions(1).with_(findings=(finding,)))[REPORT])
        concepts = {concept for concept, _ in codes_of(group)}
        assert ("121071", FINDINGS[Kind.OTHER].value) in codes_of(group)
        assert not concepts & {"111042", "300842002", "111037"}


class TestTogether:
    def test_objects_refer_to_the_image_and_share_its_study(self):
        found = made(with_lesions(2))
        image, seg, report = found[IMAGE], found[SEGMENTATION], found[REPORT]
        for name in ("StudyInstanceUID", "PatientID", "PatientName", "PatientIdentityRemoved", "SyntheticData"):
            assert seg[name].value == report[name].value == image[name].value
        assert len({one.SeriesInstanceUID for one in found.values()}) == 3
        assert len({one.SOPInstanceUID for one in found.values()}) == 3
        named = seg.ReferencedSeriesSequence[0]
        assert named.SeriesInstanceUID == image.SeriesInstanceUID
        assert named.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
        for group in groups(report):
            region = by_concept(group, "111030")
            source = region.ContentSequence[0].ReferencedSOPSequence[0]
            assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert list(seg.PatientOrientation) == list(image.PatientOrientation)

    def test_a_finding_has_one_identifier(self):
        found = made(with_lesions(2))
        segments = {(s.TrackingID, s.TrackingUID) for s in found[SEGMENTATION].SegmentSequence}
        reported = {
            (by_concept(group, "112039").TextValue, by_concept(group, "112040").UID) for group in groups(found[REPORT])
        }
        assert segments == reported
        assert sorted(name for name, _ in segments) == ["reported finding 2", "synthetic finding 1"]

    def test_the_clock_decides_no_byte(self):
        first = objects(Encoded(with_lesions(2), 0), "d", "none", BOTH)
        time.sleep(1.1)  # DICOM times have fractions, dates and creation times whole seconds
        assert objects(Encoded(with_lesions(2), 0), "d", "none", BOTH) == first

    def test_a_shard_counts_samples_and_keeps_all_files(self, tmp_path):
        record = write(tmp_path, with_lesions(2), complete(1, findings=()), findings=BOTH)
        names = sorted(path.name for path in (tmp_path / record.name).iterdir())
        assert names == ["s000000.dcm", "s000000.seg.dcm", "s000000.sr.dcm", "s000001.dcm"]
        assert record.samples == 2

    def test_nothing_of_a_real_host_or_its_file_names(self):
        sample = with_lesions(2, provenance=BUILT, patient="DOE_JANE").with_(key="DOE_JANE_LCC")
        for data in objects(Encoded(sample, 0), "d", "none", BOTH).values():
            for word in (b"LORAD", b"DOE", b"JANE"):
                assert word not in data

    def test_every_kind_has_its_codes(self):
        assert set(FINDINGS) == set(STRUCTURES) == set(Kind)


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy (Debian's dicom3tools) is not installed")
class TestIndependentPrograms:
    @pytest.mark.parametrize(
        ("kind", "compression"),
        [*((kind, "none") for kind in Kind), *((Kind.MASS, name) for name in COMPRESSIONS if name != "none")],
    )
    def test_no_error_by_the_validator(self, compression, kind, tmp_path):
        terms = {name: next(iter(words)) for name, (_, words) in TERMS.items()}
        view, side = (View.MLO, Laterality.RIGHT) if kind is Kind.MASS else (View.CC, Laterality.LEFT)
        sample = with_lesions(2, view=view, laterality=side, provenance=BUILT if kind is Kind.OTHER else {})
        findings = tuple(Finding(kind, f.pathology, f.box, f.label, f.synthetic, terms) for f in sample.findings)
        write(tmp_path, sample.with_(findings=findings), compression=compression, findings=BOTH)
        recognised = set()
        for path in (tmp_path / "dicom").rglob("*.dcm"):
            report = run("dciodvfy", path).stderr
            # SyntheticData (0008,001C) is in the standard since 2022; the validator of some distributions is older.
            errors = [line for line in report.splitlines() if line.startswith("Error") and "0x001c" not in line]
            assert errors == []
            recognised |= {name for name in ("ForPresentation", "Segmentation", "ComprehensiveSR") if name in report}
        assert recognised == {"ForPresentation", "Segmentation", "ComprehensiveSR"}

    @pytest.mark.skipif(not shutil.which("dcmdump"), reason="dcmdump (dcmtk) is not installed")
    @pytest.mark.parametrize("compression", COMPRESSIONS)
    def test_another_library_parses_every_object(self, compression, tmp_path):
        write(tmp_path, with_lesions(2), compression=compression, findings=BOTH)
        for path in tmp_path.rglob("*.dcm"):
            shown = run("dcmdump", "+E", path)
            assert (shown.returncode, shown.stderr) == (0, "")
            assert str(dcmread(path, stop_before_pixels=True).SOPInstanceUID) in shown.stdout

    @pytest.mark.skipif(not shutil.which("dsrdump"), reason="dsrdump (dcmtk) is not installed")
    def test_another_library_reads_the_report(self, tmp_path):
        write(tmp_path, with_lesions(2), findings=BOTH)
        shown = run("dsrdump", "+Pc", next(tmp_path.rglob("*.sr.dcm")))
        assert shown.returncode == 0, shown.stderr
        for words in ("Comprehensive SR Document", "Mammographic breast mass", "Spiculated lesion", "Malignant"):
            assert words in shown.stdout

    def test_files_of_a_study_agree(self, tmp_path):
        write(tmp_path, with_lesions(2), findings=BOTH)
        report = run("dcentvfy", *sorted(tmp_path.rglob("*.dcm"))).stderr
        # The report's AccessionNumber is that of its request; both are empty.
        assert [line for line in report.splitlines() if "AccessionNumber" not in line] == []
