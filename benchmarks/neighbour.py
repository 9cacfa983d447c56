"""A command with networks beside a process that computes: by default, and as before the threads that wait slept.

    python -m benchmarks.neighbour [--rounds 3] [--neighbours 1] [COMMAND ...]

COMMAND is what follows `synthmammo`; by default some samples of a model of the package. All three kinds of runs take
turns, so that what else the machine does falls on each of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

SAMPLES = ["sample", "zoo/stylegan2-cbis-mass-128", "--class", "malignant", "--seeds", "0-199", "--out", "samples.png"]


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Keep processes computing on one thread each while the body runs."""
    command = [sys.executable, "-c", "while True: sum(range(10**6))"]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def seconds(command: list[str], **changes: str) -> float:
    """Time in seconds of a command, in an environment that says nothing of threads but these changes."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")
    environment = {name: value for name, value in os.environ.items() if name not in names} | changes
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        whole = [sys.executable, "-m", "synthmammo", *command]
        subprocess.run(whole, cwd=folder, env=environment, check=True, capture_output=True)
        return perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=1)
    parser.add_argument("command", nargs="*", default=SAMPLES)
    given = parser.parse_args()
    spinning = {"OMP_WAIT_POLICY": "active", "OMP_NUM_THREADS": str(os.cpu_count())}
    quiet, beside, before = [], [], []
    for _ in range(given.rounds):
        quiet.append(seconds(given.command))
        with neighbours(given.neighbours):
            beside.append(seconds(given.command))
            before.append(seconds(given.command, **spinning))
    for name, found in (("quiet", quiet), ("beside", beside), ("spinning", before)):
        print(f"{name} {median(found):.2f} s, {median(found) / median(quiet):.2f} of the quiet time")


if __name__ == "__main__":
    main()
