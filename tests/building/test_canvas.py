"""A canvas takes lesions on and off: where asked, within the recipe's measures, and never on its host."""

import numpy as np
import pytest

from synthmammo.building.canvas import Canvas
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.geometry import crop
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology
from tests.support.fake_lesions import Disc, a_host, a_lesion, a_spec, a_try


def test_a_lesion_is_put_where_it_was_asked_for():
    canvas = Canvas.of(host := a_host())
    assert canvas.put(Disc(), a_try(site=(90, 50)))
    finding = canvas.placed[0].finding
    centre = (finding.box.row0 + finding.box.row1) / 2, (finding.box.col0 + finding.box.col1) / 2
    assert centre == pytest.approx((90, 50), abs=1)
    assert finding.box.height == pytest.approx(10, abs=2)
    assert finding.synthetic and finding.label == 1 and Box.around(canvas.lesions == 1) == finding.box
    inside = canvas.lesions == 1
    raised = canvas.image[inside].astype(float) - host.image[inside]
    assert raised.mean() == pytest.approx(0.25 * (canvas.intensity.high - canvas.intensity.low), rel=0.02)


def test_a_host_that_is_a_patch_keeps_the_grey_levels_of_its_image():
    host = a_host()
    patch = host.with_(provenance={**host.provenance, "intensity": [10, 4000]})
    assert Canvas.of(patch).intensity == Intensity(10, 4000) != Canvas.of(host).intensity


def test_the_hosts_arrays_stay_untouched():
    host = a_host()
    before = host.image.copy()
    Canvas.of(host).put(Disc(), a_try())
    assert np.array_equal(host.image, before) and not host.lesions.any()


def test_a_failed_try_changes_nothing():
    tries = {
        "nothing generated": (Disc(failing=[1]), a_try()),
        "too small": (Disc(exact=False), a_try(spec=a_spec(post={"minimum_area": 0.9}))),
        "below the threshold": (Disc(exact=False), a_try(lesion=a_lesion(contrast=0.05))),
        "over the skin": (Disc(), a_try(site=(100, 140))),
    }
    for why, (generator, tried) in tries.items():
        canvas = Canvas.of(host := a_host())
        assert not canvas.put(generator, tried), why
        assert np.array_equal(canvas.image, host.image) and not canvas.lesions.any() and not canvas.placed


def test_contexts_come_from_the_untouched_host():
    host, generator = a_host(), Disc()
    canvas = Canvas.of(host)
    near = a_spec(placement={"overlap": True})
    assert canvas.put(generator, a_try(spec=near)) and canvas.put(generator, a_try(site=(101, 61), spec=near))
    alone = Disc()
    assert Canvas.of(host).put(alone, a_try(site=(101, 61), spec=near))
    assert np.array_equal(generator.contexts[1].pixels, alone.contexts[0].pixels)


@pytest.mark.parametrize("overlap", [False, True])
def test_lesions_overlap_only_where_allowed(overlap):
    canvas = Canvas.of(a_host())
    spec = a_spec(placement={"overlap": overlap})
    assert canvas.put(Disc(), a_try(spec=spec))
    assert canvas.put(Disc(), a_try(site=(104, 60), spec=spec)) is overlap
    assert set(np.unique(canvas.lesions)) == ({0, 1, 2} if overlap else {0, 1})


def test_labels_follow_the_hosts_own():
    own = Finding(Kind.MASS, Pathology.UNKNOWN, Box(20, 20, 24, 24), 1)
    host = a_host(findings=(own,))
    host.lesions[20:24, 20:24] = 1
    canvas = Canvas.of(host)
    assert canvas.put(Disc(), a_try()) and canvas.placed[0].finding.label == 2
    assert [finding.label for finding in canvas.sample().findings] == [1, 2]


def test_removing_gives_another_image_and_leaves_the_canvas():
    canvas = Canvas.of(host := a_host())
    assert canvas.put(Disc(), a_try())
    before = canvas.image.copy()
    removed = canvas.removed(Disc(sign=-1))
    assert np.abs(removed.astype(int) - host.image).max() <= 2, "two roundings"
    assert np.array_equal(canvas.image, before) and canvas.lesions.any() and canvas.placed


def test_contrast_to_noise_is_a_limit():
    assert Canvas.of(a_host()).put(Disc(), a_try(), 0.5)
    assert not Canvas.of(a_host()).put(Disc(), a_try(), 50.0)


def test_unknown_spacing_is_refused_with_the_remedy():
    hint = "spacing is unknown(.|\n)*assume_spacing_mm(.|\n)*convert` takes spacing_mm"
    with pytest.raises(GeneratorError, match=hint):
        Canvas.of(a_host(spacing_mm=None))


def test_a_generator_with_its_own_spacing():
    """At 0.1 mm on a 0.05 mm host: the context has the generator's grid, the lesion the host's."""
    host = a_host(shape=(800, 640), spacing_mm=(0.05, 0.05))
    generator, canvas = Disc(spacing_mm=0.1), Canvas.of(host)
    tried = a_try(a_lesion(diameter_mm=8.0), site=(400, 250))
    assert canvas.put(generator, tried)
    context = generator.contexts[0]
    assert context.spacing_mm == 0.1 and context.pixels.shape == (160, 160)
    box = canvas.placed[0].finding.box
    assert (box.height, box.width) == pytest.approx((160, 160), abs=4)
    rows, columns = np.nonzero(canvas.image != host.image)
    reach = 4 + 0.1 * (5 + 3 * 5) + 0.2  # radius, growth, three deviations of the edge, a pixel of each grid
    assert np.hypot(rows - 400, columns - 250).max() * 0.05 <= reach + 0.1
    both = Canvas.of(host)
    assert both.put(Disc(), tried)
    assert Box.around(both.lesions > 0).height == pytest.approx(box.height, abs=4)


def test_pixels_that_are_not_square():
    canvas = Canvas.of(a_host(shape=(200, 320), spacing_mm=(1.0, 0.5)))
    assert canvas.put(Disc(), a_try(a_lesion(diameter_mm=20.0), site=(100, 120)))
    box = canvas.placed[0].finding.box
    assert box.height == pytest.approx(20, abs=2) and box.width == pytest.approx(40, abs=2)


def test_cropping_follows_findings_and_drops_those_outside():
    canvas = Canvas.of(a_host())
    assert canvas.put(Disc(), a_try(site=(60, 50))) and canvas.put(Disc(), a_try(site=(140, 50)))
    host = canvas.host.with_(
        image=canvas.image, lesions=canvas.lesions, findings=tuple(one.finding for one in canvas.placed)
    )
    part = crop(host, Box(58, 30, 100, 90))
    assert [finding.label for finding in part.findings] == [1]
    assert part.findings[0].box.row0 == 0 and Box.around(part.lesions == 1) == part.findings[0].box
    assert np.array_equal(part.image, canvas.image[58:100, 30:90])
