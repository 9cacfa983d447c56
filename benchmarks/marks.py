"""What the mark of origin in every PNG costs in bytes and in processor time; run it, it is no test.

    python -m benchmarks.marks

A sample is four PNG files: image, preview, lesions, breast. Times are the best of `ROUNDS` in one process; that of the
mark is measured on a picture of one pixel, with it and without, since it does not depend on the pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from synthmammo.dataset.writers.base import Encoded, mark_of, preview
from synthmammo.generators.phantom import SMALL, Phantom
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import read_mark
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample

ROUNDS, REPEATS = 7, 20
PIXEL = np.zeros((1, 1), np.uint8)


def main() -> None:
    """Print a Markdown table with one row per size."""
    host = Phantom(**SMALL)
    row = Row("phantom-0000001", 1, "s", "train", "normal", 1, 1, None, "p", density="b")
    (small,) = host.render(host.latents([row]))
    print("| image | part | bytes | of them the mark | time to write | of it the mark | time to read the mark |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for sample in (small, full_size(small)):
        measure(sample)


def full_size(sample: Sample) -> Sample:
    """The sample at 2,700 x 4,600 pixels with the noise of a detector."""
    from synthmammo.mammogram.geometry import resize

    large = resize(sample, (4600, 2700))
    noise = np.random.default_rng(0).normal(0, 12, large.shape)
    image = np.where(large.breast, np.clip(large.image + noise, 1, 4095), 0).astype(np.uint16)
    return large.with_(image=image)


def measure(sample: Sample) -> None:
    """Print the rows of one sample."""
    shown = preview(sample.image, Encoded(sample, 0).window, 512)
    parts: dict[str, Callable[[str], bytes]] = {
        "image": lambda packet: png.encode(sample.image, packet),
        "preview": lambda packet: png.encode(shown, packet),
        "lesions": lambda packet: png.encode_mask(sample.lesions, packet),
        "breast": lambda packet: png.encode_mask(sample.breast, packet),
    }
    repeats = REPEATS if sample.image.size < 1_000_000 else 1
    total = np.zeros(5)
    for name, encode in parts.items():

        def marked(part: str = name) -> bytes:
            return png.encode(PIXEL, mark_of(sample, part).packet())

        data = encode(mark_of(sample, name).packet())
        whole = seconds(partial(encode, "text"), repeats)
        extra = seconds(marked, 500) - seconds(partial(png.encode, PIXEL), 500)
        reading = seconds(partial(_read, data), 100)
        numbers = np.array([len(data), len(data) - len(encode("")), whole, extra, reading])
        total += numbers
        show(sample, name, numbers)
    show(sample, "all four", total)


def _read(data: bytes) -> object:
    return read_mark(png.read_packet(data))


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Best processor time of one call."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(repeats):
            work()
        best = min(best, (time.process_time() - start) / repeats)
    return best


def show(sample: Sample, name: str, numbers: np.ndarray) -> None:
    """Print one row."""
    size, mark, whole, extra, reading = numbers
    height, width = sample.shape
    cells = (f"{height:,} x {width:,}", name, f"{size:,.0f}", f"{mark:,.0f} ({mark / size:.2%})")
    times = (f"{whole * 1e3:.3f} ms", f"{extra * 1e3:.3f} ms", f"{reading * 1e3:.3f} ms")
    print("| " + " | ".join((*cells, *times)) + " |")


if __name__ == "__main__":
    main()
