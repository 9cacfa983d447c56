"""Terminals that cannot go back on a line get lines; titles of tables are not broken to the width of these."""

import io

import pytest

from synthmammo.cli import answers, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("term", "moves"), [("dumb", False), ("unknown", False), ("xterm-256color", True)])
def test_a_line_moves_only_where_it_can(term, moves, monkeypatch):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(progress.sys, "stderr", stream := Terminal())
    with progress.progress_bar("films", 3) as bar:
        bar(3)
    assert ("\x1b[" in stream.getvalue()) is moves
    assert moves or not stream.getvalue(), "short work needs no line of a log"


def test_colours_that_are_unwanted_do_not_keep_the_line_from_moving(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress.sys, "stderr", stream := Terminal())
    with progress.progress_bar("films", 3) as bar:
        bar(3)
    assert "\x1b[2K" in stream.getvalue() and "\x1b[3" not in stream.getvalue()


def test_a_title_is_one_line(monkeypatch):
    monkeypatch.setattr(answers.sys, "stdout", stream := Terminal())
    title = "mine: 3,000 samples on 1,500 backgrounds of a model"
    answers.print_table(["class", "train"], [["benign", "1"]], title=title)
    assert title in stream.getvalue().splitlines()


def test_a_bar_that_is_full_says_so_and_no_rate(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress.sys, "stderr", stream := Terminal())
    with progress.progress_bar("verify", 12, "checks") as bar:
        bar(12)
        bar.stage("writing the index")
    last = stream.getvalue().rpartition("12 of 12")[2]
    assert "done" in last and "checks/s" not in last and "writing" not in last
