"""The objectives of contextual GANs."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from synthmammo.models.features import Features
from synthmammo.models.nets.comodulated import ComodulatedConfig, ComodulatedGenerator
from synthmammo.models.nets.contextual import ContextualConfig, ContextualGenerator
from synthmammo.training.objectives.contextual import ContextualObjective, ContextualSettings, perturbation
from synthmammo.training.objectives.contextual_projected import (
    ContextualProjectedObjective,
    ContextualProjectedSettings,
    differences,
    form_loss,
    measures,
    variety_loss,
)
from synthmammo.training.objectives.insertion import InsertionBatch
from tests.support.objective_data import CPU, STILL, images, insertion, pairs, source

CONTEXTUAL = ContextualConfig(32, (4, 6, 8), (4, 6, 8), 8, 2, 1)


def contextual(**changes: object) -> ContextualObjective:
    torch.manual_seed(0)
    return ContextualObjective(ContextualGenerator(CONTEXTUAL), ContextualSettings(**changes), CPU)


def roles(benign: bool = True) -> InsertionBatch:
    return InsertionBatch(images(4), images(4, seed=1), images(4, seed=2) if benign else None, images(4, seed=3))


def test_the_four_way_loss_is_the_weighted_sum():
    objective = contextual(small_kimg=(), fade_steps=0, penalty_weight=0.0)
    losses = objective._update_discriminator(roles(), source())
    parts = losses["real"] + losses["fake"] + losses["normal"] + losses["benign"]
    assert losses["discriminator"] == pytest.approx(parts)
    # A fresh network knows nothing: each cross-entropy is about log 4, those of benign and normal weigh a fifth.
    for name, weight in (("real", 1), ("fake", 1), ("normal", 0.2), ("benign", 0.2)):
        assert losses[name] == pytest.approx(weight * math.log(4), rel=0.5), name
    assert "benign" not in objective._update_discriminator(roles(benign=False), source())


def test_the_penalty_is_squared_and_least_at_its_norm():
    objective = contextual(small_kimg=(), fade_steps=0, penalty_weight=2.0, penalty_norm=0.7)
    real = images(4)
    at = (real + perturbation(real, "seed", source())).requires_grad_()
    (slope,) = torch.autograd.grad(objective.discriminator(at, 1.0)[:, 0].sum(), at)
    expected = 2 * (slope.flatten(1).norm(dim=1) - 0.7).square().mean()
    assert objective._penalty(real, source()).item() == pytest.approx(expected.item(), rel=1e-3)


def test_the_two_perturbations():
    real = images(300, 4) * 0.1
    seed = perturbation(real, "seed", source())
    assert seed.min() >= 0 and seed.max() <= 1 and seed.mean().item() == pytest.approx(0.5, abs=0.02)
    dragan = perturbation(real, "dragan", source())
    assert dragan.min() >= 0 and dragan.max() <= 0.5 * real.std()
    assert dragan.amax((1, 2, 3)).std() > 0.1 * real.std()  # a share of its own for each image


def test_growing_halves_then_fades_then_is_whole():
    objective = contextual(small_kimg=(0.008,), fade_steps=4, generator_steps=1)
    found, sides = [], []
    original = objective.discriminator.forward
    objective.discriminator.forward = lambda x, alpha=1.0: sides.append(x.shape[-1]) or original(x, alpha)
    for _ in range(7):
        found.append(objective.step(roles(), source())["alpha"])
    assert found == [1.0, 1.0, 0.0, 0.25, 0.5, 0.75, 1.0]
    assert sides[0] == 16 and sides[-1] == 32


def test_a_comodulated_generator_grows_from_any_size():
    torch.manual_seed(0)
    generator = ComodulatedGenerator(ComodulatedConfig(128, 128, 8, 4, 6, 1, 0, (8,)))
    settings = ContextualProjectedSettings(small_kimg=(0.004,), fade_steps=2)
    objective = ContextualProjectedObjective(generator, Features(pretrained=False), STILL, settings, torch.float32, CPU)
    shown = watched(objective)
    batch = InsertionBatch(images(4, 128), images(4, 128).repeat(1, 2, 1, 1), None, images(4, 128).repeat(1, 2, 1, 1))
    losses = [objective.step(batch, source()) for _ in range(4)]
    assert [(loss["side"], loss["alpha"]) for loss in losses] == [(64, 1.0), (128, 0.0), (128, 0.5), (128, 1.0)]
    assert [seen.shape[-1] for seen in shown[::3]] == [64, 128, 128, 128]
    assert objective.grown and objective.fitted(images(1, 128)).shape[-1] == 128
    restored = copy.deepcopy(objective)
    restored.steps_at_size = 0
    restored.restore(objective.state())
    assert restored.steps_at_size == 3


def test_training_cannot_begin_smaller_than_the_generator_goes():
    with pytest.raises(ValueError, match="would begin at 8 pixels, the least are 16"):
        contextual(small_kimg=(1.0, 1.0))


def test_two_generator_steps_for_one_of_the_discriminator():
    objective = contextual()
    calls = {"generator": 0, "discriminator": 0}
    for name, optimiser in objective.optimisers.items():
        step = optimiser.step

        def counted(name=name, step=step):
            calls[name] += 1
            return step()

        optimiser.step = counted
    objective.step(roles(), source())
    assert calls == {"generator": 2, "discriminator": 1}


def test_the_published_discriminator_may_see_true_twins():
    torch.manual_seed(0)
    generator = ContextualGenerator(replace(CONTEXTUAL, discriminator_images=2))
    objective = ContextualObjective(generator, ContextualSettings(small_kimg=(), fade_steps=0), CPU)
    batch = replace(roles(benign=False), real=images(4, seed=1).repeat(1, 2, 1, 1))
    batch = replace(batch, normal=batch.normal.repeat(1, 2, 1, 1))
    assert all(math.isfinite(value) for value in objective.step(batch, source()).values())


def watched(objective: ContextualProjectedObjective) -> list[torch.Tensor]:
    """What the fixed network is shown from now on."""
    shown: list[torch.Tensor] = []
    objective.projection.register_forward_pre_hook(lambda module, given: shown.append(given[0].detach()))
    return shown


def test_the_fixed_network_sees_combined_untouched_and_lesion():
    objective = insertion(noise=0.0, lesion_gain=2.0)
    shown, batch = watched(objective), pairs()
    objective.step(batch, source())
    fake, real, normal = shown
    assert torch.equal(real[:, 0], batch.real[:, 0]) and torch.equal(real[:, 1], batch.real[:, 1])
    for seen in (fake, real, normal):
        assert torch.allclose(seen[:, 2], 2 * (seen[:, 0] - seen[:, 1]), atol=1e-6)
    assert not normal[:, 2].any() and len(normal) == 1
    # Every context is shown twice, with other scalars.
    assert torch.equal(fake[:2, 1], fake[2:, 1]) and torch.equal(fake[:2, 1], batch.context[:2, 0])
    assert not torch.equal(fake[:2, 0], fake[2:, 0])


def test_without_twins_it_sees_the_combined_image_alone():
    objective = insertion(images_seen=1)
    shown = watched(objective)
    batch = pairs()
    losses = objective.step(InsertionBatch(batch.context, batch.real[:, :1], None, batch.normal[:, :1]), source())
    assert all(seen.shape[1] == 1 for seen in shown) and all(map(math.isfinite, losses.values()))


def test_noise_is_on_the_combined_image_only():
    objective = insertion(noise=0.05)
    shown, batch = watched(objective), pairs()
    objective.step(batch, source())
    real = shown[1]
    assert torch.equal(real[:, 1], batch.real[:, 1])
    assert (real[:, 0] - batch.real[:, 0]).std().item() == pytest.approx(0.05, rel=0.1)


def test_lesions_that_are_alike_cost_as_much_as_real_ones_differ():
    lesions = torch.zeros(4, 1, 64, 64)
    lesions[2:, :, :32] = 0.5
    assert differences(lesions).tolist() == pytest.approx([0.25, 0.25])
    assert not differences(lesions[:2].repeat(2, 1, 1, 1)).any()
    weights = {}
    for weight in (0.0, 3.0):
        objective = insertion(variety_weight=weight)
        assert objective.step(pairs(), source())["spread"] < 1
        weights[weight] = objective.generator.to_lesion.weight
    assert not torch.equal(weights[0.0], weights[3.0])


def test_variety_is_asked_of_every_context_and_not_only_on_average():
    usual = torch.tensor([0.1, 0.2, 0.3])
    assert variety_loss(usual.flip(0), usual) < 1e-5
    even, uneven = torch.tensor([0.2, 0.2, 0.2]), torch.tensor([0.01, 0.01, 0.58])
    assert variety_loss(even, usual) < 1e-5
    # Twice a tenth of the least, once 1.93 of the most.
    expected = (2 * math.log(0.1 / 0.01) + math.log(0.58 / 0.3)) / 3
    assert variety_loss(uneven, usual).item() == pytest.approx(expected, rel=1e-2)
    assert variety_loss(even / 4, usual) > variety_loss(even / 2, usual) > 0.5


def disc(radius: float, value: float, row: int = 32) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(64.0) - row, torch.arange(64.0) - 32, indexing="ij")
    return torch.where(torch.hypot(rows, columns) < radius, value, 0.0)[None, None]


def test_measures_are_brightness_contrast_and_extent():
    small, bright, moved, large = measures(torch.cat([disc(8, 0.2), disc(8, 0.4), disc(8, 0.2, 20), disc(16, -0.2)]))
    assert small[1].exp().item() == pytest.approx(0.2, rel=1e-2)
    # The root mean square distance of a disc from its middle is its radius over the square root of 2.
    assert small[2].exp().item() == pytest.approx(8 / 64 / math.sqrt(2), rel=0.05)
    assert (bright - small).tolist() == pytest.approx([math.log(2), math.log(2), 0], abs=2e-3)
    assert torch.allclose(moved, small, atol=1e-3)
    assert (large - small).tolist() == pytest.approx([math.log(4), 0, math.log(2)], abs=0.03)
    assert torch.isfinite(measures(torch.zeros(2, 1, 64, 64))).all()


def test_lesions_must_be_spread_as_real_ones_not_only_alike_on_average():
    real = torch.cat([disc(8, 0.2), disc(12, 0.3), disc(16, 0.4)])
    assert form_loss(real.flip(0), real) < 1e-5
    same = torch.cat([disc(12, 0.3)] * 3)
    assert form_loss(same, real) > 0.1
    assert form_loss(2 * real, real).item() == pytest.approx(2 * math.log(2) / 3, rel=1e-2)
    lesions = (0.5 * real).requires_grad_()
    form_loss(lesions, real).backward()
    assert lesions.grad[lesions.detach() > 0].mean() < 0  # brighter is better
    made = {}
    for weight in (0.0, 4.0):
        objective = insertion(form_weight=weight)
        assert ("form" in objective.step(pairs(), source())) == (weight > 0)
        made[weight] = torch.cat([weights.flatten() for weights in objective.generator.parameters()])
    assert not torch.equal(made[0.0], made[4.0])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_coarse_batches_are_blurred_with_their_twins(share):
    objective = insertion(coarse_share=share, coarsest=4.0, noise=0.0)
    shown, batch = watched(objective), pairs(8)
    objective.step(batch, source(3))
    assert torch.equal(shown[1][:, 0], batch.real[:, 0]) == (share == 0)
    fine = [images[:, :1].diff(dim=3).abs().mean() for images in (shown[0][:, 1:2], shown[1], shown[1][:, 1:2])]
    assert all((step < 0.15) == (share == 1) for step in fine), fine


def test_heads_and_generator_both_learn():
    objective = insertion()
    before = {name: copy.deepcopy(network.state_dict()) for name, network in objective.networks.items()}
    objective.step(pairs(), source())
    for name, network in objective.networks.items():
        # The convolutions of the small stage are not used at full size, and attention begins with a strength of 0.
        learned = [key for key, _ in network.named_parameters() if "small" not in key and "attention" not in key]
        assert learned and not [key for key in learned if torch.equal(before[name][key], network.state_dict()[key])]
