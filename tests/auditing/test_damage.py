"""Known answers on images: each damage moves the figure that is meant to see it, in the right direction."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from synthmammo.auditing.diversity import diversity
from synthmammo.auditing.material import Material, gather
from synthmammo.auditing.realism import realism
from synthmammo.models.features import Features
from tests.support.breasts import a_breast

COUNT = 32


def changed(sample, change):
    """A breast whose tissue was changed; the air stays."""
    image = np.where(sample.breast, np.clip(change(sample.image.astype(float)), 1, 255), 0)
    return sample.with_(image=np.rint(image).astype(np.uint16))


def blurred(image):
    return ndimage.gaussian_filter(image, 1.5)


def noisy(image):
    return image + np.random.default_rng(int(image.sum())).normal(0, 25, image.shape)


def breasts(first):
    return [a_breast(first + index, label=("benign", "malignant")[index % 2]) for index in range(COUNT)]


@pytest.fixture(scope="module")
def sides() -> dict[str, Material]:
    """Breasts as they are, three times, and two ways to damage some of them."""
    features, made = Features(), breasts(200)
    sets = {"training": breasts(0), "real": breasts(100), "equal": made}
    sets |= {change.__name__: [changed(sample, change) for sample in made] for change in (blurred, noisy)}
    return {name: gather(samples, features) for name, samples in sets.items()}


def judged(sides, made):
    return realism(made, sides["real"], sides["training"])


def texture(side: Material) -> float:
    """Median slope of the power spectrum inside the breast; steeper is further below 0."""
    return float(np.nanmedian(side.measures["texture"]))


@pytest.mark.slow
def test_equal_sets_give_nothing_within_the_intervals(sides):
    found = judged(sides, sides["equal"])
    assert found["kernel_distance_x1000"].low < 0 < found["kernel_distance_x1000"].high
    assert found["two_sample_auc_of_residues"].low < 0.5
    assert diversity(sides["equal"], sides["real"])["near_duplicates"]["groups"] == []


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["blurred", "noisy"])
def test_blur_and_noise_are_seen_in_the_residues(sides, damage):
    equal, found = judged(sides, sides["equal"]), judged(sides, sides[damage])
    assert found["two_sample_auc_of_residues"].low > 0.9 > equal["two_sample_auc_of_residues"].value
    assert found["kernel_distance_x1000"].value > equal["kernel_distance_x1000"].high


@pytest.mark.slow
def test_blur_and_noise_move_the_spectrum_in_opposite_directions(sides):
    blurred, plain, noisy = (texture(sides[name]) for name in ("blurred", "equal", "noisy"))
    assert (blurred - plain) * (noisy - plain) < 0 and abs(blurred - noisy) > 0.3


@pytest.mark.slow
def test_duplicates_are_grouped_and_recall_less(sides):
    twice = sides["equal"].taken(np.arange(COUNT) % 4)
    found = diversity(replace(twice, keys=sides["equal"].keys), sides["real"])
    assert found["near_duplicates"]["share"] == 1 and len(found["near_duplicates"]["groups"]) == 4
    equal, few = judged(sides, sides["equal"]), judged(sides, twice)
    assert few["recall"].value < equal["recall"].value and few["coverage"].value < equal["coverage"].value


@pytest.mark.slow
def test_a_set_of_one_class_lacks_the_other(sides):
    one = sides["equal"].taken(sides["equal"].groups["label"] == "benign")
    assert diversity(one, sides["real"])["attributes_covered"]["label"]["lacking"] == ["malignant"]
    assert diversity(sides["equal"], sides["real"])["attributes_covered"]["label"]["lacking"] == []
