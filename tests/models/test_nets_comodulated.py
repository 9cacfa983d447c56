"""Laws of the co-modulated generator: shapes, bounds, growing, and that tissue, latent and noise all have a say."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from synthmammo.models.nets.comodulated import ComodulatedConfig, ComodulatedGenerator
from synthmammo.models.nets.lesion import Attention

TINY = ComodulatedConfig(64, 512, 12, 5, 10, 2, 16, (8, 16), border_px=5)


@pytest.fixture
def generator() -> ComodulatedGenerator:
    """With layers that begin at nothing given a say."""
    torch.manual_seed(0)
    network = ComodulatedGenerator(TINY).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.5)
        for module in network.modules():
            if isinstance(module, Attention):
                module.strength.fill_(0.5)
    return network


def context(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_the_default_fits_on_a_processor() -> None:
    with torch.device("meta"):
        network = ComodulatedGenerator(ComodulatedConfig())
    assert sum(weight.numel() for weight in network.parameters()) == 2_039_241
    with torch.device("meta"):
        made = network(torch.empty(3, 1, 256, 256), network.draw_scalars(3))
    assert made.lesion.shape == made.combined.shape == (3, 1, 256, 256)


def test_lesion_and_combined_obey_their_bounds(generator: ComodulatedGenerator) -> None:
    for side in (32, 64):
        tissue = context(2, side)
        with torch.inference_mode():
            lesion, combined = generator(tissue, generator.draw_scalars(2))
        assert lesion.abs().max() > 0.05 and lesion.abs().max() < 1
        assert torch.equal(combined, (tissue + lesion).clamp(-1, 1))
        border = 5 * side // 64
        inner = torch.zeros(side, side, dtype=torch.bool)
        inner[border:-border, border:-border] = True
        assert not lesion[:, :, ~inner].any()
        places = (torch.arange(side) + 0.5) * (2 / side) - 1
        assert not lesion[:, 0, torch.hypot(places[:, None], places[None]) > 0.95].any()


def test_what_stays_below_the_threshold_is_not_seen(generator: ComodulatedGenerator) -> None:
    network = ComodulatedGenerator(replace(TINY, threshold=0.5, first_noise=1.0)).eval()
    assert network.decoder["8"].conv1.noise_strength == 1
    network.load_state_dict(generator.state_dict())
    tissue, scalars = context(), network.draw_scalars(2)
    with torch.inference_mode():
        sparse, dense = (each(tissue, scalars).lesion for each in (network, generator))
    assert sparse.min() >= 0 > dense.min()
    assert (sparse > 0.1).float().mean() < (dense.abs() > 0.1).float().mean()


def test_tissue_and_every_random_number_change_the_lesion(generator: ComodulatedGenerator) -> None:
    tissue, scalars = context(1), generator.draw_scalars(1)
    with torch.inference_mode():
        base = generator(tissue, scalars).lesion
        assert torch.equal(base, generator(tissue, scalars).lesion)
        assert not torch.equal(base, generator(-tissue, scalars).lesion)
        first = TINY.z_dim
        for index in (*range(first), first, first + 63, first + 64, TINY.scalars - 1):
            moved = scalars.clone()
            moved[0, index] = -moved[0, index] + 0.3
            assert not torch.equal(base, generator(tissue, moved).lesion), index


def test_a_plane_of_noise_keeps_its_places(generator: ComodulatedGenerator) -> None:
    network = ComodulatedGenerator(replace(TINY, attention_size=0)).eval()
    network.load_state_dict(generator.state_dict(), strict=False)
    scalars = network.draw_scalars(1).repeat(2, 1)
    scalars[1, TINY.z_dim + 64 + 16 * 4 + 4] *= -1  # row 4 and column 4 of the finer plane
    with torch.inference_mode():
        first, second = network(context(1).repeat(2, 1, 1, 1), scalars).lesion
    rows, columns = ((first - second).abs() > 1e-5)[0].nonzero().t()
    assert len(rows) and min(rows.min(), columns.min()) >= 4 and max(rows.max(), columns.max()) < 32


def test_a_sample_does_not_depend_on_its_neighbours(generator: ComodulatedGenerator) -> None:
    tissue, scalars = context(3), generator.draw_scalars(3)
    with torch.inference_mode():
        together = generator(tissue, scalars).lesion
        alone = generator(tissue[1:2], scalars[1:2]).lesion
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


def test_fading_goes_from_the_smaller_size_to_the_full_one(generator: ComodulatedGenerator) -> None:
    tissue, scalars = context(), generator.draw_scalars(2)
    small = nn.functional.avg_pool2d(tissue, 2)
    with torch.inference_mode():
        whole, half, none = (generator(tissue, scalars, alpha).lesion for alpha in (1.0, 0.5, 0.0))
        before = nn.functional.interpolate(generator(small, scalars).lesion, scale_factor=2.0)
        # Doubled by a low-pass, not by repetition: alike only.
        alike = [torch.corrcoef(torch.stack([x.flatten(), before.flatten()]))[0, 1] for x in (none, whole)]
        assert alike[0] > 0.9 > alike[1]
        assert not torch.equal(half, none) and not torch.equal(half, whole)
        torch.testing.assert_close(generator(tissue, scalars, 1 - 1e-6).lesion, whole, atol=1e-4, rtol=1e-3)


def test_every_weight_learns(generator: ComodulatedGenerator) -> None:
    generator.train()
    generator(context(), generator.draw_scalars(2)).combined.square().sum().backward()
    dead = {name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    # Only the second convolution of a size with noise has any.
    noise = {name for name, _ in generator.named_parameters() if name.endswith("noise_strength")}
    assert dead == noise - {"decoder.8.conv1.noise_strength", "decoder.16.conv1.noise_strength"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda g: g(context(1, 48), g.draw_scalars(1)), r"S of \[32, 64\], got \(1, 1, 48, 48\)"),
        (lambda g: g(context(1, 128), g.draw_scalars(1)), "context"),
        (lambda g: g(context(1), torch.zeros(1, 3)), r"scalars: expected \(1, 325\)"),
        (lambda g: g(context(1), g.draw_scalars(1), 1.5), "alpha"),
        (lambda g: ComodulatedConfig(size=96), "size"),
        (lambda g: ComodulatedConfig(channel_base=128), "channel_base"),
        (lambda g: ComodulatedConfig(discriminator_images=3), "discriminator_images"),
        (lambda g: ComodulatedConfig(border_px=128), "border_px"),
        (lambda g: ComodulatedConfig(noise_sizes=(12,)), "no map has a side of 12"),
        (lambda g: ComodulatedConfig(z_dim=0), "z_dim"),
        (lambda g: ComodulatedConfig(threshold=-1), "threshold"),
    ],
)
def test_wrong_shapes_are_named(wrong: object, message: str, generator: ComodulatedGenerator) -> None:
    with pytest.raises(ValueError, match=message):
        wrong(generator)  # type: ignore[operator]
