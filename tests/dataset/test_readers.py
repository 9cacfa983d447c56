"""Both readers give the same samples: that of a key, those of a split, and how each was made."""

import pytest

from synthmammo.dataset.readers.base import sample_of
from synthmammo.dataset.readers.parquet import ParquetReader
from synthmammo.dataset.readers.webdataset import WebDatasetReader
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.parquet import ParquetWriter
from synthmammo.dataset.writers.webdataset import WebDatasetWriter
from synthmammo.errors import DatasetError
from tests.support.example_samples import LABELS, samples


@pytest.fixture(scope="module", params=["parquet", "webdataset"])
def reader(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    if request.param == "parquet":
        writer = ParquetWriter(folder, "train-00000", label_names=LABELS)
    else:
        writer = WebDatasetWriter(folder, "train-00000")
    for index, sample in enumerate(samples()):
        writer.write(Encoded(sample, index))
    path = folder / writer.close().name.rpartition("/")[2]
    return ParquetReader(path) if request.param == "parquet" else WebDatasetReader(path, 7)


def alike(one, other):
    return Encoded(one, 0).record == Encoded(other, 0).record and (one.image == other.image).all()


def test_all_samples_come_in_order(reader):
    assert len(reader) == 7
    assert reader.keys == [sample.key for sample in samples()]
    assert all(alike(*pair) for pair in zip(reader.samples(), samples(), strict=True))


def test_a_row_gives_its_sample_alone(reader):
    for row in (6, 0, 3):
        assert alike(reader.sample(row), samples()[row])


def test_chosen_rows_come_in_the_order_asked_for(reader):
    chosen = [5, 1, 2]
    assert [sample.key for sample in reader.samples(chosen)] == [samples()[row].key for row in chosen]
    assert list(reader.samples([])) == []


def test_provenances_come_in_order_without_pixels(reader, monkeypatch):
    monkeypatch.setattr("synthmammo.mammogram.png.decode", None)
    assert list(reader.provenances()) == [sample.provenance for sample in samples()]


@pytest.mark.parametrize("name", ["key", "image", "findings", "spacing_origin"])
def test_a_row_that_lacks_a_value_is_one_clear_error(tmp_path, name):
    encoded = Encoded(samples()[0], 0)
    row = {**encoded.record, "findings": [], "spacing_mm": [0.1, 0.1]}
    row |= {part: getattr(encoded, f"{part}_png") for part in ("image", "breast", "lesions")}
    assert sample_of(dict(row), tmp_path / "f").key == "s000000"
    del row[name]
    with pytest.raises(DatasetError, match=f"not a sample of this package .*{name}"):
        sample_of(row, tmp_path / "f")
