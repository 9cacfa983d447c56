"""Optimisation steps a second of inversion (`synthmammo invert`); run it, it is no test.

    python tests/bench_inversion.py [--threads 2] [--steps 20] [--resolution 256] [--base 2048]

The networks have random weights, which cost what trained ones cost. Of the steps the median time counts, so that a busy
machine's pauses do not.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from synthmammo.editing.inversion import InversionOptions, invert
from synthmammo.features import Features
from synthmammo.nets.stylegan2 import Generator, StyleGAN2Config


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
    ends: list[float] = []
    options = InversionOptions(w_steps=given.steps // 2, plus_steps=given.steps - given.steps // 2, starts=1)
    target = torch.zeros(1, given.resolution, given.resolution)
    features = Features(pretrained=False)
    invert(network, target, features, options, progress=lambda done, total: ends.append(time.perf_counter()))
    seconds = statistics.median(end - begin for begin, end in zip(ends, ends[1:], strict=False))
    size = f"{given.resolution} x {given.resolution}, base {given.base}, {given.threads} threads"
    print(f"inversion, {size}: {1 / seconds:.2f} steps/s, {seconds * 1000:.0f} ms a step")


if __name__ == "__main__":
    main()
