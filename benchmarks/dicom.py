"""Size and processor time of the DICOM of a dataset's first samples, by compression and by object.

Usage: python -m benchmarks.dicom DATASET [COUNT]

The numbers of docs/how_to/dicom.md are those of `synthmammo build recipes/screening_exams.yaml --size 8`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.dicom import COMPRESSIONS, IMAGE, REPORT, SEGMENTATION, objects
from synthmammo.mammogram.sample import Sample

OBJECTS = {"segmentation": SEGMENTATION, "report": REPORT}


def measured(make: Callable[[Sample], bytes], samples: Sequence[Sample]) -> str:
    """Mean size and processor time of what is made of a sample, after a first one that loads the libraries."""
    make(samples[0])
    start = time.process_time()
    size = sum(len(make(sample)) for sample in samples)
    seconds = time.process_time() - start
    return f"{size / len(samples) / 1e6:8.3f} MB {seconds / len(samples) * 1e3:6.0f} ms"


def main(dataset: str, count: str = "8") -> None:
    """Print a line for each compression of the image, and for each object beside it."""
    samples = list(islice(Dataset.open(Path(dataset)), int(count)))
    for name in COMPRESSIONS:
        print(f"image, {name:13}", measured(lambda s, n=name: objects(Encoded(s, 0), "d", n)[IMAGE], samples))
    with_findings = [sample for sample in samples if sample.findings]
    for name, ending in OBJECTS.items():
        make = lambda s, n=name, e=ending: objects(Encoded(s, 0), "d", findings=(n,))[e]  # noqa: E731
        print(f"{name:20}", measured(make, with_findings), "(with an uncompressed image)")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
