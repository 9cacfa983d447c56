"""Laws of the writers: the same bytes always, whole or absent, and readable by the released libraries alone."""

import errno
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from synthmammo.dataset.writers import parquet
from synthmammo.dataset.writers.base import WRITERS, Encoded, display_window, open_writer, preview
from synthmammo.errors import OutputError
from synthmammo.identity import file_digest
from synthmammo.mammogram import png
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology
from tests.support.example_samples import LABELS, a_sample, samples

OPTIONS = {"webdataset": {}, "parquet": {"label_names": LABELS}}
SUFFIX = {"webdataset": ".tar", "parquet": ".parquet"}
MEMBERS = ["breast.png", "image.png", "json", "lesions.png", "preview.png"]


def write(name: str, folder: Path, count: int = 7):
    writer = open_writer(name, folder / name, "train-00000", **OPTIONS[name])
    for index, sample in enumerate(samples(count)):
        writer.write(Encoded(sample, index))
    return writer.close()


@pytest.mark.parametrize("name", OPTIONS)
class TestEveryFileFormat:
    def test_record_states_what_lies_on_disk(self, name, tmp_path):
        record = write(name, tmp_path)
        path = tmp_path / record.name
        assert (record.format, record.split, record.samples) == (name, "train", 7)
        assert record.name == f"{name}/train-00000{SUFFIX[name]}"
        assert (record.bytes, record.sha256) == (path.stat().st_size, file_digest(path))
        assert [file.name for file in path.parent.iterdir()] == [path.name]

    def test_same_bytes_again(self, name, tmp_path):
        assert write(name, tmp_path / "a") == write(name, tmp_path / "b")

    def test_final_name_appears_only_on_close(self, name, tmp_path):
        writer = open_writer(name, tmp_path, "train-00000", **OPTIONS[name])
        writer.write(Encoded(a_sample(), 0))
        assert [file.name for file in tmp_path.iterdir()] == [f".partial-train-00000{SUFFIX[name]}"]
        writer.close()
        writer.abort()
        assert [file.name for file in tmp_path.iterdir()] == [f"train-00000{SUFFIX[name]}"]

    def test_abort_leaves_nothing(self, name, tmp_path):
        writer = open_writer(name, tmp_path, "train-00000", **OPTIONS[name])
        writer.write(Encoded(a_sample(), 0))
        writer.abort()
        writer.abort()
        assert not list(tmp_path.iterdir())

    def test_empty_shard_is_readable(self, name, tmp_path):
        assert write(name, tmp_path, count=0).samples == 0

    def test_folder_that_cannot_be_made(self, name, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="cannot be written") as caught:
            open_writer(name, tmp_path / "file" / "below", "train-00000", **OPTIONS[name])
        assert str(tmp_path / "file") in str(caught.value)

    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_failing_disk_at_close(self, name, call, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, "replace", full)))
        with pytest.raises(OutputError, match="No space left on device"):
            write(name, tmp_path)
        assert not list((tmp_path / name).iterdir())

    def test_full_disk(self, name, tmp_path):
        """A limit on file size stands for a full disk: the write call itself fails, in another process."""
        code = (
            "import resource, signal, sys; from pathlib import Path; from tests.dataset import test_writers as t\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            "try: t.write(sys.argv[1], Path(sys.argv[2]))\n"
            "except t.OutputError as error: print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, name, str(tmp_path)],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert f"train-00000{SUFFIX[name]}: cannot be written (File too large)" in done.stdout
        assert not list((tmp_path / name).iterdir())


def test_every_format_is_found_by_name():
    for name in WRITERS:
        assert name in OPTIONS or name == "dicom"
    with pytest.raises(OutputError, match="no format is called 'parkuet'") as caught:
        open_writer("parkuet", Path("nowhere"), "train-00000")
    assert "'parquet'" in str(caught.value)


class TestEncoded:
    def test_each_part_is_made_once(self):
        encoded = Encoded(a_sample(), 0)
        for part in ("image_png", "breast_png", "lesions_png", "preview_png", "record"):
            assert getattr(encoded, part) is getattr(encoded, part)

    @pytest.mark.parametrize(("bits_stored", "mode"), [(8, "L"), (12, "I;16"), (16, "I;16")])
    def test_bit_depth_follows_bits_stored(self, bits_stored, mode):
        assert Image.open(io.BytesIO(Encoded(a_sample(bits_stored=bits_stored), 0).image_png)).mode == mode

    def test_values_past_bits_stored_are_refused(self):
        sample = a_sample(bits_stored=12)
        sample.image[5, 5] = 4096
        with pytest.raises(ValueError, match="4096 does not fit bits_stored 12"):
            _ = Encoded(sample, 0).image_png

    def test_records_have_the_same_members_and_types(self):
        def types(value):
            if isinstance(value, dict):
                return {name: types(member) for name, member in value.items()}
            if isinstance(value, list):
                assert value, "readers cannot infer the type of an empty list"
                (kind,) = {json.dumps(types(item)) for item in value}
                return [kind]
            assert value is not None
            return type(value).__name__

        first, *others = (types(Encoded(sample, i).record) for i, sample in enumerate(samples()))
        assert all(other == first for other in others)

    def test_regions_begin_with_the_breast(self):
        sample = a_sample(lesions=2)
        regions = Encoded(sample, 0).record["regions"]
        assert regions["kind"] == ["breast", "mass", "mass"]
        assert regions["synthetic"] == [False, True, False]
        assert regions["box"] == [list(Box.around(sample.breast)), *(list(f.box) for f in sample.findings)]
        assert regions["descriptors"][1] == "shape=irregular;margin=spiculated"

    def test_descriptors_with_separators_are_refused(self):
        finding = Finding(Kind.MASS, Pathology.BENIGN, Box(0, 0, 1, 1), descriptors={"shape": "oval;round"})
        with pytest.raises(OutputError, match="oval;round"):
            _ = Encoded(a_sample().with_(findings=(finding,)), 0).record


class TestPreview:
    @pytest.mark.parametrize(
        ("shape", "expected"), [((1000, 600), (512, 307)), ((60, 100), (60, 100)), ((9, 2000), (2, 512))]
    )
    def test_size(self, shape, expected):
        assert preview(np.zeros(shape, np.uint16), (0, 10), 512).shape == expected

    def test_averages_areas(self):
        image = np.zeros((64, 64), np.uint16)
        image[::2] = 1000  # lines of which nearest-neighbour sampling would keep all or none
        assert set(np.unique(preview(image, (0, 1000), 32))) == {128}

    def test_window_spans_the_tissue(self):
        sample = a_sample(bits_stored=16)
        low, high = display_window(sample.image, sample.breast)
        inside = sample.image[sample.breast]
        assert inside.min() < low < np.median(inside) < high <= inside.max()

    @pytest.mark.parametrize("value", [0, 5, 65535])
    def test_window_of_a_constant_image_is_not_empty(self, value):
        low, high = display_window(np.full((4, 4), value, np.uint16), np.zeros((4, 4), np.bool_))
        assert low < high


class TestWebDataset:
    def test_members_are_sorted_and_anonymous(self, tmp_path):
        with tarfile.open(tmp_path / write("webdataset", tmp_path).name) as tar:
            members = tar.getmembers()
        assert [m.name for m in members] == [f"{s.key}.{name}" for s in samples() for name in MEMBERS]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}

    def test_bytes_are_what_webdataset_itself_writes(self, tmp_path):
        import webdataset

        path = tmp_path / write("webdataset", tmp_path).name
        with path.open("rb") as ours, tarfile.open(fileobj=ours) as tar:
            contents = {member.name: tar.extractfile(member).read() for member in tar}
        with (tmp_path / "theirs.tar").open("wb") as stream:
            fixed = {"user": "", "group": "", "mode": 0o644, "mtime": 0}
            with webdataset.TarWriter(stream, encoder=False, **fixed) as writer:
                for sample in samples():
                    writer.write({"__key__": sample.key, **{m: contents[f"{sample.key}.{m}"] for m in MEMBERS}})
        assert (tmp_path / "theirs.tar").read_bytes() == path.read_bytes()

    @pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves its files to be collected
    def test_reads_with_webdataset(self, tmp_path):
        import webdataset

        def pixels(key: str, data: bytes) -> np.ndarray | None:
            return np.asarray(Image.open(io.BytesIO(data))) if key.endswith(".png") else None

        path = tmp_path / write("webdataset", tmp_path).name
        read = list(webdataset.WebDataset(str(path), shardshuffle=False).decode(pixels))
        shown = list(webdataset.WebDataset(str(path), shardshuffle=False).decode("pil"))
        for index, (expected, found) in enumerate(zip(samples(), read, strict=True)):
            np.testing.assert_array_equal(found["image.png"], expected.image)
            np.testing.assert_array_equal(found["breast.png"], expected.breast)
            np.testing.assert_array_equal(found["lesions.png"], expected.lesions)
            encoded = Encoded(expected, index)
            assert found["json"] == encoded.record
            np.testing.assert_array_equal(
                np.asarray(shown[index]["preview.png"])[..., 0], png.decode(encoded.preview_png)
            )

    @pytest.mark.parametrize("streaming", [False, True])
    def test_reads_with_datasets(self, streaming, tmp_path):
        path = tmp_path / write("webdataset", tmp_path).name
        read = list(load("webdataset", tmp_path, data_files={"train": str(path)}, streaming=streaming))
        assert [row["__key__"] for row in read] == [sample.key for sample in samples()]
        for expected, found in zip(samples(), read, strict=True):
            np.testing.assert_array_equal(np.asarray(found["image.png"]), expected.image)
            assert len(found["json"]["regions"]["box"]) == 1 + len(expected.findings)


class TestParquet:
    def test_metadata_is_what_datasets_itself_would_write(self):
        from datasets import Features

        own = Features.from_arrow_schema(parquet.schema(LABELS))
        assert own.arrow_schema.equals(parquet.schema(LABELS))
        assert json.loads(own.arrow_schema.metadata[b"huggingface"]) == {"info": {"features": parquet.features(LABELS)}}
        assert own._to_yaml_list() == parquet.features_yaml(LABELS)

    def test_row_groups_are_bounded_in_bytes(self, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 30_000)
        metadata = pq.read_metadata(tmp_path / write("parquet", tmp_path).name)
        assert metadata.num_row_groups > 2
        assert all(metadata.row_group(i).total_byte_size < 60_000 for i in range(metadata.num_row_groups))

    def test_row_groups_are_bounded_in_rows(self, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 3)
        metadata = pq.read_metadata(tmp_path / write("parquet", tmp_path).name)
        assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [3, 3, 1]

    def test_unknown_label_is_refused(self, tmp_path):
        writer = open_writer("parquet", tmp_path, "train-00000", label_names=["normal", "benign"])
        with pytest.raises(OutputError, match="label 'malignant' is not among"):
            writer.write(Encoded(a_sample(), 0))
        writer.abort()

    @pytest.mark.parametrize("streaming", [False, True])
    def test_directory_with_a_card_loads_with_its_types(self, streaming, tmp_path):
        from datasets import ClassLabel
        from datasets import Image as ImageFeature

        write("parquet", tmp_path)
        write("webdataset", tmp_path)
        (tmp_path / "plan.parquet").write_bytes(b"not for datasets")
        configs = [{"config_name": "default", "data_files": [{"split": "train", "path": "parquet/train-*"}]}]
        header = {"configs": configs, "dataset_info": {"features": parquet.features_yaml(LABELS)}}
        (tmp_path / "README.md").write_text(f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n# Card\n")
        read = load(str(tmp_path), tmp_path, streaming=streaming)
        assert read.features["label"] == ClassLabel(names=list(LABELS))
        assert all(read.features[name] == ImageFeature() for name in parquet.IMAGE_COLUMNS)
        for expected, found in zip(samples(), read, strict=True):
            assert found["image"].mode == ("L" if expected.bits_stored == 8 else "I;16")
            np.testing.assert_array_equal(np.asarray(found["image"]), expected.image)
            np.testing.assert_array_equal(np.asarray(found["breast"]), expected.breast)
            assert [tuple(f["box"]) for f in found["findings"]] == [f.box for f in expected.findings]
            assert found["spacing_mm"] == (list(expected.spacing_mm) if expected.spacing_mm else None)


def load(builder: str, folder: Path, **options):
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    return load_dataset(builder, split="train", cache_dir=str(folder / "cache"), **options)
