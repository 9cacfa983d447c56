"""What was built is loaded with released libraries alone, in a process that cannot import this package."""

import importlib.util
import re
from pathlib import Path

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset.card import card
from synthmammo.dataset.workers.local import Local
from tests.support import elsewhere, tiny

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "loading.md"


def documented_block(word: str) -> str:
    """The Python block of the page on loading that mentions a word."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if word in block)
    return block


DATASETS = """
import itertools, json
import numpy as np
from datasets import ClassLabel, Image, List, Value, load_dataset

parts = load_dataset(DIR)
assert {split: len(part) for split, part in parts.items()} == {"train": 6, "validation": 3, "test": 3}
features = parts["train"].features
assert all(isinstance(features[name], Image) for name in ("image", "preview", "lesions", "breast"))
assert features["label"] == ClassLabel(names=["normal", "benign", "malignant"])
assert isinstance(features["findings"], List)
assert features["findings"].feature["box"] == List(Value("int32"), length=4)

rows = {row["key"]: row for part in parts.values() for row in part}
boxes = 0
for row in rows.values():
    assert row["image"].mode == "I;16" and np.asarray(row["image"]).max() > 255
    assert row["preview"].mode == "L" and row["breast"].mode == "1"
    for finding in row["findings"]:
        row0, col0, row1, col1 = finding["box"]
        inside = np.nonzero(np.asarray(row["lesions"]) == finding["label"])
        assert (inside[0].min(), inside[1].min(), inside[0].max() + 1, inside[1].max() + 1) == (row0, col0, row1, col1)
        boxes += 1
assert boxes > 8

streamed = load_dataset(DIR, split="train", streaming=True)
assert [row["key"] for row in streamed] == parts["train"]["key"]

tars = {split: DIR + f"/webdataset/{split}-*.tar" for split in parts}
seen = 0
for split, part in load_dataset("webdataset", data_files=tars).items():
    names = features["label"].names
    for sample in part:
        row, record = rows[sample["__key__"]], sample["json"]
        assert record["split"] == split and record["label"] == names[row["label"]]
        assert record["regions"]["box"][1:] == [finding["box"] for finding in row["findings"]]
        for name in ("image", "preview", "lesions", "breast"):
            assert sample[name + ".png"].mode == row[name].mode
            assert np.array_equal(np.asarray(sample[name + ".png"]), np.asarray(row[name]))
        seen += 1
assert seen == 12
stream = load_dataset("webdataset", data_files=tars, split="train", streaming=True)
assert len(list(itertools.islice(stream, 4))) == 4
print("loaded")
"""


def test_parquet_and_tars_hold_the_same_samples(built, tmp_path):
    code = f"DIR = {str(built)!r}\n" + DATASETS
    assert elsewhere.run(code, tmp_path).endswith("loaded\n")


CARD = """
assert samples[0]["image"].mode == "I;16"
assert pixels_of_dicom.shape == (100, 80)
assert decoded.dtype == np.uint16 and decoded.max() > 255 and len(boxes) == len(sample["json"]["regions"]["box"]) - 1
for sample in webdataset.WebDataset(url, shardshuffle=False).decode("pil"):
    assert max(sample["preview.png"].size) == 64
print("decoded")
"""

TORCH = """
assert images.shape == (4, 1, 100, 80) and images.dtype == torch.float32 and 0.5 < images.max() <= 1
assert labels.shape == (4,) and {box.shape[1:] for box in boxes} == {(4,)}
print("batched")
"""

MONAI = """
assert batch["image"].shape == batch["mask"].shape == (2, 1, 64, 64)
assert 0 <= batch["image"].min() and batch["image"].max() <= 1 and batch["image"].std() > 0.01
assert set(batch["mask"].unique().tolist()) <= {0, 1, 2, 3} and batch["label"].min() > 0
print("batched")
"""


def test_the_code_of_the_card_runs(built, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (built / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3 and all("DIR" in block for block in blocks)
    blocks.insert(2, "decoded = image\n")  # the block on DICOM, the last one, reuses the name
    code = "\n".join(blocks).replace("DIR", str(built)) + "\npixels_of_dicom = image.pixel_array\n"
    assert elsewhere.run(code + CARD, tmp_path).endswith("decoded\n")


def test_the_torch_example_of_the_documentation_runs(built, tmp_path):
    code = documented_block("def collate").replace("datasets/detection", str(built))
    assert elsewhere.run(code + TORCH, tmp_path).endswith("batched\n")


@pytest.mark.skipif(importlib.util.find_spec("monai") is None, reason="monai is not installed; it comes with [dev]")
def test_the_monai_example_of_the_documentation_runs(built, tmp_path):
    code = documented_block("monai").replace("datasets/detection", str(built))
    assert elsewhere.run(code + MONAI, tmp_path).endswith("batched\n")


def test_the_cards_code_reads_the_images_where_masks_and_reports_lie_beside_them(tmp_path):
    emit = {"formats": {"parquet": {}, "dicom": {"findings": ["segmentation", "report"]}}, "preview_px": 64}
    out = tmp_path / "findings"
    make_dataset(tiny.recipe(emit=emit, size=3, splits={"train": 1}), out, engine=Local(1))
    assert list((out / "dicom").glob("*/*.seg.dcm")) and list((out / "dicom").glob("*/*.sr.dcm"))
    text = card(out).read_text()
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "pydicom" in block)
    assert elsewhere.run(block.replace("DIR", str(out)), tmp_path).count("(100, 80)") == 3
