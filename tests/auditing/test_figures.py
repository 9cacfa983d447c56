"""Known answers: equal sets give nothing, and each damage moves the figure that is meant to see it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from synthmammo.auditing.bias import bias
from synthmammo.auditing.diversity import covered, diversity, ms_ssim, near_duplicates, within_classes
from synthmammo.auditing.figure import Figure
from synthmammo.auditing.mammography import statistics
from synthmammo.auditing.material import GROUPED, Material
from synthmammo.auditing.measured import MEASURED
from synthmammo.auditing.realism import realism, told_apart
from synthmammo.auditing.scorecard import ASKED, NOT_ASSESSED, scorecard
from synthmammo.models.features import EXTRACTOR


def material(count, seed, mean=0.0, deviation=1.0, **changes):
    """Features drawn from a normal distribution; everything else is plain."""
    rng = np.random.default_rng(seed)
    shown = ndimage.gaussian_filter(rng.uniform(0, 255, (count, 128, 128)), (0, 3, 3)).astype(np.uint8)
    thumbnails = rng.normal(size=(count, 64, 64)).astype(np.float32)
    densities = rng.normal(0.3 + mean, 0.1, count)
    content = {
        "keys": np.array([f"k{number}" for number in range(count)]),
        "patients": np.array([f"p{number}" for number in range(count)]),
        "splits": np.full(count, "train"),
        "groups": {name: np.full(count, "one") for name in GROUPED},
        "patches": False,
        "formats": np.full(count, "224 x 224 of 12 bits"),
        "extractor": EXTRACTOR,
        "thumbnails": thumbnails / np.linalg.norm(thumbnails, axis=(1, 2), keepdims=True),
        "pooled": rng.normal(mean, deviation, (count, 40)).astype(np.float32),
        "means": rng.normal(mean, deviation, (count, 20)).astype(np.float32),
        "residues": rng.normal(mean, deviation, (count, 20)).astype(np.float32),
        "borders": np.full((count, 2, 12), np.nan, np.float32),
        "measures": {**{name: np.full(count, np.nan) for name in MEASURED}, "density": densities},
        "shown": shown,
    }
    return Material(**{**content, **changes})


MADE, REAL, TRAINING = (material(count, seed) for count, seed in ((150, 1), (120, 2), (200, 3)))
NONE = np.zeros(150, np.bool_)


def test_equal_sets_are_at_the_floor():
    found = realism(MADE, REAL, TRAINING)
    distance, apart = found["kernel_distance_x1000"], found["two_sample_auc"]
    assert distance.low < 0 < distance.high and apart.low < 0.5 < apart.high
    assert abs(distance.floor) < 25
    assert found["precision"].value > 0.75 and found["coverage"].value > 0.8
    assert (distance.n, distance.reference) == (150, 120) and "EfficientNet" in distance.seen_by


def test_another_distribution_is_seen_by_every_distance():
    far = realism(material(150, 1, mean=1.5), REAL, TRAINING)
    assert far["kernel_distance_x1000"].low > 0 and far["two_sample_auc"].low > 0.9
    assert far["two_sample_auc_of_residues"].low > 0.9
    assert far["precision"].high < 0.2 and far["frechet_distance"].low > far["frechet_distance"].floor


def test_a_set_without_variety_is_precise_and_recalls_nothing():
    narrow = realism(material(150, 1, deviation=0.2), REAL, TRAINING)
    assert narrow["precision"].value > 0.95 and narrow["recall"].value < 0.05
    (figure,) = within_classes(material(150, 1, deviation=0.2), REAL).values()
    assert figure.high < 0.5
    (same,) = within_classes(MADE, REAL).values()
    assert same.low < 1.1 and same.high > 0.9


def test_the_classifier_is_tested_on_images_that_it_did_not_see():
    """With more features than images any set can be told apart by heart."""
    rng = np.random.default_rng(0)
    sides = [material(60, seed, means=rng.normal(size=(60, 300))) for seed in range(3)]
    assert abs(told_apart(*sides, "means", "noise").value - 0.5) < 0.2


def test_near_duplicates_are_grouped_and_others_are_not():
    thumbnails = MADE.thumbnails.copy()
    thumbnails[7] = thumbnails[3] + 0.003 * thumbnails[9]
    thumbnails[8] = thumbnails[3]
    groups = near_duplicates(thumbnails / np.linalg.norm(thumbnails, axis=(1, 2), keepdims=True))
    assert [group.tolist() for group in groups] == [[3, 7, 8]]
    assert near_duplicates(MADE.thumbnails) == []


def test_structural_similarity_falls_with_noise():
    image = MADE.shown[0]
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    assert ms_ssim(image, image) == pytest.approx(1) and 0 < ms_ssim(image, noisy) < 0.95
    assert ms_ssim(image, MADE.shown[1]) < ms_ssim(image, noisy)


def test_what_synthetic_images_lack_is_named():
    found = covered(np.array(["a", "b", "b"]), np.array(["a", "b", "d"]))
    assert found["lacking"] == ["d"] and found["shares"]["b"] == [0.6667, 0.3333]
    assert diversity(MADE, REAL)["attributes_covered"]["view"]["lacking"] == []


def test_the_worst_group_is_found():
    views = np.array(["CC", "MLO"] * 100)[:200]
    groups = {**{name: np.full(200, "one") for name in GROUPED}, "view": views}
    pooled = np.random.default_rng(5).normal(size=(200, 40)).astype(np.float32)
    pooled[views == "MLO"] += 1
    found = bias(material(200, 6, pooled=pooled, groups=groups), material(200, 7, groups=groups), views == "MLO")
    gap = found["view"]["gap"]
    assert (gap["worst"], gap["best"]) == ("MLO", "CC") and gap["low"] > 0
    assert found["label"]["gap"] is None and found["view"]["groups"]["CC"]["n"] == 100
    memorised = {view: found["view"]["groups"][view]["memorised"]["share"] for view in ("CC", "MLO")}
    assert memorised == {"CC": 0, "MLO": 1}
    assert found["view"]["groups"]["MLO"]["precision"] < found["view"]["groups"]["CC"]["precision"]


def test_a_group_that_is_too_small_has_no_figure():
    groups = {name: np.array(["one"] * 140 + ["few"] * 10) for name in GROUPED}
    found = bias(replace(MADE, groups=groups), REAL, NONE)["view"]["groups"]
    assert found["few"] == {"n": 10, "reference": 0, "kernel_distance_x1000": None}


def test_statistics_say_how_far_distributions_are_apart():
    same, other = statistics(MADE, REAL)["density"], statistics(material(150, 1, mean=0.3), REAL)["density"]
    assert same["apart"] < 0.25 < 0.7 < other["apart"] and other["made"][1] > other["real"][1]
    assert statistics(replace(MADE, measures={name: np.full(150, np.nan) for name in MEASURED}), REAL) == {}


def test_what_is_not_a_number_is_null_in_the_file():
    record = Figure(float("nan"), 0.5, float("inf"), 0.0, 3, 4, "eye").record()
    assert record == {"value": None, "low": 0.5, "high": None, "floor": 0.0, "n": 3, "reference": 4, "seen_by": "eye"}


def test_the_scorecard_says_which_facts_of_the_making_are_not_stated():
    record = {
        "dataset": {"stated": {"card": True, "origin of the images": True, "patients behind m": False}},
        "memorised": {"verdict": "no copies found"},
        "realism": {name: figure.record() for name, figure in realism(MADE, REAL, TRAINING).items()},
        "diversity": diversity(MADE, REAL),
        "mammography": {},
        "bias": {},
    }
    rows = {row["criterion"]: row["found"] for row in scorecard(record)}
    assert rows["comprehension"] == "2 of 3 facts of its making are stated; not stated: patients behind m"


def test_ages_are_a_group_like_others_and_nothing_that_synthetic_images_lack():
    ages = np.array(["50 to 59", "60 to 69"] * 100)
    groups = {**{name: np.full(200, "one") for name in GROUPED}, "age": ages}
    pooled = np.random.default_rng(5).normal(size=(200, 40)).astype(np.float32)
    pooled[ages == "60 to 69"] += 1
    made, real = material(200, 6, pooled=pooled, groups=groups), material(200, 7, groups=groups)
    gap = bias(made, real, np.zeros(200, np.bool_))["age"]["gap"]
    assert (gap["worst"], gap["best"]) == ("60 to 69", "50 to 59") and gap["low"] > 0
    assert "age" not in diversity(MADE, real)["attributes_covered"]


def test_the_scorecard_has_all_seven_criteria_and_says_what_was_not_assessed():
    record = {
        "memorised": {"verdict": "no copies found"},
        "realism": {name: figure.record() for name, figure in realism(MADE, REAL, TRAINING).items()},
        "diversity": diversity(MADE, REAL),
        "mammography": {},
        "bias": bias(MADE, REAL, NONE),
    }
    rows = {row["criterion"]: row["found"] for row in scorecard(record)}
    assert list(rows) == list(ASKED) and len(rows) == 7
    assert rows["comprehension"] == rows["constraint"] == rows["consistency"] == NOT_ASSESSED
    assert (
        rows["compliance"] == "no copies found; licences of what it was made from: unknown"
        and "real against real" in rows["congruence"]
    )
