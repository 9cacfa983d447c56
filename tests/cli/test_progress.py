"""Progress says at once what is done, and no number before it can be known."""

from __future__ import annotations

import io
import itertools
import os
import signal
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.cli.pace import UNKNOWN, Pace, duration, per_second
from synthmammo.cli.progress import Bar, Lines, Moving, progress_bar
from synthmammo.progress import Steps, finishing, resumed, stage


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def bar_of(total: int | None = 100) -> tuple[Bar, Clock]:
    clock = Clock()
    return Bar("films", total, "images", clock), clock


# rate and time left


def test_warming_up_is_no_part_of_the_rate() -> None:
    bar, clock = bar_of(100)
    assert bar.left == UNKNOWN and UNKNOWN in bar.rate
    clock.now = 60.0  # the model is loaded, the first image comes
    bar(1, 100)
    assert bar.left == UNKNOWN
    for done in range(2, 12):
        clock.now += 1.0
        bar(done, 100)
    assert bar.rate == "1.0 images/s" and bar.left == "0:01:29"


def test_a_heap_at_the_start_is_no_rate() -> None:
    bar, clock = bar_of(40_000)
    for done in range(1, 500):
        clock.now += 1e-5
        bar(done)
    assert UNKNOWN in bar.rate and bar.left == UNKNOWN


def test_what_was_found_is_not_counted_as_work_of_now() -> None:
    bar, clock = bar_of(1000)
    steps = Steps(bar, 1000)
    for _ in range(9):
        resumed(steps, 100)
        steps(100)
    assert bar.count == "900 of 1,000" and UNKNOWN in bar.rate and bar.stage_name, "nothing is made yet"
    for _ in range(5):
        clock.now += 2.0
        steps(1)
    assert bar.rate == "0.5 images/s" and bar.left == "0:03:10"


def test_the_rate_is_of_late() -> None:
    bar, clock = bar_of(10_000)
    for done in itertools.chain(range(1, 100), range(109, 1000, 10)):
        clock.now += 1.0
        bar(done)
    assert bar.rate == "10.0 images/s"


def test_work_that_comes_to_a_halt_gets_slower_and_work_that_is_due_does_not() -> None:
    pace_of = Clock()
    pace = Pace(pace_of)
    for made in range(1, 6):
        pace_of.now += 10.0
        pace.note(made)
    assert pace.rate == pytest.approx(0.1)
    pace_of.now += 9.0
    assert pace.rate == pytest.approx(0.1)
    pace_of.now += 600.0
    assert pace.rate is not None and pace.rate < 0.01


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=40))
def test_a_rate_is_never_nonsense(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    pace, made = Pace(clock), 0
    for wait, more in steps:
        clock.now += wait
        made += more
        pace.note(made)
        rate = pace.rate
        assert rate is None or 0 < rate <= made / 1.5


def test_words() -> None:
    assert (duration(None), duration(0.2), duration(3725)) == (UNKNOWN, "0:00:01", "1:02:05")
    assert per_second(0.25, "images") == "4.0 s each" and per_second(1234.5, "rows") == "1,234 rows/s"


# stages


def test_a_stage_holds_until_the_next_unit() -> None:
    bar, _ = bar_of(None)
    assert bar.stage_name == "loading" and bar.count == "0"
    stage(bar, "loading the model")
    bar(0, 10)
    assert bar.stage_name == "loading the model"
    bar(1, 10)
    assert not bar.stage_name and bar.count == "1 of 10"
    stage(Steps(bar, 10), "scoring")
    assert bar.stage_name == "scoring"


def test_plain_functions_are_enough() -> None:
    seen: list[int] = []
    steps = Steps(lambda done, total: seen.append(done), 3)
    stage(steps, "loading")
    resumed(steps, 2)
    with finishing(steps, "the shard") as asked:
        steps(2)
        assert not asked()
    assert seen == [2]


# displays


def test_short_work_says_nothing_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("films", 3) as update:
        update(3)
    assert capsys.readouterr() == ("", "")


def test_long_work_is_not_silent_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    bar, _ = bar_of(10)
    lines = Lines(bar, 0.01, 0.01)
    said = ""
    for change in (lambda: stage(bar, "loading the model"), lambda: bar(4)):
        change()
        deadline = time.monotonic() + 5
        while ("4 of 10" if bar.done else "loading the model") not in said and time.monotonic() < deadline:
            time.sleep(0.01)
            said += capsys.readouterr().err
    lines.close(bar)
    said += capsys.readouterr().err
    assert "films: loading the model\n" in said and f"films: 4 of 10 images, {UNKNOWN} images/s, {UNKNOWN} left" in said
    assert said.endswith("films: 4 of 10 images in 0:00:00\n")


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_a_terminal_gets_one_line_that_fits(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    bar, clock = bar_of(1200)
    display = Moving(bar)
    stage(bar, "loading a model with a rather long name for its stage")
    display.show(bar)
    for done in range(1, 5):
        clock.now += 1
        bar(done)
    display.show(bar)
    display.close(bar)
    last = screen.getvalue().rstrip("\n").splitlines()[-1]
    assert len(last) <= columns and "films" in last
    if columns >= 80:
        assert "4 of 1,200" in last and "1.0 images/s, 0:19:56 left" in last


# Ctrl-C


def test_the_first_request_is_answered_at_once_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("films", 3) as update, finishing(Steps(update, 3), "the shard") as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGINT)
        assert asked()
        said, deadline = "", time.monotonic() + 5
        while not said and time.monotonic() < deadline:
            said = capsys.readouterr().err
        assert said == "finishing the shard; Ctrl-C again to stop at once\n"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
