"""Ctrl-C that ends work at a good place: the first one asks, the second one stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class Interrupted(KeyboardInterrupt):
    """Work was interrupted; the text says what of it is kept, and how it goes on."""


@contextmanager
def keeping(kept: str | Callable[[], str]) -> Iterator[None]:
    """Turn an interruption of the body into one that says what is kept.

    Args:
        kept: Half a sentence, or a function that makes it when it is needed.

    Raises:
        Interrupted: The body was interrupted.
    """
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(kept if isinstance(kept, str) else kept()) from None


def never() -> bool:
    """Whether a stop was asked for, where nobody can ask."""
    return False


@contextmanager
def stop_requests(
    answer: Callable[[], None] | None = None, signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set while the body runs; a second Ctrl-C stops at once.

    Outside the main thread signals are not heard, and the event stays as it is.

    Args:
        answer: Function that is called as soon as a stop is asked for, in a thread of its own: a single step of a
            training can take longer than people wait for an answer. None, the default, says nothing.
        signals: Signals that ask.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, request) for number in signals}
    try:
        with _answering(answer, signals):
            yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _answering(answer: Callable[[], None] | None, signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Call a function at the first signal, even while the main thread computes outside Python."""
    if answer is None:
        yield
        return
    listening, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def listen() -> None:
        while numbers := os.read(listening, 64):
            if any(number in numbers for number in signals):
                answer()
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)
        thread.join()
        os.close(listening)
