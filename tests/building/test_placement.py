"""Sites keep their tissue and their distance; frames and their lesions find each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.building.placement import Frame, Places
from synthmammo.mammogram.anatomy import tissue_share
from synthmammo.mammogram.anatomy.tissue import window_around
from synthmammo.mammogram.geometry import crop_box
from synthmammo.mammogram.sample import Box
from synthmammo.recipe import PatchOutput, Placement
from tests.support.fake_lesions import a_host

DRAW = st.floats(0, 1, exclude_max=True)


def test_sites_keep_their_distance_and_their_tissue():
    host, placement = a_host(), Placement(window_mm=20, margin_mm=7)
    taken = Box(90, 50, 110, 70)
    sites = Places(host).free(placement, 10.0, [taken])
    rows, columns = np.nonzero(sites.grid)
    outside = np.maximum.reduce([90 - rows, rows - 109, 50 - columns, columns - 69])
    assert len(sites) and outside.min() > 12, "half a diameter and the margin"
    for place in range(0, len(rows), 97):
        assert tissue_share(host.breast, window_around(rows[place], columns[place], 20)) >= 0.9
    assert len(Places(host).free(placement.model_copy(update={"overlap": True}), 10.0, [taken])) > len(sites)


def test_a_host_without_room_has_no_sites():
    small = np.zeros((200, 160), bool)
    small[:15, :15] = True
    assert len(Places(a_host(breast=small)).free(Placement(window_mm=25), 5.0, [])) == 0


def test_contiguous_windows_are_adjacent():
    host, placement = a_host(), Placement(layout="contiguous", window_mm=20)
    for draw in (0.0, 0.4, 0.999):
        strip = Places(host).contiguous(placement, 5, draw)
        steps = np.diff(strip, axis=0)
        assert [tuple(step) for step in steps] in ([(0, 20)] * 4, [(20, 0)] * 4)
        assert all(tissue_share(host.breast, window_around(*site, 20)) >= 0.9 for site in strip)
    assert Places(host).contiguous(placement, 50, 0.5) is None


def test_crop_boxes_lie_inside():
    for centre in ((0, 0), (199, 159), (100, 3)):
        box = crop_box(centre, 64, (200, 160))
        assert (box.height, box.width) == (64, 64) and box.row0 >= 0 and box.col0 >= 0
        assert box.row1 <= 200 and box.col1 <= 160
    assert crop_box((100, 80), 64, (200, 160)) == (68, 48, 132, 112)


@given(st.tuples(DRAW, DRAW, DRAW), st.integers(0, 20), st.tuples(st.integers(0, 199), st.integers(0, 159)))
def test_a_frame_and_its_lesion_find_each_other(draws, offset_px, centre):
    frame = Frame.of(PatchOutput(size_px=64, offset_px=offset_px), draws)
    assert max(map(abs, frame.offset)) <= offset_px
    assert frame.draw == draws[0]
    assert frame.centre(frame.site(centre)) == centre
    box = frame.box(centre, (200, 160))
    assert (box.height, box.width) == (64, 64) and box.row0 >= 0 and box.row1 <= 200


def test_the_ends_of_the_draws_are_the_ends_of_the_offset():
    patch = PatchOutput(size_px=64, offset_px=20)
    assert Frame.of(patch, (0.5, 0.0, 0.5)).offset == (-20, 0)
    assert Frame.of(patch, (0.5, 0.5, 0.999_999)).offset == (0, 20)


def test_a_frame_asks_for_tissue_in_the_whole_patch():
    placement = Frame(50, (0, 0), 0.5).as_window(Placement(window_mm=10, tissue_share=0.8), spacing_mm=0.5)
    assert placement.window_mm == 25 and placement.tissue_share == 0.8


def test_places_without_findings_are_the_same_map_each_time():
    places, placement = Places(a_host()), Placement(window_mm=20)
    assert places.free(placement, 5.0, []) is places.free(placement, 50.0, [])


def test_the_spacing_of_pixels_that_are_not_square_is_their_mean():
    assert Places(a_host(spacing_mm=(1.0, 0.5))).spacing_mm == pytest.approx(0.75)
