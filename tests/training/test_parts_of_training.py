"""Laws of what a training is made of: the order of images, intensities, scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.errors import DatasetError, TrainingError
from synthmammo.models.features import Features
from synthmammo.models.file import Scale
from synthmammo.training.config import TrainConfig, default_config, load_config
from synthmammo.training.images import ImageSet, load_images
from synthmammo.training.run import RunDirectory, grey_levels
from synthmammo.training.scores import Scorer
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


@settings(max_examples=20)
@given(st.floats(-1.2, 1.2))
def test_grey_levels_of_sheets(value):
    (tile,) = grey_levels(torch.full((1, 1, 2, 2), value))
    assert tile.dtype == np.uint8 and abs(tile[0, 0] - np.clip((value + 1) * 127.5, 0, 255)) <= 0.5


def test_scores_tell_alike_from_unlike():
    torch.manual_seed(0)
    extractor = Features(pretrained=False)
    held_out = image_set(12)
    scorer = Scorer(held_out, extractor)
    real = image_set(12, seed=1)
    floor = scorer.floor(real, 10)
    assert floor["images"] == 10 and floor["held_out"] == 12 and 0 <= floor["probe_auc"] <= 1
    assert floor == scorer.floor(real, 10)
    labels = torch.arange(10) % 2
    far = scorer.of(lambda which: torch.zeros(len(which), 1, 32, 32) + which[:, None, None, None] / 10, labels)
    assert far["kernel_distance_x1000"] > floor["kernel_distance_x1000"]
    assert far["frechet_distance"] > floor["frechet_distance"]


def test_a_configuration_reads_back(tmp_path):
    config = data.config(data.STYLEGAN2)
    run = RunDirectory(tmp_path)
    run.begin(config, "digest")
    content = run.config_file.read_text()
    run.begin(config, "digest")
    assert run.config_file.read_text() == content
    with pytest.raises(TrainingError, match="dataset was 'digest'"):
        run.begin(config, "another")


def test_without_a_file_there_is_a_configuration(tmp_path):
    config = default_config("contextual", tmp_path / "my data", ["batch_size=8", "settings.small_kimg=[1]"])
    assert config.batch_size == 8 and config.settings == {"small_kimg": [1]}
    assert config.name == "contextual-my_data" and config.data.roles["real"] == "malignant"
    assert isinstance(default_config("stylegan2", tmp_path), TrainConfig)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("a: [", "is not YAML"),
        ("- 1", "expected a mapping of keys"),
        ("model: stylegan3\nname: x", "model:"),
        ("model: stylegan2\nname: x\ndata: {split: train, spilt: test}", "Did you mean 'split'"),
        ("model: stylegan2\nname: 'a/b'", "name:"),
    ],
)
def test_configurations_that_are_not_understood(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TrainingError, match=message):
        load_config(path)


@pytest.mark.parametrize("setting", ["batch_size", "=3", "batch_size.low=3"])
def test_settings_that_are_not_understood(tmp_path, setting):
    with pytest.raises(TrainingError, match="--set"):
        default_config("stylegan2", tmp_path, [setting])


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
