"""Inputs that broke a promise once, as small as they can be; the names say what they did."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pydicom.uid import JPEG2000Lossless, RLELossless
from safetensors.numpy import save_file

from synthmammo.benchmarking.arrays import read_array
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.readers.parquet import ParquetReader
from synthmammo.dataset.readers.webdataset import WebDatasetReader
from synthmammo.editing.directions.file import read_directions
from synthmammo.errors import CheckpointError, DatasetError, SourceError
from synthmammo.ingesting.sources import archive_files, deflated
from synthmammo.ingesting.sources.archive_files import read_file
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.ingesting.sources.dicom_header import open_dicom, text
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.ingesting.sources.inbreast import outlines
from synthmammo.mammogram import png
from synthmammo.models.convert import read_published
from synthmammo.models.file import load
from synthmammo.models.inverted import read_inverted
from synthmammo.models.published.base import damaged
from synthmammo.planning.table import SCHEMA, read_rows
from tests.support.archives import ARCHIVES
from tests.support.dicom_files import breast_like, write
from tests.support.tiny_models import stylegan2_file

MEMORY = 50 << 20
"""Bytes that refusing a file of a few kilobytes may take at most."""


@pytest.fixture
def model(tmp_path):
    path = stylegan2_file(tmp_path / "a.safetensors")
    load(path).network()  # what is imported for it counts for no file
    return path


@pytest.fixture
def little_memory():
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY


# Pictures


def test_a_png_of_a_dataset_that_claims_65535_x_65535_pixels(little_memory):
    header = struct.pack(">IIBBBBB", 65535, 65535, 16, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    with pytest.raises(ValueError, match="states a size of 65,535 x 65,535 pixels"):
        png.decode(b"\x89PNG\r\n\x1a\n" + chunk)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b""])
def test_16_bytes_that_begin_a_png(content):
    with pytest.raises(ValueError, match="PNG"):
        png.decode(content)


# DICOM


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_a_dicom_of_60000_rows(tmp_path, syntax, little_memory):
    path = write(tmp_path / "a.dcm", breast_like(40, 40), syntax=syntax)
    changed = open_dicom(path, with_pixels=True)
    changed.Rows = changed.Columns = 60_000
    changed.save_as(path)
    with pytest.raises(SourceError, match="states a size of 60,000 x 60,000 pixels"):
        read_dicom_pixels(path)


def test_a_codestream_of_another_size_than_its_header(tmp_path, little_memory):
    path = write(tmp_path / "a.dcm", breast_like(40, 40), syntax=JPEG2000Lossless)
    data = path.read_bytes()
    place = data.index(b"\xff\x4f\xff\x51") + 8
    path.write_bytes(data[:place] + struct.pack(">II", 20_000, 5_000) + data[place + 8 :])
    with pytest.raises(SourceError, match="its codestream has 5000 x 20000 pixels, its header states 40 x 40"):
        read_dicom_pixels(path)


def test_a_decoder_in_rust_that_panics(tmp_path):
    path = write(tmp_path / "a.dcm", breast_like(40, 40), syntax=RLELossless)
    data = path.read_bytes()
    place = data.rindex(b"\xfe\xff\x00\xe0", 0, -200) + 8
    for segments in (1, 2, 15):
        for offset in (0, 1, 63, 2**31, 2**32 - 1):
            header = struct.pack("<16I", segments, *[offset] * 15)
            path.write_bytes(data[:place] + header + data[place + 64 :])
            with pytest.raises(SourceError, match="damaged or truncated"):
                read_dicom_pixels(path)


def test_a_sequence_in_the_place_of_a_text_is_an_absent_text(tmp_path):
    path = write(tmp_path / "a.dcm")
    data = path.read_bytes()
    place = data.index(b"\x08\x00\x68\x00CS")
    inside = b"\xfe\xff\x00\xe0\x0c\x00\x00\x00" + b"\x08\x00\x60\x00TI\x04\x00abcd"
    element = b"\x08\x00\x68\x00SQ\x00\x00" + struct.pack("<I", len(inside)) + inside
    path.write_bytes(data[:place] + element + data[place + 8 + data[place + 6] :])
    assert text(open_dicom(path, with_pixels=True), "PresentationIntentType") == ""
    assert read_dicom_pixels(path)[1] == 12


def test_a_transfer_syntax_of_no_syntax(tmp_path):
    path = write(tmp_path / "a.dcm")
    data = path.read_bytes()
    place = data.index(b"\x02\x00\x10\x00UI")
    uid = data[place + 8 : place + 8 + data[place + 6]]
    element = data[place : place + 4] + b"OB\0\0" + struct.pack("<I", len(uid)) + uid
    path.write_bytes(data[:place] + element + data[place + 8 + len(uid) :])
    with pytest.raises(SourceError, match="damaged"):
        read_dicom_pixels(path)


def test_a_deflated_dicom_that_inflates_without_end(tmp_path, monkeypatch, little_memory):
    monkeypatch.setattr(deflated, "MOST_BYTES", 4 << 20)
    path = write(tmp_path / "a.dcm")
    data = path.read_bytes()
    meta = b"\x02\x00\x10\x00UI\x16\x001.2.840.10008.1.2.1.99"
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = bomb.compress(bytes(16 << 20)) + bomb.flush()
    head = data[:128] + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta
    path.write_bytes(head + body)
    with pytest.raises(SourceError, match="inflates to more than 4,194,304"):
        open_dicom(path, with_pixels=False)


# Tables


@pytest.mark.parametrize("name", ["../outside.png", "/etc/hostname", "a/../../outside.png", "x" * 300, "a\0b"])
@pytest.mark.parametrize("column", ["file", "mask"])
def test_a_table_that_names_files_outside_of_its_folder(tmp_path, name, column):
    folder = tmp_path / "archive"
    folder.mkdir()
    for path in (folder / "a.png", tmp_path / "outside.png"):
        path.write_bytes(png.encode(breast_like(20, 12)))
    row = {"file": "a.png", "mask": "", "kind": "mass"} | {column: name}
    (folder / "table.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n".replace("\0", "_"))
    found = list(open_source("folder", folder).records())
    assert not [record for record in found if isinstance(record, Record)] or "\0" in name
    assert all(isinstance(skip, Skipped) and "\n" not in skip.reason for skip in found) or "\0" in name


def test_a_film_of_mini_mias_whose_number_is_no_number(tmp_path):
    (tmp_path / "annotations.csv").write_text(
        "image,tissue,cls,severity,x,y_file,radius\nmdb²,G,NORM,,,,\n../x,G,NORM,,,,\n"
    )
    (tmp_path / "mdb².png").write_bytes(png.encode(breast_like(20, 12)))
    kinds = [type(found) for found in open_source("mini_mias", tmp_path).records()]
    assert kinds.count(Record) == 1 and Skipped in kinds


def test_a_plan_with_a_word_that_is_none_of_ours(tmp_path):
    row = {field.name: None for field in SCHEMA} | {"view": "XX", "edits": [], "host_seeds": [], "lesions": []}
    pq.write_table(pa.Table.from_pylist([row], SCHEMA), tmp_path / "plan.parquet")
    with pytest.raises(DatasetError, match="the plan cannot be read"):
        list(read_rows(tmp_path / "plan.parquet"))


# Shards


@pytest.mark.parametrize("kind", ["packed", "sparse"])
def test_a_tar_that_is_larger_read_than_it_is(tmp_path, kind, little_memory):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("a.image.png")
        member.size = 16 << 20
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    whole = buffer.getvalue()
    sparse = tarfile.TarInfo("a.json")
    sparse.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 40)}
    sparse.pax_headers |= {"GNU.sparse.map": "0,1", "GNU.sparse.name": "a.json"}
    sparse.size = 1
    small = io.BytesIO()
    with tarfile.open(fileobj=small, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(sparse, io.BytesIO(b"{"))
    (tmp_path / "a.tar").write_bytes(gzip.compress(whole) if kind == "packed" else small.getvalue())
    del whole, buffer
    tracemalloc.reset_peak()
    with pytest.raises(DatasetError, match="not a whole tar"):
        list(WebDatasetReader(tmp_path / "a.tar", 1).samples())


def test_a_tar_whose_provenance_is_no_json(tmp_path):
    record = json.dumps({"split": "train", "provenance": '{"a": 1 2}'}).encode()
    member = tarfile.TarInfo("a.json")
    member.size = len(record)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(member, io.BytesIO(record))
    with pytest.raises(DatasetError, match="not a sample of this package"):
        list(WebDatasetReader(tmp_path / "a.tar", 1).provenances())


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "(" * 90,
    ],
)
def test_an_array_that_is_not_what_its_header_claims(tmp_path, header, little_memory):
    text = header.ljust(117).encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8))
    with pytest.raises(DatasetError, match="not a whole array"):
        read_array(tmp_path / "a.npy")


def test_a_parquet_whose_texts_are_none(tmp_path):
    table = pa.table({"key": pa.array([b"\x85"]).view(pa.string()), "provenance": ["{"]})
    pq.write_table(table, tmp_path / "a.parquet")
    reader = ParquetReader(tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="its values cannot be read"):
        _ = reader.keys
    with pytest.raises(DatasetError, match="no JSON"):
        list(reader.provenances())


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
