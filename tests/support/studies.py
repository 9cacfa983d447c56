"""Studies on disk that are made without datasets, and servers of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np

from synthmammo.studying.harmonise import WINDOW
from synthmammo.studying.study import CHECK, CaseTruth, MarkedLesion, Study, StudyCase, write_json, write_pixels

SIZE = 48


def make(
    path: Path, real: int = 12, generated: int = 10, *, views: int = 1, lesions: bool = True, **changes: Any
) -> Study:
    """A study of noise: real and generated items alternate, and every third has a lesion and a twin."""
    rng = np.random.default_rng(3)
    kinds = ["real"] * real + ["synthesised"] * generated
    order = rng.permutation(len(kinds))
    items, truths = [], []
    for number, place in enumerate(order, 1):
        item = StudyCase(f"{number:04}", ("CC", "MLO")[:views])
        found: tuple[MarkedLesion, ...] = ()
        for image in item.images:
            pixels = rng.integers(9000, 50000, (SIZE, SIZE)).astype(np.uint16)
            write_pixels(path / "images" / f"{image}.u16", pixels)
        if lesions and number % 3 == 0:
            outline = ((10, 12), (10, 22), (20, 22), (20, 12))
            words = "malignant mass: shape irregular, margin spiculated"
            found = (MarkedLesion(0, (10, 12, 20, 22), outline, words, number / 10),)
            write_pixels(path / "twins" / f"{item.images[0]}.u16", np.full((SIZE, SIZE), 20000, np.uint16))
        hard = number / len(kinds) if found else None
        source = "real" if kinds[place] == "real" else "synthetic"
        keys = tuple(f"k-{number}-{image}" for image in range(views))
        truths.append(CaseTruth(item.name, kinds[place], source, keys, found, "b", difficulty=hard))
        items.append(item)
    given = {"title": "A study", "seed": 4, "shape": (SIZE, SIZE), "window": WINDOW, **changes}
    study = Study(path, items=tuple(items), sources={"real": "r", "synthetic": "s"}, **given)
    write_json(path / CHECK, {"warnings": [], "machine": [0.6, 0.5, 0.7], "four_statistics": [0.5, 0.4, 0.6]})
    study.write(truths)
    return Study.open(path)


class Server:
    """`synthmammo study serve` in a process of its own.

    Args:
        study: Directory of the study.
        options: Further options.
    """

    def __init__(self, study: Path, *options: str) -> None:
        command = [sys.executable, "-m", "synthmammo", "study", "serve", str(study), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        assert " at http" in line, line + self.process.stderr.read()
        self.address = line.rpartition(" at ")[2].strip()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers; a refusal is raised as HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Server:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(OSError):
                self.ask("api/study")
                return self
        raise AssertionError("the server does not answer")

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.kill()


__all__ = ["SIZE", "HTTPError", "Server", "make"]
