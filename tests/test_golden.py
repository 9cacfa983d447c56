"""What the package draws, names and paints is what it was; `make golden` records it anew, see tools/golden.py."""

import copy
import json

import pytest

from tools import golden
from tools.golden_pixels import GRID

RECORDED = golden.recorded(golden.EXACT)
ELSEWHERE = {"instruction_set": "another", "numpy": "0"}


@pytest.fixture
def elsewhere():
    """The pixels as made now, of a platform that is not this one."""
    made = copy.deepcopy(golden.pixels())
    made["platform"] |= ELSEWHERE
    return made


def moved(made, name, levels, pixels=1):
    """The pixels with the first probed ones of an entry moved by some grey levels, and another digest."""
    made = copy.deepcopy(made)
    entry = made["entries"][name]
    lines = [line.split() for line in entry["probe"]]
    for number in range(pixels):
        line = lines[number // len(lines[0])]
        line[number % len(line)] = str(int(line[number % len(line)]) + levels)
    entry |= {"probe": [" ".join(line) for line in lines], "sha256": "0" * 64}
    return made


@pytest.mark.parametrize("section", sorted(RECORDED.keys() - {"plans"}))
def test_draws_and_names_are_what_they_were(section):
    assert golden.exact()[section] == RECORDED[section]


@pytest.mark.parametrize("recipe", sorted(RECORDED["plans"]))
def test_plans_are_what_they_were(recipe):
    assert golden.exact()["plans"][recipe] == RECORDED["plans"][recipe]


def test_all_recipes_and_sections_are_recorded():
    assert golden.exact().keys() == RECORDED.keys()
    assert golden.exact()["plans"].keys() == RECORDED["plans"].keys()


def test_pixels_are_what_they_were():
    assert golden.changed(golden.nearest(golden.platform()), golden.pixels()) == []


def test_the_files_are_named_after_their_platforms():
    names = sorted(path.name for path in golden.GOLDEN.glob("pixels-*.json"))
    assert names and names == [golden.file_of(golden.recorded(name)["platform"]) for name in names]


def test_on_the_same_platform_every_byte_counts():
    now = golden.pixels()
    name = "composed"
    assert golden.changed(now, moved(now, name, 0)) == [
        f"{name}: other bytes than recorded on this platform; "
        "probed pixels differ by up to 0 grey levels, 0.00% by more than 1"
    ]


@pytest.mark.parametrize("name", sorted(golden.nearest(golden.platform())["entries"]))
def test_elsewhere_one_grey_level_is_allowed_and_two_are_not(elsewhere, name):
    now = golden.pixels()
    everywhere = GRID**2
    assert golden.changed(elsewhere, moved(now, name, 1, everywhere)) == []
    assert golden.changed(elsewhere, moved(now, name, 2, 1)) == []
    (problem,) = golden.changed(elsewhere, moved(now, name, 2, 2))
    assert problem == f"{name}: probed pixels differ by up to 2 grey levels, 0.20% by more than 1"


@pytest.mark.parametrize("what", ["mean", "deviation"])
def test_elsewhere_what_no_probe_meets_is_seen_by_its_moments(elsewhere, what):
    now = copy.deepcopy(golden.pixels())
    now["entries"]["composed"] |= {"sha256": "", what: now["entries"]["composed"][what] + 0.6}
    (problem,) = golden.changed(elsewhere, now)
    assert problem.startswith(f"composed: {what} ")


def test_an_entry_more_or_less_is_a_difference_and_so_is_a_shape(elsewhere):
    now = copy.deepcopy(golden.pixels())
    now["entries"]["new"] = now["entries"].pop("stylegan2")
    now["entries"]["composed"]["shape"] = [1, 1]
    assert sorted(golden.changed(elsewhere, now)) == [
        "composed: shape [1, 1], recorded [250, 200]",
        "new: is recorded or made, not both",
        "stylegan2: is recorded or made, not both",
    ]


def test_another_pixels_version_asks_for_new_golden_values(elsewhere):
    now = golden.pixels() | {"pixels_version": "next"}
    (problem,) = golden.changed(elsewhere, now)
    assert "make golden" in problem


def test_plans_count_to_the_last_bit_on_the_same_platform(elsewhere):
    now = copy.deepcopy(golden.pixels())
    now["plans"]["detection.yaml"] = ""
    assert golden.changed(golden.pixels(), now) == ["plans of detection.yaml: other values than recorded"]
    assert golden.changed(elsewhere, now) == []


def test_without_recorded_pixels_there_is_an_error_and_no_pass(tmp_path):
    with pytest.raises(FileNotFoundError, match="make golden"):
        golden.nearest(golden.platform(), tmp_path)


def test_the_nearest_platform_is_this_one_or_shares_most_with_it(tmp_path, elsewhere):
    far = copy.deepcopy(elsewhere)
    far["platform"] |= {"torch": "0"}
    for made in (far, elsewhere):
        (tmp_path / golden.file_of(made["platform"])).write_text(json.dumps(made))
    assert golden.nearest(golden.platform(), tmp_path) == elsewhere
    golden.write(tmp_path)
    assert golden.nearest(golden.platform(), tmp_path) == golden.pixels()


def test_what_is_written_is_read_back_and_stale_pixels_of_other_platforms_go(tmp_path, elsewhere):
    other, own = golden.file_of(elsewhere["platform"]), golden.file_of(golden.platform())
    (tmp_path / other).write_text(json.dumps(elsewhere))
    assert golden.write(tmp_path) == [golden.EXACT, own]
    assert golden.recorded(own, tmp_path) == golden.pixels()
    assert golden.recorded(golden.EXACT, tmp_path) == golden.exact()
    (tmp_path / own).write_text(json.dumps(moved(golden.pixels(), "composed", 0)))
    assert golden.write(tmp_path) == [golden.EXACT, own, f"{other} (removed)"]
    assert not (tmp_path / other).exists()


def test_pixels_of_other_platforms_that_disagree_go_with_the_first_record_of_this_one(tmp_path, elsewhere):
    other = golden.file_of(elsewhere["platform"])
    (tmp_path / other).write_text(json.dumps(moved(elsewhere, "composed", 9, 9)))
    assert f"{other} (removed)" in golden.write(tmp_path)
