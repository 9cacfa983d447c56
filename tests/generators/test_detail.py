"""Backgrounds with added detail: finer pixels, the same image, the same noise for edits of one image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.generators.detail import Detailed, _around
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample, SpacingOrigin
from tests.generators.test_stylegan2 import row
from tests.support.example_samples import a_sample
from tests.support.tiny_models import detail_file, stylegan2_file


class Given:
    """Gives the samples that it was made with."""

    batch_size = 1

    def __init__(self, *samples: Sample) -> None:
        self.samples = samples

    def latents(self, rows: list[Row]) -> list[Row]:
        return rows

    def render(self, latents: object) -> list[Sample]:
        return list(self.samples)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(detail_file(tmp_path_factory.mktemp("zoo") / "fine.safetensors"))


def coarse(seed: int = 3, spacing_mm: float = 0.45) -> Sample:
    rows, columns = np.mgrid[:64, :64]
    breast = (rows - 32) ** 2 + (columns - 63) ** 2 < 900
    image = np.where(breast, 1000 + 20 * rows, 0).astype(np.uint16)
    sample = a_sample(shape=(64, 64), lesions=0)
    return sample.with_(image=image, breast=breast, spacing_mm=(spacing_mm,) * 2, provenance={"seed": seed})


def refined(sample: Sample, network: str) -> Sample:
    (made,) = Detailed(Given(sample), network).render(None)
    return made


def test_pixels_are_finer_and_the_rest_is_said(network: str) -> None:
    made = refined(coarse(), network)
    assert made.shape == (256, 256) and made.spacing_mm == (0.1125, 0.1125) and made.lesions.shape == (256, 256)
    assert made.provenance["detail"]["model"] == network and len(made.provenance["detail"]["weights"]) == 64
    assert (made.image[~made.breast] == 0).all() and (made.image[made.breast] > 0).mean() > 0.99


def test_averaged_down_it_is_about_the_coarse_image(network: str) -> None:
    before = coarse()
    made = refined(before, network).image.reshape(64, 4, 64, 4).mean((1, 3))
    inside = before.breast & np.roll(before.breast, 1, 1) & np.roll(before.breast, -1, 1)
    assert np.abs(made - before.image)[inside].mean() < 0.05 * 4095


def test_the_noise_is_the_backgrounds_own(network: str) -> None:
    first, again, other = (refined(coarse(seed), network).image for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_what_is_cropped_changes_no_pixel(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cropped = refined(coarse(), network).image
    monkeypatch.setattr("synthmammo.generators.detail._around", lambda breast: (slice(0, 64), slice(0, 64)))
    whole = refined(coarse(), network).image
    assert np.abs(cropped.astype(int) - whole).max() <= 1  # convolutions of other sizes round differently


def test_without_a_breast_the_whole_image_is_seen() -> None:
    assert _around(np.zeros((8, 9), np.bool_)) == (slice(0, 8), slice(0, 9))


def test_pixels_of_another_size_are_refused(network: str) -> None:
    with pytest.raises(GeneratorError, match=r"refines pixels of 0\.45 mm, the background's are 0\.9 mm"):
        refined(coarse(spacing_mm=0.9), network)
    unknown = coarse().with_(spacing_mm=None, spacing_origin=SpacingOrigin.UNKNOWN)
    assert refined(unknown, network).spacing_mm is None


def test_views_of_a_stylegan2_are_refined(network: str, tmp_path: Path) -> None:
    host = Detailed(StyleGAN2(str(stylegan2_file(tmp_path / "m.safetensors"))), network)
    rows = [replace(row(number), host_seed=number) for number in range(4)]
    made = host.render(host.latents(rows))
    assert [sample.shape for sample in made] == [(256, 256)] * 4 and host.batch_size == 4


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected detail"):
        Detailed(Given(), str(stylegan2_file(tmp_path / "m.safetensors")))
