"""The DICOM files of a folder are found by suffix or content, in a fixed order."""

import os
import warnings
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from synthmammo.errors import SourceError
from synthmammo.ingesting.ingest import ingest_archive
from synthmammo.ingesting.sources import archive_files
from synthmammo.ingesting.sources.archive_files import is_there, read_file, size_of
from synthmammo.ingesting.sources.dicom_files import dicom_files
from synthmammo.ingesting.sources.dicom_header import open_dicom
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from tests.support.dicom_files import breast_like, write

UID_NAME = "1.2.840.113681.2863050709.1375427076.3328"


def test_files_are_found_below_the_folder_by_content_whatever_their_name(tmp_path):
    names = ("b/one.dcm", "a/two.DICOM", "three.IMA", "b/four", UID_NAME, "five.dcm30", "six.txt")
    found = [write(tmp_path / name) for name in names]
    (tmp_path / "b" / "notes").write_text("no DICOM, and no suffix")
    (tmp_path / "table.csv").write_text("file")
    (tmp_path / "._one.dcm").write_bytes(b"a note of macOS")
    (tmp_path / "folder.dcm").mkdir()
    write(tmp_path / "DICOMDIR")
    files, passed_over = dicom_files(tmp_path)
    assert files == sorted(found)
    assert {(passed.path.name, passed.reason) for passed in passed_over} == {
        ("notes", "not a DICOM file"),
        ("table.csv", "not a DICOM file"),
        ("._one.dcm", "a note of macOS on another file"),
        ("DICOMDIR", "the directory of a DICOM medium"),
    }


def test_a_suffix_is_a_claim_that_the_reader_checks(tmp_path):
    (tmp_path / "damaged.dcm").write_bytes(b"")
    assert dicom_files(tmp_path).files == [tmp_path / "damaged.dcm"]


def test_links_are_followed_and_circles_end(tmp_path):
    elsewhere = write(tmp_path / "elsewhere" / "one.dcm").parent
    archive = tmp_path / "archive"
    write(archive / "inside" / "two.dcm", ViewPosition="MLO")
    (archive / "linked").symlink_to(elsewhere)
    (archive / "again").symlink_to(archive / "inside")
    (archive / "inside" / "circle").symlink_to(archive)
    (archive / "gone").symlink_to(tmp_path / "nowhere")
    (archive / "file").symlink_to(elsewhere / "one.dcm")
    files, passed_over = dicom_files(archive)
    assert [str(file.relative_to(archive)) for file in files] == ["file", "inside/two.dcm", "linked/one.dcm"]
    assert {(str(passed.path.relative_to(archive)), passed.reason) for passed in passed_over} == {
        ("again", "a link to a folder that is read already"),
        ("inside/circle", "a link to a folder that is read already"),
        ("gone", "a link that leads nowhere"),
    }


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members:
                archive.writestr(name, content)
    return path


def test_zip_archives_are_looked_into_and_are_an_archive_themselves(tmp_path):
    content = write(tmp_path / "one.dcm").read_bytes()
    inner = zipped(tmp_path / "inner.zip", [("x.dcm", content)]).read_bytes()
    members = [("case 1/患者.dcm", content), ("/deep//two", content), ("readme.txt", "no"), ("inner.zip", inner)]
    (tmp_path / "archive").mkdir()
    path = zipped(tmp_path / "archive" / "of exports", [*members, ("../out.dcm", content), ("two", b""), ("two", b"")])
    for root in (path, path.parent):
        files, passed_over = dicom_files(root)
        assert files == sorted([path / "case 1" / "患者.dcm", path / "deep" / "two"])
        assert {(passed.path.name, passed.reason) for passed in passed_over} == {
            ("readme.txt", "not a DICOM file"),
            ("inner.zip", "a zip archive in a zip archive; unpack it"),
            ("out.dcm", "its name in the zip archive leads out of it"),
            ("two", "another file of the same name in its zip archive"),
            ("two", "not a DICOM file"),
        }
    for file in files:
        assert read_file(file) == content and size_of(file) == len(content) and is_there(file)
        assert open_dicom(file, with_pixels=False).Rows == 96
        assert read_dicom_pixels(file)[0].shape == (96, 64)
    with pytest.raises(SourceError, match="is not in the zip archive any more"):
        read_file(path / "gone.dcm")


def test_a_zip_archive_of_huge_damaged_or_secret_files_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_files, "MOST_BYTES", 1 << 20)
    bomb = zipped(tmp_path / "bomb.zip", [("zeros.dcm", b"\0" * (2 << 20)), ("a.dcm", b"")])
    files, passed_over = dicom_files(bomb)
    assert [file.name for file in files] == ["a.dcm"]
    assert passed_over[0].reason == "2,097,152 bytes in a zip archive; at most 1,048,576 are read"
    secret = bytearray(zipped(tmp_path / "secret.zip", [("a.dcm", b"abc")]).read_bytes())
    for at in (secret.index(b"PK\x03\x04") + 6, secret.index(b"PK\x01\x02") + 8):
        secret[at] |= 1
    (tmp_path / "secret.zip").write_bytes(secret)
    cut = write(tmp_path / "good.dcm").read_bytes()
    torn = zipped(tmp_path / "torn.zip", [("b", cut)], zipfile.ZIP_STORED)
    torn.write_bytes(torn.read_bytes()[:5000])
    files, passed_over = dicom_files(tmp_path)
    reasons = {passed.path.name: passed.reason for passed in passed_over}
    assert reasons["secret.zip"] if "secret.zip" in reasons else reasons["a.dcm"] == "encrypted in its zip archive"
    assert reasons["torn.zip"].startswith("the zip archive is damaged")
    damaged = zipped(tmp_path / "damaged.zip", [("c.dcm", cut)], zipfile.ZIP_STORED)
    damaged.write_bytes(damaged.read_bytes().replace(b"DICM", b"DOCM", 1))
    with pytest.raises(SourceError, match="the zip archive is damaged"):
        read_file(damaged / "c.dcm")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("meta", [True, False])
def test_files_without_a_preamble_are_read(tmp_path, syntax, meta):
    ds = pydicom.dcmread(write(tmp_path / "whole.dcm"))
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    whole = tmp_path / "other.dcm"
    pydicom.dcmwrite(whole, ds, enforce_file_format=True)
    content = whole.read_bytes()
    start = 132 if meta else 132 + 12 + int.from_bytes(content[140:144], "little")
    bare = tmp_path / "archive" / "bare"
    bare.parent.mkdir()
    bare.write_bytes(content[start:])
    assert dicom_files(bare.parent).files == [bare]
    np.testing.assert_array_equal(read_dicom_pixels(bare)[0], breast_like())


def test_a_folder_without_any_is_one_clear_error(tmp_path):
    (tmp_path / "short").write_bytes(b"DICM")
    with pytest.raises(SourceError, match="no DICOM files") as error:
        dicom_files(tmp_path)
    assert error.value.where == tmp_path and ".dicom" in error.value.hint and "1 others" in error.value.hint


def test_names_that_are_no_text_are_ingested_and_listed(tmp_path):
    folder = tmp_path / "archive"
    good, bad = (folder / os.fsdecode(name) for name in (b"M\xfcller", b"M\xf6ller.dcm"))
    write(tmp_path / "good", ImagerPixelSpacing=[0.1, 0.1])
    folder.mkdir()
    (tmp_path / "good").rename(good)
    bad.write_bytes(b"no DICOM")
    (folder / os.fsdecode(b"n\xf6tes")).write_text("nothing")
    summary = ingest_archive("dicom", folder, tmp_path / "out")
    assert summary.manifest.samples == 1
    assert [row["file"] for row in summary.manifest.failed] == ["M\\udcf6ller.dcm"]
    assert "n\\\\udcf6tes" in (tmp_path / "out" / "passed_over.jsonl").read_text()
