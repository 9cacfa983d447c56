"""A folder with a table: what the rows say arrives, and what is wrong names the line."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import PassedOver, Record, Skipped, open_source
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View

PIXELS = np.arange(600, dtype=np.uint8).reshape(30, 20)


def make(folder, table, names=("a.png",)):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(folder / name)
    (folder / "table.csv").write_text(table)
    return folder


def records(folder, **settings):
    return list(open_source("folder", folder, settings).records())


def test_a_row_says_everything(tmp_path):
    header = "File,Patient_ID,View Position,Side,Class,Set,spacing_mm,Density,kind,pathology,x,y,radius\n"
    make(tmp_path, header + "sub/a.png,p1,mlo,Right,malignant,val,0.07,C,mass,M,8,10,3\n", ["sub/a.png"])
    source = open_source("folder", tmp_path)
    (record,) = source.records()
    assert (record.key, record.patient, record.split, record.label) == ("sub_a", "p1", "validation", "malignant")
    assert (record.view, record.laterality, record.density) == (View.MLO, Laterality.RIGHT, "c")
    picture = source.read(record)
    np.testing.assert_array_equal(picture.image, PIXELS)
    assert (picture.bits_stored, picture.spacing_mm) == (8, (0.07, 0.07))
    (finding,) = picture.findings
    assert (finding.kind, finding.pathology, finding.label) == (Kind.MASS, Pathology.MALIGNANT, 1)
    assert finding.box == Box(7, 5, 14, 12)


def test_several_rows_of_a_file_are_several_findings(tmp_path):
    mask = np.zeros_like(PIXELS)
    mask[20:23, 4:9] = 255
    make(tmp_path, "file,kind,pathology,xmin,ymin,xmax,ymax,mask\na.png,calc,b,2,3,5,7,\na.png,mass,m,,,,,m.png\n")
    Image.fromarray(mask).save(tmp_path / "m.png")
    source = open_source("folder", tmp_path)
    (record,) = source.records()
    assert record.label == "malignant"
    findings = source.read(record).findings
    assert [(f.kind, f.box, f.label) for f in findings] == [
        (Kind.MASS, Box(20, 4, 23, 9), 1),
        (Kind.CALCIFICATION, Box(3, 2, 7, 5), 0),
    ]


def test_a_mask_of_another_size_is_refused(tmp_path):
    make(tmp_path, "file,mask\na.png,m.png\n")
    Image.fromarray(PIXELS[:5]).save(tmp_path / "m.png")
    source = open_source("folder", tmp_path)
    with pytest.raises(SourceError, match=r"\(5, 20\)"):
        source.read(next(iter(source.records())))


def test_rows_without_images_and_images_without_rows_are_skipped(tmp_path):
    make(tmp_path, "file,patient\na.png,1\ngone.png,2\n", ["a.png", "b.png"])
    found = records(tmp_path)
    assert [type(item) for item in found] == [Record, Skipped, Skipped]
    assert "table.csv line 3: there is no such image" in found[1].reason
    assert found[2] == Skipped(tmp_path / "b.png", "not listed in table.csv")


@pytest.mark.parametrize(
    ("header", "cells", "words"),
    [
        ("laterality", "port", "line 2, column 'laterality': 'port'"),
        ("density", "9", "line 2, column 'density': '9'"),
        ("split", "exam", "line 2, column 'split': 'exam'"),
        ("spacing_mm", "fine", "line 2, column 'spacing_mm': expected a number"),
        ("x,y,radius", "1,b,3", "line 2, column 'y': expected a number"),
    ],
)
def test_a_cell_that_makes_no_sense_skips_its_image(tmp_path, header, cells, words):
    make(tmp_path, f"file,{header}\na.png,{cells}\n")
    (found,) = records(tmp_path)
    assert isinstance(found, Skipped)
    assert words in found.reason


def test_unused_columns_are_noted_and_misspelt_ones_refused(tmp_path):
    make(tmp_path, "file,patient,scanner\na.png,1,lumisys\n")
    source = open_source("folder", tmp_path)
    assert len(list(source.records())) == 1
    assert source.notes[0].startswith("columns not used: scanner")
    make(tmp_path, "file,lateralty\na.png,L\n")
    with pytest.raises(SourceError, match="Did you mean 'laterality'"):
        records(tmp_path)
    make(tmp_path, "picture\na.png\n")
    with pytest.raises(SourceError, match="column 'file' is missing"):
        records(tmp_path)


def test_without_patients_each_image_is_one_and_that_is_said(tmp_path):
    make(tmp_path, "file\na.png\nb.png\n", ["a.png", "b.png"])
    source = open_source("folder", tmp_path)
    assert [record.patient for record in source.records()] == ["a", "b"]
    assert "no column 'patient'" in source.notes[0]
    assert {record.label for record in records(tmp_path)} == {"unknown"}


def test_which_table_is_meant_must_be_clear(tmp_path):
    make(tmp_path, "file\na.png\n")
    (tmp_path / "other.csv").write_text("file\n")
    with pytest.raises(SourceError, match=r"found other\.csv, table\.csv"):
        records(tmp_path)
    other, record = records(tmp_path, table="table.csv")
    assert isinstance(other, PassedOver) and isinstance(record, Record)
    with pytest.raises(SourceError, match="no rows"):
        records(tmp_path, table="other.csv")
    with pytest.raises(SourceError, match="cannot be read"):
        records(tmp_path, table="absent.csv")


def test_a_folder_without_images(tmp_path):
    (tmp_path / "table.csv").write_text("file\na.png\n")
    with pytest.raises(SourceError, match="no images"):
        records(tmp_path)


def test_the_depth_can_be_stated_and_is_checked(tmp_path):
    Image.fromarray(PIXELS.astype(np.uint16) * 16).save(tmp_path / "a.png")
    (tmp_path / "table.csv").write_text("file\na.png\n")
    source = open_source("folder", tmp_path, {"bits_stored": "12"})
    assert source.read(next(iter(source.records()))).bits_stored == 12
    too_few = open_source("folder", tmp_path, {"bits_stored": 8})
    with pytest.raises(SourceError, match="more than bits_stored 8 allows"):
        too_few.read(next(iter(too_few.records())))
    with pytest.raises(SourceError, match="expected one of"):
        open_source("folder", tmp_path, {"bits_stored": 10})


@pytest.mark.parametrize(("name", "lossy"), [("a.png", False), ("a.jpg", True)])
def test_what_lossy_compression_saved_is_noted(name, lossy, tmp_path):
    source = make(tmp_path, f"file\n{name}\n", (name,))
    (record,) = open_source("folder", source).records()
    notes = open_source("folder", source).read(record).notes
    assert ("lossy_ratio" in notes) is lossy
    assert notes.get("lossy_ratio", 1) >= 1


def test_no_finding_is_no_lesion(tmp_path):
    table = "file,label,kind,pathology\na.png,No Finding,No Finding,\nb.png,,no_finding,\nc.png,normal,None,N/A\n"
    make(tmp_path, table, ["a.png", "b.png", "c.png"])
    source = open_source("folder", tmp_path)
    found = list(source.records())
    assert [(record.label, record.annotations) for record in found] == [("normal", ())] * 3
    assert "the label 'No Finding' is the class 'normal'" in source.notes
    (tmp_path / "table.csv").write_text("file,label,kind,pathology\na.png,n/a,nan,malignant\nb.png,Negative,,\n")
    first, second, _ = open_source("folder", tmp_path).records()
    assert (first.label, [str(one.pathology) for one in first.annotations]) == ("n/a", ["malignant"])
    assert second.label == "Negative"


def test_pictures_are_known_by_their_content(tmp_path):
    make(tmp_path, "file\n1.2.840.1\nb\n", ["a.png"])
    (tmp_path / "a.png").rename(tmp_path / "1.2.840.1")
    (tmp_path / "notes.txt").write_text("no picture")
    header = b"P5 20 30 255\n"
    (tmp_path / "b").write_bytes(header + PIXELS.tobytes())
    source = open_source("folder", tmp_path)
    found = list(source.records())
    assert [type(one) for one in found] == [PassedOver, Record, Record]
    for record in found[1:]:
        np.testing.assert_array_equal(source.read(record).image, PIXELS)


@pytest.mark.parametrize("top", ["", "of 2020/"])
def test_a_zip_archive_is_read_as_a_folder(tmp_path, top):
    make(tmp_path, "file,mask\nsub/a.png,m.png\n", ["sub/a.png", "m.png"])
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("sub/a.png", "m.png", "table.csv"):
            archive.write(tmp_path / name, f"{top}{name}")
    source = open_source("folder", tmp_path / "all.zip")
    (record,) = source.records()
    assert record.key == "sub_a"
    picture = source.read(record)
    np.testing.assert_array_equal(picture.image, PIXELS)
    assert len(picture.findings) == 1


def test_a_table_names_pictures_in_a_zip_archive_beside_it(tmp_path):
    make(tmp_path, "file\nsub/a.png\n", ["sub/a.png"])
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.write(tmp_path / "sub" / "a.png", "sub/a.png")
    (tmp_path / "sub" / "a.png").unlink()
    source = open_source("folder", tmp_path)
    (record,) = source.records()
    np.testing.assert_array_equal(source.read(record).image, PIXELS)


def test_names_that_lead_out_of_the_folder_are_skipped(tmp_path):
    make(tmp_path / "in", "file,mask\na.png,../out.png\n../out.png,\n/etc/hostname,\na.png,\n", ["a.png", "../out.png"])
    found = records(tmp_path / "in")
    assert [type(one) for one in found] == [Skipped] * 3
    assert all("leads out of the folder" in one.reason for one in found)


def film_with_an_edge():
    """A breast on the left of a film, `uint8 (800, 460)`, before which a part of the scanner's white edge runs."""
    rows, columns = np.mgrid[:800, :460]
    inside = 1 - (columns / 330) ** 2 - ((rows - 400) / 330) ** 2
    film = (6 + 160 * np.sqrt(np.clip(inside, 0, 1))).astype(np.uint8)
    film[150:640, :6] = 255
    return film, inside > 0.15


def test_the_edge_of_the_scanner_is_no_breast_and_no_lesion_loses_a_pixel(tmp_path):
    film, breast = film_with_an_edge()
    (tmp_path / "table.csv").write_text("file,kind,xmin,ymin,xmax,ymax\na.png,,,,,\nb.png,mass,0,300,50,360\n")
    for name in ("a.png", "b.png"):
        Image.fromarray(film).save(tmp_path / name)
    source = open_source("folder", tmp_path)
    plain, annotated = (source.read(record).breast for record in source.records())
    assert not plain[150:640, :6].any() and plain[breast & (np.arange(460) > 8)].all()
    assert annotated[300:360, :50].all()
    annotated[300:360, :50] = plain[300:360, :50]
    assert np.array_equal(annotated, plain)


def test_a_film_without_edges_keeps_its_mask(tmp_path):
    film, _ = film_with_an_edge()
    film[film == 255] = 100
    make(tmp_path, "file\na.png\n")
    Image.fromarray(film).save(tmp_path / "a.png")
    source = open_source("folder", tmp_path)
    (record,) = source.records()
    assert np.array_equal(source.read(record).breast, breast_mask(film.astype(np.uint16), 8))
