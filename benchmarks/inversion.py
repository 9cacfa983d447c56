"""Optimisation steps a second of inversion (`synthmammo invert`); run it, it is no test.

    python -m benchmarks.inversion [--threads 2] [--steps 20] [--resolution 256] [--base 2048]

The networks have random weights, which cost what trained ones cost. The median of the steps counts; beside the time on
the clock stands the processor time, which a busy machine does not stretch as much.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import pairwise

import torch

from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.editing.inversion.search import search_latents
from synthmammo.models.features import Features
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("threads", 2), ("steps", 20), ("resolution", 256), ("base", 2048), ("max", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config = StyleGAN2Config(
        resolution=given.resolution, z_dim=128, w_dim=256, channel_base=given.base, channel_max=given.max
    )
    network = Generator(config).eval().requires_grad_(False)
    ends: list[tuple[float, float]] = []
    options = InversionOptions(w_steps=given.steps // 2, plus_steps=given.steps - given.steps // 2, starts=1)
    target = torch.zeros(1, given.resolution, given.resolution)
    features = Features(pretrained=False)
    search_latents(network, target, features, options, progress=lambda done, total: ends.append(now()))
    pairs = list(pairwise(ends))
    clock, processor = (statistics.median(end[which] - begin[which] for begin, end in pairs) for which in (0, 1))
    size = f"{given.resolution} x {given.resolution}, base {given.base}, {given.threads} threads"
    print(f"inversion, {size}: {1 / clock:.2f} steps/s; {processor * 1000:.0f} ms of processor time per step")


def now() -> tuple[float, float]:
    """Time on the clock, and of this process on all processors."""
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    main()
