"""What all sources share: the table of their names, the protocol, keys, pseudonyms and classes."""

import inspect
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import (
    SOURCES,
    Annotation,
    Picture,
    Record,
    key_of,
    open_source,
    pseudonym,
    worst_label,
)
from synthmammo.ingesting.sources.samples import to_sample
from synthmammo.mammogram.sample import Kind, Pathology

MASS = Annotation(Kind.MASS, Pathology.BENIGN)


# Contract of every source


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_follows_the_protocol(name):
    module, _, attribute = SOURCES[name].partition(":")
    source = getattr(import_module(module), attribute)
    assert list(inspect.signature(source.records).parameters) == ["self"]
    assert list(inspect.signature(source.read).parameters) == ["self", "record"]
    assert source.__doc__
    assert isinstance(source.vocabulary, dict)
    # `dicom` and `folder` read archives of any licence, which their user states.
    assert name in ("dicom", "folder") or (len(source.licence) > 5 and len(source.citation) > 40)


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


# Keys, pseudonyms and classes


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_have_no_dots_or_slashes_and_pseudonyms_do_not_show(first, second):
    assert not set(key_of(first, second)) & set("./\\ ")
    assert (pseudonym(first) == pseudonym(second)) == (first == second)
    assert len(pseudonym(first)) == 13


def test_the_label_of_an_image_is_its_worst():
    malignant, unknown = Annotation(Kind.MASS, Pathology.MALIGNANT), Annotation(Kind.MASS)
    assert worst_label([]) == "normal"
    assert worst_label([MASS]) == "benign"
    assert worst_label([MASS, unknown]) == "unknown"
    assert worst_label([unknown, malignant, MASS]) == "malignant"


@pytest.mark.parametrize(("air", "noted"), [(0, None), (2000, True)])
def test_a_breast_mask_that_covers_everything_is_noted(tmp_path, air, noted):
    pixels = np.full((96, 64), 2000, np.uint16)
    pixels[20:80, 40:] = air
    record = Record(tmp_path / "a.png", "a", "p")
    picture = Picture(pixels, 12, (), np.zeros(pixels.shape, np.uint8), breast=pixels > 1000)
    sample = to_sample(record, picture, source="folder", split="train")
    assert sample.provenance.get("breast_everywhere") is noted
    patch = to_sample(replace(record, is_patch=True), picture, source="folder", split="train")
    assert "breast_everywhere" not in patch.provenance
