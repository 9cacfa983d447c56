"""Damaged archives, manifests and models that once broke a promise."""

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from synthmammo.dataset.manifest import Manifest
from synthmammo.editing.directions.file import read_directions
from synthmammo.errors import CheckpointError, DatasetError, SourceError
from synthmammo.ingesting.sources import archive_files
from synthmammo.ingesting.sources.archive_files import read_file
from synthmammo.ingesting.sources.base import Skipped, open_source
from synthmammo.ingesting.sources.inbreast import outlines
from synthmammo.models.convert import read_published
from synthmammo.models.file import load
from synthmammo.models.inverted import read_inverted
from synthmammo.models.published.base import damaged
from tests.support.archives import ARCHIVES
from tests.support.tiny_models import stylegan2_file


@pytest.fixture
def model(tmp_path):
    path = stylegan2_file(tmp_path / "a.safetensors")
    load(path).network()  # what is imported for it counts for no file
    return path


# Archives


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict></array></dict></plist>',  # closes another
        b'<?xml version="1.0" encoding="UTG-8"?><plist version="1.0"><dict/></plist>',  # an encoding that is none
    ],
)
def test_a_property_list_that_the_library_fails_at(tmp_path, content):
    (tmp_path / "1.xml").write_bytes(content)
    with pytest.raises(SourceError, match="its outlines cannot be read"):
        outlines(tmp_path / "1.xml")


def test_a_table_with_a_name_that_is_too_long_for_any_file(tmp_path):
    ARCHIVES["csaw_cc"](tmp_path, {"anon_filename": "x" * 300 + ".dcm"})
    (skipped,) = open_source("csaw_cc", tmp_path).records()
    assert isinstance(skipped, Skipped) and "the file is missing" in skipped.reason


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_a_zip_archive_whose_packing_is_damaged(tmp_path, kind):
    content = np.random.default_rng(0).bytes(3000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", kind) as archive:
        archive.writestr("a.dcm", content)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[60:90] = b"\xff" * 30
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(SourceError, match="the zip archive is damaged"):
        read_file(tmp_path / "a.zip" / "a.dcm")


def test_a_member_of_a_zip_archive_without_a_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"x")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    directory, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    data[directory + 28] = 0  # length of the name
    data[end + 12] -= 1  # length of the directory
    del data[directory + 46]
    (tmp_path / "a.zip").write_bytes(data)
    assert zipfile.ZipFile(tmp_path / "a.zip").infolist()[0].filename == ""
    assert archive_files.files_below(tmp_path).files == []


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch, little_memory):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.dcm", "w") as file:
        for _ in range(65):
            file.write(bytes(1 << 20))
    monkeypatch.setattr(archive_files, "_LARGE", 64 << 20)
    listing = archive_files.files_below(tmp_path)
    assert not listing.files and "of a zip archive, as no image is" in listing.passed_over[0].reason
    with pytest.raises(SourceError, match="as no image is"):
        read_file(tmp_path / "a.zip" / "a.dcm")


# Manifests


def shard(name: str, samples: int = 1) -> dict[str, object]:
    return {"format": "parquet", "split": "train", "name": name, "samples": samples, "bytes": 1, "sha256": "0"}


def manifest_of(folder: Path, **changes: object) -> Path:
    content = json.loads(Manifest("built", "a", "0" * 64, {}).write(folder).read_text()) | changes
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shards": [shard("../a", 1)]}, "leads out"),
        ({"shards": [shard("/a", 1)]}, "leads out"),
        (
            {"shards": [shard("C:\\a", 1)]},
            "leads out",
        ),
        ({"shards": [shard("a", -1)]}, "negative"),
        ({"shards": [shard("", 1)]}, "no name"),
        ({"files": {"../../home/key": "0"}}, "leads out"),
        ({"counts": {"train": 3}}, "counts.train is int"),
        ({"shards": [3]}, "shards.0 is int"),
        ({"failed": "abc"}, "failed is str"),
        ({"failed": ["abc"]}, "failed.0 is str"),
        ({"origin": "Real"}, "origin is 'Real', expected real, synthetic, mixed"),
        ({"origin": 3}, "origin is int"),
        ({"bytes_version": "1"}, "bytes_version is str"),
        ({"pixels_version": True}, "pixels_version is bool"),
        ({"pixels_version": -1}, "pixels_version is negative"),
        ({"made_by": {"name": "x"}}, "made_by is dict"),
        ({"made_by": ["x"]}, "made_by.0 is str"),
        ({"made_by": [{"samples": 1}]}, "made_by.0 has no name"),
        ({"made_by": [{"name": "x", "seed": 1}]}, "made_by.0: 'seed' is not known"),
        ({"made_by": [{"name": "x", "samples": -1}]}, "made_by.0.samples is negative"),
        ({"made_by": [{"name": None}]}, "made_by.0.name is NoneType"),
        ({"name": None}, "name is NoneType"),
    ],
)
def test_a_manifest_that_is_not_what_it_should_be(tmp_path, changes, words):
    with pytest.raises(DatasetError, match=words):
        Manifest.read(manifest_of(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"format_version": 1}'])
def test_a_manifest_that_is_no_mapping(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(DatasetError):
        Manifest.read(tmp_path)


# Models


@pytest.mark.parametrize(
    "instructions",
    [
        b"]r\xff\xff\xff\x7f.",  # remembered under the number 2^31 - 1: 34 GB in the reader of Python 3.11
        b"]p2000000000\n.",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\x00].",  # a frame of 2^56 bytes
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x00.",  # a text of 2^56 bytes
        b"\x8b\xff\xff\xff\x7f.",
    ],
)
def test_a_pickle_that_claims_more_than_it_holds(tmp_path, instructions, little_memory):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + instructions)
    with pytest.raises(CheckpointError, match="damaged or no model file"):
        read_published(tmp_path / "a.pkl")


def test_an_error_that_takes_for_ever_to_print(tmp_path):
    nested: list[object] = []
    for _ in range(200):
        nested = [nested, nested]
    with pytest.raises(CheckpointError, match=r"\(KeyError\)"):
        damaged(tmp_path / "a.pkl", KeyError(nested))


def test_a_tensor_that_repeats_one_number_for_ever(tmp_path, little_memory):
    wide = torch.zeros(1).expand(100_000, 100_000)
    torch.save({"g_ema": {"style.1.weight": wide}}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="larger than what is stored for it"):
        read_published(tmp_path / "a.pt")


def test_an_archive_that_is_larger_unpacked(tmp_path, little_memory):
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}))
        archive.writestr("a/data/0", bytes(8 << 20))
    with pytest.raises(CheckpointError, match="unpacked it would take"):
        read_published(tmp_path / "a.pt")


def test_a_packed_archive_in_a_pickle(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(8 << 20))
    call = b"ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(buffer.getvalue())) + buffer.getvalue()
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + call + b"\x85R.")
    with pytest.raises(CheckpointError, match="unpacked it would take"):
        read_published(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": 3}, "architecture is int"),
        ({"config": []}, "config is list"),
        ({"classes": [1, 2]}, "classes are not all texts"),
        ({"config": {"resolution": 1024, "w_dim": 60_000, "z_dim": 60_000}}, "has the shape"),
        ({"config": {"resolution": 64, "w_dim": 10**12}}, "expected a number from 0 to 65536"),
        ({"config": {"resolution": 64, "mapping_layers": 10**9}}, "expected a number from 0 to 65536"),
        ({"config": {"resolution": 64, "w_dim": 12.5}}, "is not valid"),
    ],
)
def test_a_description_that_claims_what_the_file_does_not_hold(model, changes, words, little_memory):
    data = model.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["synthmammo"] = json.dumps(json.loads(header["__metadata__"]["synthmammo"]) | changes)
    new = json.dumps(header).encode()
    model.write_bytes(struct.pack("<Q", len(new)) + new + data[8 + length :])
    with pytest.raises(CheckpointError, match=words):
        load(model).network()


@pytest.mark.parametrize("content", ["3", '"a"', "[]", "null", "[" * 100_000])
def test_a_description_that_is_no_mapping(model, content):
    data = model.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["synthmammo"] = content
    new = json.dumps(header).encode()
    model.write_bytes(struct.pack("<Q", len(new)) + new + data[8 + length :])
    with pytest.raises(CheckpointError, match="not one of this package"):
        load(model)


@pytest.mark.parametrize("weights", [3, None, True, [], {}])
@pytest.mark.parametrize("header", ["synthmammo_directions", "synthmammo_inverted"])
def test_weights_that_are_no_digest(tmp_path, header, weights):
    content = {"format_version": 1, "weights": weights, "images": [], "options": {}, "attributes": {}, "facts": {}}
    names = ("w", "means", "components", "deviations", "explained")
    tensors = {name: np.zeros(1, np.float32) for name in names}
    save_file(tensors, tmp_path / "a.safetensors", {header: json.dumps(content)})
    with pytest.raises((CheckpointError, DatasetError), match="is no whole file"):
        if header.endswith("inverted"):
            read_inverted(tmp_path / "a.safetensors", "0" * 64)
        else:
            read_directions(tmp_path / "a.safetensors", "0" * 64)


def test_a_header_of_safetensors_that_claims_more_than_the_file(tmp_path, little_memory):
    path = tmp_path / "a.safetensors"
    for length in (2**32, 2**63, 2**64 - 1):
        path.write_bytes(struct.pack("<Q", length) + b"{}" + np.zeros(4, np.float32).tobytes())
        with pytest.raises(CheckpointError, match="not a whole .safetensors file"):
            load(path)
