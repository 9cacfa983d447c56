import json

from synthmammo.building.build import build
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.coco import write_coco
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology
from tests.support import tiny


def row(key: str, split: str, *findings: Finding) -> dict:
    shown = [
        {"kind": f.kind, "pathology": f.pathology, "synthetic": f.synthetic, "label": f.label, "box": list(f.box)}
        for f in findings
    ]
    return {"key": key, "split": split, "height": 100, "width": 80, "findings": shown}


MASS = Finding(Kind.MASS, Pathology.MALIGNANT, Box(10, 20, 14, 27), 1, synthetic=True)
SPECKS = Finding(Kind.CALCIFICATION, Pathology.BENIGN, Box(0, 0, 1, 2), 2)


def test_boxes_become_x_y_width_height(tmp_path):
    assert write_coco(tmp_path, [row("a", "train", MASS, SPECKS)]) == ["coco/train.json"]
    content = json.loads((tmp_path / "coco" / "train.json").read_text())
    assert content["images"] == [{"id": 1, "file_name": "a.image.png", "height": 100, "width": 80}]
    mass, specks = content["annotations"]
    assert (mass["bbox"], mass["area"], mass["iscrowd"], mass["synthetic"]) == ([20, 10, 7, 4], 28, 0, True)
    assert specks["bbox"] == [0, 0, 2, 1]
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert [names[one["category_id"]] for one in (mass, specks)] == ["malignant mass", "benign calcification"]


def test_splits_agree_on_categories_and_share_no_number(tmp_path):
    rows = [row("b", "test", SPECKS), row("a", "train", MASS), row("c", "train")]
    assert write_coco(tmp_path, rows) == ["coco/test.json", "coco/train.json"]
    test, train = (json.loads((tmp_path / f"coco/{split}.json").read_text()) for split in ("test", "train"))
    assert test["categories"] == train["categories"]
    for part in ("images", "annotations"):
        ids = [one["id"] for one in test[part] + train[part]]
        assert len(set(ids)) == len(ids)
    assert len(train["images"]) == 2, "an image without findings is in the file"
    assert write_coco(tmp_path / "again", rows[::-1]) == ["coco/test.json", "coco/train.json"]
    for split in ("test", "train"):
        again = tmp_path / "again" / "coco" / f"{split}.json"
        assert again.read_bytes() == (tmp_path / "coco" / f"{split}.json").read_bytes()


def test_a_build_writes_them_from_what_it_made(tmp_path):
    emit = {"shard_size": 3, "preview_px": 64, "formats": ["parquet"], "labels": ["coco"]}
    build(tiny.recipe(emit=emit), tmp_path, engine=Local(1))
    assert {f"coco/{split}.json" for split in ("train", "validation", "test")} <= set(Manifest.read(tmp_path).files)
    for split in ("train", "validation", "test"):
        content = json.loads((tmp_path / "coco" / f"{split}.json").read_text())
        names = {one["id"]: one["file_name"] for one in content["images"]}
        boxes = {(names[one["image_id"]], tuple(one["bbox"])) for one in content["annotations"]}
        assert boxes == {
            (f"{sample.key}.image.png", (box.col0, box.row0, box.width, box.height))
            for sample in Dataset.open(tmp_path).samples(split)
            for box in (finding.box for finding in sample.findings)
        }
