"""StyleGAN2 against a naive float64 reference, and what training and editing need of it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synthmammo.models.nets import ops
from synthmammo.models.nets.stylegan2 import Discriminator, Generator, StyleGAN2Config
from tests.support import naive_stylegan2 as naive

SMALL = StyleGAN2Config(resolution=32, z_dim=16, w_dim=24, mapping_layers=2, channel_base=256, channel_max=12)


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """All weights non-trivial: fresh networks have zero biases, noise strengths and averages, which hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.ndim < 2 and "noise_const" not in name:
                tensor.add_(0.3 * torch.randn(tensor.shape, generator=generator))
    return network.eval()


def make(kind: type[nn.Module], config: StyleGAN2Config, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return randomised(kind(config), seed)


def weights(network: nn.Module) -> naive.Weights:
    return {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}


def one_hot(count: int, classes: int) -> torch.Tensor:
    return torch.eye(classes)[torch.arange(count) % classes]


CONFIGS = [
    SMALL,
    StyleGAN2Config(8, 3, 8, 8, 8, 0, 64, 8),
    StyleGAN2Config(64, 1, 20, 16, 3, 2, 512, 10),
    StyleGAN2Config(16, 2, 8, 12, 1, 3, 100, 7),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_generator_equals_the_equations(config: StyleGAN2Config) -> None:
    generator = make(Generator, config)
    z, label = torch.randn(2, config.z_dim), one_hot(2, config.classes) if config.classes else None
    tensors = weights(generator)
    expected = []
    for i in range(2):
        given_label = None if label is None else label[i].double().numpy()
        w = naive.mapping(naive.under(tensors, "mapping"), z[i].double().numpy(), given_label, config.mapping_layers)
        near = tensors["mapping.w_avg"] + 0.7 * (w - tensors["mapping.w_avg"])
        ws = np.stack([near] * 3 + [w] * (config.latents - 3))
        expected.append(naive.synthesis(naive.under(tensors, "synthesis"), ws, config.resolution))
    recorded = generator(z, label, psi=0.7, cutoff=3)
    with torch.inference_mode():
        in_place = generator(z, label, psi=0.7, cutoff=3)
    for images in (recorded.detach(), in_place):
        np.testing.assert_allclose(images.numpy(), np.stack(expected), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_discriminator_equals_the_equations(config: StyleGAN2Config) -> None:
    discriminator = make(Discriminator, config)
    images = torch.randn(6, config.image_channels, config.resolution, config.resolution)
    label = one_hot(6, config.classes) if config.classes else None
    given_labels = None if label is None else label.double().numpy()
    # Of 6 samples the largest groups of at most 4 that fit have 3.
    expected = naive.discriminator(weights(discriminator), images.double().numpy(), 3, given_labels)
    with torch.inference_mode():
        scores = discriminator(images, label)
    np.testing.assert_allclose(scores.numpy(), expected, atol=1e-4, rtol=1e-4)


def test_published_sizes() -> None:
    # Measured on the published code at 512, one channel.
    with torch.device("meta"):  # no memory is filled
        for base, generator_m, discriminator_m in ((32768, 30.27, 28.98), (16384, 24.86, 24.03)):
            config = StyleGAN2Config(channel_base=base)
            for kind, millions in ((Generator, generator_m), (Discriminator, discriminator_m)):
                count = sum(tensor.numel() for tensor in kind(config).parameters())
                assert count / 1e6 == pytest.approx(millions, abs=0.006)


def test_every_entry_point_gives_the_same_image() -> None:
    generator = make(Generator, SMALL)
    z = torch.randn(3, SMALL.z_dim)
    with torch.inference_mode():
        images = generator(z)
        w = generator.mapping(z)
        ws = generator.latents(z)
        assert ws.shape == (3, SMALL.latents, SMALL.w_dim)
        for again in (
            generator.synthesis(w),
            generator.synthesis(ws),
            generator.synthesis.render(generator.synthesis.styles(w)),
        ):
            assert torch.equal(images, again)


@pytest.mark.parametrize("numbers", [1, 2000, 7000])
def test_up_convolution_in_strips_equals_the_whole(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(2, 5, 13, 13), torch.randn(6, 5, 3, 3)
    whole = ops._up_conv(x, weight)
    monkeypatch.setattr(ops, "_STRIP_NUMBERS", numbers)
    torch.testing.assert_close(ops._up_conv_in_strips(x, weight, torch.ones(())), whole, atol=1e-5, rtol=1e-5)


def test_a_style_reaches_its_own_layer_and_those_after_it_only() -> None:
    generator = make(Generator, SMALL)
    synthesis = generator.synthesis
    with torch.inference_mode():
        styles = synthesis.styles(generator.mapping(torch.randn(1, SMALL.z_dim)))
        assert tuple(styles) == synthesis.layers
        before: dict[str, torch.Tensor] = {}
        synthesis.render(styles, tap=lambda name, x: before.update({name: x.clone()}))
        edited = styles | {"b16.conv0": styles["b16.conv0"] + 1}
        after: dict[str, torch.Tensor] = {}
        synthesis.render(edited, tap=lambda name, x: after.update({name: x.clone()}))
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["b16.conv0", "b16.conv1", "b32.conv0", "b32.conv1"]
    assert [name for name in synthesis.layers if not name.endswith("torgb")] == list(before)


def test_the_image_layer_shares_its_w_with_the_next_convolution() -> None:
    synthesis = make(Generator, SMALL).synthesis
    indices = [synthesis.latent_of(name) for name in synthesis.layers]
    assert indices == [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7]
    assert max(indices) == SMALL.latents - 1


def test_rendering_leaves_the_weights_as_they_are() -> None:
    config = StyleGAN2Config(8, 1, 4, 4, 1, 0, 8, 1)  # one channel: the constant's memory fits every format
    generator = make(Generator, config)
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    with torch.inference_mode():
        first = generator(torch.zeros(1, 4) + 1)
        assert torch.equal(first, generator(torch.zeros(1, 4) + 1))
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())


def test_noise_moves_the_image_only_by_its_strength() -> None:
    generator = make(Generator, SMALL)
    w = generator.mapping(torch.randn(1, SMALL.z_dim))
    noise = generator.synthesis.draw_noise(1, torch.Generator().manual_seed(5))
    same = generator.synthesis.draw_noise(1, torch.Generator().manual_seed(5))
    with torch.inference_mode():
        drawn = generator.synthesis(w, noise)
        assert torch.equal(drawn, generator.synthesis(w, same))
        assert not torch.equal(drawn, generator.synthesis(w))
        for name, parameter in generator.named_parameters():
            if name.endswith("noise_strength"):
                parameter.zero_()
        assert torch.equal(generator.synthesis(w, noise), generator.synthesis(w))


def test_truncation_to_nothing_is_the_mean_image() -> None:
    generator = make(Generator, SMALL)
    with torch.inference_mode():
        images = generator(torch.randn(2, SMALL.z_dim), psi=0.0)
        mean = generator.synthesis(generator.mapping.w_avg[None].expand(2, -1))
    assert torch.equal(images, mean)


def test_the_running_mean_moves_by_its_decay() -> None:
    mapping = make(Generator, SMALL).mapping
    start, w = mapping.w_avg.clone(), torch.randn(7, SMALL.w_dim)
    mapping.track(w)
    torch.testing.assert_close(mapping.w_avg, 0.995 * start + 0.005 * w.mean(0))


def test_second_derivatives_are_right() -> None:
    # R1 differentiates the gradient by the image, path length that by w; numbers against finite differences.
    config = StyleGAN2Config(8, 1, 4, 4, 1, 0, 32, 4)
    generator, discriminator = make(Generator, config).double(), make(Discriminator, config).double()
    image, w = torch.randn(2, 1, 8, 8, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)

    def penalty(which: str) -> torch.Tensor:
        if which == "r1":
            at = image.clone().requires_grad_()
            out = discriminator(at)
        else:
            at = w.clone().requires_grad_()
            out = generator.synthesis(at)
        (gradient,) = torch.autograd.grad(out.sum(), at, create_graph=True)
        return gradient.square().sum()

    for which, parameter in (
        ("r1", discriminator.b8.conv0.weight),
        ("path", generator.synthesis.b8.conv0.weight),
        ("path", generator.synthesis.b8.conv1.affine.weight),
    ):
        (analytic,) = torch.autograd.grad(penalty(which), parameter)
        step, index = 1e-5, tuple(int(i) for i in np.unravel_index(int(analytic.abs().argmax()), analytic.shape))
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[index] += sign * step
            values.append(penalty(which).item())
            with torch.no_grad():
                parameter[index] -= sign * step
        assert analytic[index].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3)


def test_every_weight_gets_a_gradient() -> None:
    generator, discriminator = make(Generator, SMALL), make(Discriminator, SMALL)
    discriminator(generator(torch.randn(4, SMALL.z_dim))).sum().backward()
    for network in (generator, discriminator):
        missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        # The bias of the last image layer of the generator moves all pixels; every other weight matters too.
        assert missing == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(dtype: torch.dtype) -> None:
    generator, discriminator = make(Generator, SMALL), make(Discriminator, SMALL)
    with torch.inference_mode():
        styles = generator.synthesis.styles(generator.mapping(torch.randn(2, SMALL.z_dim)))
        exact, near = generator.synthesis.render(styles), generator.synthesis.render(styles, dtype=dtype)
        assert near.dtype == torch.float32
        assert (near - exact).abs().max() < 0.05 * exact.abs().max()
        # A hundred times larger weights: the normalisation must keep half precision from overflowing.
        generator.synthesis.b32.conv1.weight.mul_(1e4)
        assert generator.synthesis.render(styles, dtype=dtype).isfinite().all()
        assert discriminator(exact, dtype=dtype).dtype == torch.float32
        assert (discriminator(exact, dtype=dtype) - discriminator(exact)).abs().max() < 0.1


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 8))
def test_the_batch_deviation_is_the_same_for_a_whole_group(count: int, group: int) -> None:
    x = torch.randn(count, 2, 3, 3, generator=torch.Generator().manual_seed(count))
    out = ops.append_batch_deviation(x, group)
    assert torch.equal(out[:, :2], x)
    values = out[:, 2].flatten(1)
    assert (values == values[:, :1]).all()
    used = max(size for size in range(1, group + 1) if count % size == 0)
    assert len(set(values[:, 0].tolist())) <= count // used


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda g, d: g(torch.randn(1, 16), torch.ones(1, 2)), "0 classes"),
        (lambda g, d: g.synthesis(torch.randn(1, 3)), r"w: expected \(N, 24\)"),
        (lambda g, d: d(torch.randn(1, 3, 32, 32)), r"image: expected \(N, 1, 32, 32\)"),
        (lambda g, d: StyleGAN2Config(resolution=48), "resolution"),
        (lambda g, d: StyleGAN2Config(z_dim=0), "z_dim"),
    ],
)
def test_wrong_shapes_are_named(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong(make(Generator, SMALL), make(Discriminator, SMALL))  # type: ignore[operator]


def test_prepared_weights_are_kept_while_they_stay_and_made_anew_after_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, weight = [], nn.Parameter(torch.randn(3, 2, 3, 3))
    monkeypatch.setattr(ops.Kernel, "of", lambda weight, dtype: prepared.append(dtype) or ops.Kernel(weight, weight))
    kept = ops.KeptKernel()
    with torch.no_grad():
        first = kept.of(weight, torch.float32)
        assert kept.of(weight, torch.float32) is first and len(prepared) == 1
        weight.mul_(2)
        assert kept.of(weight, torch.float32) is not first
        weight.data = weight.data.clone()
        kept.of(weight, torch.float32)
        kept.of(weight, torch.float16)
    assert len(prepared) == 4
    kept.of(weight, torch.float16)  # with gradients the weights are part of the graph
    assert len(prepared) == 5


@pytest.mark.parametrize("count", [1, 3])
def test_noise_bias_and_activation_in_rows_equal_the_whole_to_the_bit(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, bias = torch.randn(count, 3, 9, 8).contiguous(memory_format=torch.channels_last), torch.randn(3, 1, 1)
    for noise in (torch.randn(1, 9, 8), torch.randn(count, 1, 9, 8), torch.zeros(count, 1, 1, 1)):
        whole = ops.noisy_activation(x.clone(), noise, bias)
        monkeypatch.setattr(ops, "_CACHED_NUMBERS", 100)
        with torch.no_grad():
            assert torch.equal(ops.noisy_activation(x.clone(), noise, bias), whole)
