"""Backgrounds from a StyleGAN2: the host's protocol, the published latents, and no dependence on neighbours."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.generators.stylegan2 import StyleGAN2, quantised
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import SpacingOrigin
from synthmammo.models.file import load
from synthmammo.models.latents import draw_z
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, contextual_file, stylegan2_file


def row(index: int, seed: int | None = None, label: str = "normal", truncation: float = 0.7) -> Row:
    return Row(
        key=f"r{index}",
        index=index,
        shard="train-00000",
        split="train",
        label=label,
        host=index,
        host_seed=index if seed is None else seed,
        host_key=None,
        patient=f"p{index}",
        truncation=truncation,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors")


def padded(host: StyleGAN2, rows: list[Row]) -> list[Row]:
    return [*rows, *[rows[-1]] * (host.batch_size - len(rows))]


def test_latents_are_those_of_the_published_tools() -> None:
    expected = np.random.RandomState(85).randn(1, 512)
    np.testing.assert_array_equal(draw_z(85, 512), expected.astype(np.float32))
    large = [draw_z(seed, 16) for seed in (5, 2**32 + 5, 2**33 + 5, 2**64 - 1)]
    assert len({array.tobytes() for array in large}) == 4


def test_a_sample_is_what_the_row_and_the_model_say(model: Path) -> None:
    host = StyleGAN2(model=str(model), bits_stored=12)
    rows = [row(index) for index in range(4)]
    samples = host.render(host.latents(rows))
    assert [sample.key for sample in samples] == ["r0", "r1", "r2", "r3"]
    for made, planned in zip(samples, rows, strict=True):
        assert made.image.shape == (64, 64) and made.image.max() < 2**12
        assert made.bits_stored == 12 and made.patient == planned.patient
        assert made.spacing_mm == (0.45, 0.45) and made.spacing_origin is SpacingOrigin.KNOWN
        assert made.provenance == {
            "generator": "stylegan2",
            "model": str(model),
            "weights": load(model).digest,
            "seed": planned.host_seed,
            "truncation": 0.7,
            "noise": "fixed",
        }
    assert len({sample.image.tobytes() for sample in samples}) == 4


def test_pixels_are_the_networks_own_quantised_once(model: Path) -> None:
    network = load(model).network()
    rows = [row(index, truncation=1.0) for index in range(4)]
    for bits in (8, 12, 16):
        host = StyleGAN2(str(model), bits)
        sample = host.render(host.latents(rows))[2]
        with torch.inference_mode():
            pixels = network(torch.from_numpy(draw_z(2, 8)))[0, 0].numpy()
        difference = np.abs(sample.image.astype(int) - quantised(pixels, bits).astype(int))
        assert difference.max() <= 1


def test_a_row_does_not_depend_on_its_neighbours_or_place(model: Path) -> None:
    host = StyleGAN2(str(model))
    together = host.render(host.latents([row(index) for index in range(4)]))
    for index in range(4):
        for others in ([], [row(9)]):
            alone = host.render(host.latents(padded(host, [*others, row(index)])))[len(others)]
            assert np.array_equal(alone.image, together[index].image)


def test_noise_of_its_own_comes_from_the_rows_seed(tmp_path: Path) -> None:
    model = stylegan2_file(tmp_path / "noisy.safetensors")
    host, fixed = StyleGAN2(str(model), noise="own"), StyleGAN2(str(model))
    for network in (host.model.network, fixed.model.network):
        for name, strength in network.named_parameters():
            if name.endswith("noise_strength"):
                strength.data.fill_(0.5)
    rows = [row(index) for index in range(4)]
    together = host.render(host.latents(rows))
    alone = host.render(host.latents(padded(host, [row(9), row(2)])))[1]
    assert np.array_equal(alone.image, together[2].image)
    plain = fixed.render(fixed.latents(rows))
    assert not any(np.array_equal(own.image, other.image) for own, other in zip(together, plain, strict=True))
    same_style = [row(0), replace(row(1), host_seed=0)]
    assert np.array_equal(*(sample.image for sample in host.render(host.latents(padded(host, same_style)))[:2]))
    noise = host.latents(rows).noise
    assert noise is not None and {planes.shape[0] for planes in noise.values()} == {4}
    assert together[0].provenance["noise"] == "own" and plain[0].provenance["noise"] == "fixed"


def test_truncation_is_the_rows_own(model: Path) -> None:
    host = StyleGAN2(str(model))
    latents = host.latents([row(0, 7, truncation=psi) for psi in (0.0, 0.5, 1.0, 1.0)])
    mean = host.model.network.mapping.w_avg
    distance = [(latents.w[i] - mean).norm().item() for i in range(4)]
    assert distance[0] == 0 and distance[1] == pytest.approx(distance[2] / 2, rel=1e-5)


def test_edits_of_w_and_of_styles_reach_the_image(model: Path) -> None:
    host = StyleGAN2(str(model))
    latents = host.latents([row(index) for index in range(4)])
    plain = host.render(latents)
    with torch.inference_mode():
        styles = host.model.network.synthesis.styles(latents.w)
        assert np.array_equal(host.render(replace(latents, styles=styles))[0].image, plain[0].image)
        edited = styles | {"b8.conv0": styles["b8.conv0"].flip(1)}  # a mere factor would be normalised away
        moved = latents.w + torch.ones(())
    assert not np.array_equal(host.render(replace(latents, styles=edited))[0].image, plain[0].image)
    assert not np.array_equal(host.render(replace(latents, w=moved))[0].image, plain[0].image)


def test_the_label_chooses_the_class(tmp_path: Path) -> None:
    host = StyleGAN2(str(stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL)))
    rows = [row(0, 3, label) for label in ("benign", "malignant", "benign", "benign")]
    images = [sample.image.tobytes() for sample in host.render(host.latents(rows))]
    assert images[0] == images[2] == images[3] != images[1]
    with pytest.raises(GeneratorError, match="no class 'malignnt'\n  Did you mean 'malignant'"):
        host.latents([row(0, 3, "malignnt")])


def test_the_view_chooses_the_class_of_a_model_of_views(tmp_path: Path) -> None:
    host = StyleGAN2(str(stylegan2_file(tmp_path / "m.safetensors", CONDITIONAL, classes=("CC", "MLO"))))
    rows = [replace(row(0, 3), view=view) for view in ("CC", "MLO", "CC", "CC")]
    samples = host.render(host.latents(rows))
    images = [sample.image.tobytes() for sample in samples]
    assert images[0] == images[2] == images[3] != images[1]
    assert [sample.view for sample in samples] == ["CC", "MLO", "CC", "CC"]
    assert {sample.label for sample in samples} == {"normal"}
    with pytest.raises(GeneratorError, match="no class 'unknown view'"):
        host.latents([row(0, 3)])


@pytest.mark.parametrize("bits", [8, 12, 14, 16])
def test_quantisation_is_exact_at_every_level(bits: int) -> None:
    levels = np.arange(2**bits, dtype=np.uint16)
    pixels = (levels / (2**bits - 1) * 2 - 1).astype(np.float32)
    assert np.array_equal(quantised(pixels, bits), levels)
    assert quantised(np.float32([-5, 5]), bits).tolist() == [0, 2**bits - 1]


def test_models_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="architecture contextual, expected stylegan2"):
        StyleGAN2(str(contextual_file(tmp_path / "a.safetensors")))
    colour = stylegan2_file(tmp_path / "b.safetensors", replace(STYLEGAN2, image_channels=3))
    with pytest.raises(GeneratorError, match="3 channels"):
        StyleGAN2(str(colour))
    with pytest.raises(CheckpointError, match="no such file"):
        StyleGAN2(str(tmp_path / "absent.safetensors"))
