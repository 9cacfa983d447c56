"""DDSM: films of the PVRG codec and copies of them, outlines from chain codes, cases with and without lesions."""

import contextlib
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import ljpeg
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.ingesting.sources.ddsm_case import read_case, read_overlay
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View
from tests.support import pvrg
from tests.support.archives import ICS, OVERLAY, SQUARE, save
from tests.support.dicom_files import breast_like, jpeg_lossless

FILM = breast_like()
TWO_LESIONS = """\
TOTAL_ABNORMALITIES 2
ABNORMALITY 1
LESION_TYPE MASS SHAPE IRREGULAR-ARCHITECTURAL_DISTORTION MARGINS SPICULATED
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
ASSESSMENT 5
SUBTLETY 4
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 2
BOUNDARY
10 30 2 2 2 2 4 4 4 4 6 6 6 6 0 0 0 0 #
\tCORE
12 32 2 4 6 0 #
ABNORMALITY 2
LESION_TYPE CALCIFICATION TYPE PUNCTATE DISTRIBUTION SEGMENTAL
ASSESSMENT 2
SUBTLETY 3
PATHOLOGY BENIGN_WITHOUT_CALLBACK
TOTAL_OUTLINES 1
BOUNDARY
30 60 3 5 7 1 #
"""


def case(folder, name="B-3024-1", lines=96, width=64, bits=12, marks=("OVERLAY", "NON_OVERLAY")):
    folder.mkdir(parents=True, exist_ok=True)
    films = [f"LEFT_{view} LINES {lines} PIXELS_PER_LINE {width} BITS_PER_PIXEL {bits} RESOLUTION 50 {mark}\n"
             for view, mark in zip(("CC", "MLO"), marks, strict=False)]  # fmt: skip
    (folder / f"{name}.ics").write_text(ICS.partition("{film}")[0].format(DENSITY="3") + "".join(films))
    return folder


@pytest.fixture
def archive(tmp_path):
    cancer = case(tmp_path / "cancers" / "cancer_01" / "case3024")
    save(cancer / "PNGFiles" / "B_3024_1.LEFT_CC.png", FILM)
    save(cancer / "B_3024_1.LEFT_MLO.LJPEG.png", FILM)
    (cancer / "B_3024_1.LEFT_CC.OVERLAY").write_text(TWO_LESIONS)
    normal = case(tmp_path / "normals" / "normal_01" / "case0200", "A-0200-1", marks=("NON_OVERLAY",))
    save(normal / "A_0200_1.LEFT_CC.png", FILM)
    return tmp_path


def test_films_lesions_and_classes(archive):
    source = open_source("ddsm", archive)
    left, other, normal = source.records()
    assert (left.key, left.patient, left.label, left.density) == ("B_3024_1_LEFT_CC", "B-3024-1", "malignant", "c")
    assert (left.view, left.laterality, other.view) == (View.CC, Laterality.LEFT, View.MLO)
    # A film without marks may still show the lesion; in a case without any it does not.
    assert (other.label, normal.label) == ("unknown", "normal")
    picture = source.read(left)
    np.testing.assert_array_equal(picture.image, FILM)
    assert (picture.bits_stored, picture.spacing_mm) == (12, (0.05, 0.05))
    mass, calcification = picture.findings
    assert (mass.kind, mass.box, mass.pathology) == (Kind.MASS, Box(30, 10, 35, 15), Pathology.MALIGNANT)
    assert (picture.lesions == mass.label).sum() == 25
    assert mass.descriptors["shape"] == "irregular, architectural distortion"
    assert (mass.descriptors["morphology"], mass.descriptors["birads"]) == ("pleomorphic", "5")
    assert (calcification.kind, calcification.pathology) == (Kind.CALCIFICATION, Pathology.BENIGN)
    assert calcification.box == Box(60, 29, 63, 32)


def test_a_reduced_copy_takes_outlines_and_spacing_along(tmp_path):
    folder = case(tmp_path / "case", marks=("OVERLAY",))
    save(folder / "B_3024_1.LEFT_CC.png", FILM[::2, ::2])
    (folder / "B_3024_1.LEFT_CC.OVERLAY").write_text(TWO_LESIONS)
    source = open_source("ddsm", tmp_path)
    (record,) = source.records()
    picture = source.read(record)
    assert (picture.spacing_mm, picture.notes["reduced"]) == ((0.1, 0.1), 0.5)
    assert picture.findings[0].box == Box(15, 5, 18, 8)


@pytest.mark.parametrize("shape", [(64, 96), (96, 32), (2, 64)])
def test_a_copy_of_other_proportions_is_refused(tmp_path, shape):
    folder = case(tmp_path / "case", marks=("NON_OVERLAY",))
    save(folder / "B_3024_1.LEFT_CC.png", np.full(shape, 9, np.uint16))
    source = open_source("ddsm", tmp_path)
    (record,) = source.records()
    with pytest.raises(SourceError, match=r"the \.ics file says 96 x 64"):
        source.read(record)


def test_an_outline_beyond_the_film_is_cut_and_one_outside_it_has_no_place(tmp_path):
    folder = case(tmp_path / "case", marks=("OVERLAY",))
    save(folder / "B_3024_1.LEFT_CC.png", FILM)
    overlay = folder / "B_3024_1.LEFT_CC.OVERLAY"
    words = {"LESION_TYPE": "MASS", "first": "SHAPE", "SHAPE": "OVAL", "second": "MARGINS", "ASSESSMENT": "4"}
    text = "TOTAL_ABNORMALITIES 1\n" + OVERLAY.format(**words, PATHOLOGY="BENIGN", chain=SQUARE, start="10 30")
    source = open_source("ddsm", tmp_path)
    for start, expected in (("55 90", [Box(90, 55, 96, 64)]), ("500 900", [])):
        overlay.write_text(text.replace("10 30", start))
        (record,) = source.records()
        assert [finding.box for finding in source.read(record).findings] == expected


def test_what_is_missing_or_damaged_is_skipped(tmp_path):
    folder = case(tmp_path / "a")
    save(folder / "B_3024_1.LEFT_CC.png", FILM)
    (case(tmp_path / "b") / "B-3024-1.ics").write_text("ics_version 1.0\n")
    broken = case(tmp_path / "c", "C-0001-1", marks=("OVERLAY",))
    save(broken / "C_0001_1.LEFT_CC.png", FILM)
    (broken / "C_0001_1.LEFT_CC.OVERLAY").write_text("ABNORMALITY 1\nBOUNDARY\n10 30 2 x 2 #\n")
    reasons = [found.reason for found in open_source("ddsm", tmp_path).records() if isinstance(found, Skipped)]
    assert reasons == [
        "B-3024-1.ics says that it has marks, but B_3024_1.LEFT_CC.OVERLAY is missing",
        "listed in B-3024-1.ics, but there is no image of this name",
        "lists no film",
        "C_0001_1.LEFT_CC.OVERLAY: an outline is not a column, a row and chain codes",
    ]


# The codec


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("selection", range(1, 8))
def test_films_of_the_codec_are_read_exactly(tmp_path, bits, selection):
    path = tmp_path / "film.LJPEG"
    path.write_bytes(pvrg.ljpeg(bits, selection))
    image = ljpeg.read_ljpeg(path, pvrg.LINES, pvrg.WIDTH)
    np.testing.assert_array_equal(image, pvrg.pixels(bits))
    assert image.dtype == np.uint16


def test_a_film_of_the_codec_in_its_case(tmp_path):
    folder = case(tmp_path / "case3024", lines=pvrg.LINES, width=pvrg.WIDTH, marks=("NON_OVERLAY",))
    (folder / "B_3024_1.LEFT_CC.LJPEG").write_bytes(pvrg.ljpeg(12, 7))
    source = open_source("ddsm", tmp_path)
    (record,) = source.records()
    assert isinstance(record, Record)
    picture = source.read(record)
    np.testing.assert_array_equal(picture.image, pvrg.pixels(12))
    assert (picture.bits_stored, picture.notes) == (12, {})


def test_the_prediction_of_the_standard_is_undone_where_both_agree(tmp_path):
    path = tmp_path / "film.LJPEG"
    path.write_bytes(jpeg_lossless(FILM, 12))
    np.testing.assert_array_equal(ljpeg.read_ljpeg(path, *FILM.shape), FILM)


def reference(values, selection, bits):
    """Differences as the codec takes them, pixel by pixel."""
    padded = np.full((values.shape[0] + 1, values.shape[1]), 1 << (bits - 1))
    padded[1:] = values
    found = np.zeros(values.shape, np.int32)
    for r in range(values.shape[0]):
        for c in range(values.shape[1]):
            a, b, d = (padded[r + 1, c - 1], padded[r, c], padded[r, c - 1]) if c else (0, padded[r, 0], 0)
            general = [a, b, d, a + b - d, a + ((b - d) >> 1), b + ((a - d) >> 1), (a + b) >> 1]
            p = general[selection - 1] if c else b
            found[r, c] = values[r, c] - p
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 7), st.sampled_from([8, 12, 16]), st.integers(0, 2**32 - 1))
def test_undoing_a_prediction_gives_the_values_back(height, width, selection, bits, seed):
    values = np.random.default_rng(seed).integers(0, 1 << bits, (height, width))
    differences = reference(values, selection, bits)
    np.testing.assert_array_equal(ljpeg.undo_prediction(differences, selection, bits), values)


HUGE = bytes.fromhex("ffd8 ffc3000b10ffffffff01011100 ffda0008010100010000")
"""Claims 65535 x 65535 pixels."""


@pytest.mark.parametrize(("content", "words"), [
    (b"", "not a lossless JPEG"),
    (b"\xff\xd8\xff\xd9", "not a lossless JPEG"),
    (pvrg.ljpeg(12, 7)[:40], "not a lossless JPEG"),
    (pvrg.ljpeg(12, 7).replace(b"\xff\xc3", b"\xff\xc0"), "not a lossless JPEG"),
    (HUGE, "cannot be"),
    (pvrg.ljpeg(12, 7)[:4] + b"\xff\xff" + pvrg.ljpeg(12, 7)[6:], "not a lossless JPEG"),
])  # fmt: skip
def test_what_is_no_film_of_the_codec_is_refused_without_memory(tmp_path, content, words):
    path = tmp_path / "film.LJPEG"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        ljpeg.read_ljpeg(path, 9, 7)


def test_a_film_of_another_size_than_its_case_says_is_refused(tmp_path):
    path = tmp_path / "film.LJPEG"
    path.write_bytes(pvrg.ljpeg(12, 7))
    with pytest.raises(SourceError, match=r"but the \.ics file says 10 x 7"):
        ljpeg.read_ljpeg(path, 10, 7)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_raises_the_errors_of_the_package_only(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(pvrg.ljpeg(12, data.draw(st.integers(1, 7))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "film.LJPEG").write_bytes(bytes(content))
    (folder / "film.OVERLAY").write_bytes(bytes(content) + TWO_LESIONS.encode()[data.draw(st.integers(0, 400)) :])
    for read in (lambda: ljpeg.read_ljpeg(folder / "film.LJPEG", 9, 7), lambda: read_overlay(folder / "film.OVERLAY"),
                 lambda: read_case(folder / "film.OVERLAY")):  # fmt: skip
        with contextlib.suppress(SourceError):
            read()


@pytest.mark.parametrize(
    "filling", [" ", "\n", "\t\n", "BOUNDARY\n", "ABNORMALITY 1\n", "PATHOLOGY ", "LEFT_CC LINES "]
)
def test_a_large_file_of_one_word_takes_no_longer_than_its_size(tmp_path, filling):
    path = tmp_path / "large.OVERLAY"
    path.write_text("ABNORMALITY 1\nBOUNDARY\n" + filling * (300_000 // len(filling)))
    started = time.process_time()
    for read in (read_overlay, read_case):
        with contextlib.suppress(SourceError):
            read(path)
    assert time.process_time() - started < 10
