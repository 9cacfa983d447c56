"""Laws of the contextual GAN: shapes, the border, growing, spectral norms, and second derivatives."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from synthmammo.models.nets.contextual import (
    PRESETS,
    Answer,
    ContextualConfig,
    ContextualDiscriminator,
    ContextualGenerator,
)
from synthmammo.models.nets.lesion import Attention
from synthmammo.models.nets.ops import SpectralConv

TINY = ContextualConfig(
    size=64, channels=(4, 6, 8, 10), discriminator_channels=(4, 6, 8, 10), attention_size=16, border_px=5
)


@pytest.fixture
def generator() -> ContextualGenerator:
    torch.manual_seed(0)
    network = ContextualGenerator(TINY).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Attention):
                module.strength.fill_(0.5)
        network.to_lesion.weight.mul_(50)
        network.to_lesion.bias.fill_(0.4)
    return network


@pytest.fixture
def discriminator() -> ContextualDiscriminator:
    torch.manual_seed(1)
    return ContextualDiscriminator(TINY).eval()


def context(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_the_paper_preset_has_the_papers_shapes() -> None:
    config = PRESETS["paper"]
    with torch.device("meta"):
        generator, discriminator = ContextualGenerator(config), ContextualDiscriminator(config)
        shapes: dict[str, torch.Size] = {}

        def watch(network: nn.Module) -> None:
            for name, module in network.named_modules():
                module.register_forward_hook(
                    lambda m, i, out, name=name: (
                        shapes.update({name: out.shape}) if isinstance(out, torch.Tensor) else None
                    )
                )

        watch(generator)
        made = generator(torch.empty(3, 1, 256, 256), generator.draw_scalars(3))
        encoder = [tuple(shapes[f"encoder.{index}"]) for index in range(6)]
        assert encoder[:5] == [(3, 16, 128, 128), (3, 32, 64, 64), (3, 64, 32, 32), (3, 128, 16, 16), (3, 256, 8, 8)]
        assert encoder[5] == (3, 2048, 4, 4)
        assert tuple(shapes["bottleneck"]) == (3, 4, 1, 1)
        assert made.lesion.shape == made.combined.shape == (3, 1, 256, 256)
        assert generator.encoder[2].attention.query.weight.device.type == "meta"
        assert discriminator(torch.empty(3, 2, 256, 256)).shape == (3, 4)
        assert [conv.out_channels for conv in discriminator.convs] == [128, 256, 512, 1024, 2048, 16384]
        attentive = [isinstance(block.attention, Attention) for block in generator.encoder]
        assert (
            attentive
            == [isinstance(a, Attention) for a in discriminator.attentions]
            == [False, False, True] + [False] * 3
        )
        assert [isinstance(block.attention, Attention) for block in generator.decoder] == [False, False, True] + [
            False
        ] * 3


def test_the_small_preset_fits_on_a_processor() -> None:
    with torch.device("meta"):
        counts = [
            sum(weight.numel() for weight in kind(PRESETS["small"]).parameters())
            for kind in (ContextualGenerator, ContextualDiscriminator)
        ]
    assert sum(counts) < 8e6
    assert counts == [2_418_904, 1_384_229]


def test_every_convolution_is_spectrally_normalised(
    generator: ContextualGenerator, discriminator: ContextualDiscriminator
) -> None:
    for network in (generator, discriminator):
        convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
        assert convolutions and all(isinstance(module, SpectralConv) for module in convolutions)


def test_the_norm_of_a_spectral_convolution_is_one() -> None:
    torch.manual_seed(3)
    conv = SpectralConv(5, 7, 3).train()
    with torch.no_grad():
        conv.weight.mul_(3.0)
        for _ in range(100):
            conv(torch.zeros(1, 5, 4, 4))
        conv.eval()
        before = conv.u.clone()
        normalised = conv.weight / conv._largest_singular_value(update=False)
        assert torch.linalg.matrix_norm(normalised.flatten(1), 2).item() == pytest.approx(1, abs=1e-4)
        x = torch.randn(2, 5, 9, 9)
        torch.testing.assert_close(conv(x), nn.functional.conv2d(x, normalised, conv.bias, padding=1))
        assert torch.equal(conv.u, before)


def test_lesion_and_combined_obey_their_bounds(generator: ContextualGenerator) -> None:
    tissue = context()
    with torch.inference_mode():
        lesion, combined = generator(tissue, generator.draw_scalars(2))
    assert lesion.abs().max() > 0.05
    assert torch.equal(combined, (tissue + lesion).clamp(-1, 1))
    assert lesion.abs().max() <= 1
    inner = torch.zeros(64, 64, dtype=torch.bool)
    inner[5:-5, 5:-5] = True
    assert (lesion[:, :, ~inner] == 0).all()
    assert (lesion[:, :, inner] != 0).any()
    assert torch.equal(combined[:, :, ~inner], tissue[:, :, ~inner])


def test_every_scalar_changes_the_lesion(generator: ContextualGenerator) -> None:
    tissue, scalars = context(1), torch.zeros(1, TINY.scalars)
    with torch.inference_mode():
        base = generator(tissue, scalars).lesion
        assert torch.equal(base, generator(tissue, scalars).lesion)
        for index in range(TINY.scalars):
            moved = scalars.clone()
            moved[0, index] = 1.0
            assert not torch.equal(base, generator(tissue, moved).lesion), index


def test_a_plane_of_noise_reaches_its_own_surroundings_first() -> None:
    torch.manual_seed(0)
    network = ContextualGenerator(replace(TINY, noise_sizes=(8, 16), attention_size=4)).eval()
    assert network.config.scalars == 8 + 64 + 256
    scalars = network.draw_scalars(1).repeat(2, 1)
    scalars[1, 8 + 64 + 16 * 4 + 4] *= -1  # row 4 and column 4 of the finer plane
    first, second = network(context(1).repeat(2, 1, 1, 1), scalars).lesion
    changed = (first != second)[0].nonzero()
    assert len(changed) and (changed >= 8).all() and (changed < 32).all()


def test_a_centred_lesion_ends_on_a_disc(generator: ContextualGenerator) -> None:
    torch.manual_seed(0)
    network = ContextualGenerator(replace(TINY, centred=True)).eval()
    with torch.no_grad():
        network.to_lesion.bias.fill_(4.0)
    for side in (64, 32):
        lesion = network(context(2, side), network.draw_scalars(2)).lesion
        places = (torch.arange(side) + 0.5) * (2 / side) - 1
        distance = torch.hypot(places[:, None], places[None])
        assert not lesion[:, 0, distance > 0.95].any()
        assert lesion.abs().max() < 1
        assert (lesion[:, 0, distance < 0.6].abs() > 0).all()


def test_noise_needs_a_map_of_its_size() -> None:
    with pytest.raises(ValueError, match="no map of the decoder has a side of 12"):
        replace(TINY, noise_sizes=(12,))


def test_a_sample_does_not_depend_on_its_neighbours(generator: ContextualGenerator) -> None:
    tissue, scalars = context(3), generator.draw_scalars(3)
    with torch.inference_mode():
        together = generator(tissue, scalars).lesion
        alone = generator(tissue[1:2], scalars[1:2]).lesion
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


def test_fading_goes_from_the_small_stage_to_the_full_one(
    generator: ContextualGenerator, discriminator: ContextualDiscriminator
) -> None:
    tissue, scalars = context(), generator.draw_scalars(2)
    small = nn.functional.avg_pool2d(tissue, 2)
    pair, small_pair = torch.cat([tissue, tissue], 1), torch.cat([small, small], 1)
    with torch.inference_mode():
        # At alpha 0 the new layer has no say: the small stage's lesion, doubled, and the small stage's verdict.
        expected = nn.functional.interpolate(generator(small, scalars).lesion, scale_factor=2.0)
        inside = (slice(None), slice(None), slice(6, -6), slice(6, -6))  # 5 pixels of 64 are 2 of 32, doubled 4
        assert torch.equal(generator(tissue, scalars, 0.0).lesion[inside], expected[inside])
        assert torch.equal(discriminator(pair, 0.0), discriminator(small_pair))
        for network, args in ((generator, (tissue, scalars)), (discriminator, (pair,))):
            full = network(*args)
            nearly = network(*args, 1 - 1e-6)
            first = lambda out: out[0] if isinstance(out, tuple) else out  # noqa: E731
            torch.testing.assert_close(first(full), first(nearly), atol=1e-4, rtol=1e-3)
            assert not torch.equal(first(full), first(network(*args, 0.5)))


def test_attention_starts_as_nothing_and_looks_everywhere() -> None:
    torch.manual_seed(4)
    attention = Attention(16).eval()
    x = torch.randn(1, 16, 8, 8)
    assert torch.equal(attention(x), x)
    with torch.no_grad():
        attention.strength.fill_(1.0)
        far = x.clone()
        far[0, :, 7, 7] += 3
        assert not torch.equal(attention(x)[0, :, 0, 0], attention(far)[0, :, 0, 0])


def test_the_gradient_penalty_reaches_every_weight(discriminator: ContextualDiscriminator) -> None:
    discriminator.train()
    with torch.no_grad():
        for module in discriminator.attentions:
            if isinstance(module, Attention):
                module.strength.fill_(0.5)
    images = torch.cat([context(), context()], 1).requires_grad_()
    logits = discriminator(images, 0.5)
    (gradient,) = torch.autograd.grad(logits[:, Answer.REAL].sum(), images, create_graph=True)
    (gradient.flatten(1).norm(dim=1) - 1).square().mean().backward()
    for name, parameter in discriminator.named_parameters():
        if name.endswith("weight") or name.endswith("strength"):
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_every_weight_of_the_generator_learns(generator: ContextualGenerator) -> None:
    generator.train()
    generator(context(), generator.draw_scalars(2), 0.5).combined.square().sum().backward()
    dead = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda g, d: g(context(1, 48), g.draw_scalars(1)), "64 or 32 pixels"),
        (lambda g, d: g(context(1), torch.zeros(1, 3)), r"scalars: expected \(1, 8\)"),
        (lambda g, d: g(context(1), g.draw_scalars(1), 1.5), "alpha"),
        (lambda g, d: d(context(1)), "2 channels"),
        (lambda g, d: ContextualConfig(size=128), "channels: 6 blocks"),
        (lambda g, d: ContextualConfig(discriminator_images=3), "discriminator_images"),
        (lambda g, d: ContextualConfig(border_px=128), "border_px"),
    ],
)
def test_wrong_shapes_are_named(
    wrong: object, message: str, generator: ContextualGenerator, discriminator: ContextualDiscriminator
) -> None:
    with pytest.raises(ValueError, match=message):
        wrong(generator, discriminator)  # type: ignore[operator]
