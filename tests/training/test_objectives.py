"""Laws of the objectives: augmentation, averages, penalties and mixing, on tiny networks."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.models.features import SCALES, Features
from synthmammo.models.nets.comodulated import ComodulatedConfig, ComodulatedGenerator
from synthmammo.models.nets.contextual import ContextualConfig, ContextualGenerator
from synthmammo.models.nets.ops import clipped
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.training.objectives.augment import ALIGNED, Augmentation, oriented
from synthmammo.training.objectives.base import Batch, annealed, average_decay, move_average
from synthmammo.training.objectives.contextual import ContextualObjective, ContextualSettings, perturbation
from synthmammo.training.objectives.contextual_projected import (
    ContextualProjectedObjective,
    ContextualProjectedSettings,
    differences,
    form_loss,
    measures,
    variety_loss,
)
from synthmammo.training.objectives.generation import GeneratorSettings
from synthmammo.training.objectives.insertion import InsertionBatch
from synthmammo.training.objectives.projected import (
    ClassProbe,
    ProjectedObjective,
    ProjectedSettings,
    Projection,
    deviation_within_classes,
)
from synthmammo.training.objectives.stylegan2 import LogisticObjective, LogisticSettings

CPU = torch.device("cpu")
SHAPE = StyleGAN2Config(32, 1, 8, 8, 1, 2, 128, 8)
STILL = Augmentation(flips=False, turns=False, shift=0, brightness=0, contrast=0)


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 4, side: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, side, side, generator=source(seed)) * 2 - 1


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_flips_turns_and_shifts_only_move_pixels(seed):
    given_images = images(6, 16, seed)
    moved = replace(STILL, flips=True, turns=True)(given_images, source(seed))
    assert torch.equal(moved.flatten(1).sort()[0], given_images.flatten(1).sort()[0])
    for image, before in zip(moved, given_images, strict=True):
        turned = [torch.rot90(side, k, (1, 2)) for side in (before, before.flip(2)) for k in range(4)]
        assert any(torch.equal(image, option) for option in turned)
    shifted = replace(STILL, shift=0.25)(given_images, source(seed))
    for image, before in zip(shifted, given_images, strict=True):
        padded = torch.nn.functional.pad(before[None], (4, 4, 4, 4), mode="reflect")[0]
        windows = padded.unfold(1, 16, 1).unfold(2, 16, 1)[0]
        assert (windows == image[0]).all((2, 3)).any()


def test_all_eight_orientations_come_up():
    image = torch.arange(9.0).reshape(1, 1, 3, 3).expand(400, -1, -1, -1)
    moved = replace(STILL, flips=True, turns=True)(image, source())
    counts = torch.unique(moved.flatten(1), dim=0, return_counts=True)[1]
    assert len(counts) == 8 and counts.min() > 20


def test_probability_zero_is_the_identity_and_one_touches_all():
    strong = Augmentation(cutout=0.5)
    assert torch.equal(strong(images(8), source(), 0.0), images(8))
    assert (strong(images(8), source()) != images(8)).any((1, 2, 3)).all()


def test_brightness_and_contrast_are_as_strong_as_said():
    flat = torch.zeros(4000, 1, 2, 2) + torch.tensor([-1.0, 1.0])
    bright = replace(STILL, brightness=0.3)(flat, source()) - flat
    assert bright.mean((1, 2, 3)).std().item() == pytest.approx(0.3, rel=0.05)
    factors = replace(STILL, contrast=0.5)(flat, source())[:, 0, 0, 1]
    assert factors.log2().std().item() == pytest.approx(0.5, rel=0.05)
    assert replace(STILL, contrast=0.5)(flat, source()).mean((1, 2, 3)).abs().max() < 1e-6


def test_aligned_images_keep_their_orientation():
    ramp = torch.linspace(-1, 1, 16).expand(50, 1, 16, 16)
    moved = replace(ALIGNED, shift=0.0)(ramp, source())
    assert (moved.diff(dim=3) > 0).all() and (moved.diff(dim=2).abs() < 1e-6).all()


def test_augmentation_is_differentiable():
    image = images(2, 8).double().requires_grad_()
    augmented = Augmentation(cutout=0.25)

    def loss(x):
        return augmented(x, source()).square().sum()

    assert torch.autograd.gradcheck(loss, (image,))


def test_the_half_life_is_what_it_is_called():
    decay = average_decay(16, 1.0, 10**9, 0.0)
    assert decay ** (1000 / 16) == pytest.approx(0.5)
    assert average_decay(16, 1.0, 1000, 0.1) ** (100 / 16) == pytest.approx(0.5)
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    expected = 0.75 * first.weight + 0.25 * second.weight
    move_average(first, second, 0.75)
    torch.testing.assert_close(first.weight, expected)


def test_rates_fall_to_a_tenth_between_two_counts():
    factors = [annealed(images, (1.0, 3.0)) for images in (0, 1000, 2000, 3000, 9000)]
    assert factors == pytest.approx([1, 1, math.sqrt(0.1), 0.1, 0.1])
    assert annealed(9000, None) == 1 and annealed(1000, (1.0, 1.0)) == 1 and annealed(1001, (1.0, 1.0)) == 0.1


def test_rates_are_those_of_the_image_count_also_after_a_resumption():
    objective = insertion(learning_rate=1e-3, anneal_kimg=(0.0, 1.0))
    objective.images_seen = 500
    objective.step(pairs(), source())
    rate = objective.optimisers["generator"].param_groups[0]["lr"]
    assert rate == pytest.approx(1e-3 * math.sqrt(0.1))
    resumed = insertion(learning_rate=1e-3, anneal_kimg=(0.0, 1.0))
    resumed.restore(copy.deepcopy(objective.state()))
    resumed.images_seen = 500
    resumed.step(pairs(), source())
    assert resumed.optimisers["generator"].param_groups[0]["lr"] == pytest.approx(rate)


def test_a_model_is_whole_when_nothing_is_left_to_fade_in():
    objective = insertion(small_kimg=(0.008,), fade_steps=2)
    whole = []
    for _ in range(5):
        whole.append(objective.grown)
        objective.step(pairs(), source())
    assert whole == [False, False, False, False, True]


def test_eight_orientations_of_which_each_is_its_own():
    image = images(1)
    turned = oriented(image.repeat(8, 1, 1, 1), torch.arange(8))
    assert torch.equal(turned[0], image[0])
    assert len({tuple(x.flatten().tolist()) for x in turned}) == 8
    by_hand = {tuple(x.rot90(k, (1, 2)).flatten().tolist()) for x in (image[0], image[0].flip(2)) for k in range(4)}
    assert {tuple(x.flatten().tolist()) for x in turned} == by_hand


def projected(**changes: object) -> ProjectedObjective:
    torch.manual_seed(0)
    settings_ = ProjectedSettings(**changes)
    return ProjectedObjective(Generator(SHAPE), Features(pretrained=False), GeneratorSettings(), STILL, settings_, CPU)


def test_mixing_is_fixed_by_its_seed_and_needs_no_global_state():
    torch.manual_seed(0)
    features = Features(pretrained=False)
    maps = [Projection(features, seed)(images())[0] for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(maps[0], maps[1], strict=True))
    assert not torch.equal(maps[0][0], maps[2][0])
    assert [x.shape[2] for x in maps[0]] == [8, 4, 2, 1]


def test_every_scale_but_the_coarsest_sees_the_coarser_ones():
    torch.manual_seed(0)
    projection = Projection(Features(pretrained=False), 0)
    before = projection(images())[0]
    with torch.no_grad():
        projection.across_channels[3].weight.mul_(2)
    after = projection(images())[0]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    with torch.no_grad():
        projection.across_channels[0].weight.mul_(2)
    last = projection(images())[0]
    assert [torch.equal(a, b) for a, b in zip(after, last, strict=True)] == [False, True, True, True]


def test_preparing_matches_contrast_and_fits_the_probe():
    objective = projected()
    labels = torch.arange(16) % 2
    real = images(16) * 0.2 + 0.3 + 0.3 * labels[:, None, None, None]
    objective.prepare(lambda epoch: [Batch(real, labels)], source())
    fake = objective.generate(torch.arange(64) % 2, source(1))
    assert fake.std(0).mean().item() == pytest.approx(real.std(0).mean().item(), rel=0.3)
    assert fake.mean().item() == pytest.approx(real.mean().item(), abs=0.1)
    means = objective._project(real)[1]
    assert (objective.probe(means).argmax(1) == labels).float().mean() > 0.9


def test_adapting_teaches_the_classes_to_a_copy_of_the_extractor():
    torch.manual_seed(0)
    features = Features(pretrained=False)
    before = {name: weight.clone() for name, weight in features.state_dict().items()}
    settings_ = ProjectedSettings(adapt_kimg=0.256)
    objective = ProjectedObjective(Generator(SHAPE), features, GeneratorSettings(), STILL, settings_, CPU)
    labels = torch.arange(16) % 2
    stripes = torch.where(torch.arange(32) % 2 == 0, 0.2, -0.2)
    real = images(16) * 0.3 + torch.where(labels[:, None, None, None] == 1, stripes, stripes[:, None])
    epochs = []

    def epoch(number):
        epochs.append(number)
        return [Batch(real, labels)]

    objective.prepare(epoch, source())
    assert epochs[:16] == list(range(16))
    assert all(torch.equal(weight, before[name]) for name, weight in features.state_dict().items())
    adapted = objective.networks["extractor"]
    assert not torch.equal(adapted.stem.conv.weight, before["stem.conv.weight"])
    assert not any(weight.requires_grad for weight in adapted.parameters())
    assert [x.features for x in objective.projections] == [features, adapted]
    again = ProjectedObjective(Generator(SHAPE), features, GeneratorSettings(), STILL, settings_, CPU)
    again.restore(objective.state())
    assert torch.equal(again._project(real)[1], objective._project(real)[1])


def test_the_class_probe_is_fixed_in_training():
    objective = projected()
    batch = Batch(images(4), torch.arange(4) % 2)
    objective.prepare(lambda epoch: [batch], source())
    before = objective.probe.weight.clone()
    losses = objective.step(batch, source())
    assert torch.equal(objective.probe.weight, before)
    assert {"generator", "discriminator", "classes", "spread"} <= losses.keys()
    assert isinstance(objective.probe, ClassProbe) and objective.probe.weight.shape == (sum(SCALES), 2)


def test_deviation_within_classes_is_blind_to_what_the_class_changes():
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    offset = labels[:, None, None, None] * torch.ones(6, 2, 3, 3) * 5.0
    assert deviation_within_classes(offset, labels, 2) < 1e-3 < deviation_within_classes(offset, labels * 0, 2)
    maps = images(6, 3) + offset
    parts = [maps[labels == label] for label in (0, 1)]
    expected = torch.cat([part - part.mean(0) for part in parts]).square().mean(0).sqrt().mean()
    assert deviation_within_classes(maps, labels, 2).item() == pytest.approx(expected.item(), rel=1e-4)
    assert deviation_within_classes(maps[::2], labels[::2], 2).isfinite()  # a class that is absent from the batch


def test_variety_costs_nothing_where_there_is_enough():
    objective = projected()
    labels = torch.arange(4) % 2
    real = [images(4, side, seed=side) for side in (8, 4, 2, 1)]
    less = [x.mean(0) + 0.5 * (x - x.mean(0)) for x in real]
    assert objective._sameness(real, labels, real, labels) == pytest.approx(0, abs=1e-5)
    assert objective._sameness(less, labels, real, labels) == 0
    assert objective._sameness(real, labels, less, labels).item() == pytest.approx(3 * 0.5, abs=0.01)  # 1 x 1 has none


def test_brightness_alone_is_no_variety():
    objective = projected()
    labels = torch.arange(4) % 2
    real = [images(4, 8, seed=scale) for scale in range(4)]
    brighter = [x[:1] + torch.arange(4.0)[:, None, None, None] for x in real]
    assert objective._sameness(real, labels, brighter, labels).item() == pytest.approx(4, abs=0.01)


def test_without_classes_there_is_no_probe():
    torch.manual_seed(0)
    shape = replace(SHAPE, classes=0)
    objective = ProjectedObjective(
        Generator(shape), Features(pretrained=False), GeneratorSettings(), STILL, ProjectedSettings(), CPU
    )
    losses = objective.step(Batch(images(4), torch.zeros(4, dtype=torch.long)), source())
    assert "classes" not in losses and objective.sample(torch.randn(2, 8), torch.zeros(2)).shape == (2, 1, 32, 32)


def test_without_a_probe_only_the_first_batch_is_read():
    read = []

    def batches(epoch: int):
        for number in range(5):
            read.append(number)
            yield Batch(images(4), torch.arange(4) % 2)

    projected(class_weight=0.0).prepare(batches, source())
    assert read == [0]
    read.clear()
    projected().prepare(batches, source())
    assert read == [0, 1, 2, 3, 4]


def test_annealing_follows_the_images_seen():
    objective = projected()
    objective.images_seen = 2000
    objective.anneal((1.0, 3.0))
    rate = objective.optimisers["generator"].param_groups[0]["lr"]
    assert rate == pytest.approx(ProjectedSettings().learning_rate * annealed(2000, (1.0, 3.0)))
    objective.anneal(None)
    assert objective.optimisers["generator"].param_groups[0]["lr"] == ProjectedSettings().learning_rate


def logistic(**changes: object) -> LogisticObjective:
    torch.manual_seed(0)
    settings_ = LogisticSettings(**changes)
    return LogisticObjective(Generator(SHAPE), GeneratorSettings(), Augmentation(), settings_, CPU)


def test_lazy_penalties_come_when_they_are_due():
    objective = logistic(penalty_steps=3, path_steps=2, augment_target=None)
    draws = source()
    found = [objective.step(Batch(images(4, seed=n), torch.arange(4) % 2), draws).keys() for n in range(6)]
    assert ["r1" in names for names in found] == [True, False, False, True, False, False]
    assert ["path_penalty" in names for names in found] == [True, False] * 3
    betas = objective.optimisers["discriminator"].param_groups[0]
    assert betas["lr"] == pytest.approx(0.002 * 3 / 4) and betas["betas"][1] == pytest.approx(0.99**0.75)


def test_r1_is_the_squared_slope_at_real_images():
    objective = logistic(gamma=1.0)
    objective.probability = 0.0
    batch = Batch(images(4), torch.arange(4) % 2)
    real = batch.images.clone().requires_grad_()
    scores = objective.discriminator(real, torch.eye(2)[batch.labels])
    (slope,) = torch.autograd.grad(scores.sum(), real)
    found = objective._penalise(batch, source())["r1"]
    assert found == pytest.approx(slope.square().sum((1, 2, 3)).mean().item(), rel=1e-4)


def test_the_mean_path_length_is_tracked():
    objective = logistic()
    first = objective._regularise_paths(2, source())
    # The mean begins at 0 and moves by 1 %.
    length = first["path_length"] / 0.01
    assert first["path_penalty"] == pytest.approx((length - first["path_length"]) ** 2, rel=0.5)
    assert length > 0


@pytest.mark.parametrize(("sign", "start", "expected"), [(1.0, 0.5, 0.516), (-1.0, 0.5, 0.484), (-1.0, 0.0, 0.0)])
def test_the_augmentation_follows_the_discriminator(sign, start, expected):
    objective = logistic(augment_start=start, augment_kimg=1.0)
    for _ in range(4):
        objective._adjust(sign, 4)
    assert objective.probability == pytest.approx(expected)


def test_clipped_pixels_are_drawn_back_but_never_driven_further_out():
    made = torch.tensor([-3.0, -3.0, -1.0, 0.5, 1.0, 2.0, 2.0], requires_grad=True)
    shown = clipped(made)
    assert torch.equal(shown.detach(), made.detach().clamp(-1, 1))
    shown.backward(torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0]))  # descent moves each by minus this
    assert made.grad.tolist() == [0.0, -1.0, 1.0, 1.0, -1.0, 1.0, 0.0]
    with torch.no_grad():
        assert torch.equal(clipped(made), made.clamp(-1, 1))


def test_style_mixing_gives_late_layers_another_latent():
    objective = logistic()
    labels = torch.zeros(200, dtype=torch.long)
    latents = objective.latents(labels, source())
    same = (latents == latents[:, :1]).all(2)
    assert same[:, 0].all()
    share = (~same[:, -1]).float().mean().item()
    assert share == pytest.approx(0.9, abs=0.07)
    assert (same.int().diff(dim=1) <= 0).all()  # one cut, never back
    objective.general = replace(objective.general, style_mixing=0.0)
    latents = objective.latents(labels, source())
    assert (latents == latents[:, :1]).all()


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


def beside(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return torch.cat([first, second], 1)


def test_the_published_discriminator_may_see_true_twins():
    torch.manual_seed(0)
    generator = ContextualGenerator(replace(CONTEXTUAL, discriminator_images=2))
    objective = ContextualObjective(generator, ContextualSettings(small_kimg=(), fade_steps=0), CPU)
    batch = replace(roles(benign=False), real=images(4, seed=1).repeat(1, 2, 1, 1))
    batch = replace(batch, normal=batch.normal.repeat(1, 2, 1, 1))
    assert all(math.isfinite(value) for value in objective.step(batch, source()).values())


INSERTION = ContextualConfig(64, (4, 6, 8, 8), (4, 4, 4, 4), 16, 2, 2, (8,))


def insertion(images_seen: int = 2, **changes: object) -> ContextualProjectedObjective:
    torch.manual_seed(0)
    shape = replace(INSERTION, discriminator_images=images_seen)
    settings = ContextualProjectedSettings(**{"small_kimg": (), "fade_steps": 0, **changes})
    features = Features(pretrained=False)
    return ContextualProjectedObjective(ContextualGenerator(shape), features, STILL, settings, torch.float32, CPU)


def pairs(count: int = 4) -> InsertionBatch:
    tissue = images(count, 64) * 0.3
    lesion = torch.zeros_like(tissue)
    lesion[: count // 2, :, 20:30, 20:30] = 0.5
    lesion[count // 2 :, :, 30:40, 25:45] = 0.3
    return InsertionBatch(tissue, beside(tissue + lesion, tissue), None, beside(tissue, tissue))


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
