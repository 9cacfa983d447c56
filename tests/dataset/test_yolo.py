import pytest
import yaml

from synthmammo.building.build import make_dataset
from synthmammo.building.verify import verify
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.yolo import write_yolo
from synthmammo.errors import OutputError
from tests.support import tiny


def test_shares_give_the_boxes_back(tmp_path):
    emit = {"shard_size": 3, "preview_px": 64, "formats": ["parquet"], "labels": ["yolo"]}
    make_dataset(tiny.recipe(emit=emit), tmp_path, engine=Local(1))
    described = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text())
    assert (described["train"], described["val"], described["test"]) == (
        "images/train",
        "images/validation",
        "images/test",
    )
    files = list((tmp_path / "yolo" / "labels").rglob("*.txt"))
    samples = list(Dataset.open(tmp_path))
    assert len(files) == len(samples), "an image without findings has an empty file"
    for sample in samples:
        text = (tmp_path / "yolo" / "labels" / sample.split / f"{sample.key}.preview.txt").read_text()
        height, width = sample.shape
        found = set()
        for line in text.splitlines():
            number, *shares = line.split()
            x, y, across, down = (float(share) for share in shares)
            edges = (
                (y - down / 2) * height,
                (x - across / 2) * width,
                (y + down / 2) * height,
                (x + across / 2) * width,
            )
            found.add((described["names"][int(number)], tuple(round(edge) for edge in edges)))
        assert found == {(f"{one.pathology} {one.kind}", tuple(one.box)) for one in sample.findings}


@pytest.fixture
def rows():
    finding = {"kind": "mass", "pathology": "benign", "synthetic": True, "label": 1, "box": [0, 0, 10, 8]}
    row = {"split": "train", "height": 10, "width": 8}
    return [{**row, "key": "a", "findings": [finding]}, {**row, "key": "b", "findings": []}]


def test_a_box_over_the_whole_image(tmp_path, rows):
    assert write_yolo(tmp_path, rows) == ["yolo/data.yaml", "yolo/labels/train"]
    labels = tmp_path / "yolo" / "labels" / "train"
    assert (labels / "a.preview.txt").read_text() == "0 0.500000 0.500000 1.000000 1.000000\n"
    assert (labels / "b.preview.txt").read_text() == ""
    assert write_yolo(tmp_path, rows[:1]) and not (labels / "b.preview.txt").exists()


def test_a_place_that_cannot_be_written(tmp_path, rows):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "labels").write_text("in the way")
    with pytest.raises(OutputError, match="labels/train: cannot be written"):
        write_yolo(tmp_path, rows)


def test_a_changed_label_is_found(tmp_path):
    emit = {"shard_size": 3, "preview_px": 64, "formats": ["parquet"], "labels": ["yolo", "coco"]}
    make_dataset(tiny.recipe(emit=emit, size=3), tmp_path, engine=Local(1))
    assert "yolo/labels/train" in Manifest.read(tmp_path).files and not verify(tmp_path).problems
    one = next((tmp_path / "yolo" / "labels" / "train").iterdir())
    one.write_text(one.read_text() + "0 0.5 0.5 0.1 0.1\n")
    assert verify(tmp_path).problems == ["yolo/labels/train: was changed (its SHA-256 is not the manifest's)"]
