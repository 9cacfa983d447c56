"""A dataset looked through, without a browser: filters, windows, masks, flags, nearest training images, size."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

import synthmammo as sm
from synthmammo.auditing.memorisation import Alike, Verdict
from synthmammo.auditing.nearest import nearest_of, write_nearest
from synthmammo.dataset.layout import AUDIT
from synthmammo.errors import DatasetError
from synthmammo.exploring.catalogue import ALIKE, ANY, CLEAN, COPY, WITHOUT, Catalogue, Filters
from synthmammo.exploring.sample_view import (
    LAYERS,
    facts,
    preview_tiles,
    sample_tile,
    window_of,
    windowed,
)
from synthmammo.exploring.studies import Studies
from synthmammo.exploring.views import Shape, Tile, page_of
from synthmammo.mammogram import png
from synthmammo.studying.study import Study
from tests.support import indexes, tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> sm.Dataset:
    return sm.build(tiny.recipe(), tmp_path_factory.mktemp("explored") / "tiny")


def audited(dataset: sm.Dataset, copies: list[str], groups: list[list[str]], digest: str | None = None) -> Path:
    """An audit inside a dataset, as its gate writes it."""
    out, keys = dataset.path / AUDIT, np.array(sorted(dataset.keys))
    digest = digest if digest is not None else dataset.manifest.digest
    record = {
        "dataset": {"name": "tiny", "digest": digest},
        "memorised": {"keys": copies},
        "realism": {},
        "diversity": {"near_duplicates": {"groups": groups}},
    }
    out.mkdir(exist_ok=True)
    (out / "audit.json").write_text(json.dumps(record))
    nearest = Alike(np.arange(len(keys)) % 3, np.linspace(0.1, 0.9, len(keys)).astype(np.float32))
    verdicts = [Verdict(name, 0.5, nearest.likeness > 0.5, nearest, 0.0, {}, True) for name in ("pixels", "embedding")]
    write_nearest(verdicts, keys, np.array(["a", "b", "c"]), out)
    return out


def test_filters_choose_what_the_index_says(made: sm.Dataset) -> None:
    catalogue = Catalogue.open(made.path)
    samples = {sample.key: sample for sample in made}
    assert len(catalogue) == len(samples) and set(catalogue.keys(Filters())) == set(samples)
    tests = {
        Filters(split="validation"): lambda one: one.split == "validation",
        Filters(label="benign", view="CC"): lambda one: one.label == "benign" and one.view == "CC",
        Filters(density="c"): lambda one: one.history.density == "c",
        Filters(lesion=WITHOUT): lambda one: not one.findings,
        Filters(lesion=ANY): lambda one: bool(one.findings),
        Filters(lesion="calcification"): lambda one: any(f.kind == "calcification" for f in one.findings),
        Filters(lesion="malignant mass"): lambda one: any(
            (f.pathology, f.kind) == ("malignant", "mass") for f in one.findings
        ),
        Filters(where="findings > 1 and view = 'mlo'"): lambda one: len(one.findings) > 1 and one.view == "MLO",
        Filters(split="train", where="'mass' in kinds"): lambda one: (
            one.split == "train" and any(f.kind == "mass" for f in one.findings)
        ),
    }
    for filters, holds in tests.items():
        assert catalogue.keys(filters) == sorted(key for key, one in samples.items() if holds(one)), filters
    assert catalogue.choices("split") == ["all", "test", "train", "validation"]
    lesions = ["all", WITHOUT, ANY, "calcification", "mass", "benign mass", "malignant calcification", "malignant mass"]
    assert catalogue.choices("lesion") == lesions
    with pytest.raises(DatasetError, match="no column is called 'vew'"):
        catalogue.keys(Filters(where="vew = 'CC'"))
    assert [row["key"] for row in catalogue.rows(["tiny-0000003", "tiny-0000001"])] == ["tiny-0000003", "tiny-0000001"]


def test_flags_and_nearest_training_images_of_an_audit(made: sm.Dataset) -> None:
    keys = sorted(made.keys)
    out = audited(made, keys[:1], [keys[1:3]])
    try:
        catalogue = Catalogue.open(made.path)
        assert catalogue.choices("flag") == ["all", COPY, ALIKE, CLEAN]
        assert catalogue.keys(Filters(flag=COPY)) == keys[:1] and catalogue.keys(Filters(flag=ALIKE)) == keys[1:3]
        assert catalogue.keys(Filters(flag=CLEAN)) == keys[3:] and catalogue.flags_of(keys[0]) == [COPY]
        first, second = catalogue.nearest(keys[4])
        assert (first["instrument"], first["training_key"], second["instrument"]) == ("pixels", "b", "embedding")
        assert Catalogue.open(made.path, out).nearest("none of it") == []
        (out / "nearest.parquet").write_bytes(b"x")
        with pytest.raises(DatasetError, match="cannot be read"):
            nearest_of(out, keys[0])
        audited(made, [], [], digest="f" * 64)
        with pytest.raises(DatasetError, match="is the audit of tiny, another dataset"):
            Catalogue.open(made.path)
    finally:
        import shutil

        shutil.rmtree(out)
    assert Catalogue.open(made.path).choices("flag") == ["all"] and Catalogue.open(made.path).nearest(keys[0]) == []


def test_window_and_level() -> None:
    image = np.array([[0, 1000, 1500, 2000, 4095]], np.uint16)
    assert windowed(image, 1500, 1000).tolist() == [[0, 0, 127, 255, 255]]
    assert windowed(image, 1500, 0).tolist() == [[0, 0, 127, 255, 255]]


def test_boxes_masks_and_outlines_lie_over_a_sample(made: sm.Dataset) -> None:
    sample = next(one for one in made if len(one.findings) > 1)
    middle, width = window_of(sample)
    plain = sample_tile(sample, middle, width, ())
    assert plain.pixels.shape == sample.shape and plain.shapes == () and plain.size == sample.shape
    assert len(sample_tile(sample, middle, width, LAYERS[:1]).shapes) == len(sample.findings)
    masks = sample_tile(sample, middle, width, LAYERS[1:2]).pixels
    grey = np.repeat(plain.pixels[..., None], 3, 2)
    assert np.array_equal((masks != grey).any(2), (sample.lesions > 0) & (masks != grey).any(2))
    assert (masks != grey).any() and (sample_tile(sample, middle, width, LAYERS[2:]).pixels != grey).any()
    assert dict(facts(sample, ["near-duplicate"]))["flags"] == "near-duplicate"


@pytest.mark.parametrize("kind", ["parquet", "webdataset"])
def test_previews_are_read_without_pixels(tmp_path: Path, kind: str) -> None:
    recipe = tiny.recipe(size=4, emit={"formats": [kind], "preview_px": 64})
    catalogue = Catalogue.open(sm.build(recipe, tmp_path / "tiny").path)
    keys = catalogue.keys(Filters())[::-1]
    tiles = preview_tiles(catalogue, keys)
    assert [tile.caption for tile in tiles] == [key.rpartition("-")[2] for key in keys]
    assert max(tiles[0].pixels.shape) == 64 and tiles[0].pixels.max() > 100
    assert png.decode(catalogue.preview(keys[0])).shape == tiles[0].pixels.shape
    with pytest.raises(DatasetError, match="no sample is called"):
        catalogue.preview("nothing")


def test_samples_are_opened_as_a_study(made: sm.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    studies, keys = Studies(tmp_path), sorted(made.keys)
    assert studies.open(made.path, keys[4:1:-1]) == "/study/1/" and studies.open(made.path, keys[:1]) == "/study/2/"
    study = Study.open(tmp_path / "1")
    assert [truth.keys for truth in study.truths.values()] == [(key,) for key in keys[4:1:-1]]
    assert {truth.kind for truth in study.truths.values()} == {"synthesised"}
    with pytest.raises(DatasetError, match="no sample is called 'x'"):
        studies.open(made.path, ["x"])


def test_every_text_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>\"'"
    html = page_of([Tile(np.zeros((2, 2), np.uint8), evil, (Shape((0, 0, 1, 1), evil),))], "side by side")
    assert "<img src=x" not in html and html.count("&lt;img src=x") == 3


def test_a_large_index_opens_and_is_filtered_quickly(tmp_path: Path) -> None:
    path = indexes.write(tmp_path / "large", 100_000)
    begun = time.process_time()
    catalogue = Catalogue.open(path)
    choices = [catalogue.choices(name) for name in ("split", "label", "lesion", "density", "view")]
    keys = catalogue.keys(Filters())
    opened = time.process_time() - begun
    assert len(keys) == 100_000 and len(choices[2]) == 6
    assert opened < 3, f"{opened:.2f} s of processor time"
    begun = time.process_time()
    found = catalogue.keys(Filters(split="train", lesion="malignant mass", where="kvp < 30 and density in ('c', 'd')"))
    assert 0 < len(found) < 20_000 and time.process_time() - begun < 3
    with pytest.raises(DatasetError, match="holds no Parquet files"):
        catalogue.sample(keys[0])
