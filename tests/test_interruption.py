"""Requests to stop: one is kept for the end of the step, a second one ends at once, and handlers come back."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from synthmammo.interruption import Interrupted, keeping, stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_is_kept_and_the_second_one_ends_at_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_requests() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(5)
        with pytest.raises(KeyboardInterrupt):
            signal.getsignal(number)(number, None)
    assert signal.getsignal(number) is before


def test_other_threads_leave_the_handlers_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def inside() -> None:
        with stop_requests() as stop:
            seen.append((signal.getsignal(signal.SIGINT), stop.is_set()))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [(before, False)]


BUSY = """
    import hashlib, os, signal, threading
    from time import monotonic
    from synthmammo.interruption import stop_requests

    answered = []
    with stop_requests(lambda: answered.append(monotonic())) as stop:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 4_000_000)  # seconds outside Python, as a step of a training
        end = monotonic()
        print("asked", stop.is_set(), "answered before the end", end - answered[0] > 0.1)
"""


def test_the_answer_does_not_wait_for_what_computes_outside_python() -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(BUSY)], capture_output=True, text=True, timeout=100)
    assert (done.stdout, done.stderr) == ("asked True answered before the end True\n", "")


def test_an_interruption_says_what_is_kept() -> None:
    with pytest.raises(Interrupted, match="two shards are kept"), keeping("two shards are kept"):
        raise KeyboardInterrupt
    with pytest.raises(Interrupted, match="the inner one knows"), keeping("nothing"):
        raise Interrupted("the inner one knows")
