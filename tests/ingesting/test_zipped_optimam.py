"""A zip archive of OPTIMAM is read as its folder is, though `omidb` opens files itself."""

import json
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Record, open_source
from tests.support.dicom_files import write


def listed(source):
    return [record for record in source.records() if isinstance(record, Record)]


class Database:
    """As `omidb.DB`: it knows folders of the disk only."""

    seen: tuple[str, ...] = ()

    def __init__(self, data, images, clients=None):
        self.data = Path(data)
        self.clients = set(clients or [path.name for path in self.data.iterdir()])
        type(self).seen = (*self.seen, str(data))

    def __iter__(self):
        for name in self.clients:
            said = json.loads((self.data / name / f"imagedb_{name}.json").read_text())
            images = [SimpleNamespace(id=image, marks=[]) for image in said["images"]]
            study = SimpleNamespace(id="1.2", series=[SimpleNamespace(images=images)])
            episode = SimpleNamespace(studies=[study])
            yield SimpleNamespace(id=name, site=said["site"], status=SimpleNamespace(name="N"), episodes=[episode])


@pytest.fixture
def zipped(tmp_path, monkeypatch):
    module = ModuleType("omidb")
    module.DB = Database
    monkeypatch.setitem(sys.modules, "omidb", module)
    monkeypatch.setattr(Database, "seen", ())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    folder = tmp_path / "omi"
    for name, image in (("demd1", "1.5"), ("demd2", "1.6")):
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / f"imagedb_{name}.json").write_text(json.dumps({"site": "s", "images": [image]}))
        write(folder / "images" / name / "1.2" / f"{image}.dcm", StudyID=image)
    with zipfile.ZipFile(tmp_path / "omi.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
        archive.writestr("omi/data/../../../out.json", "{}")
    return tmp_path / "omi.zip"


def test_records_and_pixels_are_those_of_the_folder(zipped):
    packed, plain = open_source("optimam", zipped), open_source("optimam", zipped.with_suffix(""))
    expected = listed(plain)
    found = listed(packed)
    assert [record.key for record in found] == [record.key for record in expected] == ["demd1_1_5", "demd2_1_6"]
    assert {record.provenance["site"] for record in found} == {"s"}
    for one, other in zip(found, expected, strict=True):
        assert (packed.read(one).image == plain.read(other).image).all()


def test_the_copies_are_removed_and_none_leaves_its_folder(zipped):
    records = open_source("optimam", zipped).records()
    next(records)
    (place,) = {Path(path) for path in Database.seen}
    assert sorted(path.name for path in place.rglob("*.json")) == ["imagedb_demd1.json", "imagedb_demd2.json"]
    records.close()
    assert not place.exists() and not list((zipped.parent / "temporary").iterdir())
    assert not list(zipped.parent.rglob("out.json"))


def test_a_zip_archive_of_something_else(tmp_path, zipped):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("other/data/demd1/imagedb_demd1.json", "{}")
    with pytest.raises(SourceError, match="the folder 'images' is missing"):
        open_source("optimam", tmp_path / "other.zip")
