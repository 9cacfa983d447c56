"""The detail network: sizes, what noise does, and where it begins."""

import pytest
import torch

from synthmammo.models.nets.detail import DetailConfig, DetailGenerator, averaged, enlarged


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_images_of_any_size_become_finer(factor: int) -> None:
    network = DetailGenerator(DetailConfig(factor, 16, 2))
    coarse = torch.rand(2, 1, 5, 9) * 2 - 1
    noise = torch.randn(2, 1, 5 * factor, 9 * factor)
    assert network(coarse, noise).shape == noise.shape


def test_it_begins_near_the_enlarged_image() -> None:
    torch.manual_seed(0)
    network, coarse = DetailGenerator(DetailConfig(4, 48, 6)), torch.rand(4, 1, 32, 32) * 2 - 1
    made = network(coarse, torch.randn(4, 1, 128, 128))
    assert 0 < (made - enlarged(coarse, 4)).abs().mean() < 0.05


def test_noise_decides_what_is_fine() -> None:
    torch.manual_seed(0)
    network, coarse = DetailGenerator(DetailConfig(4, 16, 2)), torch.zeros(1, 1, 16, 16)
    first, other = (network(coarse, torch.randn(1, 1, 64, 64)) for _ in range(2))
    assert (first - other).abs().mean() > 1e-5


def test_the_noise_of_every_size_has_a_deviation_of_one() -> None:
    network = DetailGenerator(DetailConfig(8, 16, 1))
    planes = network._planes(torch.randn(1, 1, 512, 512))
    assert [plane.shape[-1] for plane in planes] == [128, 256, 512]
    assert all(abs(float(plane.std()) - 1) < 0.02 for plane in planes)


def test_a_pixel_looks_no_further_than_its_layers() -> None:
    """What is cropped around the breast when a background is refined must not change the pixels inside."""
    network = DetailGenerator(DetailConfig(2, 8, 1)).requires_grad_(False)
    coarse = torch.zeros(1, 1, 33, 33).requires_grad_()
    network(coarse, torch.zeros(1, 1, 66, 66))[0, 0, 33, 33].backward()
    rows = torch.nonzero(coarse.grad[0, 0].abs().sum(1))[:, 0]
    assert rows.min() >= 16 - 8 and rows.max() <= 16 + 8


def test_averaging_undoes_repetition() -> None:
    coarse = torch.rand(1, 1, 6, 6)
    assert torch.allclose(averaged(coarse.repeat_interleave(4, 2).repeat_interleave(4, 3), 4), coarse)


@pytest.mark.parametrize(
    ("config", "message"), [((3, 48, 6), "factor"), ((4, 4, 6), "channels"), ((4, 48, 0), "block")]
)
def test_shapes_that_cannot_be(config: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetailConfig(*config)
