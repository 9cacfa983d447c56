"""The phantom: laws of a host, of anatomy in millimetres, and what each part must look like."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.phantom_films import films, measure, phantoms
from synthmammo.errors import GeneratorError
from synthmammo.generators.phantom import SMALL, Phantom
from synthmammo.generators.phantom.field import Grid, noise, power_law, stream, upsample
from synthmammo.generators.phantom.node import overlay_nodes
from synthmammo.generators.phantom.outline import draw_outline
from synthmammo.generators.phantom.strand import strands
from synthmammo.generators.phantom.tube import draw_tubes
from synthmammo.identity import canonical_json
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, Sample, SpacingOrigin, View

Pair = tuple[float, float]
COARSE = {"spacing_mm": 0.9, "height_mm": 230.4, "width_mm": 180.0}
FILMS = Path(__file__).parents[3] / "shared" / "data" / "mini_mias" / "images"
ROW = Row(
    key="train-0", index=0, shard="train-00000", split="train", label="normal", host=0, host_seed=11, host_key=None,
    patient="P0", view=View.MLO, laterality=Laterality.LEFT, density="b",
)  # fmt: skip


@cache
def sample(seed: int = 11, view: str = "MLO", density: str = "b", laterality: str = "L", **other: object) -> Sample:
    """A phantom at 0.9 mm."""
    settings = {k: v for k, v in other.items() if k != "implant"}
    row = replace(ROW, host_seed=seed, view=View(view), density=density, laterality=Laterality(laterality))
    return Phantom(**(COARSE | settings)).render([replace(row, implant=bool(other.get("implant")))])[0]


def samples(**other: object) -> Iterator[Sample]:
    return (sample(seed, view, density="abcd"[seed % 4], **other) for seed in range(6) for view in ("CC", "MLO"))


def pixels_digest(made: Sample) -> str:
    return hashlib.sha256(made.image.tobytes() + made.breast.tobytes()).hexdigest()


def test_is_the_host_called_phantom() -> None:
    host = Phantom(**COARSE)
    rows = [ROW, replace(ROW, key="train-1", split="test", label="malignant", patient="P1")]
    made = host.render(host.latents(rows))
    assert [(s.key, s.split, s.label, s.patient) for s in made] == [(r.key, r.split, r.label, r.patient) for r in rows]
    assert host.batch_size == 1
    assert np.array_equal(made[0].image, made[1].image)


def test_same_bytes_in_another_process() -> None:
    code = "from tests.generators.test_phantom import pixels_digest, sample; print(pixels_digest(sample(5)))"
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    sample(6)
    assert other.stdout.strip() == pixels_digest(sample(5))


def test_pixels_do_not_depend_on_what_is_rendered_beside_them() -> None:
    host = Phantom(**COARSE)
    neighbours = [replace(ROW, host_seed=s) for s in (1, 11, 2)]
    assert pixels_digest(host.render(neighbours)[1]) == pixels_digest(host.render([ROW])[0])


def test_seeds_differ() -> None:
    assert len({pixels_digest(sample(seed)) for seed in range(8)}) == 8
    reach = [sample(seed).provenance["shape_mm"]["reach"] for seed in range(8)]
    assert max(reach) > 1.2 * min(reach)


def test_the_images_of_one_person_agree_in_size_and_differ_in_tissue() -> None:
    def reach(seed: int, body: int | None, view: View = View.MLO) -> float:
        return draw_outline(seed, view, 240, 180, body).reach

    for body in range(6):
        sides = [reach(seed, body) for seed in range(8)]
        assert len(set(sides)) == 8
        assert max(sides) < 1.2 * min(sides)
    # A large breast is large in both projections; those of separate persons vary freely.
    bodies = [(reach(0, body, View.CC), reach(1, body, View.MLO)) for body in range(60)]
    persons = [(reach(seed, None, View.CC), reach(seed, None, View.MLO)) for seed in range(60)]
    assert np.corrcoef(np.array(bodies).T)[0, 1] > 0.9 > 0.5 > np.corrcoef(np.array(persons).T)[0, 1]
    host = Phantom(**COARSE)
    right, left = host.render([replace(ROW, host_seed=seed, body_seed=3) for seed in (1, 2)])
    assert right.provenance["body_seed"] == 3
    assert not np.array_equal(right.image, left.image)


def test_shape_spacing_and_provenance() -> None:
    made = Phantom(**SMALL).render([ROW])[0]
    assert made.shape == (512, 512)
    assert made.spacing_mm == (0.45, 0.45)
    assert made.spacing_origin is SpacingOrigin.KNOWN
    assert made.findings == () and not made.lesions.any()
    assert {"generator": "phantom", "seed": 11, "density": "b", "view": "MLO"}.items() <= made.provenance.items()
    assert canonical_json(made.provenance)
    assert Phantom().grid == Grid(2400, 1800, 0.1)


@pytest.mark.parametrize("bits", [8, 12, 14])
def test_bit_depth_only_rescales(bits: int) -> None:
    made, reference = sample(bits_stored=bits), sample(bits_stored=16)
    assert made.image.max() < 1 << bits
    scaled = made.image / ((1 << bits) - 1) - reference.image / ((1 << 16) - 1)
    assert np.abs(scaled).max() <= 1.01 / ((1 << bits) - 1)


def test_air_is_zero_and_breast_is_not() -> None:
    for made in samples():
        assert not made.image[~made.breast].any()
        assert made.image[made.breast].all()


def test_breast_is_one_piece_on_the_chest_wall() -> None:
    for made in samples():
        assert ndimage.label(made.breast)[1] == 1
        assert made.breast[:, 0].sum() * COARSE["spacing_mm"] > 60
        assert not made.breast[:, -1].any()


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_laterality_mirrors(view: str) -> None:
    left, right = sample(view=view), sample(view=view, laterality="R")
    assert np.array_equal(left.image, right.image[:, ::-1])
    assert np.array_equal(left.breast, right.breast[:, ::-1])
    assert right.breast[:, -1].any() and not right.breast[:, 0].any()


def test_chest_wall_can_be_forced() -> None:
    assert np.array_equal(sample(chest_wall="right").image, sample(laterality="R").image)
    assert np.array_equal(sample(laterality="R", chest_wall="left").image, sample().image)


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_coarse_image_is_the_fine_one_reduced(view: str) -> None:
    for seed in (3, 4):
        coarse, fine = sample(seed, view), sample(seed, view, spacing_mm=0.3)
        shape = (coarse.shape[0], 3, coarse.shape[1], 3)
        reduced = fine.image.reshape(shape).mean((1, 3))
        share = fine.breast.reshape(shape).mean((1, 3))
        assert np.all(share[coarse.breast] > 0) and np.all(share[~coarse.breast] < 1)
        both = share == 1
        assert np.corrcoef(reduced[both], coarse.image[both])[0, 1] > 0.97
        smooth = [ndimage.gaussian_filter(i, 4.0)[both] for i in (reduced, coarse.image.astype(float))]
        assert np.corrcoef(*smooth)[0, 1] > 0.985


def test_field_of_view_only_crops_noise() -> None:
    small, large = (noise(stream(1, "test"), Grid(n, n + 9, 0.5), 7.0) for n in (60, 90))
    assert np.allclose(small, large[:60, :69], atol=1e-5)


def test_noise_has_unit_variance_and_its_slope() -> None:
    field = power_law(2, "test", Grid(1024, 640, 0.3), 16.0, 0.3, 3.0)
    assert 0.6 < field.std() < 1.4
    window = np.outer(np.hanning(512), np.hanning(512))
    power = np.abs(np.fft.rfft2(field[:512, :512] * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(512, 0.3)[:, None], np.fft.rfftfreq(512, 0.3))
    low, high = (power[(frequency > f / 1.3) & (frequency < f * 1.3)].mean() for f in (0.06, 0.6))
    assert np.log10(low / high) == pytest.approx(3.0, abs=0.5)


def test_upsampling_keeps_a_plane() -> None:
    target = Grid(80, 60, 0.5)
    coarse = target.coarser(2.0)
    plane = (coarse.rows_mm[:, None] + 2 * coarse.columns_mm[None, :]).astype(np.float32)
    expected = target.rows_mm[:, None] + 2 * target.columns_mm[None, :]
    assert np.allclose(upsample(plane, coarse, target)[6:-6, 6:-6], expected[6:-6, 6:-6], atol=1e-3)


def test_denser_breasts_are_brighter_relative_to_their_fat() -> None:
    def share(density: str, seed: int) -> float:
        made = sample(seed, "CC", density)
        deep = made.image[ndimage.binary_erosion(np.pad(made.breast, ((0, 0), (30, 0)), "edge"), iterations=20)[:, 30:]]
        return float(deep.mean() - np.percentile(deep, 5)) / made.provenance["shape_mm"]["thickness"]

    means = [np.mean([share(density, seed) for seed in range(6)]) for density in "abcd"]
    assert means[0] < means[1] < means[2]
    assert means[1] < means[3]


def test_denser_breasts_hold_more_glandular_tissue() -> None:
    from synthmammo.generators.phantom.tissue import glandular_share

    def mean(density: str, seed: int) -> float:
        outline, grid = draw_outline(seed, View.CC, 230.4, 180.0), Grid(256, 200, 0.9)
        share = glandular_share(seed, outline, density, grid, outline.depth(grid.coarser(1.5)), None)
        return float(share[outline.mask(grid)].mean())

    for seed in range(3):
        shares = [mean(density, seed) for density in "abcd"]
        assert shares == sorted(shares)
        assert shares[3] > 2 * shares[0]


def test_pectoral_muscle_is_brighter_than_fat() -> None:
    for seed in range(6):
        made = sample(seed, "MLO", "a")
        grid = Grid(*made.shape, 0.9)
        outline = draw_outline(seed, View.MLO, COARSE["height_mm"], COARSE["width_mm"])
        inside, depth = outline.pectoral_depth(grid), outline.depth(grid)
        muscle = made.image[(inside > 6) & (depth > 25)]
        beside = made.image[(inside < -8) & (inside > -25) & (depth > 25)]
        assert muscle.mean() > 1.15 * beside.mean()


def test_implant_is_a_bright_region() -> None:
    for seed, view in ((1, "CC"), (2, "MLO"), (3, "CC")):
        plain, made = sample(seed, view), sample(seed, view, implant=True)
        assert np.array_equal(plain.breast, made.breast)
        labels, _ = ndimage.label(made.image > 0.9 * np.percentile(made.image[made.breast], 99))
        largest = np.bincount(labels.ravel())[1:].max()
        assert 0.08 < largest / made.breast.sum() < 0.7
        assert np.median(made.image[labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])]) > np.median(
            plain.image[plain.breast]
        )


@pytest.mark.parametrize(("view", "height", "depth"), [("CC", (175, 261), (70, 142)), ("MLO", (203, 283), (73, 145))])
def test_outlines_are_as_large_as_those_of_films(view: str, height: Pair, depth: Pair) -> None:
    """Median between the films' 10th and 90th percentile, in the middle of it; the spread is theirs too."""
    drawn = [draw_outline(seed, View(view), 320.0, 320.0) for seed in range(80)]
    reach = [o.reach for o in drawn]
    high = [o.bottom_y - o.top_y for o in drawn]
    for values, (low, top) in ((high, height), (reach, depth)):
        assert low + 0.25 * (top - low) < np.median(values) < top - 0.2 * (top - low)
        assert 0.5 * (top - low) < np.ptp(np.percentile(values, (10, 90))) < 1.6 * (top - low)


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_grey_levels_are_those_of_films(view: str) -> None:
    made = [sample(seed, view, "abbc"[seed % 4], bits_stored=8) for seed in range(16)]
    levels = np.array([np.percentile(s.image[s.breast], (5, 50, 95)) for s in made])
    assert 95 < np.median(levels[:, 1]) < 135
    assert 110 < np.median(levels[:, 2] - levels[:, 0]) < 195


def test_contours_never_bend_back_to_the_chest_wall() -> None:
    """Between top and bottom there is skin at every height: one piece, also in a small field of view."""
    for seed in range(60):
        for view in View:
            outline = draw_outline(seed, view, 150.0, 110.0)
            y = np.linspace(outline.top_y, outline.bottom_y, 200)[8:-8].astype(np.float32)
            assert outline.profile(y).min() > 0
            assert outline.reach < 110


def test_strands_are_the_same_at_every_spacing() -> None:
    outline = draw_outline(3, View.CC, 230.4, 180.0)
    coarse, fine = (strands(3, outline, Grid(round(230.4 / mm), round(120 / mm), mm)) for mm in (0.9, 0.3))
    reduced = fine[: 256 * 3, : 133 * 3].reshape(256, 3, 133, 3).mean((1, 3))
    assert abs(float(fine.mean()) - float(coarse.mean())) < 0.05
    assert np.corrcoef(ndimage.gaussian_filter(reduced, 0.6).ravel(), coarse[:256, :133].ravel())[0, 1] > 0.97


def test_nodes_lie_in_the_axilla_of_obliques() -> None:
    grid = Grid(256, 200, 0.9)
    counts = []
    for seed in range(40):
        outline = draw_outline(seed, View.MLO, 230.4, 180.0)
        nodes = overlay_nodes(seed, np.zeros((256, 200), np.float32), outline, grid)
        counts.append(ndimage.label(nodes > 0.03)[1])
        rows, columns = np.nonzero(nodes)
        assert not len(rows) or rows.max() * 0.9 < 0.5 * outline.bottom_y
    assert 0.3 < np.mean(np.array(counts) > 0) < 0.7


def test_calcified_walls_run_along_their_vessel() -> None:
    found = 0
    for seed in range(80):
        outline = draw_outline(seed, View.MLO, 230.4, 180.0)
        tubes = draw_tubes(seed, outline)
        walls = [tube for tube in tubes if tube.radius_mm.min() == 0.02]
        found += bool(walls)
        for wall in walls:
            whole = [tube for tube in tubes if tube.radius_mm.min() > 0.02]
            vessels = [tube for tube in whole if len(tube.points_mm) == len(wall.points_mm)]
            gaps = [np.abs(np.hypot(*(t.points_mm - wall.points_mm).T) - t.radius_mm).max() for t in vessels]
            assert min(gaps) < 1e-6
    assert 3 <= found <= 20


def test_film_edge_rolls_off_and_digital_edge_does_not() -> None:
    def rim(response: str) -> float:
        made = sample(4, "CC", "a", response=response)
        depth = ndimage.distance_transform_edt(np.pad(made.breast, ((0, 0), (60, 0)), "edge"))[:, 60:] * 0.9
        return float(made.image[(depth > 4) & (depth < 7)].mean() / made.image[depth > 30].mean())

    assert rim("film") < 0.5 < rim("digital")


@pytest.mark.parametrize(
    "wrong", [{"chest_wall": "up"}, {"response": "flim"}, {"spacing_mm": 0.0}, {"bits_stored": 10}, {"width_mm": 20.0}]
)
def test_wrong_arguments_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(GeneratorError, match=next(iter(wrong))):
        Phantom(**(COARSE | wrong))


@pytest.mark.slow
def test_phantoms_measure_like_films() -> None:
    if not FILMS.is_dir():
        pytest.skip("the real films (../shared/data/mini_mias) are not here")
    real = [measure(*image) for i, image in enumerate(films(FILMS, 0.2)) if i % 6 == 0]
    made = [measure(*image) for image in phantoms(40, "film")]
    for measured in (real, made):
        # Levels belong to the digitiser, which was another one for the films that phantoms are fitted to.
        for one in measured:
            one["grey at 8 mm / p50"] = one["grey at 8 mm depth"] / one["grey p50"]
    for name in ("reach mm", "area cm2", "grey at 8 mm / p50", "pectoral width mm"):
        middle, low, high = (np.nanpercentile([r[name] for r in real], p) for p in (50, 15, 85))
        assert low < np.nanmedian([m[name] for m in made]) < high, (name, middle)
