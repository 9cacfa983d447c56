"""Laws of reading back: what a writer wrote comes back equal, in order and by key; broken files are named."""

import dataclasses
import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.writers import parquet, webdataset
from synthmammo.dataset.writers.base import Encoded
from synthmammo.errors import DatasetError
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample
from tests.support.example_samples import LABELS, a_sample, samples


def write(folder, shards):
    """One Parquet file for each list of samples; returns the records."""
    records = []
    for name, members in shards.items():
        writer = parquet.ParquetWriter(folder / "parquet", name, label_names=LABELS)
        for index, sample in enumerate(members):
            writer.write(Encoded(sample, index))
        records.append(writer.close())
    return records


def assert_equal(found: Sample, expected: Sample) -> None:
    for field in dataclasses.fields(Sample):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(b, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, field.name


def in_split(split, *indices):
    return [a_sample(i).with_(split=split) for i in indices]


def test_round_trip(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 3)
    write(tmp_path, {"train-00000": samples()})
    dataset = Dataset.open(tmp_path)
    assert len(dataset) == 7
    assert dataset.label_names == LABELS
    assert dataset.keys == tuple(sample.key for sample in samples())
    for found, expected in zip(dataset, samples(), strict=True):
        assert_equal(found, expected)
    for expected in reversed(samples()):
        assert_equal(dataset.sample(expected.key), expected)


TERMS = st.dictionaries(st.sampled_from(["shape", "margin"]), st.text("abc -", min_size=1, max_size=5), max_size=2)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(Kind),
    st.sampled_from(Pathology),
    st.builds(Box, *[st.integers(-5, 10_000)] * 4),
    st.integers(0, 255),
    st.booleans(),
    TERMS,
)
# The values of some keys, such as "host", are read with types and not free.
PROVENANCES = st.dictionaries(st.text("xyz", max_size=5), st.none() | st.integers())


@given(st.lists(FINDINGS, max_size=4).map(tuple), PROVENANCES)
def test_findings_and_provenance_come_back(tmp_path_factory, findings, provenance):
    folder = tmp_path_factory.mktemp("dataset")
    expected = a_sample().with_(findings=findings, provenance=provenance)
    write(folder, {"train-00000": [expected]})
    assert_equal(Dataset.open(folder).sample(expected.key), expected)


def test_splits_are_read_apart(tmp_path):
    write(tmp_path, {"train-00000": in_split("train", 0, 1), "test-00000": in_split("test", 2)})
    dataset = Dataset.open(tmp_path)
    assert [sample.key for sample in dataset.samples("train")] == ["s000000", "s000001"]
    assert [sample.key for sample in dataset.samples("test")] == ["s000002"]
    assert list(dataset.samples("validation")) == []


def test_manifest_decides_which_files_are_read(tmp_path):
    listed = write(tmp_path, {"train-00000": in_split("train", 0)})
    write(tmp_path, {"train-00001": in_split("train", 1)})
    Manifest(kind="built", name="x", digest="0", options={}, shards=tuple(listed)).write(tmp_path)
    dataset = Dataset.open(tmp_path)
    assert dataset.keys == ("s000000",)
    assert dataset.manifest is not None
    assert dataset.manifest.name == "x"


def test_partial_files_are_not_read(tmp_path):
    write(tmp_path, {"train-00000": in_split("train", 0)})
    (tmp_path / "parquet" / ".partial-train-00001.parquet").write_bytes(b"half")
    assert len(Dataset.open(tmp_path)) == 1


def test_no_directory(tmp_path):
    with pytest.raises(DatasetError, match="no such directory"):
        Dataset.open(tmp_path / "absent")


def test_no_parquet(tmp_path):
    with pytest.raises(DatasetError, match="holds no Parquet files and no listed tars"):
        Dataset.open(tmp_path)


def test_listed_file_is_absent(tmp_path):
    listed = write(tmp_path, {"train-00000": in_split("train", 0)})
    Manifest(kind="built", name="x", digest="0", options={}, shards=tuple(listed)).write(tmp_path)
    (tmp_path / listed[0].name).unlink()
    with pytest.raises(DatasetError, match=r"train-00000\.parquet: the manifest lists it, but it is absent"):
        len(Dataset.open(tmp_path))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_file_cut_short(share, tmp_path):
    path = tmp_path / write(tmp_path, {"train-00000": in_split("train", 0)})[0].name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DatasetError, match=r"train-00000\.parquet: not a whole Parquet file"):
        list(Dataset.open(tmp_path))


def test_broken_pixels_name_the_sample(tmp_path):
    path = tmp_path / write(tmp_path, {"train-00000": in_split("train", 0)})[0].name
    data = path.read_bytes()
    path.write_bytes(data.replace(b"IDAT", b"IDAX"))
    with pytest.raises(DatasetError, match="sample s000000: not a sample of this package"):
        list(Dataset.open(tmp_path))


def test_foreign_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "parquet").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "parquet" / "train-00000.parquet")
    with pytest.raises(DatasetError, match="not a file of this package"):
        list(Dataset.open(tmp_path))


def test_unknown_key_suggests_the_nearest(tmp_path):
    write(tmp_path, {"train-00000": in_split("train", *range(12))})
    with pytest.raises(DatasetError, match="no sample is called 's00011'") as caught:
        Dataset.open(tmp_path).sample("s00011")
    assert "Did you mean 's000011'?" in str(caught.value)


def write_tars(folder, shards):
    """As `write`, with a manifest, which tars need."""
    records, labels = [], {}
    for name, members in shards.items():
        writer = webdataset.WebDatasetWriter(folder / "webdataset", name)
        for index, sample in enumerate(members):
            writer.write(Encoded(sample, index))
            labels[sample.label] = labels.get(sample.label, 0) + 1
        records.append(writer.close())
    Manifest(kind="built", name="x", digest="0", options={}, counts={"train": labels}, shards=tuple(records)).write(
        folder
    )
    return records


def test_tars_alone_are_read_too(tmp_path):
    write_tars(tmp_path, {"train-00000": samples()})
    dataset = Dataset.open(tmp_path)
    assert len(dataset) == 7
    assert dataset.label_names == ("malignant", "normal")
    assert dataset.keys == tuple(sample.key for sample in samples())
    for found, expected in zip(dataset, samples(), strict=True):
        assert_equal(found, expected)
    for expected in reversed(samples()):
        assert_equal(dataset.sample(expected.key), expected)


@given(st.lists(FINDINGS, max_size=4).map(tuple), PROVENANCES)
def test_findings_and_provenance_come_back_from_tars(tmp_path_factory, findings, provenance):
    folder = tmp_path_factory.mktemp("dataset")
    expected = a_sample().with_(findings=findings, provenance=provenance)
    write_tars(folder, {"train-00000": [expected]})
    assert_equal(Dataset.open(folder).sample(expected.key), expected)


def test_splits_are_read_apart_from_tars(tmp_path):
    write_tars(tmp_path, {"train-00000": in_split("train", 0, 1), "test-00000": in_split("test", 2)})
    dataset = Dataset.open(tmp_path)
    assert [sample.key for sample in dataset.samples("train")] == ["s000000", "s000001"]
    assert [sample.key for sample in dataset.samples("test")] == ["s000002"]
    assert list(dataset.samples("validation")) == []


@pytest.mark.parametrize("cut", ["inside a member", "between two members", "between two samples", "at its start"])
def test_tar_cut_short(cut, tmp_path):
    path = tmp_path / write_tars(tmp_path, {"train-00000": in_split("train", 0, 1)})[0].name
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    second = next(member for member in members if member.name.startswith("s000001"))
    places = {
        "inside a member": second.offset_data + 9,
        "between two members": members[members.index(second) + 1].offset,
        "between two samples": second.offset,
        "at its start": 0,
    }
    path.write_bytes(path.read_bytes()[: places[cut]])
    with pytest.raises(DatasetError, match=r"train-00000\.tar"):
        list(Dataset.open(tmp_path))


def test_listed_tar_is_absent(tmp_path):
    listed = write_tars(tmp_path, {"train-00000": in_split("train", 0)})
    (tmp_path / listed[0].name).unlink()
    with pytest.raises(DatasetError, match=r"train-00000\.tar: the manifest lists it, but it is absent"):
        list(Dataset.open(tmp_path))


def test_foreign_tar(tmp_path):
    path = tmp_path / write_tars(tmp_path, {"train-00000": in_split("train", 0)})[0].name
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("s000000.json")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    with pytest.raises(DatasetError, match="sample s000000: not a sample of this package"):
        list(Dataset.open(tmp_path))
