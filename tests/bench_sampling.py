"""Rate of StyleGAN2 sampling beside that of bare convolutions of the same shapes; run it, it is no test.

    python tests/bench_sampling.py [--threads 2] [--batch 1] [--resolution 512] [--base 32768] [--reference CHECKOUT]

The bare convolutions are `torch.conv2d`, 3 x 3, of every convolution of the network at the size it reads: the same
number of multiplications, none of the rest (up-sampling, filters, styles, noise, activations, images). They are timed
in the default memory layout and in channels-last, and the share is given of both. Rounds of network and
convolutions alternate, the best of each counts, in wall and in processor time (on a shared machine only the latter
tells). With `--reference` the published implementation in that folder samples the same architecture in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from synthmammo.nets.stylegan2 import Generator, StyleGAN2Config

Shape = tuple[int, int, int]
"""Channels in, channels out, side of the input."""


def convolutions(config: StyleGAN2Config) -> list[Shape]:
    """The 3 x 3 convolutions of a generator; one that doubles the resolution is counted where it reads."""
    shapes = [(config.channels(4), config.channels(4), 4)]
    for size in config.resolutions[1:]:
        shapes.append((config.channels(size // 2), config.channels(size), size // 2))
        shapes.append((config.channels(size), config.channels(size), size))
    return shapes


def operations(shapes: list[Shape], batch: int) -> float:
    """Multiplications and additions."""
    return sum(2.0 * 9 * inputs * outputs * size * size for inputs, outputs, size in shapes) * batch


def bare(shapes: list[Shape], batch: int, layout: torch.memory_format) -> Callable[[], None]:
    work = []
    for inputs, outputs, size in shapes:
        x = torch.randn(batch, inputs, size, size).contiguous(memory_format=layout)
        work.append((x, torch.randn(outputs, inputs, 3, 3).contiguous(memory_format=layout)))

    def run() -> None:
        for x, weight in work:
            F.conv2d(x, weight, padding=1)

    return run


def published(folder: Path, config: StyleGAN2Config, batch: int) -> Callable[[], None]:
    """The published generator of the same shape, with its plain PyTorch paths."""
    sys.path.insert(0, str(folder))
    from training.networks import Generator as Published

    synthesis = {"channel_base": config.channel_base, "channel_max": config.channel_max, "num_fp16_res": 0}
    network = Published(512, 0, 512, config.resolution, config.image_channels, {"num_layers": 8}, synthesis)
    network.eval().requires_grad_(False)
    z = torch.randn(batch, 512)
    return lambda: network(z, None, noise_mode="const", force_fp32=True)


def best(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Least (wall, processor) seconds of each."""
    found = {name: (float("inf"), float("inf")) for name in work}
    for _ in range(rounds + 1):
        for name, run in work.items():
            wall, processor = time.perf_counter(), time.process_time()
            run()
            spent = time.perf_counter() - wall, time.process_time() - processor
            found[name] = min(found[name][0], spent[0]), min(found[name][1], spent[1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("threads", 2), ("batch", 1), ("resolution", 512), ("base", 32768), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--reference", type=Path, help="checkout of the published implementation")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config = StyleGAN2Config(resolution=given.resolution, channel_base=given.base)
    network, z = Generator(config).eval(), torch.randn(given.batch, config.z_dim)
    shapes = convolutions(config)
    work: dict[str, Callable[[], object]] = {
        "bare convolutions": bare(shapes, given.batch, torch.contiguous_format),
        "bare, channels-last": bare(shapes, given.batch, torch.channels_last),
        "synthmammo": lambda: network(z),
    }
    if given.reference and given.reference.is_dir():
        work["published"] = published(given.reference, config, given.batch)
    with torch.inference_mode():
        times = best(work, given.rounds)
    report(times, operations(shapes, given.batch) / 1e9, given)


def report(times: dict[str, tuple[float, float]], gflop: float, given: argparse.Namespace) -> None:
    size, threads = f"{given.resolution} x {given.resolution}", f"{given.threads} threads"
    print(f"{size}, base {given.base}, batch {given.batch}, {threads}, {gflop / given.batch:.0f} GFLOP an image")
    print("share: of the rate of the bare convolutions in the default layout / in channels-last")
    print(f"{'':20} {'wall s/image':>12} {'GFLOP/s':>8} {'share':>11} | {'processor s':>11} {'share':>11}")
    for name, (wall, processor) in times.items():
        plain = [times[other] for other in ("bare convolutions", "bare, channels-last")]
        shares = [" / ".join(f"{of[clock] / own:4.0%}" for of in plain) for clock, own in ((0, wall), (1, processor))]
        row = f"{name:20} {wall / given.batch:12.3f} {gflop / wall:8.0f} {shares[0]:>11}"
        print(f"{row} | {processor / given.batch:11.3f} {shares[1]:>11}")


if __name__ == "__main__":
    main()
