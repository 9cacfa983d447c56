"""`inspect` says of any file what it is and where it came from, and of foreign files that they bear no mark."""

import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthmammo as sm
from synthmammo.dataset.writers.base import Encoded
from synthmammo.errors import CheckpointError, DatasetError
from synthmammo.inspecting.found import UNMARKED
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import chart_packet
from synthmammo.models.described import with_origin
from synthmammo.models.file import describe
from synthmammo.models.names import ZOO
from tests.support import dicom_files, tiny
from tests.support.tiny_models import contextual_file, stylegan2_file

KEY = "tiny-0000001"
KINDS = ("synthetic", "algorithmicMedia")


def kinds(found):
    return (str(found.origin), str(found.source_type))


@pytest.fixture(scope="module")
def files(built, tmp_path_factory):
    """One file of every kind that this package writes, of one sample."""
    from synthmammo.dataset.writers.dicom import objects

    folder = tmp_path_factory.mktemp("files")
    encoded = Encoded(sm.Dataset.open(built).sample(KEY), 1)
    (folder / "image.png").write_bytes(encoded.image_png)
    for name, data in objects(encoded, "d", findings=("segmentation", "report")).items():
        (folder / f"one.{name}").write_bytes(data)
    return folder


def test_a_picture_names_its_sample_and_what_made_it(files):
    found = sm.inspect(files / "image.png")
    assert kinds(found) == KINDS and found.ours and found.key == KEY
    assert (found.stated_by, dict(found.facts)) == ("mark", {"part": "image"})
    assert "phantom (synthmammo pixels version 2)" in found.made_by
    assert "synthetic: a program made it" in "\n".join(found.lines())


def test_dicom_objects_of_all_kinds_say_so(files):
    paths = sorted(files.glob("one.*"))
    assert len(paths) >= 1
    for path in paths:
        found = sm.inspect(path)
        assert kinds(found) == KINDS and found.ours and found.stated_by == "header"
        assert "phantom (synthmammo pixels version 2)" in found.made_by


@pytest.mark.parametrize("pattern", ["parquet/*.parquet", "webdataset/*.tar"])
def test_shards_say_it_of_all_samples_and_of_one(built, pattern):
    shards = sorted(built.glob(pattern))
    found = sm.inspect(shards[0])
    assert kinds(found) == KINDS and found.facts["synthetic samples"].isdigit()
    holding = [path for path in shards if _has(path)]
    assert len(holding) == 1
    one = sm.inspect(holding[0], key=KEY)
    assert kinds(one) == KINDS and one.key == KEY and one.stated_by == "build"


def _has(path):
    try:
        sm.inspect(path, key=KEY)
    except DatasetError as error:
        assert f"no sample is called '{KEY}'" in str(error)
        return False
    return True


def test_a_dataset_says_what_its_manifest_states(built):
    found = sm.inspect(built)
    assert found.what == "dataset of 12 samples, made by `synthmammo build`"
    assert found.origin == "synthetic" and len(found.facts["digest"]) == 64
    assert kinds(sm.inspect(built, key=KEY)) == KINDS
    with pytest.raises(DatasetError, match="no sample is called"):
        sm.inspect(built, key="none")


def test_models_say_what_they_were_trained_on(tmp_path):
    whole = sm.inspect(stylegan2_file(tmp_path / "m.safetensors"))
    assert kinds(whole) == ("synthetic", "trainedAlgorithmicMedia")
    assert whole.facts["trained on"] == "phantom"
    assert whole.facts["origin of the training images"] == "not recorded"
    assert sm.inspect(contextual_file(tmp_path / "c.safetensors")).origin == "mixed"


@pytest.mark.parametrize("path", sorted(ZOO.glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_models_say_the_origin_of_their_training_images(path):
    found = sm.inspect(path).facts["origin of the training images"]
    assert found == ("real" if "cbis" in path.stem else "synthetic")


def test_models_of_the_zoo_are_known_by_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sm.inspect("zoo/contextual-mass").facts == sm.inspect(ZOO / "contextual-mass.safetensors").facts
    with pytest.raises(CheckpointError, match=r"zoo/contextual-mas: no such model"):
        sm.inspect("zoo/contextual-mas")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "notes.txt").write_text("a folder of the user's own")
    assert sm.inspect("zoo/notes.txt").what == "text file"


def test_a_stated_origin_is_believed():
    stated = {"digest": describe(ZOO / "contextual-mass.safetensors").training_data["digest"], "origin": "mixed"}
    assert with_origin(stated) == stated
    assert with_origin({"digest": "0" * 64}) == {"digest": "0" * 64}


def foreign(folder):
    """Files that bear no mark, by what they are called."""
    folder.mkdir(exist_ok=True)
    pixels = Image.fromarray(np.zeros((4, 6), np.uint8))
    for name in ("a.png", "a.jpg", "a.tif", "a.webp", "a.gif"):
        pixels.save(folder / name)
    dicom_files.write(folder / "a.dcm")
    pq.write_table(pa.table({"x": [1, 2]}), folder / "a.parquet")
    with tarfile.open(folder / "a.tar", "w") as archive:
        archive.add(folder / "a.png", "a.png")
    np.save(folder / "a.npy", np.zeros(3))
    (folder / "a.txt").write_text("Grüße")
    (folder / "empty").write_bytes(b"")
    (folder / "noise").write_bytes(bytes(range(256)))
    (folder / "model.pkl").write_bytes(b"\x80\x04K\x01.")
    (folder / "folder").mkdir()
    return {path.name: path for path in folder.iterdir()}


WHAT = {
    "a.png": "PNG picture, 4 x 6 pixels",
    "a.jpg": "JPEG picture, 4 x 6 pixels",
    "a.tif": "TIFF picture, 4 x 6 pixels",
    "a.webp": "WEBP picture, 4 x 6 pixels",
    "a.gif": "GIF picture, 4 x 6 pixels",
    "a.dcm": "DICOM object, Digital Mammography X-Ray Image Storage - For Presentation, 96 x 64 pixels",
    "a.parquet": "Parquet file of 2 rows and 1 columns",
    "a.tar": "tar of 1 files",
    "a.npy": "NumPy array",
    "a.txt": "text file",
    "empty": "empty file",
    "noise": "file of an unknown kind",
    "model.pkl": "Python pickle, which is not opened: reading one can execute what it holds",
    "folder": "directory that is not a dataset of synthmammo",
}


def test_foreign_files_are_named_and_said_to_bear_no_mark(tmp_path):
    found = {name: sm.inspect(path) for name, path in foreign(tmp_path / "f").items()}
    assert {name: one.what for name, one in found.items()} == WHAT
    assert all(one.origin is None and not one.ours and one.verdict == UNMARKED for one in found.values())


def test_a_chart_is_called_a_chart(tmp_path):
    png.save(Image.new("L", (4, 4)), tmp_path / "chart.png", chart_packet())
    assert sm.inspect(tmp_path / "chart.png").verdict == "drawn from numbers; it shows no breast"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0"),
        ("cut.parquet", b"PAR1" + b"x" * 20),
        ("cut.tar", b"a" * 257 + b"ustar" + b"\xff" * 300),
        ("cut.safetensors", (99).to_bytes(8, "little") + b'{"a":'),
        ("cut.dcm", b"\0" * 128 + b"DICM" + b"\xff" * 9),
    ],
)
def test_damaged_files_are_one_message(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=name):
        sm.inspect(tmp_path / name)
    done = tiny.run("inspect", tmp_path / name)
    assert done.exit_code == 1 and done.output.count("error: ") == 1


def test_what_is_not_there_and_keys_of_one_picture_are_refused(files, tmp_path):
    with pytest.raises(DatasetError, match="nothing at this path"):
        sm.inspect(tmp_path / "none")
    with pytest.raises(DatasetError, match="not a file of several samples"):
        sm.inspect(files / "image.png", key=KEY)


def test_the_command_reports_every_file_and_goes_on_after_one_that_is_not_there(files, tmp_path):
    done = tiny.run("inspect", files / "image.png", tmp_path / "none", files)
    assert done.exit_code == 1
    assert "origin     synthetic" in done.output and UNMARKED in done.output and "nothing at this path" in done.output


def test_json_has_the_same(files):
    done = tiny.run("inspect", "--json", files / "image.png")
    (one,) = json.loads(done.output)
    assert done.exit_code == 0 and one["origin"] == "synthetic" and one["key"] == KEY
    assert one["source_type"] == "algorithmicMedia" and one["facts"] == {"part": "image"}
