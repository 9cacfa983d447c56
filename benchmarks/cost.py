"""What a million samples cost in time, disk and money; run it, it is no test.

    python -m benchmarks.cost [--rate 50] [--gpus 1 8 64] [--gpu-hour 3] [--core-hour 0.05] [--gb-month 0.02]

Measured here, now: processor time and bytes per sample of `--recipe` (balanced_mass: 512 x 512 pixels, three formats),
by a build of `--samples` in this process. Given: images that a GPU makes per second (`--rate`; `python -m
benchmarks.device` measures it), and prices, which are inputs and no facts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import synthmammo
from synthmammo.building import assemble
from synthmammo.dataset import shards

_START_S = 60.0
"""Time in seconds until a machine has the package, the model and its first batch; assumed."""


@dataclass(frozen=True)
class Measured:
    """What one sample takes here.

    Attributes:
        seconds: Processor time in seconds by activity.
        bytes: Bytes by format.
    """

    seconds: dict[str, float]
    bytes: dict[str, float]

    @property
    def behind(self) -> float:
        """Processor time in seconds of all that follows the generator: composing, encoding, writing."""
        return sum(self.seconds.values()) - self.seconds["generate"]


@dataclass(frozen=True)
class Prices:
    """Prices in one currency: of a GPU and of a processor core per hour, of a gigabyte per month."""

    gpu_hour: float
    core_hour: float
    gb_month: float


@dataclass(frozen=True)
class Cost:
    """What some samples cost.

    Attributes:
        hours: Time in hours.
        cores: Processor cores per GPU that keep up with it.
        gigabytes: Size of the dataset.
        compute: Price of GPUs and cores.
        disk: Price of the disk per month.
    """

    hours: float
    cores: float
    gigabytes: float
    compute: float
    disk: float


def measure(recipe: str, samples: int) -> Measured:
    """Build some samples in this process, and note processor time and bytes per sample."""
    # Other processes make clocks of walls lie: time of this process alone is what a price is paid for.
    assemble.perf_counter = shards.perf_counter = time.process_time  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        synthmammo.build(recipe, Path(folder) / "warm", size=2)
        made = synthmammo.build(recipe, Path(folder) / "made", size=samples)
    bytes_: dict[str, float] = {}
    for record in made.manifest.shards:
        bytes_[record.format] = bytes_.get(record.format, 0) + record.bytes / samples
    return Measured({name: spent / samples for name, spent in made.seconds.items()}, bytes_)


def cost(number: int, gpus: int, rate: float, one: Measured, prices: Prices) -> Cost:
    """What samples from a network cost.

    Args:
        number: Number of samples.
        gpus: Number of GPUs.
        rate: Images that one GPU makes per second.
        one: What one sample takes of processors and disk.
        prices: What is paid.
    """
    hours = (number / (gpus * rate) + _START_S) / 3600
    cores = rate * one.behind
    size = number * sum(one.bytes.values()) / 1e9
    compute = gpus * hours * (prices.gpu_hour + cores * prices.core_hour)
    return Cost(hours, cores, size, compute, size * prices.gb_month)


def main(arguments: list[str] | None = None) -> None:
    """Print what was measured, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="balanced_mass")
    parser.add_argument("--samples", type=int, default=40, help="samples that are built to measure")
    parser.add_argument("--number", type=int, default=1_000_000, help="samples that are priced")
    parser.add_argument("--rate", type=float, nargs="+", default=[20.0, 50.0, 200.0], help="images per second of a GPU")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--gpu-hour", type=float, default=3.0)
    parser.add_argument("--core-hour", type=float, default=0.05)
    parser.add_argument("--gb-month", type=float, default=0.02)
    given = parser.parse_args(arguments)
    one = measure(given.recipe, given.samples)
    for what, unit, values in (("processor time", "ms", one.seconds), ("size", "kB", one.bytes)):
        shown = ", ".join(
            f"{name} {1000 * value if unit == 'ms' else value / 1000:.0f}" for name, value in values.items()
        )
        print(f"{what} per sample in {unit}: {shown}")
    hours = given.number * sum(one.seconds.values()) / 3600
    print(f"without a GPU: {hours:,.0f} hours of one core, {hours * given.core_hour:,.0f}\n")
    print("| images/s per GPU | GPUs | hours | cores per GPU | compute | GB | disk per month |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    prices = Prices(given.gpu_hour, given.core_hour, given.gb_month)
    for rate in given.rate:
        for gpus in given.gpus:
            of = cost(given.number, gpus, rate, one, prices)
            cells = f"{of.hours:.2f} | {of.cores:.1f} | {of.compute:,.0f} | {of.gigabytes:,.0f} | {of.disk:,.2f}"
            print(f"| {rate:g} | {gpus} | {cells} |")


if __name__ == "__main__":
    main()
