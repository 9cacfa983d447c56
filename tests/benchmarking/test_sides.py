"""Who is trained on and tested on, what is shown in which order, and what is refused."""

import shutil
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthmammo.benchmarking.classify.folds import low_data, make_folds
from synthmammo.benchmarking.classify.images import check_synthetic, positive_classes, read_images
from synthmammo.benchmarking.classify.mixing import Mixture, Order
from synthmammo.benchmarking.lineage import TrainedModel, _models, check_lineage, usable
from synthmammo.dataset.index import index_row, write_index
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import DatasetError
from synthmammo.mammogram import png
from tests.support import benchmark_data

POOL = (np.array([3, 5, 7]), np.array([2, 8]))


@st.composite
def populations(draw):
    """Images of patients that have several of one or both classes."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=40, max_size=60))
    patients = [f"p{i}" for i, size in enumerate(sizes) for _ in range(size)]
    labels = [f"{'benign' if i % 2 else 'malignant'}" for i, size in enumerate(sizes) for _ in range(size)]
    return benchmark_data.images(patients, labels)


@given(st.integers(0, 2**31), st.integers(0, 400), st.integers(1, 60), st.integers(1, 60))
def test_order_is_a_function_of_the_position(seed, start, first, second):
    order = Order(POOL, (np.array([10]), np.array([11, 12])), Mixture(0.5, every=50), seed)
    whole, parts = order.at(start, first + second), (order.at(start, first), order.at(start + first, second))
    for column, (a, b) in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(column, np.concatenate([a, b]))


def test_classes_are_shown_equally_and_sides_by_the_share():
    synthetic = (np.arange(100, 140), np.arange(140, 150))
    shown = Order(POOL, synthetic, Mixture(0.4, decay=0.5, every=10_000), 1).at(0, 20_000)
    assert shown.positive.mean() == pytest.approx(0.5, abs=0.02)
    for half, share in ((slice(0, 10_000), 0.4), (slice(10_000, None), 0.2)):
        assert shown.synthetic[half].mean() == pytest.approx(share, abs=0.02)
    for made, pool in ((False, POOL), (True, synthetic)):
        for positive, members in zip((False, True), pool, strict=True):
            found = Counter(shown.number[(shown.synthetic == made) & (shown.positive == positive)].tolist())
            assert set(found) == set(members.tolist())
            assert max(found.values()) < 1.5 * min(found.values()) + 40
    assert np.bincount(shown.orientation, minlength=8).min() > 2200


def test_both_readings_of_the_decay():
    steps = np.arange(0, 60_000, 5000)
    np.testing.assert_allclose(Mixture(0.5).share(steps), 0.5 * 0.9 ** np.arange(12))
    np.testing.assert_allclose(
        Mixture(0.5, schedule="subtractive").share(steps), np.maximum(0, 0.5 - 0.05 * np.arange(12))
    )
    assert (Mixture(1.0, decay=0).share(steps) == 1).all()


@given(populations(), st.integers(2, 5))
def test_cross_validation_tests_everyone_once_and_trains_on_others(real, folds):
    positive = real.positive(["malignant"])
    made = make_folds(real, positive, benchmark_data.config(folds=folds))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in made])), np.arange(len(real)))
    for fold in made:
        groups = [set(real.patients[part].tolist()) for part in (fold.train, fold.select, fold.test)]
        assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
        assert len(fold.train) + len(fold.select) + len(fold.test) == len(real)
        assert abs(len(fold.test) - len(real) / folds) < 12


@given(populations(), st.integers(0, 99))
def test_a_smaller_share_lies_inside_a_larger_and_holds_whole_patients(real, seed):
    everyone, before = np.arange(len(real)), set()
    for share in (0.1, 0.25, 0.5, 1.0):
        kept = low_data(real, everyone, share, seed)
        patients = set(real.patients[kept].tolist())
        assert np.isin(real.patients, sorted(patients)).sum() == len(kept)
        assert set(kept.tolist()) >= before
        assert abs(real.positive(["malignant"])[kept].sum() - share * real.positive(["malignant"]).sum()) <= 4
        before = set(kept.tolist())
    assert len(before) == len(real)


def test_selection_patients_are_held_back(tmp_path):
    real = read_images(benchmark_data.write(tmp_path / "real"))
    (fold,) = make_folds(real, real.positive(["malignant"]), benchmark_data.config())
    assert (len(fold.train), len(fold.select), len(fold.test)) == (36, 4, 24)
    assert set(real.splits[fold.train]) == set(real.splits[fold.select]) == {"train"}
    assert not set(real.patients[fold.train]) & set(real.patients[fold.select])


REFUSED = {
    "no test": ({"test_on": "validation"}, "no images in the split 'validation'"),
    "one split twice": ({"test_on": "train"}, "cannot share a split"),
    "selection is the test": ({"select_on": "test"}, "cannot share a split"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_splits_that_do_not_work_are_refused(tmp_path, case):
    changes, message = REFUSED[case]
    real = read_images(benchmark_data.write(tmp_path / "real"))
    with pytest.raises(DatasetError, match=message):
        make_folds(real, real.positive(["malignant"]), benchmark_data.config(**changes))


def test_a_patient_in_two_splits_is_refused():
    real = benchmark_data.images(["a", "a", "b", "c"], ["benign", "malignant"] * 2, ["train", "test", "train", "test"])
    with pytest.raises(DatasetError, match=r"1 patients are in several splits, e.g. a in \['test', 'train'\]"):
        make_folds(real, real.positive(["malignant"]), benchmark_data.config())


def test_a_part_with_one_class_is_refused():
    labels = ["benign"] * 30 + ["malignant"] * 30 + ["benign"] * 4
    real = benchmark_data.images([f"p{i}" for i in range(64)], labels, ["train"] * 60 + ["test"] * 4)
    with pytest.raises(DatasetError, match="the test images are 0 positives and 4 negatives"):
        make_folds(real, real.positive(["malignant"]), benchmark_data.config())


def test_positive_classes():
    real = benchmark_data.images(list("abc"), ["normal", "malignant mass", "benign mass"])
    assert positive_classes(real, ()) == ("malignant mass",)
    assert positive_classes(real, ["benign mass"]) == ("benign mass",)
    for asked, message in (
        (["mass"], "no class is called"),
        (["normal", "malignant mass", "benign mass"], "all would be"),
    ):
        with pytest.raises(DatasetError, match=message):
            positive_classes(real, asked)
    with pytest.raises(DatasetError, match="none would be positive"):
        positive_classes(benchmark_data.images(["a"], ["mass"]), ())


def folder(path, label="malignant", shape=(32, 32), dtype=np.uint8, count=3):
    (path / label / "deeper").mkdir(parents=True, exist_ok=True)
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 200, shape).astype(dtype)
        (path / label / "deeper" / f"{index}.png").write_bytes(png.encode(pixels))
    return path


def test_a_folder_of_another_project(tmp_path):
    folder(tmp_path / "made", "benign")
    made = read_images(folder(tmp_path / "made"))
    assert made.labels.tolist() == ["benign"] * 3 + ["malignant"] * 3
    assert made.grey.shape == (6, 32, 32) and made.grey.dtype == np.uint8 and len(set(made.patients)) == 6
    assert made.digest == read_images(tmp_path / "made").digest
    folder(tmp_path / "made", "benign", count=4)
    assert made.digest != read_images(tmp_path / "made").digest


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"shape": (16, 16)}, "images of 16 x 16 pixels and 8 bits; the real ones have 32 x 32 pixels and 8 bits"),
        ({"dtype": np.uint16}, "images of 32 x 32 pixels and 16 bits; the real ones"),
        ({"label": "malignnat"}, "class 'malignnat' is not one of the real images"),
    ],
)
def test_synthetic_images_must_be_like_the_real_ones(tmp_path, more, message):
    real = read_images(benchmark_data.write(tmp_path / "real"))
    with pytest.raises(DatasetError, match=message) as refused:
        check_synthetic(real, read_images(folder(tmp_path / "made", **more)))
    assert str(tmp_path / "made") in str(refused.value)


def test_what_holds_no_images_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged" / "benign").mkdir(parents=True)
    (tmp_path / "damaged" / "benign" / "a.png").write_bytes(b"no")
    for name, message in (
        ("absent", "no such directory"),
        ("empty", "neither a dataset nor"),
        ("damaged", "not an image"),
    ):
        with pytest.raises(DatasetError, match=message):
            read_images(tmp_path / name)
    folder(tmp_path / "mixed")
    with pytest.raises(DatasetError, match="several sizes or bit depths"):
        read_images(folder(tmp_path / "mixed", "benign", (16, 16)))
    with pytest.raises(DatasetError, match="no images in the split 'test'"):
        read_images(benchmark_data.write(tmp_path / "real", counts={"train": 8}), "test")


def lineage(monkeypatch, trained, **changes):
    real = benchmark_data.images(["a"], ["benign"])
    monkeypatch.setattr(
        "synthmammo.benchmarking.lineage.load",
        lambda name: SimpleNamespace(description=SimpleNamespace(training_data={})),
    )
    monkeypatch.setattr("synthmammo.benchmarking.lineage._trained", lambda name, data: trained)
    return check_lineage(real, real, benchmark_data.config(**changes), "zoo/model")


@pytest.mark.parametrize(
    ("split", "changes", "message"),
    [
        ("test", {}, "trained on the split 'test' of the real images"),
        ("", {"test_on": "train"}, "and that split is the test"),
        ("train", {"folds": 3}, "a cross-validation tests on every patient"),
    ],
)
def test_a_generator_that_saw_the_test_patients_is_refused(monkeypatch, split, changes, message):
    trained = TrainedModel("zoo/model", "cbis", frozenset(["d" * 64]), split)
    with pytest.raises(DatasetError, match=message):
        lineage(monkeypatch, trained, **changes)


def test_other_generators_are_noted(monkeypatch):
    (note,) = lineage(monkeypatch, TrainedModel("m", "cbis", frozenset(["d" * 64]), "train"))
    assert "on the split 'train' of these real images, not on the test" in note and "held out for selection" in note
    (note,) = lineage(monkeypatch, TrainedModel("m", "other", frozenset(["e" * 64]), "test"))
    assert "not on these real images" in note
    (note,) = lineage(monkeypatch, TrainedModel("m", "", frozenset(), ""))
    assert "was not checked" in note
    real = benchmark_data.images(["a"], ["benign"])
    assert "could not be checked" in check_lineage(real, real, benchmark_data.config())[0]


def test_tissue_of_a_patient_is_used_only_where_that_one_is_trained_on():
    real = benchmark_data.images(["a", "b", "c"], ["benign"] * 3)
    made = benchmark_data.images(["a", "b", "made-1"], ["benign"] * 3)
    assert usable(made, real, {"b", "c"}).tolist() == [False, True, True]


def test_a_dataset_is_read_the_same_twice(tmp_path):
    first = read_images(benchmark_data.write(tmp_path / "real"))
    again = read_images(shutil.copytree(tmp_path / "real", tmp_path / "copy"))
    assert first.digest == again.digest and first.bits_stored == 8 and len(first) == 64


def test_what_a_model_was_trained_on_is_in_the_manifest_of_what_it_made(tmp_path):
    data = {"name": "cbis", "digest": "d" * 64, "sources": "b c", "split": "test"}
    facts = {"zoo/m": {"training_data": data}, "zoo/n": {"training_data": {}}}
    manifest = Manifest("built", "made", "e", {}, sources=dict.fromkeys([*facts, "zoo/absent"], "0"), models=facts)
    known, *unknown = _models(manifest)
    assert known == TrainedModel("zoo/m", "cbis", frozenset(["d" * 64, "b", "c"]), "test")
    assert unknown == [TrainedModel(name, "", frozenset(), "") for name in ("zoo/n", "zoo/absent")]
    real = benchmark_data.images(["a"], ["benign"])
    with pytest.raises(DatasetError, match="its generator zoo/m was trained on the split 'test'"):
        check_lineage(real, replace(real, manifest=manifest), benchmark_data.config())


def test_real_images_are_those_that_meet_the_condition(tmp_path):
    real = benchmark_data.write(tmp_path / "real")
    samples = list(Dataset.open(real))
    write_index(real, [index_row(sample) for sample in samples])
    malignant = read_images(real, where="label = 'malignant' and split = 'train'")
    assert 0 < len(malignant) < len(samples) and set(malignant.labels) == {"malignant"}
    with pytest.raises(DatasetError, match="none of .* images meets the condition"):
        read_images(real, where="kvp > 20")
    with pytest.raises(DatasetError, match="asks for columns\n.*ingest the folder"):
        read_images(folder(tmp_path / "made"), where="kvp > 20")
    with pytest.raises(ValidationError, match="no column is called 'kpv'"):
        benchmark_data.config(where="kpv > 20")
