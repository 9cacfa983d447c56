"""Sampling of a StyleGAN2 on a GPU; run it, it is no test.

    python -m benchmarks.device [--device cuda] [--resolution 512] [--base 32768] [--largest 256] [--rounds 5]

In float32 and in float16: images a second at batches of 1, 2, 4, ... up to the largest that memory holds (or to
`--largest`), the memory each took, and the share of the rate that a product of two square matrices of that type reaches
on the same device in the same run. `--device cpu` runs the same on the processor, where float16 is slow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from benchmarks.sampling import convolutions, operations
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config

PRECISIONS = (torch.float32, torch.float16)


def fastest(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Least seconds of a call, the device's work included; the first call is not counted."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def matrix_rate(side: int, dtype: torch.dtype, device: torch.device, rounds: int) -> float:
    """Multiplications and additions a second of a product of two matrices."""
    first, second = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2.0 * side**3 / fastest(lambda: first @ second, device, rounds)


def batches(largest: int) -> list[int]:
    """1, 2, 4, ... up to the largest."""
    return [2**power for power in range(largest.bit_length())]


def memory(device: torch.device) -> str:
    """Most memory since the last call."""
    if device.type != "cuda":
        return "-"
    taken = torch.cuda.max_memory_allocated(device) / 2**20
    torch.cuda.reset_peak_memory_stats(device)
    return f"{taken:,.0f} MiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    for name, default in (("resolution", 512), ("base", 32768), ("largest", 256), ("rounds", 5), ("matrix", 8192)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("no GPU is seen by torch; --device cpu runs the same on the processor")
    config = StyleGAN2Config(resolution=given.resolution, channel_base=given.base)
    network = Generator(config).eval().to(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    print(f"{given.resolution} x {given.resolution}, base {given.base}, {name}, torch {torch.__version__}")
    print(f"{'precision':10} {'batch':>6} {'images/s':>9} {'TFLOP/s':>8} {'of matrix':>9} {'memory':>12}")
    with torch.inference_mode():
        for dtype in PRECISIONS:
            peak = matrix_rate(given.matrix, dtype, device, given.rounds)
            memory(device)
            for batch in batches(given.largest):
                w = network.mapping(torch.randn(batch, config.z_dim, device=device))
                styles = network.synthesis.styles(w)

                def sample(styles: dict[str, torch.Tensor] = styles, dtype: torch.dtype = dtype) -> torch.Tensor:
                    return network.synthesis.render(styles, dtype=dtype)

                try:
                    seconds = fastest(sample, device, given.rounds)
                except torch.OutOfMemoryError:
                    print(f"{str(dtype)[6:]:10} {batch:6} does not fit")
                    break
                rate = operations(convolutions(config), batch) / seconds
                shown = f"{batch / seconds:9.1f} {rate / 1e12:8.2f} {rate / peak:9.0%} {memory(device):>12}"
                print(f"{str(dtype)[6:]:10} {batch:6} {shown}", flush=True)


if __name__ == "__main__":
    main()
