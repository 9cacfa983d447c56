"""Training of a StyleGAN2 generator: what the discriminators see, and beginning from a trained model."""

from pathlib import Path

import pytest
import torch

from synthmammo.errors import TrainingError
from synthmammo.models.nets.stylegan2 import Generator
from synthmammo.training.objectives.augment import ALIGNED, Augmentation
from synthmammo.training.objectives.generation import GeneratorSettings
from synthmammo.training.objectives.stylegan2 import LogisticObjective, LogisticSettings
from synthmammo.training.train import train
from tests.support import training_data
from tests.support.tiny_models import STYLEGAN2


@pytest.mark.parametrize("clip", [True, False])
def test_clipped_images_are_what_would_be_written_and_have_slopes_that_lead_back(clip: bool) -> None:
    torch.manual_seed(0)
    general, settings = GeneratorSettings(clip=clip), LogisticSettings()
    objective = LogisticObjective(Generator(STYLEGAN2), general, ALIGNED, settings, torch.device("cpu"))
    last = objective.generator.synthesis.get_submodule("b64.torgb").get_parameter("bias")
    with torch.no_grad():
        last.fill_(-1.0)
    images = objective.generate(torch.zeros(4, dtype=torch.long), torch.Generator().manual_seed(0))
    assert ((images.min() >= -1) and (images.max() <= 1)) == clip
    darkest, brightest, total = int((images == -1).sum()), int((images == 1).sum()), images.numel()
    assert (darkest > 100) == (brightest > 100) == clip
    (darker,) = torch.autograd.grad(images.sum(), last, retain_graph=True)
    (brighter,) = torch.autograd.grad(-images.sum(), last)
    assert darker.item() == pytest.approx(total - darkest, rel=1e-5)
    assert brighter.item() == pytest.approx(brightest - total, rel=1e-5)


def test_noise_is_as_strong_as_said_and_on_every_image() -> None:
    noisy = Augmentation(flips=False, turns=False, shift=0, brightness=0, contrast=0, noise=0.1)
    images = noisy(torch.zeros(8, 1, 64, 64), torch.Generator().manual_seed(0), probability=0.0)
    torch.testing.assert_close(images.std((1, 2, 3)), torch.full((8,), 0.1), rtol=0.1, atol=0)


def test_an_unconditional_model_learns_from_images_of_several_classes(tmp_path: Path) -> None:
    changes = {"conditional": False, "settings": {}, "score_ticks": 0, "total_kimg": 0.008, "tick_kimg": 0.008}
    config = training_data.config(training_data.STYLEGAN2, **changes)
    done = train(config, training_data.write(tmp_path / "data"), tmp_path / "run", pretrained=False)
    assert done.finished and done.images_seen == 8


def test_images_without_a_class_are_no_condition(tmp_path: Path) -> None:
    folder = training_data.write(tmp_path / "data", ("unknown", "malignant"))
    changes = {"score_ticks": 0, "total_kimg": 0.008, "tick_kimg": 0.008}
    with pytest.raises(TrainingError, match="20 images have no class, which is the condition"):
        train(training_data.config(training_data.STYLEGAN2, **changes), folder, tmp_path / "run", pretrained=False)
    free = training_data.config(training_data.STYLEGAN2, **changes, conditional=False, settings={})
    assert train(free, folder, tmp_path / "free", pretrained=False).finished
