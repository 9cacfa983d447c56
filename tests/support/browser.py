"""A headless Chromium driven over its own protocol (CDP): no driver beside Debian's `chromium` is needed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "Delete": 46, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39} | {
    "ArrowDown": 40
}


class Browser:
    """One page, and every request that the browser made since it started.

    Args:
        socket: Open WebSocket of the page.

    Attributes:
        requests: Addresses that were asked for.
        problems: Uncaught errors of scripts, and what the content security policy refused.
    """

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.requests: list[str] = []
        self.problems: list[str] = []
        for domain in ("Network", "Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a method of the protocol."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        given = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(given["request"]["url"])
            case "Runtime.exceptionThrown":
                self.problems.append(str(given["exceptionDetails"]))
            case "Log.entryAdded" if given["entry"]["source"] in ("security", "violation"):
                self.problems.append(given["entry"]["text"])

    def open(self, address: str) -> None:
        """Load a page and wait until it has loaded."""
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> None:
        """Wait until an expression in the page is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(AssertionError):
                if self.run(script):
                    return
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}; page says {self.run('document.body.innerText')!r}")

    def press(self, *keys: str, shift: bool = False) -> None:
        """Press keys one after another, as a keyboard does."""
        for key in keys:
            code = _KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
            text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
            given = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
            self.call("Input.dispatchKeyEvent", type="keyDown", **given, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def write(self, text: str) -> None:
        """Write text where the cursor is."""
        self.call("Input.insertText", text=text)

    def drag(self, start: tuple[float, float], end: tuple[float, float], button: str = "left") -> None:
        """Drag the mouse; a drag to where it began is a click."""
        place = {"button": button, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], **place)
        if start != end:
            for share in (0.3, 0.6, 1.0):
                x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
                self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button=button, buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], **place)

    def size(self, width: int, height: int, *, touch: bool = False) -> None:
        """The size of the window in CSS pixels; with `touch` as a tablet."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)

    def picture(self, path: Path) -> Path:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
        return path


@contextmanager
def browser(width: int = 1280, height: int = 800) -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone afterwards."""
    import websocket

    assert CHROMIUM
    profile = Path(tempfile.mkdtemp(prefix="browser-"))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
    options += ["--disable-sync", "--no-default-browser-check", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen([CHROMIUM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        socket = websocket.create_connection(_address(profile, process), timeout=60, suppress_origin=True)
        try:
            made = Browser(socket)
            made.size(width, height)
            yield made
        finally:
            socket.close()
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """The WebSocket of the browser's first page."""
    from urllib.request import urlopen

    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, ValueError, StopIteration, IndexError):
            port = (profile / "DevToolsActivePort").read_text().splitlines()[0]
            with urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as reply:
                pages = json.load(reply)
            return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))
        time.sleep(0.1)
    raise AssertionError("the browser did not start")
