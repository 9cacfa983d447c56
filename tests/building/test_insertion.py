"""Lesions are put by the first candidate that passes, accounted for as they were made, and taken off again."""

import numpy as np
import pytest

from synthmammo.building.canvas import Canvas
from synthmammo.building.insertion import Inserter
from synthmammo.building.placement import Frame, Places
from synthmammo.mammogram.sample import Box
from tests.support import tiny
from tests.support.fake_lesions import MASS, Disc, a_host, a_lesion

PLACEMENT = {"window_mm": 20, "margin_mm": 2}


def an_inserter(monkeypatch, generator, removal=None, quality=None, **changes):
    monkeypatch.setattr("synthmammo.building.insertion._Opened.lesion", lambda *_: generator)
    monkeypatch.setattr("synthmammo.building.insertion._Opened.removal", lambda *_: removal)
    post = {"minimum_area": 0.001, "edge_px": 5}
    lesion = {**MASS, "classes": ["malignant", "benign"], "post": post, "placement": PLACEMENT, **changes}
    more = {"removal": {"generator": "parametric"}, "pair": "removed"} if removal else {}
    return Inserter(tiny.recipe(lesions=[lesion], quality=quality or {}, **more))


def put(inserter, lesions, frame=None, host=None):
    canvas = Canvas.of(host or a_host())
    return canvas, inserter.put(lesions, canvas, Places(canvas.host), frame)


def test_the_first_candidate_that_passes_is_taken(monkeypatch):
    for failing in range(3):
        inserter = an_inserter(monkeypatch, Disc(failing=range(failing)))
        canvas, reason = put(inserter, [a_lesion(seeds=(0, 1, 2), sites=[0.1, 0.5, 0.9])])
        assert reason is None
        assert (canvas.placed[0].tried.attempt, canvas.placed[0].tried.candidate.seed) == (failing, failing)


def test_when_none_passes_the_reason_says_of_what(monkeypatch):
    canvas, reason = put(an_inserter(monkeypatch, Disc(failing=[1, 2])), [a_lesion(seeds=(1, 2))])
    assert reason == "none of the 2 candidates for a malignant mass of 10.0 mm passed"
    assert not canvas.placed and np.array_equal(canvas.image, canvas.host.image)


def test_lesions_keep_their_distance_to_those_before(monkeypatch):
    lesions = [a_lesion(seeds=(1, 2, 3), sites=[0.4, 0.5, 0.6]) for _ in range(3)]
    canvas, reason = put(an_inserter(monkeypatch, Disc()), lesions)
    boxes = [placed.finding.box for placed in canvas.placed]
    assert reason is None and len(boxes) == 3
    assert all(one.overlap(other) is None for number, one in enumerate(boxes) for other in boxes[:number])


def test_adjacent_lesions_lie_in_a_strip_or_say_that_there_is_none(monkeypatch):
    inserter = an_inserter(monkeypatch, Disc(), placement={**PLACEMENT, "layout": "contiguous"})
    canvas, reason = put(inserter, [a_lesion() for _ in range(3)])
    steps = np.diff([placed.tried.site for placed in canvas.placed], axis=0)
    assert reason is None and np.array_equal(np.abs(steps).sum(axis=1), [20, 20])
    _, reason = put(inserter, [a_lesion() for _ in range(60)])
    assert reason == "no 60 adjacent windows of 20 mm with enough tissue"


def test_in_a_frame_the_patch_is_on_tissue_and_the_lesion_at_its_offset(monkeypatch):
    frame = Frame(60, (10, -5), 0.5)
    canvas, reason = put(an_inserter(monkeypatch, Disc()), [a_lesion(seeds=(1, 2), sites=[0.2, 0.7])], frame)
    site = canvas.placed[0].tried.site
    box = frame.box(frame.centre(site), canvas.host.shape)
    assert reason is None and canvas.host.breast[box.slices].mean() >= 0.9
    assert (site[0] - box.row0, site[1] - box.col0) == (30 + 10, 30 - 5)


def test_the_quality_of_the_recipe_is_a_limit(monkeypatch):
    assert put(an_inserter(monkeypatch, Disc()), [a_lesion()])[1] is None
    strict = an_inserter(monkeypatch, Disc(), quality={"minimum_contrast_to_noise": 50.0})
    assert put(strict, [a_lesion()])[1] is not None


def test_the_account_says_what_was_made_and_where(monkeypatch):
    inserter = an_inserter(monkeypatch, Disc(failing=[1]))
    lesion = a_lesion(seeds=(1, 7), sites=[0.5, 0.6])
    canvas, _ = put(inserter, [lesion])
    account = inserter.account(canvas.placed[0])
    assert (account["seed"], account["attempt"], account["diameter_mm"]) == (7, 1, 10.0)
    assert Box(*account["box"]) == Box.around(canvas.lesions == 1)
    assert account["descriptors"] == lesion.descriptors
    assert account["post"]["edge_px"] == 5 and "weights" not in account


def test_a_model_is_accounted_for_by_the_digest_of_its_weights(monkeypatch):
    generator = Disc()
    generator.facts = {"weights": "d" * 64}
    inserter = an_inserter(monkeypatch, generator)
    canvas, _ = put(inserter, [a_lesion()])
    assert inserter.account(canvas.placed[0])["weights"] == "d" * 64


@pytest.mark.parametrize("number", [1, 2])
def test_what_was_put_on_is_taken_off_again(monkeypatch, number):
    inserter = an_inserter(monkeypatch, Disc(), removal=Disc(sign=-1))
    lesions = [a_lesion(contrast=0.3, seeds=(1, 2, 3), sites=[0.4, 0.5, 0.6]) for _ in range(number)]
    canvas, reason = put(inserter, lesions)
    assert reason is None and not np.array_equal(canvas.image, canvas.host.image)
    assert np.abs(inserter.removed(canvas).astype(int) - canvas.host.image).max() <= 2 * number, "roundings"
