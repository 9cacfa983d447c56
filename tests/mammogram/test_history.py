"""What a sample's provenance says, and that the build's is stored under the names it always had."""

import pytest

from synthmammo.identity import canonical_json
from synthmammo.mammogram.history import Built, History, cut_record

BUILT = Built(
    recipe="r",
    index=7,
    role="removed",
    density="c",
    host={"generator": "stylegan2", "model": "zoo/x", "weights": "ab", "attempt": 2, "unlocated": ["mass"]},
    edits=({"spec": 0, "name": "density", "value": 1.5, "reference_seed": None},),
    lesions=({"generator": "parametric", "site": [1, 2]},),
    attempts=(3,),
    pixels_version=2,
)


def test_the_stored_names_stay():
    stored = canonical_json(BUILT.record() | cut_record((1, 2, 3, 4), 5.0, 6.0)).decode()
    assert stored == (
        '{"attempts":[3],"crop":[1,2,3,4],"density":"c","edits":[{"name":"density","spec":0,"value":1.5}],'
        '"host":{"attempt":2,"generator":"stylegan2","model":"zoo/x","unlocated":["mass"],"weights":"ab"},"index":7,'
        '"intensity":[5.0,6.0],"lesions":[{"generator":"parametric","site":[1,2]}],"pixels_version":2,"recipe":"r",'
        '"role":"removed"}'
    )


def test_what_a_build_wrote_is_read():
    history = History(BUILT.record() | cut_record((1, 2, 3, 4), 5, 6))
    assert (history.pair, history.role, history.density, history.attempts) == (("r", 7), "removed", "c", [3])
    assert history.edits == ["density"] and [lesion.generator for lesion in history.lesions] == ["parametric"]
    assert history.crop == [1, 2, 3, 4] and history.intensity == (5.0, 6.0)
    host = history.background
    assert (host.generator, host.model, host.weights, host.attempt) == ("stylegan2", "zoo/x", "ab", 2)
    assert host.unlocated == ("mass",) and not history.unlocated


def test_an_image_that_no_build_made_is_its_own_background():
    history = History({"source": "dicom", "lossy_ratio": "12.5", "burned_in": False, "implant": True})
    assert history.host is None and history.background is history
    assert (history.source, history.lossy_ratio, history.burned_in, history.implant) == ("dicom", 12.5, False, True)


@pytest.mark.parametrize("name", ["role", "density", "crop", "intensity", "source", "attempt", "lossy_ratio", "model"])
def test_what_is_not_said_is_none(name):
    assert getattr(History({}), name) is None
    assert not History({}).lesions and not History({}).edits and not History({}).attempts
