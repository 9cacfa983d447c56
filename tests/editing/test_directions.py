"""Directions: their arithmetic, their file, and the laws of moving along them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmammo.editing.directions.file import directions_file, read_directions, write_directions
from synthmammo.editing.directions.fitted import (
    FARTHEST,
    Directions,
    disentangled,
    fit_attribute,
    principal_components,
)
from synthmammo.editing.editor import Editor
from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Latents, open_model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import DirectionEdit
from tests.support.tiny_models import CONDITIONAL, STYLEGAN2, stylegan2_file

LAYERS = STYLEGAN2.latents


def directions(seed: int = 0, width: int = 12, classes: int = 1, kept: int = 6) -> Directions:
    draws = np.random.default_rng(seed)
    latents = draws.normal(size=(500, width)) @ draws.normal(size=(width, width)) + 3
    labels = np.arange(500) % classes
    found = Directions(*principal_components([(latents.astype(np.float32), labels)], classes, kept))
    coordinates = found.coordinates(latents.astype(np.float32), labels)
    values = {"density": 0.3 + coordinates @ [0, 0.05, 0, 0, 0.1, 0], "texture": coordinates[:, 1] + 3}
    fitted = {name: fit_attribute(coordinates, value) for name, value in values.items()}
    return replace(found, attributes=disentangled({name: one for name, one in fitted.items() if one}))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = stylegan2_file(tmp_path_factory.mktemp("models") / "tiny.safetensors")
    write_directions(directions_file(path), directions(), open_model(str(path)).checkpoint.digest)
    return path


def row(index: int, *edits: PlannedEdit, label: str = "normal") -> Row:
    names = {"key": f"r{index}", "shard": "", "split": "train", "label": label, "host_key": None, "patient": ""}
    return Row(**names, index=index, host=index, host_seed=index, truncation=0.65, edits=edits)


def edited(model: Path, spec: DirectionEdit, value: float, count: int = 4) -> tuple[Latents, Latents]:
    """Latents of some rows before and after an edit."""
    host = StyleGAN2(str(model))
    editor = Editor([spec], host.model, StyleGAN2Background(generator="stylegan2", model=str(model)))
    rows = [row(index, PlannedEdit(0, spec.name, value)) for index in range(count)]
    before = host.latents(rows)
    return before, editor(before)


# principal components


def test_components_are_those_of_the_exact_covariance() -> None:
    draws = np.random.default_rng(1)
    latents = (draws.normal(size=(3000, 20)) * np.geomspace(3, 0.1, 20) + 50).astype(np.float32)
    batches = [(part, np.zeros(len(part), np.int64)) for part in np.array_split(latents, 7)]
    means, components, deviations, explained = principal_components(batches, 1, 20)
    covariance = np.cov(latents.astype(np.float64).T)
    np.testing.assert_allclose(means[0], latents.mean(0), rtol=1e-5)
    np.testing.assert_allclose(deviations**2, np.linalg.eigvalsh(covariance)[::-1], rtol=1e-4)
    np.testing.assert_allclose((components.T * deviations**2) @ components, covariance, atol=1e-4)
    np.testing.assert_allclose(components @ components.T, np.eye(20), atol=1e-5)
    assert explained.sum() == pytest.approx(1, abs=1e-5) and (np.diff(explained) <= 0).all()


@given(signs=st.lists(st.sampled_from([-1, 1]), min_size=5, max_size=5))
def test_signs_are_fixed(signs: list[int]) -> None:
    latents = np.random.default_rng(0).normal(size=(200, 5)) * [5, 4, 3, 2, 1] * signs
    _, components, _, _ = principal_components([(latents.astype(np.float32), np.zeros(200, np.int64))], 1, 5)
    assert (np.take_along_axis(components, np.abs(components).argmax(1)[:, None], 1) > 0).all()


def test_what_differs_between_classes_is_no_component() -> None:
    draws = np.random.default_rng(0)
    labels = np.arange(1000) % 2
    latents = draws.normal(size=(1000, 3)) + 100 * labels[:, None] * [1, 0, 0]
    means, _, deviations, _ = principal_components([(latents.astype(np.float32), labels)], 2, 3)
    np.testing.assert_allclose(deviations, 1, atol=0.1)
    np.testing.assert_allclose(means[:, 0], [0, 100], atol=0.2)


def test_coordinates_are_white_and_a_step_is_one_of_them() -> None:
    found = directions()
    latents = np.random.default_rng(9).normal(size=(7, 12)).astype(np.float32)
    before = found.coordinates(latents)
    for name in found.names:
        moved = found.coordinates(latents + 2 * found.step(name))
        np.testing.assert_allclose(moved - before, np.broadcast_to(2 * found.whitened(name), (7, 6)), atol=1e-4)
        assert np.linalg.norm(found.whitened(name)) == pytest.approx(1, abs=1e-6)


# attributes


def test_a_linear_attribute_is_found() -> None:
    draws = np.random.default_rng(0)
    coordinates = draws.normal(size=(300, 20))
    truth = np.zeros(20)
    truth[[3, 7]] = 2, -1
    values = 10 + coordinates @ truth + 0.3 * draws.normal(size=300)
    values[::10] = np.nan
    fitted = fit_attribute(coordinates, values)
    assert fitted and fitted.correlation > 0.97
    np.testing.assert_allclose(fitted.gradient, truth, atol=0.15)
    assert fitted.mean == pytest.approx(10, abs=0.1) and fitted.slope == pytest.approx(5**0.5, rel=0.05)
    assert fitted.quantiles[0] == pytest.approx(np.nanmin(values)) and len(fitted.quantiles) == 101


def test_noise_is_not_taken_for_an_attribute() -> None:
    draws = np.random.default_rng(0)
    fitted = fit_attribute(draws.normal(size=(300, 100)), draws.normal(size=300))
    assert fitted and abs(fitted.correlation) < 0.2 and fitted.slope < 0.3


@pytest.mark.parametrize("values", [np.full(100, 0.5), np.full(100, np.nan), np.r_[np.full(80, np.nan), np.arange(20)]])
def test_what_does_not_vary_or_is_hardly_known_is_left_out(values: np.ndarray) -> None:
    assert fit_attribute(np.random.default_rng(0).normal(size=(100, 4)), values) is None


def test_disentangling_moves_the_others_less_and_itself_still() -> None:
    found = directions().attributes
    plain = disentangled(found, 0.0)
    for name, other in (("density", "texture"), ("texture", "density")):
        leak = [abs(float(one[name].direction @ found[other].gradient)) for one in (plain, found)]
        assert leak[1] < 0.5 * leak[0]
        assert 0.7 * plain[name].slope < found[name].slope <= plain[name].slope + 1e-6


# the file


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    found = replace(directions(), facts={"table": {"density": {"texture": None}}})
    path = write_directions(tmp_path / "a.directions", found, "f" * 64)
    read = read_directions(path, "f" * 64)
    assert read.facts == found.facts and read.names == found.names
    for name in found.names:
        assert read.step(name).tobytes() == found.step(name).tobytes()
    assert write_directions(tmp_path / "b.directions", read, "f" * 64).read_bytes() == path.read_bytes()


def test_directions_of_another_model_are_refused(tmp_path: Path) -> None:
    path = write_directions(tmp_path / "a.directions", directions(), "f" * 64)
    with pytest.raises(CheckpointError, match="of the model ffffffffffff, not of 000000000000\n  Fit the directions"):
        read_directions(path, "0" * 64)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="no whole file of directions"):
        read_directions(path, "f" * 64)
    with pytest.raises(CheckpointError, match="no such file of directions\n  `synthmammo directions fit"):
        read_directions(tmp_path / "absent.directions", "f" * 64)


# laws of the edit


@pytest.mark.parametrize("name", ["component 3", "density"])
def test_strength_0_is_the_identity_byte_for_byte(model: Path, name: str) -> None:
    before, after = edited(model, DirectionEdit(direction=name), 0.0)
    assert before.w.numpy().tobytes() == after.w.numpy().tobytes()
    host = StyleGAN2(str(model))
    for plain, same in zip(host.render(before), host.render(after), strict=True):
        assert plain.image.tobytes() == same.image.tobytes()


@settings(max_examples=25)
@given(layers=st.tuples(st.integers(0, LAYERS - 1), st.integers(1, LAYERS)).filter(lambda x: x[0] < x[1]))
def test_layers_outside_the_range_keep_their_styles(model: Path, layers: tuple[int, int]) -> None:
    before, after = edited(model, DirectionEdit(direction="component 0", layers=layers), 1.5, count=1)
    synthesis = open_model(str(model)).network.synthesis
    old, new = synthesis.styles(before.w), synthesis.styles(after.w)
    for layer in synthesis.layers:
        inside = layers[0] <= synthesis.latent_of(layer) < layers[1]
        assert torch.equal(old[layer], new[layer]) is not inside


@settings(max_examples=15)
@given(strength=st.floats(-4, 4))
def test_there_and_back_again(model: Path, strength: float) -> None:
    before, there = edited(model, DirectionEdit(direction="texture"), strength)
    host = StyleGAN2(str(model))
    editor = Editor([DirectionEdit(direction="texture")], host.model, background(model))
    rows = tuple(row(index, PlannedEdit(0, "texture", -strength)) for index in range(4))
    torch.testing.assert_close(editor(replace(there, rows=rows)).w, before.w, rtol=1e-5, atol=1e-5)


def background(model: Path) -> StyleGAN2Background:
    return StyleGAN2Background(generator="stylegan2", model=str(model))


def test_a_strength_moves_so_many_deviations(model: Path) -> None:
    before, after = edited(model, DirectionEdit(direction="component 2"), 1.5)
    found = directions()
    change = (after.w - before.w)[:, 5].numpy() @ found.components.T / found.deviations
    np.testing.assert_allclose(change, np.tile([0, 0, 1.5, 0, 0, 0], (4, 1)), atol=1e-4)


@pytest.mark.parametrize("target", [0.25, 0.3, 0.35])
def test_a_target_is_where_the_regression_then_is(model: Path, target: float) -> None:
    _, after = edited(model, DirectionEdit(direction="density", target=target), target)
    strengths = moved_by(model, DirectionEdit(direction="density", target=target), target)
    found = directions().predicted("density", after.w[:, 0].numpy())
    reached = np.abs(strengths) < FARTHEST
    np.testing.assert_allclose(found[reached], target, atol=1e-3)
    assert reached.any()


def moved_by(model: Path, spec: DirectionEdit, value: float) -> np.ndarray:
    before, after = edited(model, spec, value)
    found = directions()
    change = found.coordinates(after.w[:, 0].numpy()) - found.coordinates(before.w[:, 0].numpy())
    return change @ found.whitened(spec.direction)


def test_density_letters_are_quantiles_and_go_up(model: Path) -> None:
    strengths = [
        moved_by(model, DirectionEdit(direction="density", target=x), q) for x, q in (("a", 0.05), ("d", 0.95))
    ]
    assert (strengths[1] > strengths[0]).all()


def test_no_target_goes_too_far(model: Path) -> None:
    strengths = moved_by(model, DirectionEdit(direction="density", target=9.0), 9.0)
    np.testing.assert_allclose(strengths, FARTHEST, rtol=1e-3)


def test_rows_without_the_edit_keep_every_bit_and_rows_do_not_see_each_other(model: Path) -> None:
    host = StyleGAN2(str(model))
    editor = Editor(
        [DirectionEdit(direction="density"), DirectionEdit(direction="component 1")], host.model, background(model)
    )
    move, other = PlannedEdit(0, "density", 1.0), PlannedEdit(1, "component 1", -2.0)
    rows = [row(0), row(1, move), row(2, other), row(3, move, other)]
    together = host.render(editor(host.latents(rows)))
    plain = host.render(host.latents(rows))
    assert [a.image.tobytes() == b.image.tobytes() for a, b in zip(together, plain, strict=True)] == [True] + [
        False
    ] * 3
    for order in ([3, 2, 1, 0], [3, 3, 3, 3]):
        again = host.render(editor(host.latents([rows[number] for number in order])))
        for number, sample in zip(order, again, strict=True):
            assert sample.image.tobytes() == together[number].image.tobytes()


def test_a_conditional_models_targets_start_from_the_rows_class(tmp_path: Path) -> None:
    path = stylegan2_file(tmp_path / "conditional.safetensors", CONDITIONAL)
    host = StyleGAN2(str(path))
    write_directions(directions_file(path), directions(classes=2), host.model.checkpoint.digest)
    editor = Editor([DirectionEdit(direction="density", target=0.3)], host.model, background(path))
    for label in ("benign", "malignant"):
        planned = row(5, PlannedEdit(0, "density", 0.3), label=label)
        w = editor(host.latents([planned])).w[0, 0].numpy()
        number = ("benign", "malignant").index(label)
        expected = directions(classes=2).predicted("density", w, number)
        assert expected == pytest.approx(0.3, abs=1e-3) or abs(float(expected) - 0.3) > 0.1


# what is refused


def test_what_the_model_does_not_have_is_named(model: Path, tmp_path: Path) -> None:
    opened = open_model(str(model))
    with pytest.raises(GeneratorError, match="has no direction 'component 6'\n  It has the components 0 to 5"):
        Editor([DirectionEdit(direction="component 6")], opened, background(model))
    with pytest.raises(GeneratorError, match="no direction 'area'\n"):
        Editor([DirectionEdit(direction="area")], opened, background(model))
    with pytest.raises(GeneratorError, match=r"\[4, 99\) reaches beyond the model\n  The model has layers 0 to"):
        Editor([DirectionEdit(direction="density", layers=(4, 99))], opened, background(model))
    alone = stylegan2_file(tmp_path / "alone.safetensors", CONDITIONAL)
    with pytest.raises(CheckpointError, match="alone.directions: there is no such file"):
        Editor([DirectionEdit(direction="density")], open_model(str(alone)), background(alone))
    elsewhere = background(alone).model_copy(update={"directions": str(directions_file(model))})
    with pytest.raises(CheckpointError, match="is of the model"):
        Editor([DirectionEdit(direction="density")], open_model(str(alone)), elsewhere)
