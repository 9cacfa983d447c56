import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo._version import __version__
from synthmammo.building.build import make_dataset
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.outlines import mask_runs
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.coco import write_coco
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology
from tests.support import tiny


def row(key: str, split: str, *findings: Finding) -> dict:
    shown = [
        {"kind": f.kind, "pathology": f.pathology, "synthetic": f.synthetic, "label": f.label, "box": list(f.box)}
        | {"runs": []}
        for f in findings
    ]
    return {"key": key, "split": split, "height": 100, "width": 80, "findings": shown, "origin": "synthetic"}


MASS = Finding(Kind.MASS, Pathology.MALIGNANT, Box(10, 20, 14, 27), 1, synthetic=True)
SPECKS = Finding(Kind.CALCIFICATION, Pathology.BENIGN, Box(0, 0, 1, 2), 2)


def test_boxes_become_x_y_width_height(tmp_path):
    assert write_coco(tmp_path, [row("a", "train", MASS, SPECKS)]) == ["coco/train.json"]
    content = json.loads((tmp_path / "coco" / "train.json").read_text())
    image = {"id": 1, "file_name": "a.image.png", "height": 100, "width": 80, "license": 1, "origin": "synthetic"}
    assert content["images"] == [image]
    mass, specks = content["annotations"]
    assert (mass["bbox"], mass["area"], mass["iscrowd"], mass["synthetic"]) == ([20, 10, 7, 4], 28, 0, True)
    assert specks["bbox"] == [0, 0, 2, 1]
    assert (mass["masked"], mass["segmentation"]) == (False, [[20, 10, 27, 10, 27, 14, 20, 14]]), "there is no mask"
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
    make_dataset(tiny.recipe(emit=emit), tmp_path, engine=Local(1))
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


@given(data=st.data(), height=st.integers(1, 12), width=st.integers(1, 12))
def test_run_lengths_give_the_mask_back(data, height, width):
    """In the order of COCO: down the columns, beginning outside."""
    pixels = data.draw(st.lists(st.integers(0, 2), min_size=height * width, max_size=height * width))
    lesions = np.array(pixels, np.uint8).reshape(height, width)
    box = Box(0, 0, height, width)
    findings = tuple(Finding(Kind.MASS, Pathology.BENIGN, box, label) for label in (0, 1, 2))
    sample = SimpleNamespace(lesions=lesions, findings=findings, shape=lesions.shape)
    runs = mask_runs(sample)
    assert set(runs) == set(np.unique(lesions)) - {0}
    for label, lengths in runs.items():
        assert all(length > 0 for length in lengths[1:-1]) and sum(lengths) == height * width
        turns = np.repeat(np.arange(len(lengths)) % 2, lengths)
        np.testing.assert_array_equal(turns.reshape(width, height).T, lesions == label)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A build with COCO files: masses, and clusters of several pieces."""
    out = tmp_path_factory.mktemp("coco") / "out"
    emit = {"shard_size": 3, "preview_px": 64, "formats": ["parquet"], "labels": ["coco"]}
    make_dataset(tiny.recipe(emit=emit), out, engine=Local(1))
    return out


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools with NumPy 2
def test_pycocotools_loads_the_masks_that_the_samples_have(labelled, capsys):
    mask = pytest.importorskip("pycocotools.mask")
    from pycocotools.coco import COCO

    loaded = COCO(str(labelled / "coco" / "train.json"))
    loaded.info()
    assert "tiny: A dozen phantoms" in capsys.readouterr().out
    dataset, seen = Dataset.open(labelled), 0
    for image in loaded.loadImgs(loaded.getImgIds()):
        sample = dataset.sample(image["file_name"].removesuffix(".image.png"))
        annotations = loaded.loadAnns(loaded.getAnnIds(imgIds=image["id"]))
        assert len(annotations) == len(sample.findings)
        for annotation, finding in zip(annotations, sample.findings, strict=True):
            np.testing.assert_array_equal(loaded.annToMask(annotation), sample.lesions == finding.label)
            assert (
                annotation["area"] == (sample.lesions == finding.label).sum() == mask.area(loaded.annToRLE(annotation))
            )
            assert list(mask.toBbox(loaded.annToRLE(annotation))) == annotation["bbox"]
            seen += 1
    assert seen and not any(one["iscrowd"] for one in loaded.dataset["annotations"])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_pycocotools_evaluates_what_is_right_and_what_is_not(kind, labelled, capsys):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(labelled / "coco" / "train.json"))
    names = ("image_id", "category_id", "bbox", "segmentation")
    right = [{**{name: one[name] for name in names}, "score": 0.9} for one in truth.dataset["annotations"]]
    for one in right:
        one["segmentation"] = truth.annToRLE(one)
    wrong = [{**one, "image_id": right[-1]["image_id"]} for one in right]
    reached = []
    for found in (right, wrong):
        for one in found:
            one.pop("bbox" if kind == "segm" else "segmentation", None)
        evaluation = COCOeval(truth, truth.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        reached.append(evaluation.stats[0])
    assert reached[0] == pytest.approx(1.0) and reached[1] < 0.7


def test_the_files_say_what_they_are(labelled):
    content = json.loads((labelled / "coco" / "train.json").read_text())
    assert content["info"]["version"] == __version__ and content["info"]["description"].startswith("tiny: ")
    assert content["licenses"] == [{"id": 1, "name": "cc-by-4.0", "url": ""}]
    assert {image["license"] for image in content["images"]} == {1}
