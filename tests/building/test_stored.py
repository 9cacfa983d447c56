"""A dataset that is made in a storage has the bytes of one in a folder, whatever breaks in between."""

import os
import shutil

import pytest

import synthmammo
from synthmammo.building.stored import build_stored
from synthmammo.dataset import storage
from synthmammo.dataset.layout import MANIFEST, STATE
from synthmammo.dataset.storage import Storage
from synthmammo.errors import OutputError, RecipeError
from tests.support import tiny


@pytest.fixture
def place(tmp_path):
    return tmp_path / "there"


@pytest.fixture(scope="module")
def bucket():
    """The address of a bucket of a server on this machine."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    known = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    known |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    before = {name: os.environ.get(name) for name in known}
    os.environ.update(known)
    import s3fs

    s3fs.S3FileSystem().mkdir("data")
    yield "s3://data"
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    server.stop()


def fetched(url, folder):
    """All files of a storage, in a folder."""
    there = Storage(url)
    there.bring(list(there.sizes()), folder)
    return tiny.files(folder)


def test_a_folder_by_its_address(place, built):
    done = []
    made = build_stored(tiny.recipe(), place.as_uri(), progress=lambda *counts: done.append(counts))
    assert tiny.files(place) == tiny.files(built)
    assert made.made == 12 and made.lost_classes == () and done[-1] == (12, 12)
    again = build_stored(tiny.recipe(), place.as_uri())
    assert again.made == 0 and again.manifest == made.manifest


def test_a_bucket(bucket, built, tmp_path):
    url = f"{bucket}/masses"
    made = build_stored(tiny.recipe(), url)
    assert fetched(url, tmp_path / "here") == tiny.files(built)
    assert made.url == url
    with pytest.raises(OutputError, match="something else"):
        build_stored(tiny.recipe(size=9), url)


def test_it_goes_on_after_a_break_while_shards_get_their_names(place, built, monkeypatch):
    move, moved = Storage._move, []

    def cut(self, old, new):
        moved.append(new)
        if len(moved) == 3:
            raise KeyboardInterrupt
        move(self, old, new)

    monkeypatch.setattr(storage, "_AT_ONCE", 1)
    monkeypatch.setattr(Storage, "_move", cut)
    with pytest.raises(KeyboardInterrupt):
        build_stored(tiny.recipe(), place.as_uri())
    assert not (place / MANIFEST).exists() and (place / STATE / "content.json").is_file()
    monkeypatch.setattr(Storage, "_move", move)
    again = build_stored(tiny.recipe(), place.as_uri())
    assert again.made == 0 and tiny.files(place) == tiny.files(built)


def test_a_shard_that_vanished_is_made_again_or_told(place, built, monkeypatch):
    def cut(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("synthmammo.building.build.finish_build", cut)
    with pytest.raises(KeyboardInterrupt):
        build_stored(tiny.recipe(), place.as_uri())
    monkeypatch.undo()
    next((place / "parquet").glob("train-00000*")).unlink()
    again = build_stored(tiny.recipe(), place.as_uri())
    assert again.made == 3 and tiny.files(place) == tiny.files(built)
    next((place / "parquet").glob("train-00000*")).unlink()
    with pytest.raises(OutputError, match="missing or was changed"):
        build_stored(tiny.recipe(), place.as_uri())
    shutil.rmtree(place / "webdataset")
    assert build_stored(tiny.recipe(), place.as_uri(), overwrite=True).made == 12


def test_what_else_lies_there_stays(place):
    place.mkdir()
    (place / "thesis.txt").write_text("mine")
    for more in ({}, {"overwrite": True}):
        with pytest.raises(OutputError, match="not a dataset of this package"):
            build_stored(tiny.recipe(), place.as_uri(), **more)
    assert [path.name for path in place.iterdir()] == ["thesis.txt"]


def test_addresses_that_nothing_opens(monkeypatch):
    with pytest.raises(OutputError, match="no storage of the kind nowhere://"):
        build_stored(tiny.recipe(), "nowhere://x")


def test_an_audit_needs_the_samples_here(tmp_path):
    audit = {"reference": str(tmp_path), "train": str(tmp_path), "memorised": {"at_most": 0.01}}
    with pytest.raises(RecipeError, match="an audit reads all samples"):
        build_stored(tiny.recipe(quality={"audit": audit}), (tmp_path / "x").as_uri())


def test_the_command_takes_an_address(place, built, tmp_path):
    recipe = tiny.write(tmp_path / "t.yaml")
    result = tiny.run("build", recipe, "--out", place.as_uri(), "--workers", 1)
    assert result.exit_code == 0 and f"dataset  {place.as_uri()}" in result.output
    assert tiny.files(place) == tiny.files(built)
    refused = tiny.run("build", recipe, "--out", place.as_uri(), "--part", "1/2")
    assert refused.exit_code == 2 and "leave --part" in refused.output


def test_it_is_public():
    assert synthmammo.build_stored is build_stored
