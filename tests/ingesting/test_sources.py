"""What all sources share: the table of names, lesions as labels, words, tables and raster files."""

import inspect
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import terms
from synthmammo.ingesting.sources.base import SOURCES, Annotation, key_of, open_source, pseudonym, worst_label
from synthmammo.ingesting.sources.lesions import MAX_LABEL, locate
from synthmammo.ingesting.sources.rasters import read_raster
from synthmammo.ingesting.sources.tables import read_table
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View

MASS = Annotation(Kind.MASS, Pathology.BENIGN)


# Contract of every source


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_follows_the_protocol(name):
    module, _, attribute = SOURCES[name].partition(":")
    source = getattr(import_module(module), attribute)
    assert list(inspect.signature(source.records).parameters) == ["self"]
    assert list(inspect.signature(source.read).parameters) == ["self", "record"]
    assert source.__doc__


@pytest.mark.parametrize("name", SOURCES)
def test_a_missing_path_and_a_file_are_one_clear_error(name, tmp_path):
    with pytest.raises(SourceError, match="nothing at this path"):
        list(open_source(name, tmp_path / "absent").records())
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="expected a folder"):
        list(open_source(name, tmp_path / "file").records())


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "optimam"])
def test_an_empty_folder_is_one_clear_error(name, tmp_path):
    with pytest.raises(SourceError):
        list(open_source(name, tmp_path).records())


def test_an_unknown_source_or_setting_names_the_nearest(tmp_path):
    with pytest.raises(SourceError, match="Did you mean 'mini_mias'"):
        open_source("minimias", tmp_path)
    with pytest.raises(SourceError, match="Did you mean 'table'"):
        open_source("folder", tmp_path, {"tabel": "a.csv"})


# Lesions


def test_a_lesion_is_drawn_as_its_annotation_says():
    circle = Annotation(Kind.MASS, circle=(10, 20, 5))
    outline = Annotation(Kind.MASS, outline=((30, 30), (30, 40), (38, 40), (38, 30)))
    box = Annotation(Kind.MASS, box=Box(1, 2, 3, 4))
    findings, lesions = locate([circle, box, outline, MASS], (50, 60))
    assert [finding.label for finding in findings] == [1, 2, 0]
    assert findings[0].box == Box(5, 15, 16, 26)
    assert findings[1].box == Box(30, 30, 39, 41)
    assert findings[2].box == Box(1, 2, 3, 4)
    assert (lesions == 1).sum() == sum((r * r + c * c) <= 25 for r in range(-5, 6) for c in range(-5, 6))
    assert (lesions[30:39, 30:41] == 2).all()


def test_an_outline_of_one_point_is_one_pixel():
    findings, lesions = locate([Annotation(Kind.CALCIFICATION, outline=((7.3, 4.6),))], (20, 20))
    assert findings[0].box == Box(7, 5, 8, 6)
    assert lesions.sum() == lesions[7, 5] == 1


def test_the_smaller_lesion_keeps_the_pixels_that_two_share():
    large, small = Annotation(Kind.MASS, circle=(20, 20, 12)), Annotation(Kind.CALCIFICATION, circle=(20, 20, 3))
    for annotations in ([large, small], [small, large]):
        findings, lesions = locate(annotations, (40, 40))
        kinds = {finding.label: finding.kind for finding in findings}
        assert kinds[int(lesions[20, 20])] is Kind.CALCIFICATION
        assert kinds[int(lesions[20, 30])] is Kind.MASS


@given(
    st.lists(
        st.tuples(st.floats(-20, 60), st.floats(-20, 60), st.floats(0, 30)).map(
            lambda c: Annotation(Kind.MASS, circle=c)
        ),
        max_size=6,
    )
)
def test_labels_and_findings_agree(annotations):
    findings, lesions = locate(annotations, (40, 30))
    labels = [finding.label for finding in findings]
    assert labels == sorted(labels, key=lambda label: label or MAX_LABEL + 1)
    assert {label for label in labels if label} == set(np.unique(lesions).tolist()) - {0}
    for finding in findings:
        assert 0 <= finding.box.row0 < finding.box.row1 <= 40
        assert 0 <= finding.box.col0 < finding.box.col1 <= 30
        if finding.label:
            outside = (lesions == finding.label).copy()
            outside[finding.box.slices] = False
            assert not outside.any()


def test_lesions_past_the_last_label_keep_their_box():
    many = [Annotation(Kind.CALCIFICATION, outline=((i // 20, i % 20),)) for i in range(MAX_LABEL + 5)]
    findings, lesions = locate(many, (20, 20))
    assert len(findings) == MAX_LABEL + 5
    assert lesions.max() == MAX_LABEL
    assert [finding.label for finding in findings[-5:]] == [0] * 5


def test_the_label_of_an_image_is_its_worst():
    malignant, unknown = Annotation(Kind.MASS, Pathology.MALIGNANT), Annotation(Kind.MASS)
    assert worst_label([]) == "normal"
    assert worst_label([MASS]) == "benign"
    assert worst_label([MASS, unknown]) == "unknown"
    assert worst_label([unknown, malignant, MASS]) == "malignant"


# Names


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_have_no_dots_or_slashes_and_pseudonyms_do_not_show(first, second):
    assert not set(key_of(first, second)) & set("./\\ ")
    assert (pseudonym(first) == pseudonym(second)) == (first == second)
    assert len(pseudonym(first)) == 13


@pytest.mark.parametrize(
    ("parse", "word", "meaning"),
    [
        (terms.split_of, "Training", "train"),
        (terms.split_of, "val", "validation"),
        (terms.split_of, "test", "test"),
        (terms.split_of, "", None),
        (terms.density_of, "DENSITY D", "d"),
        (terms.density_of, "3", "c"),
        (terms.density_of, "0", None),
        (terms.laterality_of, "right", Laterality.RIGHT),
        (terms.laterality_of, "B", None),
        (terms.view_of, "mlo", View.MLO),
        (terms.view_of, "ML", None),
        (terms.assessment_label, "BI-RADS 2", "benign"),
        (terms.assessment_label, "4b", "suspicious"),
        (terms.assessment_label, "", "unknown"),
    ],
)
def test_words_of_tables(parse, word, meaning):
    assert parse(word) == meaning


# Tables


def test_a_table_is_read_whatever_its_delimiter_encoding_and_case(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes('File Name;Bi-Rads\n1;4a\n\n2;"x\ny"\n3;é\n'.encode("latin-1"))
    rows = read_table(path, required=("file name", "bi-rads"))
    assert [(row["file name"], row["bi-rads"], row.line) for row in rows] == [
        ("1", "4a", 2),
        ("2", "x\ny", 5),
        ("3", "é", 6),
    ]
    assert rows[0]["absent"] == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"\x00\x01", "not a text file"), (b"a,b\n1,2\n", "column 'file' is missing")],
)
def test_a_bad_table_is_one_clear_error(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SourceError, match=words):
        read_table(tmp_path / "t.csv", required=("file",))
    with pytest.raises(SourceError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")


def test_a_cell_that_is_no_number_names_line_and_column(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,nan\n4,five\n")
    rows = read_table(tmp_path / "t.csv")
    assert rows[0].number("y") == 2
    assert rows[0].number("z") is None
    for row, found in zip(rows[1:], ("nan", "five"), strict=True):
        with pytest.raises(SourceError, match=f"line {row.line}, column 'y': expected a number, found '{found}'"):
            row.number("y")


# Raster files

RAMP = np.arange(48, dtype=np.uint16).reshape(6, 8)


@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", "u1"), ("png", "u2"), ("tif", "u1"), ("tif", "u2"), ("pgm", "u1")]
)
def test_a_raster_keeps_its_values(tmp_path, suffix, dtype):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RAMP.astype(dtype) * (200 if dtype == "u2" else 1)).save(path)
    image, bits = read_raster(path)
    assert (image.dtype, bits) == (np.uint16, 8 * np.dtype(dtype).itemsize)
    np.testing.assert_array_equal(image, RAMP * (200 if dtype == "u2" else 1))


@pytest.mark.parametrize(("maximum", "bits"), [(255, 8), (1023, 12), (4095, 12), (16383, 14), (65535, 16)])
def test_a_binary_pgm_keeps_its_values_and_states_its_depth(tmp_path, maximum, bits):
    dtype = ">u2" if maximum > 255 else "u1"
    header = f"P5\n# a comment\n8 6\n# another\n{maximum}\n".encode()
    (tmp_path / "a.pgm").write_bytes(header + RAMP.astype(dtype).tobytes())
    image, found = read_raster(tmp_path / "a.pgm")
    assert found == bits
    np.testing.assert_array_equal(image, RAMP)


def test_grey_in_disguise_is_accepted_and_colour_is_not(tmp_path):
    grey = np.repeat(RAMP.astype(np.uint8)[..., None], 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "grey.png")[0], RAMP)
    Image.fromarray(grey[..., 0]).convert("P").save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "palette.png")[0], RAMP)
    grey[2, 3, 1] += 1
    Image.fromarray(grey).save(tmp_path / "colour.png")
    with pytest.raises(SourceError, match="coloured"):
        read_raster(tmp_path / "colour.png")


def test_what_is_no_grey_image_is_one_clear_error(tmp_path):
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(SourceError, match="float32"):
        read_raster(tmp_path / "float.tif")
    pages = [Image.fromarray(RAMP.astype(np.uint8))] * 2
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(SourceError, match="2 pages"):
        read_raster(tmp_path / "pages.tif")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(SourceError, match="not an image"):
        read_raster(tmp_path / "text.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "pgm"])
@given(share=st.floats(0, 0.98))
def test_a_truncated_raster_is_one_clear_error(tmp_path_factory, suffix, share):
    folder = tmp_path_factory.mktemp("cut")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(folder / f"a.{suffix}")
    whole = (folder / f"a.{suffix}").read_bytes()
    (folder / f"a.{suffix}").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SourceError):
        read_raster(folder / f"a.{suffix}")
