"""Images to cut patches of, in a dataset."""

import dataclasses
from pathlib import Path

import numpy as np

from synthmammo.dataset.index import count, index_row, write_index
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.parquet import ParquetWriter
from synthmammo.mammogram.sample import Box, Finding, Kind, Pathology, Sample
from synthmammo.patching.options import PatchOptions
from synthmammo.patching.patches import cut_patches

HEIGHT, WIDTH = 120, 100


LABELS = ("benign", "malignant", "normal")


EXACT = PatchOptions(size_px=24, scale=(1.0, 1.0), per_lesion=24, shard_size=20)


SCALED = PatchOptions(size_px=24, per_lesion=24, shard_size=20)


LESION = Finding(Kind.MASS, Pathology.MALIGNANT, Box(30, 20, 42, 34), 1)


def an_image(key: str, *findings: Finding, split: str = "train", label: str | None = None, **changes) -> Sample:
    """A breast at the left whose grey levels tell the place of every pixel; lesions are the ellipses in their boxes."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    lesions = np.zeros((HEIGHT, WIDTH), np.uint8)
    for finding in findings:
        row0, col0, row1, col1 = finding.box
        radii = (row1 - row0) / 2, (col1 - col0) / 2
        inside = ((rows + 0.5 - row0) / radii[0] - 1) ** 2 + ((columns + 0.5 - col0) / radii[1] - 1) ** 2 <= 1
        lesions[inside] = finding.label or lesions[inside]
    sample = Sample(
        key=key,
        image=(1 + rows * WIDTH + columns).astype(np.uint16),
        bits_stored=14,
        breast=(columns / 80) ** 2 + ((rows - HEIGHT / 2) / 58) ** 2 < 1,
        lesions=lesions,
        findings=findings,
        label=label or (str(findings[0].pathology) if findings else "normal"),
        split=split,
        patient=f"patient of {key}",
    )
    return sample.with_(**changes)


def a_dataset(folder: Path, *images: Sample) -> Path:
    records = []
    for split in ("train", "validation", "test"):
        members = [image for image in images if image.split == split]
        if members:
            writer = ParquetWriter(folder / "parquet", f"{split}-00000", label_names=LABELS)
            for number, image in enumerate(members):
                writer.write(Encoded(image, number))
            records.append(writer.close())
    rows = [index_row(image) for image in images]
    write_index(folder, rows)
    counts, findings = count(rows)
    Manifest("ingested", "source", "0" * 64, {}, counts, findings, tuple(records), licence="CC-BY-4.0").write(folder)
    return folder


def benign(*box: int, label: int = 1) -> Finding:
    return Finding(Kind.CALCIFICATION, Pathology.BENIGN, Box(*box), label)


IMAGES = (
    an_image("sick", LESION, Finding(Kind.MASS, Pathology.MALIGNANT, LESION.box, 0)),
    an_image("edge", benign(56, 70, 64, 80)),
    an_image("both", dataclasses.replace(LESION, box=Box(30, 30, 40, 40)), benign(34, 44, 44, 52, label=2)),
    an_image("well"),
    an_image("also"),
    an_image("last", LESION, split="test"),
    an_image("fine", split="test"),
)


def cut(source: Path, out: Path, options: PatchOptions, **more):
    result = cut_patches(source, out, options, engine=Local(1), **more)
    return result, {sample.key: sample for sample in Dataset.open(out)}
