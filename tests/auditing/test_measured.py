"""What is measured of lesions and of the breast's edge, on images whose answer is known; seams and their borders."""

import math

import numpy as np
import pytest
from scipy import ndimage

from synthmammo.auditing.borders import LENGTH, border_features
from synthmammo.auditing.measured import MEASURED, measured
from synthmammo.auditing.seams import seams
from synthmammo.mammogram.sample import Box, Finding, Sample, SpacingOrigin
from tests.auditing.test_figures import material
from tests.support.breasts import a_breast


def flat(lesion, kind, level=200):
    """A breast of one grey level with one lesion of another."""
    image = np.where(lesion, level, 100).astype(np.uint16)
    finding = Finding(kind, "benign", Box.around(lesion), label=1, synthetic=True)
    return Sample(
        key="flat",
        image=image,
        bits_stored=8,
        breast=np.ones(image.shape, np.bool_),
        lesions=lesion.astype(np.uint8),
        label="benign",
        split="train",
        patient="p",
        findings=(finding,),
        spacing_mm=(0.5, 0.5),
        spacing_origin=SpacingOrigin.KNOWN,
    )


def test_a_mass_has_its_diameter_and_contrast():
    rows, columns = np.mgrid[:128, :128]
    found = measured(flat(np.hypot(rows - 64, columns - 64) < 20, "mass"))
    assert found["mass_diameter_mm"] == pytest.approx(20, rel=0.02)
    assert found["mass_contrast"] == pytest.approx(100 / 255, rel=1e-6)
    assert math.isnan(found["calcifications"]) and math.isnan(found["roll_off"]) and list(found) == list(MEASURED)


def test_calcifications_are_counted_and_sized():
    specks = np.zeros((128, 128), np.bool_)
    for row, column in ((30, 30), (40, 50), (60, 35)):
        specks[row : row + 4, column : column + 4] = True
    found = measured(flat(specks, "calcification"))
    assert found["calcifications"] == 3
    assert found["calcification_size_mm"] == pytest.approx(0.5 * 2 * math.sqrt(16 / math.pi))


def test_without_a_spacing_there_are_no_millimetres():
    lesion = np.zeros((128, 128), np.bool_)
    lesion[40:60, 40:60] = True
    found = measured(flat(lesion, "mass").with_(spacing_mm=None, spacing_origin=SpacingOrigin.UNKNOWN))
    assert math.isnan(found["mass_diameter_mm"]) and found["mass_contrast"] > 0


def test_a_breast_that_thins_rolls_off():
    plain = a_breast(1)
    image = np.where(plain.breast, 200, 0).astype(np.uint16)
    depth = ndimage.distance_transform_edt(np.pad(plain.breast, 1, mode="edge"))[1:-1, 1:-1]
    thinned = (image * np.clip(depth / depth.max() / 0.3, 0, 1)).astype(np.uint16)
    even, rolled = (measured(plain.with_(image=each))["roll_off"] for each in (image, thinned))
    assert even == pytest.approx(1) and rolled < 0.35


def tissue(number, seam):
    """Tissue with a lesion that has no contrast; with a seam its border is rough."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:128, :128]
    centre = rng.integers(40, 88, 2)
    lesion = np.hypot(rows - centre[0], columns - centre[1]) < 14
    image = 100 + 20 * ndimage.gaussian_filter(rng.normal(size=(128, 128)), 1)
    ring = lesion ^ ndimage.binary_erosion(lesion, iterations=2)
    image = image + seam * ring * rng.normal(0, 12, image.shape)
    changed = np.clip(image, 0, 255).astype(np.uint16)
    return flat(lesion, "mass").with_(image=changed, key=f"t{number}", patient=f"t{number}")


@pytest.mark.parametrize(("seam", "low", "high"), [(0, 0.3, 0.7), (1, 0.9, 1)])
def test_a_detector_finds_seams_where_there_are_some(seam, low, high):
    borders = np.stack([border_features(tissue(number, seam)) for number in range(40)])
    assert borders.shape == (40, 2, LENGTH) and not np.isnan(borders).any()
    side = material(40, 1, borders=borders)
    found = seams(side, material(40, 2))
    assert low <= found["value"] <= high and found["n"] == 40 and found["floor"] is None


def test_without_lesions_there_is_nothing_to_find():
    assert np.isnan(border_features(a_breast(1))).all()
    assert seams(material(40, 1), material(40, 2)) == {}
