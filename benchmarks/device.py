"""Sampling and training of a StyleGAN2 on a GPU, in less than five minutes; run it, it is no test.

    python -m benchmarks.device [--device cuda] [--resolutions 256,512,1024] [--largest 128] [--seconds 280]

At each resolution, in float32 and in float16: images per second at batches of 1, 4, 16, ... up to the largest that
memory holds (or to `--largest`), the memory each took, and the share of the rate that a product of two square matrices
of that type reaches on the same device in the same run; the batch beyond which less than a twentieth is gained, which
is what `build --batch` should be given; and by how many of 255 grey levels an image of half precision differs from the
one of full precision. Then images per second of training steps at 256. What does not fit into `--seconds` is left out,
and said so.

`--device cpu --resolutions 32 --base 512 --largest 4 --matrix 256 --seconds 60` tries it on the processor, where
float16 is slow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from benchmarks.sampling import convolutions, operations
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config

PRECISIONS = (torch.float32, torch.float16)
GAIN = 1.05
"""A batch is worth its memory where it gives so many times the rate of the one before."""
_SHARE_OF_TRAINING = 0.2


@dataclass(frozen=True)
class Limits:
    """What may be spent.

    Attributes:
        device: The device.
        largest: Largest batch.
        matrix: Side of the matrices.
        base: `channel_base`; None for 16384 up to 256 pixels and 32768 above.
        end: When to stop, by `time.perf_counter`.
    """

    device: torch.device
    largest: int
    matrix: int
    base: int | None
    end: float

    @property
    def spent(self) -> bool:
        """Whether the time is up."""
        return time.perf_counter() > self.end


def fastest(run: Callable[[], object], device: torch.device, limits: Limits, rounds: int = 5) -> float:
    """Least seconds of a call, the device's work included; the first call is not counted unless time is up after it."""
    times: list[float] = []
    while len(times) <= rounds and not (times and limits.spent):
        start = time.perf_counter()
        run()
        wait(device)
        times.append(time.perf_counter() - start)
    return min(times[1:] or times)


def wait(device: torch.device) -> None:
    """Wait until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def matrix_rate(dtype: torch.dtype, limits: Limits) -> float:
    """Multiplications and additions per second of a product of two matrices."""
    side = limits.matrix
    first, second = (torch.randn(side, side, device=limits.device).to(dtype) for _ in range(2))
    return 2.0 * side**3 / fastest(lambda: first @ second, limits.device, limits)


def batches(largest: int) -> Iterator[int]:
    """1, 4, 16, ... and the largest."""
    batch = 1
    while batch < largest:
        yield batch
        batch *= 4
    yield largest


def memory(device: torch.device) -> str:
    """Most memory since the last call."""
    if device.type != "cuda":
        return "-"
    taken = torch.cuda.max_memory_allocated(device) / 2**20
    torch.cuda.reset_peak_memory_stats(device)
    return f"{taken:,.0f} MiB"


def sampling(resolution: int, peaks: dict[torch.dtype, float], limits: Limits) -> None:
    """Print the rates of one resolution."""
    base = limits.base or (16384 if resolution <= 256 else 32768)
    config = StyleGAN2Config(resolution=resolution, channel_base=base)
    network = Generator(config).eval().requires_grad_(False).to(limits.device)
    print(f"\n{resolution} x {resolution}, base {base}")
    print(f"{'precision':10} {'batch':>6} {'images/s':>9} {'TFLOP/s':>8} {'of matrix':>9} {'memory':>12}")
    for dtype in PRECISIONS:
        proposed, best = 1, 0.0
        memory(limits.device)
        for batch in batches(limits.largest):
            if limits.spent:
                print(f"{str(dtype)[6:]:10} {batch:6} left out: the time is up")
                break
            try:
                rate = batch / fastest(_render(network, batch, dtype), limits.device, limits)
            except (torch.OutOfMemoryError, MemoryError):
                print(f"{str(dtype)[6:]:10} {batch:6} does not fit")
                break
            done = operations(convolutions(config), 1) * rate
            shown = f"{rate:9.1f} {done / 1e12:8.3f} {done / peaks[dtype]:9.0%} {memory(limits.device):>12}"
            print(f"{str(dtype)[6:]:10} {batch:6} {shown}", flush=True)
            proposed, best = (batch, rate) if rate > GAIN * best else (proposed, best)
        print(f"{str(dtype)[6:]:10} proposed: --batch {proposed}")
    print(f"float16 differs from float32 by {apart(network):.2f} of 255 grey levels at most")


def _render(network: Generator, batch: int, dtype: torch.dtype) -> Callable[[], object]:
    device = network.mapping.w_avg.device
    styles = network.synthesis.styles(network.mapping(torch.randn(batch, network.config.z_dim, device=device)))
    return lambda: network.synthesis.render(styles, dtype=None if dtype == torch.float32 else dtype)


def apart(network: Generator) -> float:
    """Largest difference of an image in half and in full precision, in grey levels of 8 bits."""
    z = torch.randn(1, network.config.z_dim, device=network.mapping.w_avg.device)
    styles = network.synthesis.styles(network.mapping(z))
    images = [network.synthesis.render(styles, dtype=dtype).clamp(-1, 1) for dtype in (None, torch.float16)]
    return float((images[0] - images[1]).abs().max()) * 127.5


def training(resolution: int, limits: Limits) -> None:
    """Print the rate of training steps, penalties and path lengths included as often as they come."""
    from synthmammo.training.objectives.augment import Augmentation
    from synthmammo.training.objectives.generation import Batch, GeneratorSettings
    from synthmammo.training.objectives.stylegan2 import LogisticObjective, LogisticSettings

    config = StyleGAN2Config(resolution=resolution, channel_base=limits.base or 16384)
    settings = LogisticSettings()
    given = GeneratorSettings(), Augmentation(), settings, limits.device
    objective = LogisticObjective(Generator(config), *given)
    draws, count = torch.Generator().manual_seed(0), min(16, limits.largest)
    pixels = torch.rand(count, 1, resolution, resolution, device=limits.device) * 2 - 1
    batch = Batch(pixels, torch.zeros(count, dtype=torch.long, device=limits.device))
    objective.step(batch, draws)
    wait(limits.device)
    start, steps = time.perf_counter(), 0
    while steps < settings.penalty_steps and (steps == 0 or not limits.spent):
        objective.step(batch, draws)
        steps += 1
    wait(limits.device)
    rate = count * steps / (time.perf_counter() - start)
    print(f"\ntraining at {resolution}: {rate:.1f} images/s in batches of {count} ({steps} steps, float32)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--resolutions", default="256,512,1024")
    parser.add_argument("--base", type=int)
    for name, default in (("largest", 128), ("matrix", 8192), ("seconds", 280)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    device, start = torch.device(given.device), time.perf_counter()
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("no GPU is seen by torch; --device cpu runs the same on the processor")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{name}, torch {torch.__version__}")
    sides = [int(side) for side in given.resolutions.split(",")]
    whole = Limits(device, given.largest, given.matrix, given.base, start + given.seconds)
    sampled = given.seconds * (1 - _SHARE_OF_TRAINING)
    with torch.inference_mode():
        peaks = {dtype: matrix_rate(dtype, whole) for dtype in PRECISIONS}
        print(*(f"matrix product in {str(dtype)[6:]}: {rate / 1e12:.2f} TFLOP/s" for dtype, rate in peaks.items()))
        for number, side in enumerate(sides, 1):
            end = start + sampled * number / len(sides)
            sampling(side, peaks, Limits(device, given.largest, given.matrix, given.base, end))
    training(min(sides[0], 256), whole)
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
