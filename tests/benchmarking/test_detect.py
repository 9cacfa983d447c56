"""The benchmark of detectors: who is trained on, what is shown, what is refused, and that it goes on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from synthmammo.benchmarking.classify.config import from_preset
from synthmammo.benchmarking.detect import detect as module
from synthmammo.benchmarking.detect.config import PRESETS, DetectConfig
from synthmammo.benchmarking.detect.detect import Detection, as_table, detect, make_film_folds, of_table
from synthmammo.benchmarking.detect.detectors import DETECTORS, Detector, make_detector
from synthmammo.benchmarking.detect.films import load_films, on_canvas
from synthmammo.benchmarking.detect.fit import LesionPool, distinct, draw_order, on_breast
from synthmammo.benchmarking.detect.report import detection_report, threshold_at
from synthmammo.benchmarking.detect.summary import summarise_detection
from synthmammo.building.build import make_dataset
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import CheckpointError, DatasetError, OutputError, TrainingError
from synthmammo.mammogram.sample import Kind
from synthmammo.metrics.detection import Froc, Marks, Truth
from tests.support import tiny

CANVAS = (96, 64)
CONFIG = DetectConfig(detector="stub", height_px=96, width_px=64, folds=2, steps=3, batch_size=4)
MASS = (Kind.MASS,)


class Stub(Detector):
    """A detector of one weight, so that a benchmark of it takes no time: marks the brightest pixels."""

    about = "a stub"

    def __init__(self, canvas_px, weights):
        super().__init__(canvas_px)
        self.weight = nn.Parameter(torch.rand(()))

    def prepare(self, pixels):
        return (torch.nn.functional.avg_pool2d(pixels, 8),)

    def loss(self, prepared, boxes):
        return (self.weight * prepared[0]).square().mean()

    def marks(self, prepared, most):
        found = []
        for image in prepared[0][:, 0]:
            scores, places = (image * (1 + self.weight)).flatten().topk(most)
            corners = torch.stack([places // image.shape[1], places % image.shape[1]], 1) * 8.0
            found.append(Marks(torch.cat([corners, corners + 8], 1).numpy(), scores.numpy()))
        return found


@pytest.fixture(autouse=True)
def _stub(monkeypatch):
    monkeypatch.setitem(DETECTORS, "stub", Stub)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory) -> tuple[Path, Path]:
    """Two builds of phantoms, one in the part of the real images."""
    paths = []
    for name, seed in (("real", 11), ("made", 12)):
        recipe = tiny.recipe(name=name, seed=seed, size=16, emit={"shard_size": 8, "formats": ["parquet"]})
        paths.append(tmp_path_factory.mktemp(name) / name)
        make_dataset(recipe, paths[-1], engine=Local(1))
    return paths[0], paths[1]


@pytest.fixture(scope="module")
def real(datasets):
    return load_films(datasets[0], CANVAS, MASS)


def test_a_canvas_holds_the_breast_alone_and_its_boxes(datasets, real):
    for sample, truth in zip(Dataset.open(datasets[0]), real.truths, strict=True):
        placed = on_canvas(sample, CANVAS)
        assert placed.shape == CANVAS
        # Pixels on the outline are averages of both sides of it.
        assert not placed.image[~ndimage.binary_dilation(placed.breast, iterations=2)].any()
        assert placed.breast[:, -1].any()
        assert placed.breast.any(1).mean() > 0.95 or placed.breast.any(0).mean() > 0.95
        masses = [finding.box for finding in placed.findings if finding.kind is Kind.MASS]
        assert truth.lesions.tolist() == [list(box) for box in masses]
        for row0, col0, row1, col1 in masses:
            assert placed.breast[(row0 + row1) // 2, (col0 + col1) // 2]


def test_other_kinds_are_ignored_and_not_trained_on(datasets, real):
    both = load_films(datasets[0], CANVAS, (Kind.MASS, Kind.CALCIFICATION))
    assert sum(len(t.ignored) for t in real.truths) > 0
    assert not any(len(t.ignored) for t in both.truths)
    assert not real.trainable.all()
    assert both.trainable.all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kinds": (Kind.DISTORTION,)}, "no box of kind architectural distortion among [0-9]+ x mass"),
        ({"split": "nowhere"}, "no images in the split 'nowhere'"),
        ({"canvas_px": (512, 320)}, "pixels, for a canvas of 512 x 320"),
    ],
)
def test_unsuited_images_are_refused(datasets, arguments, message):
    given = {"canvas_px": CANVAS, "kinds": MASS, **arguments}
    with pytest.raises(DatasetError, match=message):
        load_films(datasets[0], given.pop("canvas_px"), given.pop("kinds"), **given)


def test_patches_are_refused(datasets, tmp_path):
    from dataclasses import replace
    from shutil import copytree

    from synthmammo.dataset.manifest import Manifest

    copy = Path(copytree(datasets[0], tmp_path / "patches"))
    replace(Manifest.read(copy), kind="patches").write(copy)
    with pytest.raises(DatasetError, match="dataset of patches; a detector needs whole images"):
        load_films(copy, CANVAS, MASS)


def test_every_image_is_tested_once_and_no_patient_is_on_both_sides(real):
    folds = make_film_folds(real, CONFIG)
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(len(real)))
    for train, test in folds:
        assert not set(real.patients[train]) & set(real.patients[test])
        assert len(train) + len(test) == len(real)
    lesions = [int(real.with_lesions[test].sum()) for _, test in folds]
    assert max(lesions) - min(lesions) <= 2


def test_a_patient_in_two_splits_is_refused(real):
    from dataclasses import replace

    mixed = replace(real, patients=np.full(len(real), "one"))
    with pytest.raises(DatasetError, match="1 patients are trained on and tested on, e.g. one"):
        make_film_folds(mixed, CONFIG.model_copy(update={"folds": 0}))
    with pytest.raises(DatasetError, match="no images in the split 'tset'"):
        make_film_folds(real, CONFIG.model_copy(update={"folds": 0, "test_on": "tset"}))


def test_hosts_of_tested_patients_are_not_trained_on(datasets, tmp_path):
    """The real images themselves in the part of images made on real hosts."""
    detection = Detection(CONFIG, datasets[0], datasets[0], tmp_path, ("real", "synthetic", "both"), "cpu")
    for training, pools in detection.pools.items():
        tested = set(detection.real.patients[detection.folds[training.fold][1]])
        for pool in pools.values():
            assert not set(detection.real.patients[np.concatenate(pool)]) & tested
        assert set(pools) == {"real": {False}, "synthetic": {True}, "both": {False, True}}[training.row]


def test_what_is_shown_has_the_asked_shares_and_comes_from_its_pools():
    config = CONFIG.model_copy(update={"steps": 400, "lesion_share": 0.25})
    pools = {False: LesionPool(np.array([1, 2]), np.array([3])), True: LesionPool(np.array([7]), np.array([], np.intp))}
    order = draw_order(pools, 0.5, config, seed=3)
    assert np.array_equal(order, draw_order(pools, 0.5, config, seed=3))
    synthetic = order[..., 0] == 1
    assert abs(synthetic.mean() - 0.5) < 0.06
    assert set(order[synthetic][:, 1].tolist()) == {7}
    assert set(order[~synthetic][:, 1].tolist()) == {1, 2, 3}
    assert abs((order[~synthetic][:, 1] < 3).mean() - 0.25) < 0.06


def test_marks_are_kept_on_the_breast_and_apart():
    breast = np.zeros((40, 40), bool)
    breast[:20] = True
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 11, 11], [10, 20, 18, 28], [26, 0, 36, 10]])
    found = distinct(on_breast(Marks(boxes, np.array([0.3, 0.9, 0.5, 0.99])), breast))
    assert found.scores.tolist() == [0.9, 0.5]
    assert found.boxes.tolist() == [[1, 1, 11, 11], [10, 20, 18, 28]]


def test_marks_survive_their_file(tmp_path):
    boxes = np.arange(12, dtype=float).reshape(3, 4)
    marks, numbers = [Marks(boxes[:2], np.array([0.5, 0.25])), Marks(boxes[:0], boxes[:0, 0])], np.array([4, 2])
    again = of_table(as_table(marks, numbers), numbers)
    assert sorted(again) == [2, 4]
    assert np.array_equal(again[4].boxes, boxes[:2])
    assert not len(again[2].scores)


def test_a_broken_benchmark_goes_on_and_gives_the_same(datasets, tmp_path, monkeypatch):
    rows = ("real", "both")
    whole = detect(CONFIG, *datasets, tmp_path / "whole", rows=rows)
    train, calls = Detection._train, []

    def failing(self, training, *arguments):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(training)
        train(self, training, *arguments)

    monkeypatch.setattr(module.Detection, "_train", failing)
    with pytest.raises(KeyboardInterrupt):
        detect(CONFIG, *datasets, tmp_path / "broken", rows=rows)
    with (tmp_path / "broken" / "results.jsonl").open("a") as file:
        file.write('{"row": "re')
    calls.clear()
    monkeypatch.setattr(module.Detection, "_train", lambda self, *a: (calls.append(a[0]), train(self, *a)))
    resumed = detect(CONFIG, *datasets, tmp_path / "broken", rows=rows)
    assert len(calls) == 2
    for key, marks in whole.marks.items():
        for one, other in zip(marks, resumed.marks[key], strict=True):
            assert np.array_equal(one.boxes, other.boxes)
            assert np.array_equal(one.scores, other.scores)


def test_the_directory_of_another_benchmark_is_refused(datasets, tmp_path):
    detect(CONFIG, datasets[0], None, tmp_path, rows=("real",))
    other = CONFIG.model_copy(update={"steps": 4})
    with pytest.raises(OutputError, match="steps was 3 when it began, and is 4 now"):
        detect(other, datasets[0], None, tmp_path, rows=("real",))


def test_a_report_says_when_there_is_no_result(datasets, tmp_path):
    written = detection_report(detect(CONFIG, *datasets, tmp_path, rows=("real", "synthetic")))
    page = written.html.read_text()
    assert "no result" in written.table
    assert "is at chance, so there is no result." in written.verdict and written.verdict in written.markdown.read_text()
    assert [row["trained_on"] for row in written.rows] == ["real", "synthetic"]
    assert "At chance, and so no result" in written.markdown.read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "synthetic alone" in (tmp_path / "card_line.md").read_text()
    assert 'src="http' not in page
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [(line["row"], line["fold"]) for line in lines] == [
        ("real", 0), ("synthetic", 0), ("real", 1), ("synthetic", 1),
    ]  # fmt: skip


def test_a_second_test_set_and_subgroups_have_rows_of_their_own(datasets, tmp_path):
    other = tmp_path / "other"
    emit = {"shard_size": 6, "formats": ["parquet"]}
    make_dataset(tiny.recipe(name="other", seed=13, size=12, emit=emit), other, engine=Local(1))
    config = CONFIG.model_copy(update={"subgroups": ("view", "laterality")})
    found = detect(config, *datasets, tmp_path / "out", rows=("real", "both"), external=other)
    assert {key[1] for key in found.external_marks} == {0, 1}, "a detector of each fold"
    written = detection_report(found)
    text = written.markdown.read_text()
    assert [row["trained_on"] for row in written.external] == ["real", "both"]
    assert "## On other" in text and "the mean over the detectors of all folds" in text and "--external" in text
    groups = {(row["subgroup"], row["value"]): row["lesions"] for row in written.subgroups}
    assert {name for name, _ in groups} <= {"view", "laterality"} and all(lesions >= 5 for lesions in groups.values())
    assert not groups or "## Subgroups" in text
    (tmp_path / "out" / "external" / "real-seed0-fold1.npy").unlink()
    again = detect(config, *datasets, tmp_path / "out", rows=("real", "both"), external=other)
    for one, same in zip(found.external_marks["real", 1], again.external_marks["real", 1], strict=True):
        assert np.array_equal(one.boxes, same.boxes)
    with pytest.raises(DatasetError, match="patients are those of the real images too"):
        detect(config, *datasets, tmp_path / "same", rows=("real",), external=datasets[0])


def test_a_share_of_the_patients_is_trained_on(datasets, tmp_path):
    halved = CONFIG.model_copy(update={"share": 50.0})
    few, many = (
        detect(config, datasets[0], None, tmp_path / name, rows=("real",))
        for name, config in (("half", halved), ("all", CONFIG))
    )
    for training, record in few.records.items():
        assert 0 < record["real_images"] < many.records[training]["real_images"]
    assert "Of the training patients 50 % are used" in detection_report(few).markdown.read_text()
    with pytest.raises(DatasetError, match="0.1 % of the training images show lesions of fewer than 2 patients"):
        few_clusters = {"share": 0.1, "kinds": (Kind.CALCIFICATION,)}
        detect(CONFIG.model_copy(update=few_clusters), datasets[0], None, tmp_path / "none", rows=("real",))


def placed_marks(images: int, know: bool) -> tuple[list[Marks], list[Truth]]:
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 80, (images, 2)).astype(float)
    boxes = np.concatenate([corners, corners + 8], 1)
    shown = boxes if know else np.roll(boxes, 1, 0)
    truths = [Truth(box[None], np.zeros((0, 4))) for box in boxes]
    return [Marks(box[None], rng.random(1)) for box in shown], truths


def test_rows_are_told_apart_and_from_chance():
    knowing, truths = placed_marks(40, know=True)
    blind, _ = placed_marks(40, know=False)
    patients = np.array([f"p{number // 2}" for number in range(40)])
    marks = {("real", 0): blind, ("both", 0): knowing}
    blind_row, row = summarise_detection(marks, truths, patients, resamples=200, swaps=40)
    assert row.found_something
    assert not blind_row.found_something
    assert row.mean_sensitivity.estimate == row.average_precision.estimate == 1
    assert row.difference is not None
    assert row.difference.low > 0.5
    assert blind_row.difference is None


def test_the_threshold_of_a_rate():
    false = np.array([0.9, 0.8, 0.3])
    froc = Froc(np.array([0.5]), np.array([0]), false, np.array([0, 1, 2]), 4)
    assert threshold_at(froc, 0.5) == 0.5
    assert threshold_at(froc, 0.25) == 0.9
    assert threshold_at(froc, 0.0) == float("inf")


@pytest.fixture(scope="module")
def yolos(tmp_path_factory) -> str:
    """A detector of transformers in a folder: small, from scratch."""
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=list(CANVAS),
        num_detection_tokens=5,
        num_labels=3,
    )
    folder = tmp_path_factory.mktemp("yolos")
    YolosForObjectDetection(config).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("name", ["centre", "rt-detr", "yolos"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_detectors_learn_and_mark_in_pixels(name, yolos):
    detector = make_detector(yolos if name == "yolos" else name, "none", CANVAS, seed=1)
    pixels = torch.randn(2, 1, *CANVAS).clamp(-1, 1)
    prepared = detector.prepare(pixels)
    assert all(len(tensor) == 2 for tensor in prepared)
    detector.train()
    loss = detector.loss(prepared, [torch.tensor([[10.0, 20.0, 40.0, 50.0]]), torch.zeros(0, 4)])
    loss.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in detector.parameters() if p.requires_grad)
    detector.eval()
    with torch.no_grad():
        marks = detector.marks(prepared, 4)
    assert len(marks) == 2
    for found in marks:
        assert found.boxes.shape == (len(found.scores), 4)
        assert len(found.scores) <= 4
        assert (np.diff(found.scores) <= 0).all()
        assert ((found.scores > 0) & (found.scores < 1)).all()
        middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        assert (middles >= -CANVAS[0]).all()
        assert (middles <= 2 * CANVAS[0]).all()


def test_fresh_weights_follow_from_the_seed():
    first, same, other = (make_detector("stub", "none", CANVAS, seed).weight.item() for seed in (1, 1, 2))
    assert first == same != other


def test_an_unknown_detector_names_the_choices(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match="centre, rt-detr"):
        make_detector(str(tmp_path / "nothing"), "imagenet", CANVAS, seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["width_px=100"], "width_px: .*multiple of 32"),
        (["kinds=[lump]"], "kinds"),
        (["folds=1"], "at least 2 folds"),
        (["setps=3"], "setps"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(TrainingError, match=message):
        from_preset(DetectConfig, PRESETS, "quick", None, settings)


def test_the_command_refuses_rows_without_images(datasets, tmp_path):
    result = tiny.run("benchmark", "detect", "--real", datasets[0], "--out", tmp_path)
    assert result.exit_code == 1
    assert "--synthetic: the rows synthetic and both need synthetic images" in result.output
    assert "the row real alone" in result.output
