"""CBIS-DDSM: masks found by their content, lesions of a film together, the official split."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import tcia
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View
from tests.support.dicom_files import SECONDARY_CAPTURE, breast_like, write

REAL = Path(__file__).parents[3] / "shared" / "data" / "cbis_ddsm_mass_patches"
FILM = breast_like(120, 80, top=60000)
MASS_HEADER = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,mass margins,"
    "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path\n"
)
CALC_HEADER = MASS_HEADER.replace("breast_density", "breast density").replace("mass shape", "calc type")
CALC_HEADER = CALC_HEADER.replace("mass margins", "calc distribution")
PATHS = '{0}/1.2/1.3/000000.dcm,"{0}_1/1.2/1.4/000001.dcm\n","{0}_1/1.2/1.4/000000.dcm\n"\n'


def mask(shape, box, high=255):
    found = np.zeros(shape, np.uint8)
    found[box.slices] = high
    return found


def lesion(folder, film, number, box, *, swapped=False, shape=FILM.shape):
    """The crop and the mask of one lesion, in one series, in either order."""
    names = ["1-1.dcm", "1-2.dcm"] if not swapped else ["1-2.dcm", "1-1.dcm"]
    common = {"SOPClassUID": SECONDARY_CAPTURE, "PatientID": f"{film}_{number}", "ImageLaterality": None}
    scale = [side / whole for side, whole in zip(shape, FILM.shape, strict=True)]
    drawn = mask(shape, Box(*(round(edge * factor) for edge, factor in zip(box, scale * 2, strict=True))))
    series = folder / f"{film}_{number}" / "9.8.7"
    write(series / names[0], FILM[box.slices].copy(), BitsStored=16, SeriesDescription="cropped images", **common)
    # The description is wrong in part of the archive; only the content tells.
    write(series / names[1], drawn, SeriesDescription="cropped images", **common)


@pytest.fixture
def archive(tmp_path):
    tree = tmp_path / "CBIS-DDSM"
    for film in ("Mass-Training_P_00001_LEFT_CC", "Calc-Test_P_00001_RIGHT_MLO", "Mass-Training_P_00004_LEFT_MLO"):
        identity = {"PatientID": film, "SOPClassUID": SECONDARY_CAPTURE, "SeriesDescription": "full mammogram images"}
        write(tree / film / "1.2.3" / "1-1.dcm", FILM, BitsStored=16, ImageLaterality=None, **identity)
    lesion(tree, "Mass-Training_P_00001_LEFT_CC", 1, Box(40, 10, 60, 30))
    lesion(tree, "Mass-Training_P_00001_LEFT_CC", 2, Box(70, 5, 80, 25), swapped=True)
    lesion(tree, "Calc-Test_P_00001_RIGHT_MLO", 1, Box(50, 10, 70, 20), shape=(240, 160))
    one, two, gone = "Mass-Training_P_00001_LEFT_CC", "Calc-Test_P_00001_RIGHT_MLO", "Mass-Training_P_00002_LEFT_CC"
    rows = [
        "P_00001,3,LEFT,CC,2,mass,OVAL,CIRCUMSCRIBED,3,BENIGN_WITHOUT_CALLBACK,4," + PATHS.format(one),
        "P_00001,3,LEFT,CC,1,mass,IRREGULAR-ARCHITECTURAL_DISTORTION,ILL_DEFINED,5,MALIGNANT,4," + PATHS.format(one),
        "P_00002,1,LEFT,CC,1,mass,ARCHITECTURAL_DISTORTION,N/A,4,BENIGN,2," + PATHS.format(gone),
    ]
    (tmp_path / "mass_case_description_train_set.csv").write_text(MASS_HEADER + "".join(rows))
    calc = "P_00001,3,RIGHT,MLO,1,calcification,FINE_LINEAR_BRANCHING,CLUSTERED,4,MALIGNANT,3," + PATHS.format(two)
    (tmp_path / "calc_case_description_test_set.csv").write_text(CALC_HEADER + calc)
    return tmp_path


def test_films_and_their_lesions(archive):
    source = open_source("cbis_ddsm", archive)
    found = list(source.records())
    calc, mass = (item for item in found if isinstance(item, Record))
    assert (mass.key, mass.patient, mass.split) == ("Mass-Training_P_00001_LEFT_CC", "P_00001", "train")
    assert (mass.view, mass.laterality, mass.density) == (View.CC, Laterality.LEFT, "c")
    assert (calc.split, calc.view, calc.laterality, calc.density) == ("test", View.MLO, Laterality.RIGHT, "c")
    assert (mass.label, calc.label) == ("malignant", "malignant")
    picture = source.read(mass)
    np.testing.assert_array_equal(picture.image, FILM)
    first, second = picture.findings
    assert (first.box, first.pathology, first.label) == (Box(40, 10, 60, 30), Pathology.MALIGNANT, 1)
    assert first.descriptors["shape"] == "irregular, architectural distortion"
    assert first.descriptors["margin"] == "ill-defined"
    assert (second.box, second.pathology, second.label) == (Box(70, 5, 80, 25), Pathology.BENIGN, 2)
    assert (picture.lesions == 1).sum() == 400
    assert picture.spacing_mm is None


def test_a_mask_of_another_size_is_brought_to_its_film(archive):
    source = open_source("cbis_ddsm", archive)
    calc = next(item for item in source.records() if isinstance(item, Record))
    picture = source.read(calc)
    (finding,) = picture.findings
    assert (finding.kind, finding.box) == (Kind.CALCIFICATION, Box(50, 10, 70, 20))
    assert finding.descriptors["morphology"] == "fine linear branching"
    assert picture.notes["masks_resized"] == [1]


def test_a_missing_mask_leaves_the_film(archive):
    for path in (archive / "CBIS-DDSM").glob("*CC_2/*/*.dcm"):
        path.unlink()
    source = open_source("cbis_ddsm", archive)
    mass = [item for item in source.records() if isinstance(item, Record)][1]
    picture = source.read(mass)
    assert (len(picture.findings), picture.notes["masks_missing"]) == (1, [2])


def test_what_is_missing_on_either_side_is_skipped(archive):
    found = [item for item in open_source("cbis_ddsm", archive).records() if isinstance(item, Skipped)]
    skipped = {item.path.name: item.reason for item in found}
    assert "mass_case_description_train_set.csv" in skipped["Mass-Training_P_00002_LEFT_CC"]
    assert skipped["1-1.dcm"] == "not listed in the description tables"
    assert len(skipped) == 2


def test_a_folder_without_tables(tmp_path):
    with pytest.raises(SourceError, match=r"mass_case_description_train_set\.csv"):
        list(open_source("cbis_ddsm", tmp_path).records())


def test_a_patch_set(tmp_path):
    (tmp_path / "val").mkdir()
    Image.fromarray(FILM.astype(np.uint8)[:64, :64]).save(tmp_path / "val" / "P_1_a.png")
    (tmp_path / "manifest.csv").write_text(
        "file,split,patient,label,side,view,density,shape,margins,pathology\n"
        "val/P_1_a.png,val,P_1,malignant,RIGHT,MLO,2,IRREGULAR,SPICULATED,MALIGNANT\n"
        "val/gone.png,val,P_2,benign,LEFT,CC,2,,,\n"
    )
    source = open_source("cbis_ddsm", tmp_path)
    record, skipped = source.records()
    assert skipped.reason == "manifest.csv line 3: there is no such image"
    assert (record.is_patch, record.split, record.patient, record.label) == (True, "validation", "P_1", "malignant")
    (finding,) = source.read(record).findings
    assert (finding.box, finding.label) == (Box(0, 0, 64, 64), 0)
    assert finding.descriptors == {"shape": "irregular", "margin": "spiculated", "extent": "unknown"}


@pytest.mark.skipif(not REAL.is_dir(), reason="the patches of CBIS-DDSM are not beside this checkout")
def test_the_real_patches():
    source = open_source("cbis_ddsm", REAL)
    records = list(source.records())
    assert Counter((r.split, r.label) for r in records) == {
        ("train", "benign"): 579,
        ("train", "malignant"): 525,
        ("validation", "benign"): 90,
        ("validation", "malignant"): 102,
    }
    by_split = {split: {r.patient for r in records if r.split == split} for split in ("train", "validation")}
    assert not by_split["train"] & by_split["validation"]
    assert source.read(records[0]).image.shape == (128, 128)


# Fetching


class Nbia:
    """Stands for `tcia_utils.nbia`, which logs a failure and returns None."""

    def __init__(self, series):
        self.series = series

    def getSeries(self, collection):  # noqa: N802
        assert collection == "CBIS-DDSM"
        return self.series

    def downloadSeries(self, series, path):  # noqa: N802
        for item in series:
            if item["SeriesInstanceUID"] != "lost":
                (Path(path) / item["SeriesInstanceUID"]).mkdir(exist_ok=True)


@pytest.fixture
def archive_online(monkeypatch):
    def go_online(series):
        monkeypatch.setattr(tcia, "_nbia", lambda: Nbia(series))
        monkeypatch.setattr(tcia, "_table", lambda path: path.write_text(MASS_HEADER))

    return go_online


def test_fetching_shows_licence_and_size_and_asks_first(tmp_path, archive_online):
    archive_online([{"SeriesInstanceUID": "1.2"}])
    shown = []
    with pytest.raises(SourceError, match="not confirmed"):
        tcia.download_cbis_ddsm(tmp_path / "out", lambda text: shown.append(text) or False)
    assert "CC BY 3.0" in shown[0]
    assert "164 GB" in shown[0]
    assert not (tmp_path / "out").exists()
    steps = []
    assert tcia.download_cbis_ddsm(tmp_path / "out", lambda text: True, lambda *step: steps.append(step)) == 1
    assert steps == [(1, 1)]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.csv")) == sorted(tcia.TABLES)


OFFLINE = [(None, "does not answer"), ([{"SeriesInstanceUID": "lost"}], "1 of 1 series")]


@pytest.mark.parametrize(("series", "words"), OFFLINE)
def test_fetching_without_a_network_is_one_clear_message(tmp_path, archive_online, series, words):
    archive_online(series)
    with pytest.raises(SourceError, match=words):
        tcia.download_cbis_ddsm(tmp_path, lambda text: True)


def test_a_table_that_cannot_be_fetched_is_one_clear_message(tmp_path, monkeypatch):
    monkeypatch.setattr(tcia, "_nbia", lambda: Nbia([]))
    monkeypatch.setattr(tcia, "TABLES_URL", "http://localhost:9/")
    with pytest.raises(SourceError, match="cannot be fetched"):
        tcia.download_cbis_ddsm(tmp_path, lambda text: True)
    assert not list(tmp_path.iterdir())


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tcia_utils", None)
    with pytest.raises(SourceError, match=r"\[tcia\]"):
        tcia.download_cbis_ddsm(tmp_path, lambda text: True)
