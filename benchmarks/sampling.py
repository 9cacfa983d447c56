"""Rate of StyleGAN2 sampling beside that of bare convolutions of the same shapes; run it, it is no test.

    python -m benchmarks.sampling [--threads 2] [--batch 1] [--resolution 512] [--base 32768] [--reference CHECKOUT]

The bare convolutions are `torch.conv2d`, 3 x 3, of every convolution of the network at the size it reads: the same
number of multiplications, none of the rest (up-sampling, filters, styles, noise, activations, images). They are timed
in the default memory layout and in channels-last, and the share is given of both. Rounds of all alternate. The least
time over the rounds counts of every layer and of every bare convolution, and these are summed: on a machine that is
shared, hardly any whole image meets no neighbour. With one thread it is the processor time of that thread that counts,
so that waiting for a core does not. With `--reference` the published implementation in that folder
samples the same architecture in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config

_clock: Callable[[], float] = time.perf_counter

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


def bare(shapes: list[Shape], batch: int, layout: torch.memory_format) -> Callable[[], list[float]]:
    """A round of the convolutions; returns when each ended."""
    work = []
    for inputs, outputs, size in shapes:
        x = torch.randn(batch, inputs, size, size).contiguous(memory_format=layout)
        work.append((x, torch.randn(outputs, inputs, 3, 3).contiguous(memory_format=layout)))

    def run() -> list[float]:
        ends = []
        for x, weight in work:
            F.conv2d(x, weight, padding=1)
            ends.append(_clock())
        return ends

    return run


def sampling(network: nn.Module, call: Callable[[], object]) -> Callable[[], list[float]]:
    """A round of a network; returns when each convolution, image layer and the whole ended."""
    ends: list[float] = []
    for module in network.modules():
        if isinstance(getattr(module, "weight", None), torch.Tensor) and module.weight.ndim == 4:
            module.register_forward_hook(lambda *_: ends.append(_clock()))

    def run() -> list[float]:
        ends.clear()
        call()
        return [*ends, _clock()]

    return run


def published(folder: Path, config: StyleGAN2Config, z: torch.Tensor) -> Callable[[], list[float]]:
    """The published generator of the same shape, with its plain PyTorch paths."""
    sys.path.insert(0, str(folder))
    from training.networks import Generator as Published

    synthesis = {"channel_base": config.channel_base, "channel_max": config.channel_max, "num_fp16_res": 0}
    network = Published(512, 0, 512, config.resolution, config.image_channels, {"num_layers": 8}, synthesis)
    network.eval().requires_grad_(False)
    return sampling(network, lambda: network(z, None, noise_mode="const", force_fp32=True))


def best(work: dict[str, Callable[[], list[float]]], rounds: int) -> dict[str, float]:
    """Seconds of each: the sum over its parts of their least time."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds + 1):
        for name, run in work.items():
            start = _clock()
            ends = run()
            parts = [end - begin for begin, end in zip([start, *ends], ends, strict=False)]
            found[name] = [min(pair) for pair in zip(found.get(name, parts), parts, strict=True)]
    return {name: sum(parts) for name, parts in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("threads", 2), ("batch", 1), ("resolution", 512), ("base", 32768), ("rounds", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--reference", type=Path, help="checkout of the published implementation")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.threads == 1:
        global _clock
        _clock = time.thread_time
    config = StyleGAN2Config(resolution=given.resolution, channel_base=given.base)
    network, z = Generator(config).eval(), torch.randn(given.batch, config.z_dim)
    shapes = convolutions(config)
    work = {
        "bare convolutions": bare(shapes, given.batch, torch.contiguous_format),
        "bare, channels-last": bare(shapes, given.batch, torch.channels_last),
        "synthmammo": sampling(network, lambda: network(z)),
    }
    if given.reference and given.reference.is_dir():
        work["published"] = published(given.reference, config, z)
    with torch.inference_mode():
        report(best(work, given.rounds), operations(shapes, given.batch) / 1e9, given)


def report(times: dict[str, float], gflop: float, given: argparse.Namespace) -> None:
    size, threads = f"{given.resolution} x {given.resolution}", f"{given.threads} threads"
    print(f"{size}, base {given.base}, batch {given.batch}, {threads}, {gflop / given.batch:.0f} GFLOP an image")
    print(f"{'':20} {'s/image':>8} {'GFLOP/s':>8} {'of bare':>8} {'of channels-last':>16}")
    for name, seconds in times.items():
        shares = [times[plain] / seconds for plain in ("bare convolutions", "bare, channels-last")]
        print(f"{name:20} {seconds / given.batch:8.3f} {gflop / seconds:8.0f} {shares[0]:8.0%} {shares[1]:16.0%}")


if __name__ == "__main__":
    main()
