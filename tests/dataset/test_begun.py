import json

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.dataset.begun import begun
from synthmammo.dataset.show import draw_dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import DatasetError
from tests.support import tiny


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory):
    """A build that was interrupted after five samples, so that one shard is finished."""
    out, done = tmp_path_factory.mktemp("begun") / "tiny", 0

    def interrupt(samples: int) -> None:
        nonlocal done
        done += samples
        if done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_dataset(tiny.recipe(), out, engine=Local(1), advance=interrupt)
    return out


def test_how_far_an_unfinished_dataset_has_come(broken_off):
    found = begun(broken_off)
    assert (found.state, found.name, found.kind, found.planned) == ("unfinished", "tiny", "built", 12)
    assert 0 < len(found.rows) < 12 and len(found.dataset()) == len(found.rows)
    assert sum(found.seconds.values()) > 0
    text = tiny.run("status", broken_off).stdout
    assert f"{len(found.rows)} of 12 samples" in text and "goes on from there" in text


def test_its_samples_can_be_shown(broken_off, tmp_path):
    assert draw_dataset(broken_off, tmp_path / "sheet.png", count=2).stat().st_size > 1000
    assert tiny.run("show", broken_off, "--out", tmp_path / "again.png").exit_code == 0


def test_looking_does_not_disturb_the_build(broken_off):
    before = tiny.files(broken_off)
    begun(broken_off)
    assert tiny.files(broken_off) == before


def test_a_running_build_is_told_from_a_broken_off_one(broken_off):
    held = tiny.start(
        "status",
        broken_off,
        prelude=f"import fcntl; f = open({str(broken_off / '.unfinished' / 'lock')!r}, 'r+b'); "
        "fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); input()",
        stdin=-1,
    )
    assert held.stdout.readline() == "held\n"
    assert begun(broken_off).state == "running" and "being made now" in tiny.run("status", broken_off).stdout
    held.communicate("\n")
    assert begun(broken_off).state == "unfinished"


def test_a_finished_dataset(built):
    found = json.loads(tiny.run("status", built, "--json").stdout)
    assert found["state"] == "finished" and found["samples"] == found["planned"] == 12 and not found["failed"]
    assert sum(sum(labels.values()) for labels in found["counts"].values()) == 12
    assert found["bytes"] > 1000 and found["shards"] > 3


@pytest.mark.parametrize("place", ["absent", "empty"])
def test_what_is_no_dataset_is_refused(tmp_path, place):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="is no dataset"):
        begun(tmp_path / place)


def test_nothing_can_be_shown_before_the_first_shard(broken_off, tmp_path):
    state = tmp_path / "none" / ".unfinished"
    state.mkdir(parents=True)
    (state / "content.json").write_text((broken_off / ".unfinished" / "content.json").read_text())
    assert begun(tmp_path / "none").planned == 12
    with pytest.raises(DatasetError, match="none of its samples can be read yet"):
        draw_dataset(tmp_path / "none", tmp_path / "x.png")
