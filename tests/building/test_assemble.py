"""From plan rows to samples, with fakes where a law needs one."""

import numpy as np
import pytest

from synthmammo.building.assemble import Assembler, Failure
from synthmammo.building.backgrounds import Backgrounds
from synthmammo.building.canvas import LEAST_INSIDE
from synthmammo.building.compose import softened
from synthmammo.errors import GeneratorError
from synthmammo.generators.backgrounds.base import background_kind
from synthmammo.mammogram.anatomy import tissue_share
from synthmammo.mammogram.anatomy.tissue import window_around
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Box, Sample
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from tests.support import tiny
from tests.support.fake_lesions import CALCIFICATION, MASS, Disc, a_host

FINE = {**tiny.TINY["background"], "spacing_mm": 1.0, "views": "CC"}


def rows_of(recipe) -> list[Row]:
    return [as_row(record) for table in tables(recipe) for record in table.to_pylist()]


def samples_of(recipe) -> list[Sample]:
    made = list(Assembler(recipe).samples(rows_of(recipe)))
    assert all(isinstance(sample, Sample) for sample in made), made
    return made


class Fakes:
    """Recipes whose hosts and lesions come from the fakes."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def assembler(self, recipe, lesion=None, host=None) -> Assembler:
        if lesion:
            self._monkeypatch.setattr("synthmammo.building.insertion._Opened.lesion", lambda *_: lesion)
        if host:
            self._monkeypatch.setattr("synthmammo.building.backgrounds.open_host", lambda *_: host)
        return Assembler(recipe)


@pytest.fixture
def fakes(monkeypatch) -> Fakes:
    return Fakes(monkeypatch)


ONE = {"classes": {"malignant": 1}, "lesions": [{**MASS, "classes": ["malignant"]}], "background": FINE, "size": 4}


def test_candidates_are_tried_in_order_and_the_attempt_is_recorded(fakes):
    recipe = tiny.recipe(**ONE)
    rows = rows_of(recipe)
    seeds = [candidate.seed for candidate in rows[0].lesions[0].candidates]
    for failing in (0, 1, 3):
        sample = next(fakes.assembler(recipe, Disc(failing=seeds[:failing])).samples(rows[:1]))
        assert sample.provenance["attempts"] == [failing]
        assert sample.provenance["lesions"][0]["seed"] == seeds[failing]
        assert sample.provenance["lesions"][0]["attempt"] == failing


def test_when_every_candidate_fails_the_row_is_a_failure(fakes):
    recipe = tiny.recipe(**ONE)
    rows = rows_of(recipe)
    seeds = [candidate.seed for candidate in rows[1].lesions[0].candidates]
    made = list(fakes.assembler(recipe, Disc(failing=seeds)).samples(rows))
    assert [type(one) for one in made] == [Sample, Failure, Sample, Sample]
    assert made[1].key == rows[1].key and "none of the 8 candidates for a malignant mass" in made[1].reason


def test_the_halves_of_a_pair_fail_together(fakes):
    recipe = tiny.recipe(**ONE | {"pair": "host"})
    rows = rows_of(recipe)
    seeds = [candidate.seed for candidate in rows[0].lesions[0].candidates]
    made = list(fakes.assembler(recipe, Disc(failing=seeds)).samples(rows))
    assert [type(one) for one in made] == [Failure, Failure, Sample, Sample]
    assert made[1].key == rows[1].key and "its twin failed: none of the 8" in made[1].reason


class Stamps:
    """A host generator of batches that remembers them; each image is its row's seed in noise."""

    batch_size = 4

    def __init__(self):
        self.batches = []

    def latents(self, rows):
        self.batches.append([row.host_seed for row in rows])
        return list(rows)

    def render(self, latents):
        assert len(latents) == self.batch_size
        return [a_host(seed=row.host_seed % 2**32).with_(key=row.key) for row in latents]


@pytest.mark.parametrize("number", [1, 4, 6, 9])
def test_batches_have_one_size_and_a_rows_pixels_do_not_depend_on_its_place(fakes, number):
    recipe = tiny.recipe(background=FINE, size=9)
    rows = rows_of(recipe)
    whole = {sample.key: sample for sample in fakes.assembler(recipe, host=Stamps()).samples(rows)}
    host = Stamps()
    part = list(fakes.assembler(recipe, host=host).samples(rows[-number:]))
    assert [sample.key for sample in part] == [row.key for row in rows[-number:]]
    assert all(len(batch) == 4 for batch in host.batches) and len(host.batches) == -(-number // 4)
    for sample in part:
        assert np.array_equal(sample.image, whole[sample.key].image)
        assert sample.provenance == whole[sample.key].provenance


def test_rows_of_one_host_render_it_once(fakes):
    recipe = tiny.recipe(background={**FINE, "samples_per_host": 3}, size=12)
    host = Stamps()
    made = list(fakes.assembler(recipe, host=host).samples(rows_of(recipe)))
    assert len(made) == 12 and [len(batch) for batch in host.batches] == [4]


@pytest.mark.parametrize("role", ["host", "removed"])
def test_pairs(role):
    removal = {"removal": {"generator": "parametric"}} if role == "removed" else {}
    lesions = [{**MASS, "classes": ["malignant"]}, {**CALCIFICATION, "classes": ["malignant"]}]
    recipe = tiny.recipe(**ONE | {"lesions": lesions, "size": 6, "pair": role} | removal)
    rows = rows_of(recipe)
    for first, second, row in zip(*[iter(samples_of(recipe))] * 2, rows[::2], strict=True):
        untouched = Backgrounds(recipe)([row])[0]
        assert len(first.findings) == 2 and not second.findings and not second.lesions.any()
        assert (first.patient, first.split) == (second.patient, second.split)
        assert not np.array_equal(first.image, untouched.image)
        if role == "host":
            assert np.array_equal(second.image, untouched.image)
            continue
        off = np.abs(second.image.astype(int) - untouched.image)
        assert off.max() <= 2, "two roundings"
        reach = np.zeros(first.shape, bool)
        for place, finding in enumerate(first.findings):
            post = recipe.lesions[place].post
            reach |= softened(first.lesions == finding.label, 0.1 * post.expand_px + 2, 0.1 * post.edge_px + 1) > 0
        assert not off[~reach].any()
        assert not (first.image != untouched.image)[~reach].any()


def test_removed_lesions_leave_a_normal_image_and_their_account():
    lesions = [{**MASS, "classes": ["malignant", "benign"]}]
    recipe = tiny.recipe(
        classes={"malignant": 0.5, "benign": 0.5},
        lesions=lesions,
        background=FINE,
        size=6,
        removal={"generator": "parametric", "classes": ["benign"]},
    )
    for sample in samples_of(recipe):
        assert len(sample.findings) == (sample.label == "malignant")
        assert len(sample.provenance["lesions"]) == 1


def test_contiguous_lesions_lie_in_adjacent_windows():
    placement = {"layout": "contiguous", "window_mm": 22}
    lesion = {**MASS, "classes": ["malignant"], "count": 3, "diameter_mm": 8, "placement": placement}
    recipe = tiny.recipe(**ONE | {"lesions": [lesion]})
    for sample in samples_of(recipe):
        sites = np.array([lesion["site"] for lesion in sample.provenance["lesions"]])
        assert [tuple(step) for step in np.diff(sites, axis=0)] in ([(0, 22)] * 2, [(22, 0)] * 2)
        assert len(sample.findings) == 3


def test_patches_hold_their_lesion_at_the_planned_offset():
    recipe = tiny.recipe(
        **ONE | {"classes": {"malignant": "1/2", "normal": "1/2"}, "size": 12},
        patch={"size_px": 64, "offset_px": 16},
        emit={"formats": ["parquet"]},
    )
    for sample, row in zip(samples_of(recipe), rows_of(recipe), strict=True):
        assert sample.shape == (64, 64)
        crop = Box(*sample.provenance["crop"])
        assert crop.row0 >= 0 and crop.row1 <= 200 and crop.col1 <= 160
        assert sample.breast.mean() >= 0.8
        if row.label == "malignant":
            site = sample.provenance["lesions"][0]["site"]
            offset = [round((2 * draw - 1) * 16) for draw in row.crop[1:]]
            inner = crop.row0 > 0 and crop.row1 < 200 and crop.col0 > 0 and crop.col1 < 160
            if inner:
                assert (site[0] - crop.row0 - 32, site[1] - crop.col0 - 32) == tuple(offset)
            assert len(sample.findings) == 1


class Generated:
    """A host generator as a StyleGAN2 is one: the recipe does not say its spacing, its samples do."""

    batch_size = 1

    def __init__(self, spacing_mm, breast=None):
        self._look = {"spacing_mm": (spacing_mm, spacing_mm), "breast": breast}

    def latents(self, rows):
        return list(rows)

    def render(self, latents):
        return [a_host(**self._look, seed=row.host_seed % 2**32).with_(key=row.key) for row in latents]


PATCHES = ONE | {
    "classes": {"malignant": "1/2", "normal": "1/2"},
    "background": {"generator": "stylegan2", "model": "zoo/stylegan2-phantom-256", "samples_per_host": 2},
    "size": 32,
    "patch": {"size_px": 64, "offset_px": 16},
    "emit": {"formats": ["parquet"]},
}


@pytest.mark.parametrize("spacing_mm", [0.45, 0.9, 2.0])
def test_the_patch_that_is_cut_has_the_tissue_whatever_the_models_spacing(fakes, spacing_mm):
    lesion = {**MASS, "classes": ["malignant"], "diameter_mm": [6, 10]}
    recipe = tiny.recipe(**PATCHES | {"lesions": [lesion]})
    made = list(fakes.assembler(recipe, Disc(), Generated(spacing_mm)).samples(rows_of(recipe)))
    assert all(isinstance(sample, Sample) for sample in made), made
    assert min(sample.breast.mean() for sample in made) >= 0.9
    assert {sample.shape for sample in made} == {(64, 64)} and sum(len(sample.findings) for sample in made) == 16


def test_an_offset_that_leads_out_of_the_image_does_not_move_the_patch(fakes):
    """A breast at the bottom edge, not much higher than the patch, with lesions small enough to lie on the last row."""
    placement = {"tissue_share": 0.95}
    lesion = {**MASS, "classes": ["malignant"], "diameter_mm": 2, "placement": placement}
    changes = {"classes": {"malignant": 1}, "lesions": [lesion], "patch": {"size_px": 64, "offset_px": 40}}
    recipe = tiny.recipe(**PATCHES | changes)
    breast = np.zeros((200, 160), bool)
    breast[-66:] = True
    host = Generated(1.0, breast=breast)
    made = list(fakes.assembler(recipe, Disc(), host).samples(rows_of(recipe)))
    samples = [sample for sample in made if isinstance(sample, Sample)]
    assert len(samples) > 16 and all(sample.breast.mean() >= 0.95 for sample in samples)
    reasons = [one.reason for one in made if isinstance(one, Failure)]
    assert reasons and all("none of the 8 candidates" in reason for reason in reasons)


def test_a_patch_around_adjacent_lesions_fails_where_it_lacks_tissue(fakes):
    """The windows of a contiguous layout have the tissue; a larger patch around the first of them may not."""
    placement = {"layout": "contiguous", "window_mm": 16}
    lesion = {**MASS, "classes": ["malignant"], "count": 2, "diameter_mm": 6, "placement": placement}
    changes = {"classes": {"malignant": 1}, "lesions": [lesion], "patch": {"size_px": 96, "offset_px": 0}}
    recipe = tiny.recipe(**PATCHES | changes)
    made = list(fakes.assembler(recipe, Disc(), Generated(1.0)).samples(rows_of(recipe)))
    failed = [one.reason for one in made if isinstance(one, Failure)]
    assert failed and all("% of the patch is tissue, expected 90.0%" in reason for reason in failed)
    assert len(failed) < len(made)
    assert min(one.breast.mean() for one in made if isinstance(one, Sample)) >= 0.9


def test_a_patch_larger_than_the_models_images_is_refused(fakes):
    recipe = tiny.recipe(**PATCHES | {"patch": {"size_px": 192}})
    with pytest.raises(GeneratorError, match="192 is more than the background has, 160 pixels") as error:
        next(fakes.assembler(recipe, Disc(), Generated(1.0)).samples(rows_of(recipe)))
    assert error.value.where == "patch.size_px"


def test_the_halves_of_a_pair_of_patches_are_one_place():
    recipe = tiny.recipe(
        **ONE | {"size": 12, "pair": "host", "background": {**FINE, "samples_per_host": 3}},
        patch={"size_px": 64, "offset_px": 8},
        emit={"formats": ["parquet"]},
    )
    made = samples_of(recipe)
    assert len({sample.patient for sample in made}) == 2
    for lesion, twin in zip(made[::2], made[1::2], strict=True):
        assert lesion.provenance["crop"] == twin.provenance["crop"]
        assert lesion.provenance["intensity"] == twin.provenance["intensity"]
        assert lesion.findings and not twin.findings and not twin.lesions.any()
        changed = lesion.image != twin.image
        assert changed[lesion.lesions > 0].mean() > 0.9
        assert not changed.all() and twin.label == "normal"


@pytest.mark.parametrize("patch", [None, {"size_px": 64, "offset_px": 8}], ids=["whole", "patch"])
@pytest.mark.parametrize("role", ["host", "removed"])
def test_a_pair_makes_its_lesions_once_and_each_half_is_as_if_made_alone(monkeypatch, role, patch):
    lesions = [{**MASS, "classes": ["malignant"], "count": 2}]
    removal = {"removal": {"generator": "parametric"}} if role == "removed" else {}
    changes = {"lesions": lesions, "size": 12, "pair": role, "patch": patch, "emit": {"formats": ["parquet"]}}
    recipe = tiny.recipe(**ONE | changes | removal)
    rows = rows_of(recipe)
    put, taken = Disc(), Disc(sign=-1)
    monkeypatch.setattr("synthmammo.building.insertion._Opened.lesion", lambda *_: put)
    monkeypatch.setattr("synthmammo.building.insertion._Opened.removal", lambda *_: taken)
    assembler = Assembler(recipe)
    made = list(assembler.samples(rows))
    assert all(isinstance(sample, Sample) for sample in made), made
    calls = len(put.contexts), len(taken.contexts)
    for half in (0, 1):
        put.contexts.clear()
        for alone, sample in zip(assembler.samples(rows[half::2]), made[half::2], strict=True):
            assert np.array_equal(alone.image, sample.image) and np.array_equal(alone.lesions, sample.lesions)
            assert (alone.findings, alone.provenance) == (sample.findings, sample.provenance)
        if half == 0:
            assert calls == (len(put.contexts), 12 if role == "removed" else 0), "as for the lesions alone"


def test_a_lesion_does_not_hang_over_the_skin():
    recipe = tiny.recipe(**ONE | {"size": 10})
    for sample in samples_of(recipe):
        for lesion in sample.provenance["lesions"]:
            extent = window_around(*lesion["site"], round(lesion["diameter_mm"]))
            assert tissue_share(sample.breast, extent) >= LEAST_INSIDE


def test_generators_are_looked_up_by_name():
    with pytest.raises(GeneratorError, match="Did you mean 'phantom'?"):
        background_kind("phantm")
