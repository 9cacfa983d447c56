"""Attributes are measured: what they are on drawn images, and which changes leave them as they are."""

import math

import numpy as np
import pytest

from synthmammo.mammogram.attributes import OF_PATCHES, measure
from synthmammo.mammogram.geometry import mirror
from synthmammo.mammogram.sample import Sample
from synthmammo.mammogram.terms import ATTRIBUTES

CHEAP = ("area", "shape", "position", "brightness")


def drawn(image: np.ndarray, breast: np.ndarray, bits: int = 12) -> Sample:
    return Sample("a", image.astype(np.uint16), bits, breast, np.zeros(image.shape, np.uint8))


def half_disc(rows: int = 240, columns: int = 160, radius: int = 80, centre: int = 120) -> Sample:
    """An even breast at the left."""
    y, x = np.mgrid[:rows, :columns]
    breast = (y - centre) ** 2 + x**2 < radius**2
    return drawn(np.where(breast, 1365, 0), breast)


@pytest.fixture(scope="module")
def noise():
    """Fields of 1/f noise by their slope, as patches."""

    def field(slope: float) -> Sample:
        rng, side = np.random.default_rng(5), 256
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
        frequency[0, 0] = 1
        made = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) * frequency ** (-slope / 2), (side, side))
        made = 2000 + 400 * (made - made.mean()) / made.std()
        return drawn(np.clip(made, 0, 4095), np.ones((side, side), np.bool_))

    return {slope: field(slope) for slope in (1.0, 2.0, 3.0)}


def test_the_outline_of_a_half_disc():
    found = measure(half_disc(), CHEAP)
    assert found["area"] == pytest.approx(math.pi * 80**2 / 2 / (240 * 160), rel=0.02)
    assert found["shape"] == pytest.approx(2, rel=0.02)
    assert found["position"] == pytest.approx(0.5, abs=0.005)
    assert found["brightness"] == pytest.approx(1365 / 4095)


def test_a_lower_breast_has_a_higher_position():
    positions = [measure(half_disc(centre=centre), ("position",))["position"] for centre in (90, 120, 150)]
    assert positions == pytest.approx([90.5 / 240, 120.5 / 240, 150.5 / 240], abs=0.002)


def test_mirroring_and_depth_leave_the_attributes_as_they_are(noise):
    sample = half_disc()
    deep = drawn(sample.image.astype(np.float64) / 4095 * 65535, sample.breast, 16)
    for other in (mirror(sample), deep):
        assert measure(other, CHEAP) == pytest.approx(measure(sample, CHEAP), rel=1e-4)
    patch = noise[2.0]
    assert measure(mirror(patch), OF_PATCHES) == pytest.approx(measure(patch, OF_PATCHES), rel=1e-3)


def test_texture_is_the_slope_of_the_spectrum(noise):
    slopes = [measure(sample, ("texture",))["texture"] for sample in noise.values()]
    assert slopes == pytest.approx(list(noise), abs=0.35) and slopes == sorted(slopes)


def test_small_images_have_no_texture():
    sample = drawn(np.full((15, 15), 900), np.ones((15, 15), np.bool_))
    assert math.isnan(measure(sample, ("texture",))["texture"])
    larger = drawn(np.random.default_rng(0).integers(0, 900, (17, 17)), np.ones((17, 17), np.bool_))
    assert math.isfinite(measure(larger, ("texture",))["texture"])


def test_an_even_breast_has_neither_muscle_nor_implant():
    found = measure(half_disc(), ("implant", "pectoral_angle", "view"))
    assert math.isnan(found["pectoral_angle"]) and found["view"] < 0.1
    assert 0 <= found["implant"] <= 1


def test_a_bright_even_disc_is_an_implant(noise):
    sample = half_disc()
    y, x = np.mgrid[:240, :160]
    plain = np.where(sample.breast, noise[2.0].image[:240, :160] - 800, 0).clip(0)
    disc = (y - 120) ** 2 + (x - 30) ** 2 < 35**2
    with_implant = np.where(disc & sample.breast, 3500, plain)
    absent, present = (measure(drawn(image, sample.breast), ("implant",))["implant"] for image in (plain, with_implant))
    assert present > 0.9 and absent < 0.1


def test_what_is_asked_for_comes_in_that_order():
    assert list(measure(half_disc(), ("brightness", "area"))) == ["brightness", "area"]
    assert list(measure(half_disc())) == list(ATTRIBUTES)


def test_nothing_is_measured_without_a_breast():
    sample = drawn(np.full((40, 30), 900), np.zeros((40, 30), np.bool_))
    assert all(math.isnan(value) for value in measure(sample).values())
