"""Placement, canvas and assemble together: from plan rows to samples, with fakes where a law needs one."""

import numpy as np
import pytest

import synthmammo.generators.base as base
from synthmammo.building.assemble import Assembler, Failure
from synthmammo.building.backgrounds import Backgrounds
from synthmammo.building.canvas import LEAST_INSIDE, Canvas, Try
from synthmammo.building.compose import softened
from synthmammo.building.placement import Places
from synthmammo.errors import GeneratorError
from synthmammo.generators.base import LesionChannel
from synthmammo.mammogram.anatomy import tissue_share
from synthmammo.mammogram.anatomy.tissue import window_around
from synthmammo.mammogram.geometry import crop, crop_box
from synthmammo.mammogram.planned import Candidate, PlannedLesion, Row
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample, SpacingOrigin
from synthmammo.planning.planner import tables
from synthmammo.planning.table import as_row
from synthmammo.recipe import Placement
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]
FINE = {**tiny.TINY["background"], "spacing_mm": 1.0, "views": "CC"}


def rows_of(recipe) -> list[Row]:
    return [as_row(record) for table in tables(recipe) for record in table.to_pylist()]


def samples_of(recipe) -> list[Sample]:
    made = list(Assembler(recipe).samples(rows_of(recipe)))
    assert all(isinstance(sample, Sample) for sample in made), made
    return made


def a_host(shape=(200, 160), spacing_mm=(1.0, 1.0), breast=None, seed=0, **changes) -> Sample:
    """Noise around grey level 1,000 on a breast that fills most of the image."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    if breast is None:
        breast = ((rows - shape[0] / 2) / (0.48 * shape[0])) ** 2 + (columns / (0.9 * shape[1])) ** 2 < 1
    image = np.where(breast, np.random.default_rng(seed).normal(1000, 150, shape).clip(300, 1700), 0)
    return Sample(
        "host", image.astype(np.uint16), 12, breast, np.zeros(shape, np.uint8), spacing_mm=spacing_mm,
        spacing_origin=SpacingOrigin.KNOWN if spacing_mm else SpacingOrigin.UNKNOWN, **changes,
    )  # fmt: skip


class Disc:
    """A lesion generator: a flat disc, or nothing at all for the seeds it is told to fail on."""

    def __init__(self, spacing_mm=None, failing=(), exact=True, sign=1):
        self.spacing_mm, self.failing, self.exact, self.sign = spacing_mm, set(failing), exact, sign
        self.contexts = []

    def field_mm(self, lesion):
        return 2 * lesion.diameter_mm

    def __call__(self, context, lesion, seed):
        self.contexts.append(context)
        size = len(context.pixels)
        rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
        mask = np.hypot(rows, columns) * context.spacing_mm <= lesion.diameter_mm / 2
        mask &= seed not in self.failing
        channel = (self.sign * lesion.contrast * mask).astype(np.float32)
        return LesionChannel(channel, mask if self.exact else None)


def a_lesion(diameter_mm=10.0, contrast=0.5, seeds=(1,), sites=None) -> PlannedLesion:
    sites = sites or [0.5] * len(seeds)
    candidates = tuple(Candidate(site, seed) for site, seed in zip(sites, seeds, strict=True))
    terms = {"shape": "round", "margin": "circumscribed"}
    return PlannedLesion(Kind.MASS, Pathology.MALIGNANT, diameter_mm, contrast, terms, candidates)


def a_spec(**changes):
    post = {"minimum_area": 0.001, "edge_px": 5}
    lesion = {**MASS, "classes": ["malignant", "benign"], "post": post, **changes}
    return tiny.recipe(lesions=[lesion]).lesions[0]


def a_try(lesion=None, site=(100, 60), spec=None, attempt=0) -> Try:
    lesion = lesion or a_lesion()
    return Try(lesion, spec or a_spec(), lesion.candidates[0], attempt, site)


# canvas


def test_a_lesion_is_put_where_it_was_asked_for():
    canvas = Canvas.of(host := a_host())
    assert canvas.put(Disc(), a_try(site=(90, 50)))
    finding = canvas.placed[0].finding
    centre = (finding.box.row0 + finding.box.row1) / 2, (finding.box.col0 + finding.box.col1) / 2
    assert centre == pytest.approx((90, 50), abs=1)
    assert finding.box.height == pytest.approx(10, abs=2)
    assert finding.synthetic and finding.label == 1 and Box.around(canvas.lesions == 1) == finding.box
    inside = canvas.lesions == 1
    raised = canvas.image[inside].astype(float) - host.image[inside]
    assert raised.mean() == pytest.approx(0.25 * (canvas.intensity.high - canvas.intensity.low), rel=0.02)


def test_the_hosts_arrays_stay_untouched():
    host = a_host()
    before = host.image.copy()
    Canvas.of(host).put(Disc(), a_try())
    assert np.array_equal(host.image, before) and not host.lesions.any()


def test_a_failed_try_changes_nothing():
    tries = {
        "nothing generated": (Disc(failing=[1]), a_try()),
        "too small": (Disc(exact=False), a_try(spec=a_spec(post={"minimum_area": 0.9}))),
        "below the threshold": (Disc(exact=False), a_try(lesion=a_lesion(contrast=0.05))),
        "over the skin": (Disc(), a_try(site=(100, 140))),
    }
    for why, (generator, tried) in tries.items():
        canvas = Canvas.of(host := a_host())
        assert not canvas.put(generator, tried), why
        assert np.array_equal(canvas.image, host.image) and not canvas.lesions.any() and not canvas.placed


def test_contexts_come_from_the_untouched_host():
    host, generator = a_host(), Disc()
    canvas = Canvas.of(host)
    near = a_spec(placement={"overlap": True})
    assert canvas.put(generator, a_try(spec=near)) and canvas.put(generator, a_try(site=(101, 61), spec=near))
    alone = Disc()
    assert Canvas.of(host).put(alone, a_try(site=(101, 61), spec=near))
    assert np.array_equal(generator.contexts[1].pixels, alone.contexts[0].pixels)


@pytest.mark.parametrize("overlap", [False, True])
def test_lesions_overlap_only_where_allowed(overlap):
    canvas = Canvas.of(a_host())
    spec = a_spec(placement={"overlap": overlap})
    assert canvas.put(Disc(), a_try(spec=spec))
    assert canvas.put(Disc(), a_try(site=(104, 60), spec=spec)) is overlap
    assert set(np.unique(canvas.lesions)) == ({0, 1, 2} if overlap else {0, 1})


def test_labels_follow_the_hosts_own():
    own = Finding(Kind.MASS, Pathology.UNKNOWN, Box(20, 20, 24, 24), 1)
    host = a_host(findings=(own,))
    host.lesions[20:24, 20:24] = 1
    canvas = Canvas.of(host)
    assert canvas.put(Disc(), a_try()) and canvas.placed[0].finding.label == 2
    assert [finding.label for finding in canvas.sample().findings] == [1, 2]


def test_removing_gives_another_image_and_leaves_the_canvas():
    canvas = Canvas.of(host := a_host())
    assert canvas.put(Disc(), a_try())
    before = canvas.image.copy()
    removed = canvas.removed(Disc(sign=-1))
    assert np.abs(removed.astype(int) - host.image).max() <= 2, "two roundings"
    assert np.array_equal(canvas.image, before) and canvas.lesions.any() and canvas.placed


def test_contrast_to_noise_is_a_limit():
    assert Canvas.of(a_host()).put(Disc(), a_try(), 0.5)
    assert not Canvas.of(a_host()).put(Disc(), a_try(), 50.0)


def test_unknown_spacing_is_refused_with_the_remedy():
    hint = "spacing is unknown(.|\n)*assume_spacing_mm(.|\n)*convert` takes --spacing-mm"
    with pytest.raises(GeneratorError, match=hint):
        Canvas.of(a_host(spacing_mm=None))


def test_a_generator_with_its_own_spacing():
    """At 0.1 mm on a 0.05 mm host: the context has the generator's grid, the lesion the host's."""
    host = a_host(shape=(800, 640), spacing_mm=(0.05, 0.05))
    generator, canvas = Disc(spacing_mm=0.1), Canvas.of(host)
    tried = a_try(a_lesion(diameter_mm=8.0), site=(400, 250))
    assert canvas.put(generator, tried)
    context = generator.contexts[0]
    assert context.spacing_mm == 0.1 and context.pixels.shape == (160, 160)
    box = canvas.placed[0].finding.box
    assert (box.height, box.width) == pytest.approx((160, 160), abs=4)
    rows, columns = np.nonzero(canvas.image != host.image)
    reach = 4 + 0.1 * (5 + 3 * 5) + 0.2  # radius, growth, three deviations of the edge, a pixel of each grid
    assert np.hypot(rows - 400, columns - 250).max() * 0.05 <= reach + 0.1
    both = Canvas.of(host)
    assert both.put(Disc(), tried)
    assert Box.around(both.lesions > 0).height == pytest.approx(box.height, abs=4)


def test_pixels_that_are_not_square():
    canvas = Canvas.of(a_host(shape=(200, 320), spacing_mm=(1.0, 0.5)))
    assert canvas.put(Disc(), a_try(a_lesion(diameter_mm=20.0), site=(100, 120)))
    box = canvas.placed[0].finding.box
    assert box.height == pytest.approx(20, abs=2) and box.width == pytest.approx(40, abs=2)


# placement


def test_sites_keep_their_distance_and_their_tissue():
    host, placement = a_host(), Placement(window_mm=20, margin_mm=7)
    taken = Box(90, 50, 110, 70)
    sites = Places(host).free(placement, 10.0, [taken])
    rows, columns = np.nonzero(sites.grid)
    outside = np.maximum.reduce([90 - rows, rows - 109, 50 - columns, columns - 69])
    assert len(sites) and outside.min() > 12, "half a diameter and the margin"
    for place in range(0, len(rows), 97):
        assert tissue_share(host.breast, window_around(rows[place], columns[place], 20)) >= 0.9
    assert len(Places(host).free(placement.model_copy(update={"overlap": True}), 10.0, [taken])) > len(sites)


def test_a_host_without_room_has_no_sites():
    small = np.zeros((200, 160), bool)
    small[:15, :15] = True
    assert len(Places(a_host(breast=small)).free(Placement(window_mm=25), 5.0, [])) == 0


def test_contiguous_windows_are_adjacent():
    host, placement = a_host(), Placement(layout="contiguous", window_mm=20)
    for draw in (0.0, 0.4, 0.999):
        strip = Places(host).contiguous(placement, 5, draw)
        steps = np.diff(strip, axis=0)
        assert [tuple(step) for step in steps] in ([(0, 20)] * 4, [(20, 0)] * 4)
        assert all(tissue_share(host.breast, window_around(*site, 20)) >= 0.9 for site in strip)
    assert Places(host).contiguous(placement, 50, 0.5) is None


def test_crop_boxes_lie_inside():
    for centre in ((0, 0), (199, 159), (100, 3)):
        box = crop_box(centre, 64, (200, 160))
        assert (box.height, box.width) == (64, 64) and box.row0 >= 0 and box.col0 >= 0
        assert box.row1 <= 200 and box.col1 <= 160
    assert crop_box((100, 80), 64, (200, 160)) == (68, 48, 132, 112)


def test_cropping_follows_findings_and_drops_those_outside():
    canvas = Canvas.of(a_host())
    assert canvas.put(Disc(), a_try(site=(60, 50))) and canvas.put(Disc(), a_try(site=(140, 50)))
    host = canvas.host.with_(
        image=canvas.image, lesions=canvas.lesions, findings=tuple(one.finding for one in canvas.placed)
    )
    part = crop(host, Box(58, 30, 100, 90))
    assert [finding.label for finding in part.findings] == [1]
    assert part.findings[0].box.row0 == 0 and Box.around(part.lesions == 1) == part.findings[0].box
    assert np.array_equal(part.image, canvas.image[58:100, 30:90])


# assemble


class Fakes:
    """Recipes whose hosts and lesions come from the fakes of this module."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def assembler(self, recipe, lesion=None, host=None) -> Assembler:
        if lesion:
            self._monkeypatch.setattr("synthmammo.building.insertion._open_lesion", lambda *_: lesion)
        if host:
            self._monkeypatch.setattr("synthmammo.building.backgrounds.open_host", lambda _: host)
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
    monkeypatch.setattr(
        "synthmammo.building.insertion._open_lesion", lambda table, *_: put if table is base.LESIONS else taken
    )
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
        base.find(base.HOSTS, "phantm", "background.generator")
