"""A shard is written in all formats or not at all; what is done is not made again, and every sample is counted."""

from contextlib import contextmanager

import pytest

from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.manifest import ShardRecord
from synthmammo.dataset.shards import WRITING, Formats, Made, run_shards, write_shard
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.dataset.workers.base import Stopped
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import OutputError
from synthmammo.interruption import Interrupted
from synthmammo.progress import Steps
from tests.support.example_samples import LABELS, samples

BOTH = {"parquet": {"label_names": LABELS}, "webdataset": {}}


class Link:
    """A link to an engine that wants the work stopped after some samples."""

    def __init__(self, stop_after=None):
        self.done, self._stop_after = 0, stop_after

    def advance(self, samples=1):
        self.done += samples

    def raise_if_stopped(self):
        if self.done == self._stop_after:
            raise Stopped


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_format_gets_every_sample_and_what_failed_is_kept(tmp_path):
    made, link = samples(), Link()
    skip = {"key": "k", "reason": "r"}
    name, result = write_shard(Formats(tmp_path, BOTH), "train-00000", [*enumerate(made), (7, skip)], link)
    assert (name, link.done) == ("train-00000", 8)
    assert {record.format: record.samples for record in result.records} == {"parquet": 7, "webdataset": 7}
    assert [row["key"] for row in result.rows] == [sample.key for sample in made]
    assert result.skipped == (skip,) and result.seconds[WRITING] > 0
    assert files(tmp_path) == sorted(record.name for record in result.records)


def test_a_shard_without_samples_leaves_no_file(tmp_path):
    _, result = write_shard(Formats(tmp_path, BOTH), "train-00000", [(0, {"key": "k", "reason": "r"})], Link())
    assert result.records == () and files(tmp_path) == []


@pytest.mark.parametrize("broken", ["stopped", "a label that is no class", "an option that is none"])
def test_on_any_failure_nothing_of_it_stays(tmp_path, broken):
    made, link, formats = samples(), Link(3 if broken == "stopped" else None), Formats(tmp_path, BOTH)
    if broken.startswith("a label"):
        made[4] = made[4].with_(label="unheard of")
    if broken.startswith("an option"):
        formats = Formats(tmp_path, BOTH | {"dicom": {"dataset": "d", "compression": "zip"}})
    with pytest.raises((Stopped, OutputError)):
        write_shard(formats, "train-00000", enumerate(made), link)
    assert files(tmp_path) == []


class Planned:
    def __init__(self, name, size):
        self.name, self._size = name, size

    def __len__(self):
        return self._size


def test_what_is_done_is_not_made_again_and_all_is_counted(tmp_path):
    out, advanced, asked = tmp_path / "d", [], []
    shards = [Planned(f"train-{number:05d}", number + 1) for number in range(3)]

    def make(shard, report):
        asked.append(shard.name)
        path = out / "webdataset" / f"{shard.name}.tar"
        path.parent.mkdir(exist_ok=True)
        path.write_text(shard.name)
        report.advance(len(shard))
        record = ShardRecord("webdataset", "train", f"webdataset/{path.name}", len(shard), len(shard.name), "0")
        return shard.name, ShardResult((record,), ({"key": shard.name},) * len(shard), (), {"making": 0.5})

    first = run_shards(Unfinished(out, {}, {}), Local(1), make, shards[:2], advanced.append)
    again = run_shards(Unfinished(out, {}, {}), Local(1), make, shards, advanced.append)
    assert asked == [shard.name for shard in shards]
    assert (first.samples, again.samples, sum(advanced)) == (3, 3, 3 + 6)
    assert [len(result.rows) for result in again.results] == [1, 2, 3], "in the order of the shards"
    assert again.seconds == {"making": 1.5}


def test_seconds_are_summed_by_activity():
    results = [ShardResult((), (), (), seconds) for seconds in ({"a": 1.0, "b": 2.0}, {"b": 0.5}, {})]
    assert Made(results, 0).seconds == {"a": 1.0, "b": 2.5}


class Told:
    """Progress of which an end is asked for when a shard is made."""

    def __init__(self):
        self.made, self.before = [], 0

    def __call__(self, done, total):
        pass

    def resumed(self, number):
        self.before += number

    @contextmanager
    def finishing(self, what):
        yield lambda: bool(self.made)


def test_an_end_that_is_asked_for_keeps_what_is_finished_and_says_so(tmp_path):
    shards = [Planned(f"train-{number:05d}", 2) for number in range(3)]

    def run(told, progress):
        def make(shard, report):
            told.made.append(shard.name)
            return shard.name, ShardResult((), ({"key": shard.name},), (), {})

        return run_shards(Unfinished(tmp_path, {}, {}), Local(1), make, shards, Steps(progress, 6))

    for number, kept in enumerate(("1 finished shard kept", "2 finished shards kept")):
        told = Told()
        with pytest.raises(Interrupted, match=f"{kept}, and the same command goes on from there"):
            run(told, told)
        assert told.made == [shards[number].name] and told.before == 2 * number, "what was there is no work of this run"
    assert run(Told(), lambda done, total: None).samples == 1
