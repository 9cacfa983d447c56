"""Samples from arrays: what is understood of them, and what is said of the rest."""

import copy
import pickle

import numpy as np
import pytest

from synthmammo.errors import SampleError, SynthmammoError
from synthmammo.mammogram.sample import Box, Finding, Kind, Laterality, Pathology, Sample, SpacingOrigin, View

FILM = np.zeros((400, 300), np.uint16)
FILM[100:300, :120] = 2000


def test_a_film_from_an_array():
    film = Sample.from_array(FILM, spacing_mm=0.5, view="MLO", laterality="L", key="a", label="benign", patient="p")
    assert film.image.dtype == np.uint16 and film.image is not FILM and (film.image == FILM).all()
    assert (film.bits_stored, film.view, film.laterality) == (12, View.MLO, Laterality.LEFT)
    assert (film.spacing_mm, film.spacing_origin) == ((0.5, 0.5), SpacingOrigin.KNOWN)
    assert film.breast[200, 60] and not film.breast[50, 250] and not film.lesions.any() and film.findings == ()
    assert repr(film) == "Sample(a, 400 x 300 of 12 bits, 0.5 mm, L MLO, benign, 0 findings)"
    assert Sample.from_array(FILM, spacing_mm=(0.1, 0.2)).spacing_mm == (0.1, 0.2)
    assert Sample.from_array(FILM).spacing_origin is SpacingOrigin.UNKNOWN


@pytest.mark.parametrize(
    ("pixels", "bits", "highest"),
    [
        ((FILM // 16).astype(np.uint8), 8, 125),
        (FILM, 12, 2000),
        (FILM * 8, 14, 16000),
        (FILM * 30, 16, 60000),
        (FILM / 2000, 16, 65535),
        ((FILM / 2000).astype(np.float16), 16, 65535),
    ],
)
def test_bit_depth_follows_from_the_pixels(pixels, bits, highest):
    sample = Sample.from_array(pixels)
    assert (sample.bits_stored, sample.image.max()) == (bits, highest)


def test_a_stated_bit_depth_goes_before():
    assert Sample.from_array(FILM, bits_stored=14).bits_stored == 14
    assert Sample.from_array(FILM / 2000, bits_stored=12).image.max() == 4095


WRONG = {
    "None": ((None,), {}, r"pixels: expected .* of shape \(H, W\), found object \(\)"),
    "a number": ((3,), {}, "pixels: expected"),
    "colours": ((np.zeros((4, 4, 3), np.uint8),), {}, r"pixels: .*found uint8 \(4, 4, 3\)"),
    "long numbers": ((FILM.astype(int),), {}, r"(?s)pixels: .*found int64 .*astype\(np.uint16\)"),
    "ragged rows": (([[1], [1, 2]],), {}, "pixels: .*found list"),
    "no pixels": ((np.zeros((0, 4), np.uint8),), {}, "pixels: "),
    "floats above 1": ((FILM.astype(float),), {}, r"pixels: expected floats in \[0, 1\], found 0 to 2000"),
    "NaN": ((FILM * np.nan,), {}, "pixels: .*found nan"),
    "too bright": ((FILM,), {"bits_stored": 8}, "pixels: expected grey levels below 256 .*2000"),
    "no breast": ((np.zeros((90, 90), np.uint8),), {}, "pixels: no breast can be seen"),
    "bits": ((FILM,), {"bits_stored": 10}, "bits_stored: expected 8, 12, 14 or 16, found 10"),
    "bits text": ((FILM,), {"bits_stored": "x"}, "bits_stored: .*found 'x'"),
    "spacing text": ((FILM,), {"spacing_mm": "x"}, "spacing_mm: expected millimetres.*found 'x'"),
    "no spacing": ((FILM,), {"spacing_mm": 0}, "spacing_mm: .*above 0, found 0"),
    "three spacings": ((FILM,), {"spacing_mm": (1, 2, 3)}, "spacing_mm: "),
    "view": ((FILM,), {"view": "mlo"}, "(?s)view: expected 'CC' or 'MLO', found 'mlo'.*'MLO'"),
    "view number": ((FILM,), {"view": 3}, "view: .*found 3"),
    "side": ((FILM,), {"laterality": "left"}, "laterality: expected 'L' or 'R', found 'left'"),
    "breast": ((FILM,), {"breast": FILM}, r"breast: expected bool \(400, 300\), found uint16"),
    "empty breast": ((FILM,), {"breast": FILM < 0}, "breast: expected a True pixel"),
    "key": ((FILM,), {"key": "a.b"}, "key: .*without dots and slashes"),
    "label": ((FILM,), {"label": None}, "label: expected a text"),
    "patient": ((FILM,), {"patient": 3}, "patient: expected a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_named(case):
    arguments, options, message = WRONG[case]
    with pytest.raises(SampleError, match=message) as caught:
        Sample.from_array(*arguments, **options)
    assert isinstance(caught.value, SynthmammoError) and isinstance(caught.value, ValueError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": FILM.astype(np.uint8)}, r"image: expected uint16 \(H, W\), got uint8"),
        ({"image": None}, "image: .*NoneType"),
        ({"breast": FILM}, r"breast: expected bool \(400, 300\)"),
        ({"lesions": FILM[1:]}, "lesions: expected uint8"),
        ({"bits_stored": 9}, "bits_stored: .*got 9"),
        ({"spacing_mm": (1.0, 1.0)}, "spacing_mm: .*contradicts"),
    ],
)
def test_a_sample_that_contradicts_itself(changes, message):
    with pytest.raises(SampleError, match=message):
        Sample.from_array(FILM).with_(**changes)


def test_findings_take_words_as_texts():
    finding = Finding("mass", "benign", Box(1, 2, 3, 4))
    assert finding == Finding(Kind.MASS, Pathology.BENIGN, Box(1, 2, 3, 4)) and finding.kind is Kind.MASS
    assert repr(copy.copy(finding)) == "Finding(benign mass, rows 1-3, columns 2-4)"
    with pytest.raises(SampleError, match="kind: expected 'mass' or"):
        Finding("mas", "benign", Box(1, 2, 3, 4))
