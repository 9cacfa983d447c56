import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import perimeter, regionprops

from synthmammo.errors import GeneratorError
from synthmammo.generators.base import Context, LesionChannel
from synthmammo.generators.inputs import Inputs
from synthmammo.generators.lesions.base import lesion_kind
from synthmammo.generators.parametric import Parametric, ParametricRemoval, superpose
from synthmammo.generators.parametric.calcifications import draw_particles
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Box, Kind, Pathology
from synthmammo.mammogram.terms import TERMS
from synthmammo.recipe.lesions import LesionSpec, Removal

MASS, CALCIFICATION = Kind.MASS, Kind.CALCIFICATION
COMBINATIONS = [
    (kind, pathology, dict(zip(TERMS[kind], words, strict=True)))
    for kind in TERMS
    for pathology in (Pathology.BENIGN, Pathology.MALIGNANT)
    for words in itertools.product(*TERMS[kind].values())
]
every = pytest.mark.parametrize(("kind", "pathology", "words"), COMBINATIONS)


def planned(kind=MASS, pathology=Pathology.MALIGNANT, diameter_mm=9.0, contrast=0.4, **words):
    first = {name: terms[0] for name, terms in TERMS[kind].items()}
    return PlannedLesion(kind, pathology, diameter_mm, contrast, {**first, **words}, ())


def tissue(lesion, spacing_mm, level=-0.6, margin_px=0):
    size = int(np.ceil(Parametric().field_mm(lesion) / spacing_mm)) + margin_px
    return Context(np.full((size, size), level, np.float32), np.ones((size, size), np.bool_), spacing_mm)


def made(lesion, seed=0, spacing_mm=0.1, **options) -> LesionChannel:
    return Parametric()(tissue(lesion, spacing_mm, **options), lesion, seed)


def extent_mm(mask, spacing_mm):
    points = np.argwhere(mask ^ ndimage.binary_erosion(mask))
    directions = np.linspace(0, np.pi, 60, endpoint=False)
    return (np.ptp(points @ np.stack([np.sin(directions), np.cos(directions)]), axis=0).max() + 1) * spacing_mm


def body(mask, spacing_mm, width_mm):
    """The mask without what is thinner than `width_mm`."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > width_mm / 2 / spacing_mm
    return ndimage.distance_transform_edt(~inside) <= width_mm / 2 / spacing_mm


def test_is_listed():
    kind = lesion_kind("parametric", "generator")
    opened = kind.open(LesionSpec(kind="mass", classes=["benign"], spacing_mm=0.3), Inputs())
    assert type(opened) is Parametric and opened.spacing_mm == 0.3 and not opened.facts
    assert isinstance(kind.open_removal(Removal(), Inputs()), ParametricRemoval)


@every
def test_every_word_is_drawn(kind, pathology, words):
    lesion = planned(kind, pathology, **words)
    result = made(lesion, seed=3)
    assert result.channel.dtype == np.float32 and result.mask.dtype == np.bool_
    assert result.channel.shape == result.mask.shape
    assert np.isfinite(result.channel).all() and result.mask.any()
    rim = np.ones_like(result.mask)
    rim[1:-1, 1:-1] = False
    assert not result.channel[rim].any()
    if pathology is Pathology.BENIGN or kind is MASS:
        energy = result.channel.astype(np.float64) ** 2
        assert energy[result.mask].sum() >= 0.9 * energy.sum()
    # Around particles there is the edge of their blur, elsewhere haze at the most.
    away = ~ndimage.binary_dilation(result.mask, iterations=4)
    assert result.channel[away].max() <= (0.21 if kind is MASS else 0.075) * lesion.contrast
    assert result.channel.min() >= -0.1 * lesion.contrast


@every
def test_same_arguments_same_bytes_and_another_seed_another_lesion(kind, pathology, words):
    lesion = planned(kind, pathology, **words)
    one, again, other = (made(lesion, seed) for seed in (2**63 + 5, 2**63 + 5, 6))
    assert one.channel.tobytes() == again.channel.tobytes() and one.mask.tobytes() == again.mask.tobytes()
    assert one.channel.tobytes() != other.channel.tobytes()


@every
def test_another_spacing_is_the_same_lesion_resampled(kind, pathology, words):
    lesion = planned(kind, pathology, **words)
    side_px = 2 * int(np.ceil(Parametric().field_mm(lesion) / 0.2))
    fine, coarse = (
        Parametric()(Context(np.full((n, n), -1, np.float32), np.ones((n, n), np.bool_), spacing_mm), lesion, 11)
        for n, spacing_mm in ((2 * side_px, 0.05), (side_px, 0.1))
    )
    reduced = fine.channel.reshape(side_px, 2, side_px, 2).mean((1, 3))
    assert np.corrcoef(reduced.ravel(), coarse.channel.ravel())[0, 1] > 0.99
    assert reduced.sum() == pytest.approx(coarse.channel.sum(), rel=0.04)


def test_a_mass_far_smaller_than_a_pixel_is_nothing_and_no_warning():
    lesion = planned(MASS, diameter_mm=0.01)
    result = Parametric()(tissue(lesion, 0.5), lesion, 0)
    assert np.isfinite(result.channel).all()


@settings(deadline=None, max_examples=40)
@given(
    combination=st.sampled_from([c for c in COMBINATIONS if c[0] is MASS]),
    seed=st.integers(0, 2**64 - 1),
    diameter_mm=st.floats(5, 18),
    contrast=st.floats(0.1, 0.6),
)
def test_masses_have_the_planned_size_peak_and_place(combination, seed, diameter_mm, contrast):
    kind, pathology, words = combination
    lesion = planned(kind, pathology, diameter_mm, contrast, **words)
    result = made(lesion, seed, 0.2)
    # The blur of the margin takes up to 11 % from the peak of the smallest masses.
    assert result.channel.max() == pytest.approx(contrast, rel=0.12)
    # Spicules are no part of the diameter; an opening that removes them takes corners too.
    mask = body(result.mask, 0.2, 0.25 * diameter_mm) if words["margin"] == "spiculated" else result.mask
    assert extent_mm(mask, 0.2) == pytest.approx(diameter_mm, rel=0.30 if words["margin"] == "spiculated" else 0.15)
    box = Box.around(mask)
    middle = np.array([box.row0 + box.row1, box.col0 + box.col1]) / 2
    assert np.abs(middle - len(mask) / 2).max() * 0.2 < 0.16 * diameter_mm
    pieces = np.bincount(ndimage.label(result.mask, np.ones((3, 3)))[0].ravel())[1:]
    assert pieces.max() >= 0.95 * pieces.sum()


@settings(deadline=None, max_examples=60)
@given(
    combination=st.sampled_from([c for c in COMBINATIONS if c[0] is CALCIFICATION]),
    seed=st.integers(0, 2**64 - 1),
    diameter_mm=st.floats(4, 30),
)
def test_clusters_have_the_planned_size_count_and_particles(combination, seed, diameter_mm):
    kind, pathology, words = combination
    lesion = planned(kind, pathology, diameter_mm, **words)
    particles = draw_particles(lesion, np.random.default_rng(seed))
    assert 5 <= len(particles) <= 40
    sizes = np.array([p.size_mm for p in particles])
    assert sizes.min() >= 0.1 and sizes.max() <= 1.01
    widths = np.array([p.width_mm for p in particles])
    if words["morphology"] == "punctate":
        assert sizes.max() < 0.5 and not any(p.length_mm for p in particles)
    if words["morphology"] == "fine linear branching":
        assert widths.max() <= 0.3 and np.median(sizes / widths) > 2
    places = np.array([(p.y_mm, p.x_mm) for p in particles])
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert distances.max() + np.median(sizes) == pytest.approx(diameter_mm, rel=0.05)


def test_cluster_peaks_at_its_contrast_on_fine_pixels_and_lower_on_coarse_ones():
    peaks = {}
    for spacing_mm in (0.05, 0.1, 0.45):
        channels = [
            made(planned(CALCIFICATION, contrast=0.5, morphology=word), seed, spacing_mm).channel.max()
            for word in TERMS[CALCIFICATION]["morphology"]
            for seed in range(4)
        ]
        peaks[spacing_mm] = np.array(channels)
    assert (peaks[0.05] > 0.4).all() and (peaks[0.05] < 0.54).all()
    assert np.mean(peaks[0.1]) > np.mean(peaks[0.45]) > 0.02


def test_a_particle_smaller_than_a_pixel_keeps_its_attenuation():
    lesion = planned(CALCIFICATION, Pathology.BENIGN, 5.0, 0.2, morphology="punctate", distribution="grouped")
    fine, coarse = (made(lesion, 4, spacing_mm, level=-1).channel.sum() * spacing_mm**2 for spacing_mm in (0.05, 0.45))
    assert coarse == pytest.approx(fine, rel=0.15)


def elongation(distribution, seed):
    lesion = planned(CALCIFICATION, distribution=distribution, morphology="pleomorphic")
    particles = draw_particles(lesion, np.random.default_rng(seed))
    values = np.linalg.eigvalsh(np.cov([[p.y_mm for p in particles], [p.x_mm for p in particles]]))
    return float(np.sqrt(values[1] / values[0]))


def test_linear_clusters_are_elongated():
    linear, grouped = ([elongation(name, seed) for seed in range(12)] for name in ("linear", "grouped"))
    assert min(linear) > 3.5 and np.median(grouped) < 2.2


def test_segmental_clusters_widen_from_their_apex():
    skewness = []
    for seed in range(12):
        lesion = planned(CALCIFICATION, distribution="segmental", morphology="pleomorphic", diameter_mm=15)
        particles = draw_particles(lesion, np.random.default_rng(seed))
        places = np.array([(p.y_mm, p.x_mm) for p in particles])
        places -= places.mean(0)
        _, vectors = np.linalg.eigh(np.cov(places.T))
        across, along = (places @ vectors).T
        skewness.append(abs(np.corrcoef(along, np.abs(across))[0, 1]))
    assert np.mean(skewness) > 0.3


def roughness(margin, seed, shape="oval"):
    mask = made(planned(shape=shape, margin=margin), seed).mask
    return perimeter(mask) ** 2 / mask.sum()


def test_margins_order_by_roughness():
    mean = {margin: np.mean([roughness(margin, seed) for seed in range(6)]) for margin in TERMS[MASS]["margin"]}
    assert mean["spiculated"] > 2 * mean["circumscribed"]
    assert mean["microlobulated"] > 1.05 * mean["circumscribed"]


def test_margins_order_by_softness():
    def edge_share(margin, seed):
        lesion = planned(shape="round", margin=margin)
        result = made(lesion, seed)
        return (result.channel[result.mask] < 0.5 * lesion.contrast).mean()

    sharp, soft = (np.mean([edge_share(m, seed) for seed in range(6)]) for m in ("circumscribed", "ill-defined"))
    assert soft > 1.4 * sharp


def test_shapes_order_by_roundness():
    def shape_of(shape, seed):
        region = regionprops(made(planned(shape=shape), seed).mask.astype(int))[0]
        return region.axis_minor_length / region.axis_major_length, region.solidity

    mean = {shape: np.mean([shape_of(shape, seed) for seed in range(8)], axis=0) for shape in TERMS[MASS]["shape"]}
    assert mean["round"][0] > 0.9 > 0.82 > mean["oval"][0] > 0.55
    assert mean["irregular"][1] < mean["oval"][1] - 0.03


@pytest.mark.parametrize("kind", [MASS, CALCIFICATION])
def test_a_larger_context_only_adds_zeros(kind):
    lesion = planned(kind)
    small, large = made(lesion, 1), made(lesion, 1, margin_px=10)
    assert (large.channel[5:-5, 5:-5] == small.channel).all() and (large.mask[5:-5, 5:-5] == small.mask).all()
    assert np.count_nonzero(large.channel) == np.count_nonzero(small.channel)


@pytest.mark.parametrize("kind", [MASS, CALCIFICATION])
def test_nothing_is_added_outside_the_breast(kind):
    lesion = planned(kind)
    context = tissue(lesion, 0.1)
    context.breast[:, : len(context.breast) // 2] = False
    result = Parametric()(context, lesion, 0)
    assert not result.channel[~context.breast].any() and not result.mask[~context.breast].any()
    assert result.mask.any()


@pytest.mark.parametrize("kind", [MASS, CALCIFICATION])
def test_white_tissue_takes_less_and_stays_near_the_range(kind):
    lesion = planned(kind, contrast=0.6)
    dark, dense, white = (made(lesion, 2, level=level).channel for level in (-0.8, 0.6, 1.0))
    assert dark.max() > dense.max() > white.max() > 0.05
    assert 0.6 + dense.max() <= 1.0 and 1 + white.max() <= 1.15


@given(pixels=st.floats(-1, 1.2), attenuation=st.floats(0, 1.5))
def test_superposition_is_bounded_by_both(pixels, attenuation):
    value = superpose(np.array([[pixels]], np.float32), np.array([[attenuation]], np.float32)).item()
    assert 0 <= value <= min(attenuation, max(1 - pixels, 0.12)) + 1e-6


@every
def test_removal_undoes_insertion(kind, pathology, words):
    lesion = planned(kind, pathology, contrast=0.5, **words)
    host = tissue(lesion, 0.2)
    noise = np.random.default_rng(0).normal(-0.1, 0.2, host.pixels.shape).astype(np.float32)
    host = replace(host, pixels=noise)
    inserted = Parametric()(host, lesion, 8)
    removed = ParametricRemoval()(replace(host, pixels=noise + inserted.channel), lesion, 8)
    assert (removed.mask == inserted.mask).all()
    assert removed.channel.min() < 0
    assert np.abs(removed.channel + inserted.channel).max() < 0.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"descriptors": {"shape": "square", "margin": "spiculated"}}, "square"),
        ({"descriptors": {"shape": "round", "margin": "spiculate"}}, "Did you mean 'spiculated'"),
        ({"descriptors": {"shape": "round"}}, "margin"),
        ({"kind": Kind.ASYMMETRY}, "asymmetry"),
        ({"diameter_mm": 0.0}, "diameter_mm"),
        ({"contrast": float("nan")}, "contrast"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, message):
    lesion, context = replace(planned(), **change), tissue(planned(), 0.1)
    with pytest.raises(GeneratorError, match=message):
        Parametric().field_mm(lesion)
    with pytest.raises(GeneratorError, match=message):
        Parametric()(context, lesion, 0)


def test_a_context_that_is_too_small_is_refused():
    with pytest.raises(GeneratorError, match="too small"):
        Parametric()(tissue(planned(diameter_mm=5), 0.1), planned(diameter_mm=10), 0)
