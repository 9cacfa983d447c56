"""Servers of `synthmammo explore`, and what a browser does on their pages."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from typing import Any
from urllib.request import urlopen

from tests.support.browser import Browser


class Server:
    """`synthmammo explore` in a process of its own.

    Args:
        what: A model or the directory of a dataset.
        options: Further options.
    """

    def __init__(self, what: object, *options: str) -> None:
        command = [sys.executable, "-m", "synthmammo", "explore", str(what), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        assert " at http" in line, line + self.process.stderr.read()
        self.address = line.rpartition(" at ")[2].strip()

    def __enter__(self) -> Server:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with suppress(OSError), urlopen(self.address, timeout=30):
                return self
        raise AssertionError("the server does not answer")

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()


def there(page: Browser, selector: str) -> None:
    """Wait until something is on the page."""
    page.wait(f"!!document.querySelector({selector!r})", 90)


def press(page: Browser, identity: str) -> None:
    """Click a button by its id."""
    there(page, f"#{identity}")
    page.run(f"document.querySelector('#{identity}').click()")


def tab(page: Browser, name: str) -> None:
    """Open a tab by its name."""
    script = f"[...document.querySelectorAll('[role=tab]')].find((one) => one.innerText.trim() === {name!r})"
    page.wait(f"!!{script}")
    page.run(f"{script}.click()")


def fill(page: Browser, selector: str, value: object) -> None:
    """Write into an input, as a hand does: the page hears `input`."""
    there(page, selector)
    page.run(
        f"(() => {{ const one = document.querySelector({selector!r});"
        "const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(one), 'value').set;"
        f"set.call(one, {str(value)!r}); one.dispatchEvent(new Event('input', {{bubbles: true}}));"
        "one.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def slide(page: Browser, identity: str, value: float) -> None:
    """Move a slider."""
    fill(page, f"#{identity} input[type=range]", value)


def picked(page: Browser, identity: str, value: str) -> None:
    """Choose one of a group of radio buttons by its words."""
    script = f"[...document.querySelectorAll('#{identity} label')].find((one) => one.innerText.trim() === {value!r})"
    page.wait(f"!!{script}")
    page.run(f"{script}.querySelector('input').click()")


def click(page: Browser, row: float, column: float, selector: str = "#view .frame", tile: int = 0) -> None:
    """Click with the mouse on a pixel of a picture."""
    script = (
        f"(() => {{ const one = document.querySelectorAll({selector!r})[{tile}];"
        "one.scrollIntoView({block: 'center'});"
        "const box = one.getBoundingClientRect();"
        f"return [box.left + ({column} + 0.5) * box.width / one.dataset.width,"
        f"box.top + ({row} + 0.5) * box.height / one.dataset.height]; }})()"
    )
    x, y = page.run(script)
    page.drag((x, y), (x, y))


def source(page: Browser, tile: int = 0) -> Any:
    """The data of a picture."""
    return page.run(f"(document.querySelectorAll('#view img')[{tile}] || {{}}).src")


def changed(page: Browser, before: Any, tile: int = 0) -> Any:
    """Wait until the picture is another; returns its data."""
    script = f"((document.querySelectorAll('#view img')[{tile}] || {{}}).src || {str(before)!r}) !== {str(before)!r}"
    page.wait(script, 60)
    return source(page, tile)


def said(page: Browser, words: str) -> None:
    """Wait until the line below the picture says something."""
    page.wait(f"document.querySelector('#status').innerText.includes({words!r})", 60)
