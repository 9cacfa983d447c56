"""VinDr-Mammo, INbreast and OPTIMAM, on small files of their published layouts."""

import json
import plistlib
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View
from tests.support.dicom_files import FOR_PROCESSING, breast_like, write

TISSUE = breast_like()


def split_found(source):
    found = list(source.records())
    return [f for f in found if isinstance(f, Record)], [f for f in found if isinstance(f, Skipped)]


# VinDr-Mammo

VINDR_IMAGES = """\
study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,split
s1,r1,i1,L,CC,96,64,BI-RADS 4,DENSITY C,training
s1,r1,i2,R,MLO,96,64,BI-RADS 1,DENSITY B,test
s2,r2,gone,R,CC,96,64,BI-RADS 2,DENSITY A,training
"""
VINDR_FINDINGS = """\
image_id,study_id,finding_categories,finding_birads,xmin,ymin,xmax,ymax
i1,s1,"['Skin Thickening', 'Suspicious Calcification']",BI-RADS 4,5.2,30.1,20.0,44.7
i1,s1,['Mass'],BI-RADS 4,10,50,30,70
i1,s1,['Nipple Retraction'],,1,1,90,9
i2,s1,['No Finding'],,,,,
"""


@pytest.fixture
def vindr(tmp_path):
    for image in ("i1", "i2"):
        path = tmp_path / "images" / "s1" / f"{image}.dicom"
        write(path, PatientID=image, ImagerPixelSpacing=[0.085, 0.085])
    (tmp_path / "breast-level_annotations.csv").write_text(VINDR_IMAGES)
    (tmp_path / "finding_annotations.csv").write_text(VINDR_FINDINGS)
    return tmp_path


def test_vindr_mammo(vindr):
    source = open_source("vindr_mammo", vindr)
    (first, second), (skipped,) = split_found(source)
    assert (first.key, first.patient, first.split, first.label) == ("i1", "s1", "train", "suspicious")
    assert (first.view, first.laterality, first.density) == (View.CC, Laterality.LEFT, "c")
    assert (second.split, second.label, second.annotations) == ("test", "normal", ())
    assert skipped.path.name == "gone.dicom"
    picture = source.read(first)
    assert [(f.kind, f.box, f.label) for f in picture.findings] == [
        (Kind.CALCIFICATION, Box(30, 5, 45, 20), 0),
        (Kind.MASS, Box(50, 10, 70, 30), 0),
        (Kind.OTHER, Box(1, 1, 9, 64), 0),
    ]
    assert {f.pathology for f in picture.findings} == {Pathology.UNKNOWN}
    assert picture.findings[0].descriptors["categories"] == "skin thickening, suspicious calcification"
    assert picture.spacing_mm == (0.085, 0.085)


def test_vindr_mammo_with_a_table_missing(vindr):
    (vindr / "finding_annotations.csv").unlink()
    with pytest.raises(SourceError, match=r"finding_annotations\.csv: the table cannot be read"):
        list(open_source("vindr_mammo", vindr).records())


# INbreast

INBREAST = """\
Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads;Mass ;Micros;Lesion Annotation Status
removed;removed;L;CC;200801;20586908;2;6;X;;
removed;removed;R;MLO;200801;20586934;3;1;;;No annotation (normal)
removed;removed;R;CC;200801;20586960;3;4a;;X;
X marks;;;;;;;;;;
"""


def region(name, points):
    return {"Name": name, "NumberOfPoints": len(points), "Point_px": [f"({x:.6f}, {y:.6f})" for x, y in points]}


@pytest.fixture
def inbreast(tmp_path):
    for number, side, view in (("20586908", "L", "CC"), ("20586934", "R", "ML")):
        path = tmp_path / "AllDICOMs" / f"{number}_6c613a14b80a8591_MG_{side}_{view}_ANON.dcm"
        write(path, PatientID="removed", ViewPosition=None, StudyID=number, PixelSpacing=[0.07, 0.07])
    (tmp_path / "INbreast.csv").write_text(INBREAST)
    regions = [
        region("Mass", [(10, 40), (20, 40), (20, 52), (10, 52)]),
        region("Calcification", [(30.2, 60.4)]),
        region("Pectoral Muscle", [(0, 0), (5, 0), (0, 5)]),
        region("Espiculated Region", []),
    ]
    (tmp_path / "AllXML").mkdir()
    with (tmp_path / "AllXML" / "20586908.xml").open("wb") as file:
        plistlib.dump({"Images": [{"ImageIndex": 0, "NumberOfROIs": 4, "ROIs": regions}]}, file)
    return tmp_path


def test_inbreast(inbreast):
    source = open_source("inbreast", inbreast)
    (first, second), (skipped,) = split_found(source)
    assert (first.key, first.patient, first.label, first.density) == ("20586908", "6c613a14b80a8591", "malignant", "b")
    assert (second.view, second.laterality, second.label) == (View.MLO, Laterality.RIGHT, "normal")
    assert "INbreast.csv line 4" in skipped.reason
    picture = source.read(first)
    mass, calcification = picture.findings
    assert (mass.kind, mass.box, mass.pathology) == (Kind.MASS, Box(40, 10, 53, 21), Pathology.MALIGNANT)
    assert (picture.lesions == mass.label).sum() == 13 * 11
    assert (calcification.kind, calcification.box) == (Kind.CALCIFICATION, Box(60, 30, 61, 31))
    assert picture.spacing_mm == (0.07, 0.07)
    assert source.read(second).findings == ()


def test_inbreast_with_damaged_outlines_skips_that_image(inbreast):
    (inbreast / "AllXML" / "20586908.xml").write_text("<plist><dict>")
    records, skipped = split_found(open_source("inbreast", inbreast))
    assert [record.key for record in records] == ["20586934"]
    assert "20586908.xml is damaged" in skipped[0].reason


def test_inbreast_as_a_spreadsheet_says_what_to_do(inbreast):
    (inbreast / "INbreast.csv").rename(inbreast / "INbreast.xls")
    with pytest.raises(SourceError, match=r"save it as INbreast\.csv"):
        list(open_source("inbreast", inbreast).records())


# OPTIMAM


def mark(x1, y1, x2, y2, lesions=(), **kinds):
    names = ("mass", "suspicious_calcifications", "calcifications", "other_benign_cluster")
    flags = dict.fromkeys((*names, "architectural_distortion", "focal_asymmetry")) | kinds
    box = SimpleNamespace(x1=x1, y1=y1, x2=x2, y2=y2)
    return SimpleNamespace(
        boundingBox=box, lesion_ids=set(lesions), conspicuity=SimpleNamespace(value="Subtle"), **flags
    )


def client(name, status, images, *, malignant=False, benign=False, lesions=()):
    study = SimpleNamespace(
        id="1.2", series=[SimpleNamespace(images=[SimpleNamespace(id=i, marks=m) for i, m in images])]
    )
    known = {number: SimpleNamespace(status=invasive) for number, invasive in lesions}
    episode = SimpleNamespace(
        studies=[study], lesions=known, has_malignant_opinions=malignant, has_benign_opinions=benign
    )
    return SimpleNamespace(id=name, site="stge", status=SimpleNamespace(name=status), episodes=[episode])


@pytest.fixture
def optimam(tmp_path, monkeypatch):
    clients = {
        "demd2": client("demd2", "N", [("1.2.5", [])]),
        "demd1": client(
            "demd1",
            "M",
            [("1.2.1", [mark(30, 60, 10, 40, ["7"], mass=True), mark(1, 2, 9, 8, calcifications=True)]), ("1.2.2", [])],
            malignant=True,
            lesions=[("7", "Invasive")],
        ),
        "demd3": client("demd3", "B", [("1.2.7", [mark(3, 3, 9, 9)]), ("1.2.8", []), ("1.2.9", [])], benign=True),
        "broken": None,
    }

    class Database:
        def __init__(self, data, images, clients=None):
            assert (data.name, images.name) == ("data", "images")
            self.clients = set(clients or all_clients)

        def __iter__(self):
            return iter([all_clients[name] for name in self.clients if all_clients[name] is not None])

    all_clients = clients
    module = ModuleType("omidb")
    module.DB = Database
    monkeypatch.setitem(sys.modules, "omidb", module)
    (tmp_path / "data").mkdir()
    for name, image in (("demd1", "1.2.1"), ("demd1", "1.2.2"), ("demd2", "1.2.5"), ("demd3", "1.2.7")):
        write(tmp_path / "images" / name / "1.2" / f"{image}.dcm", StudyID=image, ViewPosition="MLO")
    write(tmp_path / "images" / "demd3" / "1.2" / "1.2.8.dcm", SOPClassUID=FOR_PROCESSING)
    return tmp_path


def test_optimam(optimam):
    source = open_source("optimam", optimam)
    records, skipped = split_found(source)
    assert [(r.patient, r.label) for r in records] == [
        ("demd1", "malignant"),
        ("demd1", "unknown"),
        ("demd2", "normal"),
        ("demd3", "benign"),
    ]
    assert {r.view for r in records} == {View.MLO}
    assert [skip.reason.split(",")[0] for skip in skipped] == [
        "omidb cannot parse the JSON files of this client",
        "a For Processing image",
        "listed in the archive's data",
    ]
    mass, calcification = source.read(records[0]).findings
    assert (mass.kind, mass.box, mass.pathology) == (Kind.MASS, Box(40, 10, 60, 30), Pathology.MALIGNANT)
    assert mass.descriptors == {"conspicuity": "subtle"}
    assert (calcification.kind, calcification.box) == (Kind.CALCIFICATION, Box(2, 1, 8, 9))
    np.testing.assert_array_equal(source.read(records[0]).image, TISSUE)


def test_marks_of_optimam_that_leave_the_image(optimam):
    clients = sys.modules["omidb"].DB(optimam / "data", optimam / "images")
    (episode,) = next(item for item in clients if item.id == "demd1").episodes
    episode.studies[0].series[0].images[0].marks = [mark(-9, 40, 30, 990, mass=True), mark(500, 500, 600, 600)]
    source = open_source("optimam", optimam)
    record = next(item for item in split_found(source)[0] if item.key == "demd1_1_2_1")
    assert [finding.box for finding in source.read(record).findings] == [Box(40, 0, 96, 30)]


def test_optimam_without_its_package_names_the_extra(optimam, monkeypatch):
    monkeypatch.setitem(sys.modules, "omidb", None)
    with pytest.raises(SourceError, match=r"\[optimam\]"):
        open_source("optimam", optimam)


def test_optimam_without_its_folders(optimam):
    (optimam / "data").rmdir()
    with pytest.raises(SourceError, match="the folder 'data' is missing"):
        open_source("optimam", optimam)


def test_optimam_through_the_real_package(tmp_path):
    pytest.importorskip("omidb", reason="the extra [optimam] is not installed")
    biopsy = {"L": {"7": {"MalignancyType": "b"}}}
    nbss = {"1": {"EpisodeType": "CA", "LESION": {"L": {"7": {}}}, "BIOPSYWIDE": biopsy}}
    marks = {"0": {"MarkID": "0", "X1": 10, "Y1": 40, "X2": 30, "Y2": 60, "Mass": 1, "LinkedNBSSLesionNumber": "7"}}
    study = {"EpisodeID": "1", "StudyDate": "20120101", "1.5": {"1.5.1": marks, "1.5.2": {}}}
    client = tmp_path / "data" / "demd1"
    (client / "1.2").mkdir(parents=True)
    (client / "nbss_demd1.json").write_text(json.dumps(nbss))
    (client / "imagedb_demd1.json").write_text(json.dumps({"Site": "stge", "STUDIES": {"1.2": study}}))
    for image in ("1.5.1", "1.5.2"):
        write(tmp_path / "images" / "demd1" / "1.2" / f"{image}.dcm", StudyID=image)
    source = open_source("optimam", tmp_path)
    records, skipped = split_found(source)
    assert ([record.key for record in records], skipped) == (["demd1_1_5_1", "demd1_1_5_2"], [])
    (finding,) = source.read(records[0]).findings
    assert (finding.kind, finding.box, finding.pathology) == (Kind.MASS, Box(40, 10, 60, 30), Pathology.MALIGNANT)
