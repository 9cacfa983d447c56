"""The numbers of docs/performance.md: `make bench` prints them as a Markdown table.

Each line is one measurement of this machine, now; what is compared is run side by side, and ratios are what counts.
Usage: python -m benchmarks.bench [NAME ...] [--reference CHECKOUT]
`--reference` is a checkout of the published StyleGAN2 in PyTorch (stylegan2-ada-pytorch), to sample it beside ours.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.support.training_data import write

HERE = Path(__file__).parent
RECIPES = HERE.parent / "recipes"
Line = tuple[str, str, str]
reference = ""
"""Folder of the published implementation, or nothing."""


class Ran(NamedTuple):
    """What a command took and said; memory is of its largest process, processor time of it without its children."""

    seconds: float
    memory_mb: float
    output: str
    processor_seconds: float


def run(*arguments: str) -> Ran:
    """Run a synthmammo command."""
    command = [sys.executable, "-m", "synthmammo", *arguments]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        output.seek(0)
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{' '.join(command)} failed")
        return Ran(seconds, usage.ru_maxrss / 1024, output.read(), usage.ru_utime + usage.ru_stime)


def start_up() -> Iterator[Line]:
    """`synthmammo --help`, the best of five."""
    seconds = min(run("--help").seconds for _ in range(5))
    yield "`synthmammo --help`", f"{seconds:.2f} s", "under 0.4 s"


def plan() -> Iterator[Line]:
    """Rows planned and written per second of processor time, in one process."""
    from synthmammo.planning.planner import write_plan as write_plan
    from synthmammo.recipe import load_recipe

    recipe = load_recipe(RECIPES / "detection.yaml", ["size=1000000"])
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        rows = write_plan(recipe, Path(folder) / "plan.parquet")
        rate = rows / (time.process_time() - start)
    yield "plan, with lesions, to Parquet, per second of processor time", f"{rate:,.0f} rows", "at least 250,000"


def phantom() -> Iterator[Line]:
    """Phantoms of 512 x 512 on two processes."""
    script = (
        "import time; from synthmammo.generators.phantom import SMALL, Phantom;"
        "from synthmammo.mammogram.planned import Row;"
        "host = Phantom(**SMALL);"
        "rows = [Row(f'k{i}', i, 's', 'train', 'normal', i, i, None, 'p', density='abcd'[i % 4]) for i in range(42)];"
        "host.render(host.latents(rows[:2])); start = time.perf_counter();"
        "[host.render(host.latents([row])) for row in rows[2:]]; print(40 / (time.perf_counter() - start))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    rate = sum(float(process.communicate()[0]) for process in processes)
    yield "phantoms of 512 x 512, two processes", f"{rate:.1f} images/s", "at least 10"


def overhead() -> Iterator[Line]:
    """Share of a build spent outside generating and composing, all three formats."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = str(RECIPES / "balanced_mass.yaml")
        built = run("build", recipe, "--out", f"{folder}/build")
    found = re.search(r"encode and write (\d+)%", built.output)
    assert found, built.output
    yield "build at 512 x 512: workers' time outside generating and composing", f"{found[1]} %", "at most 15 %"
    yield "build at 512 x 512, three formats, all told", f"{300 / built.seconds:.1f} samples/s", ""


def memory() -> Iterator[Line]:
    """Peak memory of a small and a ten times larger build."""
    peaks = []
    for size in (200, 2000):
        with tempfile.TemporaryDirectory() as folder:
            recipe = str(RECIPES / "balanced_mass.yaml")
            arguments = ["--size", str(size), "--out", f"{folder}/build", "--set", "background.spacing_mm=0.9"]
            peaks.append(run("build", recipe, *arguments).memory_mb)
    yield (
        "peak memory of a process, 2,000 samples against 200",
        f"{peaks[1]:.0f} / {peaks[0]:.0f} MB = {peaks[1] / peaks[0]:.2f}",
        "within 10 %",
    )


def writing() -> Iterator[Line]:
    """16-bit images of 2,700 x 4,600 against Pillow and `webdataset.ShardWriter`."""
    process = subprocess.run([sys.executable, "-m", "benchmarks.writing"], capture_output=True, text=True, check=True)
    for line in process.stdout.strip().splitlines():
        print("   ", line, file=sys.stderr)
    row = re.compile(r"^(noise|real) +obvious, (.+?) +[\d.]+ +[\d.]+ +([\d.]+)$", flags=re.MULTILINE)
    for images, members, ratio in row.findall(process.stdout):
        what = f"2,700 x 4,600, {images} images: throughput over the obvious script's ({members})"
        yield what, f"{ratio} x", "at least 3 x"


def sampling() -> Iterator[Line]:
    """A StyleGAN2 of 512 x 512 beside bare convolutions of its shapes, and beside the published implementation."""
    command = [sys.executable, "-m", "benchmarks.sampling", *(["--reference", reference] if reference else [])]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in output.strip().splitlines():
        print("   ", line, file=sys.stderr)
    row = re.compile(r"^(synthmammo|published) +([\d.]+) +\d+ +(\d+)%", flags=re.MULTILINE)
    for name, seconds, share in row.findall(output):
        what = f"sampling 512 x 512, base 32768, two threads, {name}: time, and share of `torch.conv2d`'s rate"
        yield what, f"{seconds} s an image, {share} %", "at least 75 %" if name == "synthmammo" else ""
    if not reference:
        print("    the published implementation is not measured: no --reference", file=sys.stderr)


def rate() -> Iterator[Line]:
    """Builds of StyleGAN2 hosts at 512 x 512 beside the network alone, and two processes beside one."""
    command = [sys.executable, "-m", "benchmarks.rate"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if share := re.search(r"([\d.]+) of its rate", output):
        yield "build of StyleGAN2 hosts at 512 x 512, three formats, over the network's rate", share[1], "at least 0.95"
    if times := re.search(r"([\d.]+) times one", output):
        yield "the same, two processes over one, their start included", f"{times[1]} x", "at least 1.8 x"


def editing() -> Iterator[Line]:
    """Directions of a 512-wide W, and edits beside sampling at 512 x 512."""
    command = [sys.executable, "-m", "benchmarks.edits"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line, wanted in zip(output.strip().splitlines(), ("under 10 s on two free cores", "at most 2 %"), strict=True):
        what, _, measured = line.partition(": ")
        yield what, measured, wanted


def neighbour() -> Iterator[Line]:
    """A command with networks beside a process that computes."""
    command = [sys.executable, "-m", "benchmarks.neighbour"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"^(\w+) .*, ([\d.]+) of the quiet time$", output, flags=re.MULTILINE))
    what = "200 samples of 128 x 128 beside a process that computes, over the quiet time"
    yield what, f"{found['beside']} x", "at most 2.5 x"
    yield f"{what}; on all cores, with threads that spin", f"{found['spinning']} x", ""


def training() -> Iterator[Line]:
    """Steps of the StyleGAN2 configurations in recipes/train, on noise of their size, one thread.

    By processor time, five steps less one: on a shared machine the rate by the clock is that of the neighbours.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    for path in sorted((RECIPES / "train").glob("stylegan2-*.yaml")):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        side, batch = int(config["name"].rpartition("-")[2]), min(8, config["batch_size"])
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "data", sides=(side,), counts={"train": 32})
            given = ["--config", str(path), "--data", f"{folder}/data", "--set", "score_ticks=0"]
            given += ["--set", f"batch_size={batch}", "--set", f"total_kimg={batch / 1000}"]
            one = run("train", "stylegan2", *given, "--out", f"{folder}/one")
            five = run(
                "train", "stylegan2", *given, "--out", f"{folder}/five", "--set", f"total_kimg={5 * batch / 1000}"
            )
        rate = 4 * batch / (five.processor_seconds - one.processor_seconds)
        yield (
            f"train {config['name']}, batch of {batch}",
            f"{rate:.1f} images a processor second, {five.memory_mb:,.0f} MB",
            "",
        )
    yield "load of the machine while these were measured", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", ""


def distances() -> Iterator[Line]:
    """Distances and overlap of 10,000 against 10,000 vectors of 1,280 features, 200 resamples; processor time."""
    import resource

    import numpy as np

    from synthmammo.metrics import frechet_distance, overlap, weighted_kernel_distances

    sets = [np.random.default_rng(seed).random((10_000, 1280), dtype=np.float32) for seed in range(2)]
    weights = [np.random.default_rng(seed).poisson(1, (200, 10_000)).astype(np.float64) for seed in range(2)]
    start = time.process_time()
    weighted_kernel_distances(*sets, *weights)
    frechet_distance(*sets)
    overlap(*sets)
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield "audit: 10,000 against 10,000 of 1,280 features", f"{seconds:.0f} s, {memory:,.0f} MB", "60 s, 2,000 MB"


MEASUREMENTS: dict[str, Callable[[], Iterator[Line]]] = {
    function.__name__: function
    for function in (
        start_up,
        plan,
        phantom,
        overhead,
        writing,
        memory,
        sampling,
        rate,
        editing,
        neighbour,
        training,
        distances,
    )
}


def main(names: list[str]) -> None:
    """Run the named measurements, or all, and print their table."""
    print("| what | measured | wanted |\n| --- | --- | --- |")
    for name in names or MEASUREMENTS:
        for line in MEASUREMENTS[name]():
            print("| " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--reference", default="")
    options = parser.parse_args()
    reference = options.reference
    main(options.names)
