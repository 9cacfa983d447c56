import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from synthmammo.building.compose import MODEL_SPACING_MM, Window, isolate, largest_object, softened
from synthmammo.mammogram.intensity import Intensity, resample
from synthmammo.mammogram.sample import Box
from synthmammo.recipe import PostProcessing

HARD = PostProcessing(threshold=0.1, minimum_area=0, expand_px=0, edge_px=0)
SHAPE = (60, 50)


def scene(seed: int, bits: int = 12):
    """An image of noise with air at the right."""
    rng = np.random.default_rng(seed)
    breast = np.arange(SHAPE[1])[None] < 40 + np.zeros(SHAPE)
    image = np.where(breast, rng.integers(1, 2**bits, SHAPE), 0).astype(np.uint16)
    return image, breast


def disc(size: int, radius: float, centre: tuple[float, float] | None = None):
    row, column = centre or (size // 2, size // 2)
    rows, columns = np.mgrid[:size, :size]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


windows = st.builds(
    Window.around,
    site=st.tuples(st.integers(-5, 65), st.integers(-5, 55)),
    field_mm=st.floats(2, 30),
    image_spacing_mm=st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)),
    spacing_mm=st.one_of(st.none(), st.floats(0.4, 3)),
)


# the law


@settings(max_examples=150)
@given(
    window=windows,
    seed=st.integers(0, 99),
    radius=st.floats(0, 6),
    edge=st.floats(0, 15),
    sign=st.sampled_from([1, -1]),
)
def test_outside_the_softened_mask_not_one_pixel_changes(window, seed, radius, edge, sign):
    image, breast = scene(seed)
    before = image.copy()
    size = window.size_px
    rng = np.random.default_rng(seed)
    channel = (sign * rng.uniform(0.2, 1, (size, size))).astype(np.float32)
    mask = disc(size, radius)
    piece = isolate(channel, HARD.model_copy(update={"edge_px": edge, "expand_px": 3}), window.spacing_mm, mask=mask)
    assert piece is not None
    window.add(image, breast, piece.channel * 1000, 12)
    weights = softened(mask, 3 * MODEL_SPACING_MM / window.spacing_mm, edge * MODEL_SPACING_MM / window.spacing_mm)
    reached = np.zeros(SHAPE, bool)
    inside = window._inside(SHAPE)
    there = resample(weights, (window.box.height, window.box.width)) > 0
    reached[inside.slices] = there[window._local(inside).slices]
    assert np.array_equal(image[~(reached & breast)], before[~(reached & breast)])
    assert not image[~breast].any(), "air stays air"


@given(window=windows, seed=st.integers(0, 99))
def test_a_change_of_zero_changes_nothing(window, seed):
    image, breast = scene(seed)
    before = image.copy()
    window.add(image, breast, np.zeros((window.size_px, window.size_px), np.float32), 12)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("bits", [8, 12, 14, 16])
@pytest.mark.parametrize("change", [1e6, -1e6])
def test_clipped_to_the_bit_depth_and_never_to_air(bits, change):
    image, breast = scene(1, bits)
    window = Window.around((30, 20), 20, (1, 1), None)
    window.add(image, breast, np.full((20, 20), change, np.float32), bits)
    assert set(np.unique(image[20:40, 10:30])) == {2**bits - 1 if change > 0 else 1}
    assert image.dtype == np.uint16


# cut


def test_threshold_is_inclusive_and_in_units_of_the_channel():
    channel = np.zeros((20, 20), np.float32)
    channel[5:10, 5:10], channel[10, 5:10] = 0.1, np.nextafter(np.float32(0.1), np.float32(0))
    piece = isolate(channel, HARD, 0.1)
    assert piece is not None and np.array_equal(piece.component, channel >= np.float32(0.1))
    assert np.array_equal(piece.channel, np.where(piece.component, channel, 0))


def test_of_several_objects_the_largest_is_kept():
    channel = np.zeros((40, 40), np.float32)
    channel[2:6, 2:6] = 0.9
    channel[20:28, 20:28] = 0.2
    piece = isolate(channel, HARD, 0.1)
    assert piece is not None and Box.around(piece.component) == (20, 20, 28, 28)
    assert not piece.channel[2:6, 2:6].any()


def test_corners_connect():
    binary = np.eye(10, dtype=bool)
    assert np.array_equal(largest_object(binary), binary)


@given(seed=st.integers(0, 10_000), density=st.sampled_from([0.0, 0.03, 0.2, 0.5, 1.0]), px=st.floats(0, 8))
def test_objects_and_their_growth_are_those_of_scipy(seed, density, px):
    """Distances and labels by the definition: pixels of datasets made with earlier versions stay."""
    mask = np.random.default_rng(seed).random((24, 31)) < density
    distance = ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
    labels, number = ndimage.label(distance <= px / 2 if px and mask.any() else mask, structure=np.ones((3, 3)))
    sizes = [np.count_nonzero(labels[mask] == one) for one in range(1, number + 1)]
    expected = mask & (labels == 1 + int(np.argmax(sizes))) if number else mask
    assert np.array_equal(largest_object(mask, px), expected)
    assert np.array_equal(softened(mask, px, 1e-6) > 0, distance <= px)


def test_objects_closer_than_join_mm_count_as_one():
    channel = np.zeros((40, 60), np.float32)
    channel[10:12, 10:12] = channel[10:12, 17:19] = 1.0  # 5 pixels of air between them
    channel[30:32, 45:48] = 1.0
    far = HARD.model_copy(update={"join_mm": 0.45})
    near = HARD.model_copy(update={"join_mm": 0.65})
    assert isolate(channel, far, 0.1).component.sum() == 6
    joined = isolate(channel, near, 0.1).component
    assert joined.sum() == 8 and not joined[30:].any(), "joining adds no pixel of its own"


@pytest.mark.parametrize(("share", "kept"), [(0.0099, True), (0.01, True), (0.0101, False)])
def test_minimum_area_is_a_share_of_the_context(share, kept):
    channel = np.zeros((100, 100), np.float32)
    channel[:10, :10] = 1
    assert (isolate(channel, HARD.model_copy(update={"minimum_area": share}), 0.1) is not None) is kept


def test_nothing_above_the_threshold_is_no_lesion():
    for mask in (None, np.zeros((20, 20), bool)):
        assert isolate(np.zeros((20, 20), np.float32), HARD, 0.1, mask=mask) is None


def test_an_exact_mask_stands_in_for_the_threshold():
    channel = np.full((20, 20), 0.01, np.float32)
    mask = disc(20, 4)
    strict = HARD.model_copy(update={"minimum_area": 0.9})
    piece = isolate(channel, strict, 0.1, mask=mask)
    assert piece is not None and np.array_equal(piece.component, mask)


@given(seed=st.integers(0, 50))
def test_removal_is_the_negative_case(seed):
    rng = np.random.default_rng(seed)
    channel = np.where(disc(40, 8), rng.uniform(0.05, 1, (40, 40)), 0).astype(np.float32)
    post = PostProcessing(minimum_area=0.001)
    on, off = isolate(channel, post, 0.1), isolate(-channel, post, 0.1, sign=-1)
    assert on is not None and off is not None
    assert np.array_equal(on.component, off.component)
    assert np.array_equal(on.channel, -off.channel)
    assert isolate(-channel, post, 0.1) is None, "a negative channel is no lesion that is put on"


def test_what_was_added_is_taken_off_again():
    image, breast = scene(3)
    image[breast] = 500 + image[breast] // 2  # room on both sides, so that nothing is clipped
    before = image.copy()
    window = Window.around((30, 20), 20, (1, 1), None)
    change = (disc(20, 6) * 321.0).astype(np.float32)
    window.add(image, breast, change, 12)
    assert not np.array_equal(image, before)
    window.add(image, breast, -change, 12)
    assert np.array_equal(image, before)


# the edge


def test_expanding_is_growth_by_a_distance():
    size, radius, grow = 101, 20, 7
    grown = softened(disc(size, radius), grow, 0)
    rows, columns = np.mgrid[:size, :size]
    distance = np.hypot(rows - 50, columns - 50)
    assert (grown[distance <= radius + grow - 1] == 1).all()
    assert (grown[distance > radius + grow] == 0).all()


def test_a_straight_edge_becomes_the_gaussian_integral():
    from scipy.special import ndtr

    plane = np.zeros((121, 121), bool)
    plane[:, :60] = True
    weights = softened(plane, 0, 5.0)[60]
    place = np.arange(121)
    inner = slice(30, 90)  # away from the border, where the object itself ends
    assert np.abs(weights - ndtr((59.5 - place) / 5.0))[inner].max() < 5e-3
    assert (weights[place >= 60 + 15] == 0).all(), "exactly zero beyond three standard deviations"


@given(radius=st.floats(0, 15), expand=st.floats(0, 8), edge=st.floats(0, 6), seed=st.integers(0, 20))
def test_weights_are_shares_and_zero_out_of_reach(radius, expand, edge, seed):
    from scipy import ndimage

    row, column = np.random.default_rng(seed).integers(0, 60, 2)
    component = disc(60, radius, (row, column))
    weights = softened(component, expand, edge)
    assert weights.dtype == np.float32 and 0 <= weights.min() <= weights.max() <= 1 + 1e-6
    far = ndimage.distance_transform_edt(~component) > expand + np.sqrt(2) * (3 * edge + 1) + 1
    assert not weights[far].any()


def test_no_object_no_weights():
    assert not softened(np.zeros((9, 9), bool), 5, 5).any()


@pytest.mark.parametrize("spacing_mm", [0.05, 0.2])
def test_expansion_and_edge_are_the_same_length_at_every_spacing(spacing_mm):
    """A straight edge 20 mm long: the weight at a distance in millimetres does not depend on the grid."""
    post = PostProcessing(minimum_area=0, expand_px=20, edge_px=10)

    def profile(spacing):
        size = round(20 / spacing)
        mask = np.zeros((size, size), bool)
        mask[:, : size // 2] = True
        piece = isolate(np.ones((size, size), np.float32), post, spacing, mask=mask)
        middle = piece.channel[size // 2]
        return np.interp(np.arange(5.05, 18, 0.1), (np.arange(size) + 0.5) * spacing, middle)

    assert np.abs(profile(spacing_mm) - profile(0.1)).max() < 0.06


# intensity


def test_intensity_maps_percentiles_of_the_breast_to_the_unit_range():
    image, breast = scene(5)
    intensity = Intensity.of(image, breast)
    low, high = np.percentile(image[breast], (0.5, 99.5))
    assert (intensity.low, intensity.high) == pytest.approx((low, high))
    units = intensity.units(np.array([low, (low + high) / 2, high, -5, 1e6]))
    assert units == pytest.approx([-1, 0, 1, -1, 1], abs=1e-5)
    assert intensity.grey(np.array([0.5], np.float32)) == pytest.approx(0.25 * (high - low))


def test_intensity_of_a_flat_or_breastless_image_is_finite():
    flat = np.full((9, 9), 7, np.uint16)
    for breast in (np.ones((9, 9), bool), np.zeros((9, 9), bool)):
        assert np.isfinite(Intensity.of(flat, breast).units(flat)).all()


# windows and grids


@given(row=st.integers(-40, 100), column=st.integers(-40, 90), field=st.integers(1, 40))
def test_context_beyond_the_border_is_air(row, column, field):
    image, breast = scene(2)
    window = Window.around((row, column), field, (1, 1), None)
    pixels, inside = window.context(image, breast, Intensity(0, 4095))
    assert pixels.shape == inside.shape == (field, field) and pixels.dtype == np.float32
    padded = np.pad(image, 100)
    row0, col0 = window.box.row0 + 100, window.box.col0 + 100
    expected = padded[row0 : row0 + field, col0 : col0 + field]
    assert np.array_equal(pixels, Intensity(0, 4095).units(expected))


@given(seed=st.integers(0, 20), field=st.integers(2, 40))
def test_at_the_images_own_spacing_the_round_trip_is_the_identity(seed, field):
    image, breast = scene(seed)
    window = Window.around((30, 20), field, (1, 1), 1.0)
    assert (window.size_px, window.spacing_mm) == (field, 1)
    plane = np.random.default_rng(seed).normal(size=(field, field)).astype(np.float32)
    assert resample(plane, plane.shape) is plane
    mask = np.random.default_rng(seed).random((field, field)) < 0.5
    found, box = window.mask(mask, np.ones_like(breast))
    assert np.array_equal(found, mask[window._local(box).slices])


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 70), st.integers(1, 70), st.floats(-3, 3))
def test_a_constant_stays_a_constant_on_every_grid(height, width, rows, columns, value):
    out = resample(np.full((height, width), value, np.float32), (rows, columns))
    assert out.shape == (rows, columns) and np.allclose(out, value, atol=1e-5)


@given(ratio=st.sampled_from([2, 3, 5]), enlarge=st.booleans())
def test_a_ramp_keeps_its_slope_inside(ratio, enlarge):
    source = 60
    target = source * ratio if enlarge else source // ratio
    out = resample(np.tile(np.arange(source, dtype=np.float32), (4, 1)), (4, target))[0]
    expected = (np.arange(target) + 0.5) * source / target - 0.5
    inner = slice(2 * ratio, -2 * ratio) if enlarge else slice(2, -2)
    assert np.allclose(out[inner], expected[inner], atol=1e-3)


def test_windows_are_square_in_millimetres_on_pixels_that_are_not():
    window = Window.around((30, 20), 12.0, (1.0, 0.5), None)
    assert (window.box.height, window.box.width) == (12, 24)
    assert window.size_px == 24 and window.spacing_mm == pytest.approx(0.5)
    image, breast = np.zeros((60, 60), np.uint16), np.ones((60, 60), bool)
    window.add(image, breast, (disc(24, 8, (11.5, 11.5)) * 100).astype(np.float32), 12)
    box = Box.around(image > 50)
    assert box.height == pytest.approx(8, abs=1) and box.width == pytest.approx(16, abs=1), "a circle in millimetres"


def test_a_window_is_centred_on_its_site():
    for field in (5, 6, 9.6):
        window = Window.around((30, 20), field, (0.3, 0.3), 0.1)
        middle = (window.box.row0 + window.box.row1) / 2, (window.box.col0 + window.box.col1) / 2
        assert middle == pytest.approx((30.5, 20.5), abs=0.51)


def test_a_speck_finer_than_the_pixels_still_has_a_mask():
    window = Window.around((30, 20), 10, (1, 1), 0.1)
    component = np.zeros((100, 100), bool)
    component[51:59, 51:59] = True  # two thirds of one pixel
    mask, _ = window.mask(component, np.ones(SHAPE, bool))
    assert mask.sum() == 1


@pytest.mark.parametrize("spacing_mm", [0.05, 0.1, 0.2, 0.4])
def test_a_lesion_covers_the_same_area_at_every_generator_spacing(spacing_mm):
    window = Window.around((60, 60), 12, (0.2, 0.2), spacing_mm)
    component = disc(window.size_px, 4 / spacing_mm, (window.size_px / 2 - 0.5,) * 2)
    mask, _ = window.mask(component, np.ones((120, 120), bool))
    # A quarter covered counts as covered, which adds up to about half a coarser pixel all around.
    radius = np.sqrt(mask.sum() * 0.04 / np.pi)
    assert radius == pytest.approx(4, abs=0.08 + 0.6 * max(spacing_mm, 0.2))
