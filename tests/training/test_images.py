"""Training sets: the order images are shown in, their intensities, classes and sides, and pairs of twins."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.errors import DatasetError
from synthmammo.mammogram.lesion_stand_in import stand_in
from synthmammo.mammogram.sample import Box
from synthmammo.models.file import Scale
from synthmammo.training.images import ImageSet, load_images
from tests.support import training_data as data


def image_set(count: int, seed: int = 0) -> ImageSet:
    grey = np.random.default_rng(seed).integers(0, 256, (count, 32, 32)).astype(np.uint16)
    ends = np.zeros(count, np.float32)
    labels = np.arange(count) % 2
    return ImageSet(grey, ends, ends + 255, labels, ("benign", "malignant"), 8, None, np.full(count, -1))


@given(st.integers(1, 50), st.integers(0, 300), st.integers(1, 40), st.integers(0, 5))
def test_the_order_is_the_same_however_it_is_cut(count, position, first, seed):
    images = image_set(count)
    whole = images.at(position, 2 * first, seed)
    parts = [images.at(position, first, seed), images.at(position + first, first, seed)]
    assert np.array_equal(whole, np.concatenate(parts))


@given(st.integers(2, 50), st.integers(0, 5), st.integers(0, 9))
def test_every_image_is_shown_once_an_epoch_in_a_new_order(count, epoch, seed):
    images = image_set(count)
    shown = images.at(epoch * count, count, seed)
    assert sorted(shown) == list(range(count))
    if count > 20:
        assert not np.array_equal(shown, images.at((epoch + 1) * count, count, seed))


@pytest.mark.parametrize("scale", Scale)
def test_images_come_back_in_their_scale(tmp_path, scale):
    images = load_images(data.write(tmp_path), "train", scale)
    pixels = images.pixels(np.arange(len(images)))
    assert pixels.shape == (40, 1, 32, 32) and pixels.dtype == np.float32
    assert (images.classes, images.bits_stored, images.resolution) == (("benign", "malignant"), 8, 32)
    if scale is Scale.FULL_RANGE:
        np.testing.assert_allclose(pixels[:, 0], images.grey / 127.5 - 1, atol=1e-6)
    else:
        assert images.low.min() > 0 and (np.abs(pixels) == 1).any((1, 2, 3)).all()
    only = images.of_class("malignant")
    assert len(only) == 20 and only.classes == ("malignant",) and not only.labels.any()
    assert np.array_equal(only.grey, images.grey[images.labels == 1])


def test_classes_are_numbered_in_the_order_asked_for(tmp_path):
    folder = data.write(tmp_path)
    forth = load_images(folder, "train", classes=("benign", "malignant"))
    back = load_images(folder, "train", classes=("malignant", "benign"))
    assert np.array_equal(forth.labels, 1 - back.labels)


def test_images_are_averaged_down():
    images = replace(image_set(5), spacing_mm=0.1)
    small = images.smaller(16)
    assert small.resolution == 16 and small.spacing_mm == 0.2 and len(small) == len(images)
    expected = images.grey[3, 4:6, 10:12].mean()
    assert abs(float(small.grey[3, 2, 5]) - expected) <= 0.5
    assert images.smaller(None) is images and images.smaller(32) is images


@pytest.mark.parametrize("side", [64, 24, 4, 0])
def test_sides_that_do_not_divide_are_refused(side):
    with pytest.raises(DatasetError, match=f"cannot be averaged down to {side}"):
        image_set(5).smaller(side)


def test_twins_are_the_other_halves_in_the_same_order():
    pairs = replace(image_set(6), twins=np.array([1, 0, 3, 2, -1, -1]))
    twins = replace(pairs, labels=np.array([0, 1, 0, 1, 1, 1])).twins_of("benign")
    assert np.array_equal(twins.grey, pairs.grey[[1, 3]]) and not twins.labels.any()
    with pytest.raises(DatasetError, match="1 images of benign have no untouched twin"):
        pairs.twins_of("benign")


def test_what_is_without_its_lesion_has_the_stand_in_taken_off():
    boxes = ((), (Box(2, 2, 6, 6),), (), (Box(0, 0, 8, 8),))
    images = replace(image_set(4), boxes=boxes)
    without = images.without_lesions("malignant")
    expected = images.grey[1] - stand_in(images.grey[1], images.boxes[1])
    assert np.array_equal(without.grey[0], np.clip(np.rint(expected), 0, 255)) and len(without) == 2
    assert images.smaller(16).boxes[1] == (Box(1, 1, 3, 3),)
    with pytest.raises(DatasetError, match="2 images of benign have no box of a lesion"):
        images.without_lesions("benign")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": ("benign", "maligant")}, "no class is called 'maligant'\n  Did you mean 'malignant'"),
        ({"least": 41}, "40 images of the classes benign, malignant; at least 41 are needed"),
    ],
)
def test_images_that_do_not_suffice_are_refused(tmp_path, arguments, message):
    with pytest.raises(DatasetError, match=message):
        load_images(data.write(tmp_path), "train", **arguments)
