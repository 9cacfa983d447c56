"""Parts: clusters that cover the image, contributions that sum to one, the exact query, local transfers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from synthmammo.editing.parts.clusters import cluster_parts, spherical_k_means
from synthmammo.editing.parts.edit import PartEditor
from synthmammo.editing.parts.file import parts_file, read_parts, write_parts
from synthmammo.editing.parts.fit import fit_parts
from synthmammo.editing.parts.fitted import Parts, locality, query, rendered, transfer
from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Model, open_model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import PartEdit
from tests.support.tiny_models import STYLEGAN2, stylegan2_file

COUNT = 4
ROW = Row("r", 0, "train-00000", "train", "normal", 0, 5, None, "p", truncation=0.8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors")))


def latents(model: Model, *seeds: int) -> torch.Tensor:
    return model.w(seeds, [""] * len(seeds), [1.0] * len(seeds))


@pytest.fixture(scope="module")
def parts(model: Model) -> Parts:
    return cluster_parts(model.network.synthesis, latents(model, *range(12)).split(4), seed=1, count=COUNT)


def test_parts_cover_the_image_and_contributions_sum_to_one(model: Model, parts: Parts) -> None:
    synthesis = model.network.synthesis
    assert parts.shares.sum() == pytest.approx(1, abs=1e-6) and (np.diff(parts.shares) <= 0).all()
    assert set(parts.contributions) == set(synthesis.layers)
    for name, style in synthesis.styles(latents(model, 3)).items():
        m = parts.contributions[name]
        assert m.shape == (COUNT, style.shape[1]) and m.min() >= 0
        np.testing.assert_allclose(m.sum(0), 1, atol=1e-6)
    _, activation = rendered(synthesis, synthesis.styles(latents(model, 0, 20)))
    places = parts.map(activation)
    assert places.shape == (2, 8, 8) and set(np.unique(places)) <= set(range(COUNT))


def test_contributions_are_the_papers_sum_over_pixels(model: Model, parts: Parts) -> None:
    """M written out: squares of standardised activations, summed over the pixels of each part."""
    synthesis, seen = model.network.synthesis, {}
    w = latents(model, *range(12))
    synthesis.render(synthesis.styles(w), tap=lambda name, x: seen.update({name: x.clone()}))
    member = np.eye(COUNT)[parts.map(seen["b8.conv0"])]
    for layer, source in (("b8.conv1", "b8.conv0"), ("b16.conv1", "b16.conv0"), ("b32.torgb", "b32.conv1")):
        activation = seen[source].double().numpy()
        times = activation.shape[-1] // 8
        standard = (activation - activation.mean((0, 2, 3), keepdims=True)) / activation.std((0, 2, 3), keepdims=True)
        large = member.repeat(times, 1).repeat(times, 2)
        m = np.einsum("nchw,nhwk->kc", standard**2, large) / (len(w) * activation.shape[-1] ** 2)
        np.testing.assert_allclose(parts.contributions[layer], m, atol=2e-4)


def test_the_fit_is_the_same_again(model: Model, parts: Parts) -> None:
    again = cluster_parts(model.network.synthesis, latents(model, *range(12)).split(4), seed=1, count=COUNT)
    assert np.array_equal(again.centroids, parts.centroids)
    assert all(np.array_equal(again.contributions[name], m) for name, m in parts.contributions.items())


def test_clusters_that_are_there_are_found(seed: int) -> None:
    generator = np.random.default_rng(seed)
    centres = np.eye(6)[:4]
    points = np.repeat(centres, 50, axis=0) + generator.normal(0, 0.05, (200, 6))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    found = spherical_k_means(points, 4, seed)
    cosines = found @ centres.T
    assert sorted(cosines.argmax(1).tolist()) == [0, 1, 2, 3] and cosines.max(1).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)


def test_more_parts_than_points_are_refused_and_equal_points_are_not() -> None:
    points = np.tile([[1.0, 0.0]], (5, 1))
    assert spherical_k_means(points, 3, 0).shape == (3, 2)
    with pytest.raises(ValueError, match="1 to 5 clusters"):
        spherical_k_means(points, 6, 0)


@settings(max_examples=40)
@example([0.0, 1.0], 0.5, 0.0)
@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=24), st.floats(0.02, 0.6), st.floats(0, 700))
def test_the_query_is_the_optimum_of_the_linear_programme(m: list[float], threshold: float, epsilon: float) -> None:
    contributions = np.float32(m)
    q = query(contributions, threshold, epsilon).astype(np.float64)
    m64, rho, budget = contributions.astype(np.float64), threshold / (1 - threshold), epsilon * len(m) / 512
    gain, cost = m64 - rho * (1 - m64), 1 - m64
    assert (q >= 0).all() and (q <= 1).all() and q @ cost <= budget + 1e-5
    best = linprog(-gain, A_ub=cost[None], b_ub=[budget], bounds=(0, 1))
    assert q @ gain == pytest.approx(-best.fun, abs=1e-4)


def test_strength_0_is_the_identity_and_1_takes_whole_channels(model: Model, parts: Parts) -> None:
    synthesis = model.network.synthesis
    own, other = synthesis.styles(latents(model, 30, 31)), synthesis.styles(latents(model, 40))
    queries = parts.queries(1, epsilon=200)
    same = transfer(own, other, queries, 0.0)
    assert all(torch.equal(same[name], style) for name, style in own.items())
    assert synthesis.render(same).numpy().tobytes() == synthesis.render(own).numpy().tobytes()
    moved = transfer(own, other, queries, 1.0)
    for name, q in queries.items():
        assert torch.equal(moved[name][:, q == 0], own[name][:, q == 0])
        assert torch.equal(moved[name][:, q == 1], other[name][:, q == 1].expand(2, -1))
    assert any((q == 1).any() for q in queries.values())


def test_locality_of_known_changes() -> None:
    before, after = torch.zeros(1, 16, 16), torch.zeros(1, 16, 16)
    inside = np.zeros((8, 8), bool)
    inside[:2] = True
    after[:, :4] = 0.5
    after[:, 12:] = -0.1
    found = locality(before, after, inside)
    assert found.inside == pytest.approx(0.5) and found.outside == pytest.approx(0.1 / 3)
    assert found.area == 0.25 and found.share == pytest.approx(0.25 / 0.26)
    assert locality(before, before, inside).share == 0


def test_files_round_trip_and_belong_to_a_model(tmp_path: Path, model: Model, parts: Parts) -> None:
    path = write_parts(tmp_path / "m.parts", parts, "a" * 64)
    again = read_parts(path, "a" * 64)
    assert np.array_equal(again.centroids, parts.centroids) and again.options == parts.options
    assert all(np.array_equal(again.contributions[name], m) for name, m in parts.contributions.items())
    assert write_parts(tmp_path / "n.parts", again, "a" * 64).read_bytes() == path.read_bytes()
    with pytest.raises(CheckpointError, match=r"is of the model aaaaaaaaaaaa, not of bbb[\s\S]*parts fit"):
        read_parts(path, "b" * 64)
    with pytest.raises(CheckpointError, match="no such file of parts"):
        read_parts(tmp_path / "absent", "a" * 64)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="is no whole file of parts"):
        read_parts(path, "a" * 64)


@pytest.fixture(scope="module")
def fitted(model: Model) -> Path:
    fit_parts(model.checkpoint.path, samples=8, clusters=COUNT, pairs=2)
    return parts_file(model.checkpoint.path)


def edit(model: Model, **fields: object) -> PartEditor:
    background = StyleGAN2Background(generator="stylegan2", model=str(model.checkpoint.path))
    return PartEditor(PartEdit.model_validate({"part": 1, "epsilon": 200, **fields}), model, background)


def test_an_edit_changes_the_layers_it_names(model: Model, fitted: Path) -> None:
    synthesis = model.network.synthesis
    own = {name: style[0] for name, style in synthesis.styles(latents(model, 7)).items()}
    planned = PlannedEdit(0, "part 1", 1.0, reference_seed=9)
    moved = edit(model, layers=[2, 4]).styles(own, ROW, planned)
    changed = {name for name in own if not torch.equal(moved[name], own[name])}
    assert changed and {synthesis.latent_of(name) for name in changed} <= {2, 3}
    same = edit(model).styles(own, ROW, replace(planned, value=0.0))
    assert all(torch.equal(same[name], own[name]) for name in own)


def test_an_edit_that_cannot_work_is_refused(tmp_path: Path, model: Model, fitted: Path) -> None:
    with pytest.raises(GeneratorError, match=r"no part is called '9'[\s\S]*0 to 3"):
        edit(model, part=9)
    with pytest.raises(GeneratorError, match="reaches beyond the model"):
        edit(model, layers=[0, 99])
    other = open_model(str(stylegan2_file(tmp_path / "o.safetensors", replace(STYLEGAN2, w_dim=10))))
    with pytest.raises(CheckpointError, match=r"no such file of parts[\s\S]*synthmammo parts fit"):
        edit(other)


def test_reports_have_a_baseline_and_the_largest_part_first(model: Model, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    options = {"samples": 8, "clusters": COUNT, "pairs": 2}
    out = tmp_path / "parts"
    written, found = fit_parts(
        model.checkpoint.path, out, **options, progress=lambda done, total: steps.append((done, total))
    )
    assert written == out
    assert [one.part for one in found] == list(range(COUNT)) and steps[-1] == (32, 32)
    assert sum(one.area for one in found) == pytest.approx(1, abs=0.01)
    assert all(min(one.inside, one.outside, one.random_ratio) >= 0 for one in found)
    assert any(one.ratio > 0 for one in found)
    first = out.read_bytes()
    fit_parts(model.checkpoint.path, out, **options)
    assert out.read_bytes() == first
    with pytest.raises(GeneratorError, match="samples: expected a whole number of 2 or more, found 1"):
        fit_parts(model.checkpoint.path, out, samples=1)
