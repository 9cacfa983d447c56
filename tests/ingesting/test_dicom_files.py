"""The DICOM files of a folder are found by suffix or content, in a fixed order."""

import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.dicom_files import dicom_files
from tests.support.dicom_files import write


def test_files_are_found_below_the_folder_by_suffix_or_magic(tmp_path):
    found = [write(tmp_path / name) for name in ("b/one.dcm", "a/two.DICOM", "three.IMA", "b/four")]
    (tmp_path / "b" / "notes").write_text("no DICOM, and no suffix")
    (tmp_path / "table.csv").write_text("file")
    (tmp_path / "folder.dcm").mkdir()
    write(tmp_path / "DICOMDIR")
    assert dicom_files(tmp_path) == sorted(found)


def test_a_suffix_is_a_claim_that_the_reader_checks(tmp_path):
    (tmp_path / "damaged.dcm").write_bytes(b"")
    assert dicom_files(tmp_path) == [tmp_path / "damaged.dcm"]


def test_a_folder_without_any_is_one_clear_error(tmp_path):
    (tmp_path / "short").write_bytes(b"DICM")
    with pytest.raises(SourceError, match="no DICOM files") as error:
        dicom_files(tmp_path)
    assert error.value.where == tmp_path and ".dicom" in error.value.hint
