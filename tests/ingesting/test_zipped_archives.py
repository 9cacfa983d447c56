"""Archives that are read where they lie in a zip archive: each reader finds there what it finds in the folder."""

import shutil
import zipfile

import numpy as np
import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import is_folder, open_archive, paths_below
from synthmammo.ingesting.sources.base import Record, open_source
from tests.support.archives import ARCHIVES


def zipped(path, folder, inside=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{inside}{file.relative_to(folder).as_posix()}")
    return path


def pictures(name, path):
    source = open_source(name, path)
    records = [record for record in source.records() if isinstance(record, Record)]
    facts = [(r.key, r.patient, r.label, r.view, r.laterality, r.spacing_mm, len(r.annotations)) for r in records]
    return facts, [source.read(record) for record in records]


@pytest.mark.parametrize("inside", ["", "an archive/"])
@pytest.mark.parametrize("name", [name for name in ARCHIVES if name != "cbis_ddsm_views"])
def test_a_reader_finds_in_a_zip_archive_what_it_finds_in_the_folder(tmp_path, name, inside):
    folder = tmp_path / "folder"
    folder.mkdir()
    ARCHIVES[name](folder, {})
    facts, found = pictures(name, folder)
    path = zipped(tmp_path / "a.zip", folder, inside)
    shutil.rmtree(folder)
    again, same = pictures(name, path)
    assert again == facts and len(found) == 1
    np.testing.assert_array_equal(same[0].image, found[0].image)
    np.testing.assert_array_equal(same[0].lesions, found[0].lesions)
    assert [finding.box for finding in same[0].findings] == [finding.box for finding in found[0].findings]
    assert list(tmp_path.iterdir()) == [path]  # nothing was unpacked


def test_the_views_of_cbis_ddsm_are_listed_from_a_zip_archive(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    ARCHIVES["cbis_ddsm_views"](folder, {})
    path = zipped(tmp_path / "a.zip", folder)
    (record,) = open_source("cbis_ddsm_views", path).records()
    assert record.path == path / "images" / "a.jpg"


def test_files_and_folders_of_a_zip_archive(tmp_path):
    folder = tmp_path / "folder"
    for name in ("a.csv", "b/c.csv", "b/d/e.csv", "b/f.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    for root in (folder, zipped(tmp_path / "a.zip", folder)):
        assert open_archive(root) == root
        assert [path.relative_to(root).as_posix() for path in paths_below(root, (".csv",))] == [
            "a.csv", "b/c.csv", "b/d/e.csv"
        ]  # fmt: skip
        assert len(paths_below(root, (".csv",), 1)) == 1 and len(paths_below(root, (".csv", ".txt"), 2)) == 3
        assert [path.name for path in paths_below(root / "b", (".csv",))] == ["c.csv", "e.csv"]
        assert is_folder(root) and is_folder(root / "b" / "d") and not is_folder(root / "a.csv")
        assert not is_folder(root / "b" / "c")


def test_what_macos_adds_to_a_zip_archive_is_no_second_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("films/a.txt", "x")
        archive.writestr("__MACOSX/films/._a.txt", "x")
    assert open_archive(tmp_path / "a.zip") == tmp_path / "a.zip" / "films"


def test_a_damaged_zip_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\3\4" + bytes(40))
    with pytest.raises(SourceError, match="the zip archive is damaged"):
        open_source("rsna_2022", tmp_path / "a.zip")
