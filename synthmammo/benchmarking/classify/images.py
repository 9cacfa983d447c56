"""The images of both sides of a benchmark, in memory; from datasets, or from folders of other projects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.properties import property_of
from synthmammo.benchmarking.results import ResultRecord
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.selecting import selected_keys
from synthmammo.errors import DatasetError, SynthmammoError, nearest
from synthmammo.identity import digest, file_digest
from synthmammo.ingesting.sources.rasters import SUFFIXES, read_raster
from synthmammo.mammogram.sample import Sample

Names = NDArray[np.str_]
_Grey = NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True)
class LabelledImages:
    """Images of one size and bit depth, with what must be known of them.

    Attributes:
        where: Directory they are from.
        grey: Grey levels, `uint8` or `uint16` `(N, H, W)`.
        bits_stored: Bit depth.
        keys: Names of the images, `(N)`.
        labels: Names of their classes, `(N)`.
        splits: Splits of the images, `(N)`; empty texts where there are none.
        patients: Patients of the images, `(N)`; in a folder each image has its own.
        digest: Digest of the content.
        manifest: Manifest of the dataset; None for a folder.
        properties: Properties of the images by name, `(N)` each, empty texts where they are not known.
    """

    where: Path
    grey: _Grey
    bits_stored: int
    keys: Names
    labels: Names
    splits: Names
    patients: Names
    digest: str
    manifest: Manifest | None = field(default=None, repr=False)
    properties: dict[str, Names] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.keys)

    def positive(self, classes: Sequence[str]) -> NDArray[np.bool_]:
        """Whether the class of each image is one of these, `bool (N)`."""
        return np.isin(self.labels, classes)


def read_images(
    path: Path, split: str | None = None, where: str | None = None, properties: Sequence[str] = ()
) -> LabelledImages:
    """Read a dataset, or a folder with a subfolder of images for each class.

    Args:
        path: The directory.
        split: Split of the images that are read; None for all. A folder has none.
        where: Condition on the columns of the dataset's index that the images meet; None for all. A folder has none.
        properties: Names of properties to read of every image of a dataset, see `property_of`; none by default.

    Raises:
        DatasetError: It is neither, holds nothing, or images of several sizes or bit depths.
    """
    if (path / "manifest.json").exists() or (path / "parquet").is_dir():
        return _of_dataset(path, split, where, properties)
    if where is not None:
        hint = "Only a dataset has columns: leave --where out, or ingest the folder."
        raise DatasetError(f"the condition '{where}' asks for columns", where=path, hint=hint)
    if not path.is_dir():
        raise DatasetError("no such directory", where=path, hint="Give a dataset, or a folder of images.")
    return _of_folder(path)


def _of_dataset(path: Path, split: str | None, where: str | None, properties: Sequence[str]) -> LabelledImages:
    dataset = Dataset.open(path)
    kept = selected_keys(path, where)
    samples = [sample for sample in dataset.samples(split) if kept is None or sample.key in kept]
    if not samples:
        counts = dataset.manifest.counts if dataset.manifest else {}
        hint = nearest(split, counts) if split and counts else None
        raise DatasetError(f"no images in the split '{split}'" if split else "no images", where=path, hint=hint)
    records = [(s.key, s.label, s.split, s.patient or s.key) for s in samples]
    name = dataset.manifest.digest if dataset.manifest else digest([_content(s) for s in samples])
    images = _stacked(path, [(s.image, s.bits_stored) for s in samples], records, name, dataset.manifest)
    return replace(images, properties={name: _named(samples, name) for name in properties})


def _named(samples: Sequence[Sample], name: str) -> Names:
    return np.array([property_of(sample, name) for sample in samples], np.str_)


def _content(sample: Sample) -> list[Any]:
    return [sample.key, sample.label, sample.split, sample.patient, digest(sample.image.tobytes().hex())]


def _of_folder(path: Path) -> LabelledImages:
    files = list(_files(path))
    if not files:
        hint = f"Expected subfolders named after the classes, with {', '.join(SUFFIXES)} files in them."
        raise DatasetError("neither a dataset nor a folder of images by class", where=path, hint=hint)
    try:
        pictures = [read_raster(file) for file in files]
    except SynthmammoError as error:
        raise DatasetError(error.message, where=error.where, hint=error.hint) from error
    names = [str(file.relative_to(path)) for file in files]
    records = [(name, file.relative_to(path).parts[0], "", name) for name, file in zip(names, files, strict=True)]
    content = digest([[name, file_digest(file)] for name, file in zip(names, files, strict=True)])
    return _stacked(path, pictures, records, content, None)


def _files(path: Path) -> Iterator[Path]:
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        yield from sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)


def _stacked(
    path: Path,
    pictures: Sequence[tuple[NDArray[np.uint16], int]],
    records: Sequence[tuple[str, str, str, str]],
    content: str,
    manifest: Manifest | None,
) -> LabelledImages:
    found = Counter((*image.shape, bits) for image, bits in pictures)
    if len(found) > 1:
        listed = ", ".join(f"{number} of {_described(*key)}" for key, number in islice(found.most_common(), 3))
        hint = "`synthmammo patches`, or `ingest --geometry square512`, gives images of one size."
        raise DatasetError(f"images of several sizes or bit depths: {listed}", where=path, hint=hint)
    bits = pictures[0][1]
    grey: _Grey = np.stack([image.astype(np.uint8) if bits == 8 else image for image, _ in pictures])
    keys, labels, splits, patients = (np.array(column, np.str_) for column in zip(*records, strict=True))
    return LabelledImages(path, grey, bits, keys, labels, splits, patients, content, manifest)


def _described(height: int, width: int, bits: int) -> str:
    return f"{height} x {width} pixels and {bits} bits"


def positive_classes(real: LabelledImages, asked: Sequence[str]) -> tuple[str, ...]:
    """The classes that count as positive: the asked ones, or those with "malignant" in their name.

    Raises:
        DatasetError: One is unknown, or nothing or everything would be positive.
    """
    known = sorted(set(real.labels.tolist()))
    for name in asked:
        if name not in known:
            raise DatasetError(f"no class is called '{name}'", where=real.where, hint=nearest(name, known))
    chosen = tuple(asked) or tuple(name for name in known if "malignant" in name)
    if not chosen or set(chosen) == set(known):
        message = f"of the classes {', '.join(known)} {'all' if chosen else 'none'} would be positive"
        raise DatasetError(message, where=real.where, hint="Name the positive ones (positive).")
    return chosen


def check_synthetic(real: LabelledImages, synthetic: LabelledImages) -> None:
    """Refuse synthetic images that differ from the real ones in size, bit depth or names of classes.

    Raises:
        DatasetError: Naming what was found and expected.
    """
    sizes = [(*images.grey.shape[1:], images.bits_stored) for images in (real, synthetic)]
    if sizes[0] != sizes[1]:
        message = f"images of {_described(*sizes[1])}; the real ones have {_described(*sizes[0])}"
        hint = "Make both of the same size and depth: a network would tell them apart by that alone."
        raise DatasetError(message, where=synthetic.where, hint=hint)
    known = sorted(set(real.labels.tolist()))
    for name in sorted(set(synthetic.labels.tolist()) - set(known)):
        hint = f"{nearest(name, known)} Rename the folder or the class."
        raise DatasetError(f"class '{name}' is not one of the real images", where=synthetic.where, hint=hint)


def side_facts(images: LabelledImages | None) -> ResultRecord | None:
    """What `benchmark.yaml` says of one side."""
    if images is None:
        return None
    classes, counts = np.unique(images.labels, return_counts=True)
    return {
        "name": images.manifest.name if images.manifest else images.where.name,
        "digest": images.digest,
        "images": len(images),
        "patients": len(np.unique(images.patients)),
        "classes": dict(zip(classes.tolist(), counts.tolist(), strict=True)),
        "size": f"{images.grey.shape[1]} x {images.grey.shape[2]}, {images.bits_stored} bits",
    }
