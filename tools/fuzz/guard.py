"""What no reader may do, watched by the interpreter itself: run something, write, reach out, or read elsewhere."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

MOST_SECONDS = 20.0
"""Time after which a file of at most one megabyte counts as one that hangs its reader."""
MOST_MEMORY = 768 << 20
"""Bytes by which reading such a file may raise the memory of the process."""

MOST_MAPPED = 6 << 30
"""Bytes that the process may claim beyond what it has: no input harms the machine that the campaign runs on."""

_FORBIDDEN: tuple[str, ...] = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "subprocess.Popen",
    "pty.spawn",
)
_FORBIDDEN += ("socket.connect", "socket.bind", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod")
_FORBIDDEN += (
    "os.symlink",
    "os.link",
    "os.truncate",
    "shutil.rmtree",
    "shutil.move",
    "ctypes.dlopen",
    "webbrowser.open",
)


class Broken(BaseException):
    """A promise was broken; no reader's `except Exception` hides it."""


class _Watch:
    root: Path | None = None
    """Folder that the reader may read; None while no reader is at work."""
    allowed: tuple[str, ...] = ()


_watch = _Watch()


def install() -> None:
    """Watch this process from now on; an audit hook cannot be taken out again."""
    os.environ["RUST_BACKTRACE"] = "0"  # a decoder that panics a thousand times says so a thousand times
    resource.setrlimit(resource.RLIMIT_AS, (_mapped() + MOST_MAPPED, resource.RLIM_INFINITY))
    libraries = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[2]), *(os.path.realpath(p) for p in sys.path)}
    _watch.allowed = (*(f"{path}/" for path in libraries if path), "/proc/", "/sys/", "/dev/null", "/dev/urandom")
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watch.root is None:
        return
    if event in _FORBIDDEN:
        raise Broken(f"{event}{arguments!r}"[:300])
    if event == "open" and isinstance(arguments[0], str | bytes):
        _check_open(os.fsdecode(arguments[0]), arguments[1])


def _check_open(name: str, mode: object) -> None:
    path = os.path.abspath(name)
    inside = f"{path}/".startswith(f"{_watch.root}/")
    if isinstance(mode, str) and set(mode) & set("wax+") and not path.startswith("/dev/"):
        raise Broken(f"wrote {path}")
    if not inside and not path.startswith(_watch.allowed):
        raise Broken(f"read {path}, which is outside of its folder")


@contextmanager
def guarded(root: Path) -> Iterator[None]:
    """Let the body read in a folder, and do nothing else.

    Raises:
        Broken: It did something else, took too long, or took too much memory.
    """
    before = _peak()
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    _watch.root = root
    try:
        yield
    finally:
        _watch.root = None
        signal.setitimer(signal.ITIMER_REAL, 0)
    if (more := _peak() - before) > MOST_MEMORY:
        raise Broken(f"took {more >> 20} MiB of memory")


def _mapped() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _too_long(number: int, frame: FrameType | None) -> None:
    raise Broken(f"took more than {MOST_SECONDS:g} s")
