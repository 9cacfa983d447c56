"""Laws of the objectives: augmentation, averages, penalties and mixing, on tiny networks."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.models.features import SCALES, Features
from synthmammo.models.nets.ops import clipped
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.training.objectives.augment import ALIGNED, Augmentation, oriented
from synthmammo.training.objectives.base import Batch, annealed, average_decay, move_average
from synthmammo.training.objectives.generation import GeneratorSettings
from synthmammo.training.objectives.projected import (
    ClassProbe,
    ProjectedObjective,
    ProjectedSettings,
    Projection,
    deviation_within_classes,
)
from synthmammo.training.objectives.stylegan2 import LogisticObjective, LogisticSettings
from tests.support.objective_data import CPU, STILL, images, insertion, pairs, source

SHAPE = StyleGAN2Config(32, 1, 8, 8, 1, 2, 128, 8)


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
