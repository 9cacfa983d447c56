"""Released libraries see every sample exactly once, whatever the number of nodes and workers; the page has the code."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import synthmammo
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import RecipeError
from tests.support import tiny

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how_to" / "loading.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Several nodes and workers")[2].partition("\n## ")[0]
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create 8 worker processes")
NODES = pytest.mark.parametrize("nodes", [1, 2])
WORKERS = pytest.mark.parametrize("workers", [1, 2, 8])


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    """Ten samples of one split in five shards."""
    out = tmp_path_factory.mktemp("stream") / "tiny"
    emit = {"shard_size": 2, "preview_px": 64, "formats": ["webdataset", "parquet"]}
    synthmammo.build(tiny.recipe(size=10, splits={"train": 1}, emit=emit), out)
    return out


def program(kind: str, directory: Path, workers: int) -> dict[str, object]:
    """Names after a program of the page was run on a dataset, up to its loop."""
    text = next(one for one in PROGRAMS if kind in one)
    tree = ast.parse(
        text.replace("datasets/detection", str(directory)).replace("num_workers=8", f"num_workers={workers}")
    )
    tree.body = [node for node in tree.body if not isinstance(node, ast.For)]
    names: dict[str, object] = {}
    exec(compile(tree, kind, "exec"), names)
    return names


def seen(kind, stored, nodes, workers, monkeypatch, key) -> Counter[str]:
    counted: Counter[str] = Counter()
    for node in range(nodes):
        monkeypatch.setenv("RANK", str(node))
        monkeypatch.setenv("WORLD_SIZE", str(nodes))
        counted.update(map(key, program(kind, stored, workers)["loader"]))
    return counted


def once(stored) -> Counter[str]:
    return Counter(Dataset.open(stored).keys)


@NODES
@WORKERS
def test_datasets_streaming(stored, nodes, workers, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    found = seen("streaming=True", stored, nodes, workers, monkeypatch, lambda row: row["key"])
    assert found == once(stored)


@NODES
@WORKERS
def test_webdataset(stored, nodes, workers, monkeypatch):
    found = seen("split_by_node", stored, nodes, workers, monkeypatch, lambda sample: sample["__key__"])
    assert found == once(stored)


@NODES
@WORKERS
def test_samples_by_number(stored, nodes, workers, monkeypatch):
    found = seen("DistributedSampler", stored, nodes, workers, monkeypatch, lambda sample: sample["key"])
    assert found == once(stored)


def test_equal_shards_have_equal_sizes(tmp_path):
    emit = {"shard_size": 4, "equal_shards": True, "preview_px": 64, "formats": ["webdataset"]}
    made = synthmammo.build(tiny.recipe(size=24, emit=emit), tmp_path / "equal").manifest
    sizes = {split: {shard.samples for shard in made.shards if shard.split == split} for split in made.counts}
    assert sizes == {"train": {4}, "validation": {3}, "test": {3}}


def test_a_split_that_cannot_be_divided_is_refused(tmp_path):
    emit = {"shard_size": 4, "equal_shards": True, "preview_px": 64}
    with pytest.raises(RecipeError, match=r"emit.equal_shards: 5 units of validation make no equal shards of 2 to 4"):
        synthmammo.build(tiny.recipe(size=20, emit=emit), tmp_path / "unequal")
