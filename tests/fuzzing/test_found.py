"""Inputs that broke a promise once, as small as they can be; the names say what they did."""

import gzip
import io
import json
import struct
import tarfile
import tracemalloc
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from synthmammo.benchmarking.arrays import read_array
from synthmammo.dataset.readers.parquet import ParquetReader
from synthmammo.dataset.readers.webdataset import WebDatasetReader
from synthmammo.errors import DatasetError, SourceError
from synthmammo.ingesting.sources import deflated
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.ingesting.sources.dicom_header import open_dicom, text
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.mammogram import png
from synthmammo.planning.table import SCHEMA, read_rows
from tests.support.dicom_files import breast_like, write

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
