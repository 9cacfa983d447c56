"""The three datasets of an audit, as far as each is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import DatasetError
from synthmammo.mammogram.origin import Origin
from synthmammo.mammogram.sample import SPLITS, Sample


@dataclass(frozen=True)
class Side:
    """One of the three datasets of an audit, as far as it is looked at.

    Attributes:
        path: Its directory.
        dataset: The dataset.
        splits: Splits that are looked at.
    """

    path: Path
    dataset: Dataset
    splits: tuple[str, ...]

    def __len__(self) -> int:
        """Number of images."""
        return sum(len(self.dataset.split(name)) for name in self.splits)

    def samples(self) -> Iterator[Sample]:
        """The images, split by split."""
        for name in self.splits:
            yield from self.dataset.samples(name)

    def patients(self) -> set[str]:
        """Patients of the images, as far as they are known without reading pixels."""
        if not (self.path / INDEX).is_file():
            return {sample.patient for sample in self.samples() if sample.patient}
        rows = read_index(self.path).select(["patient", "split"]).to_pylist()
        return {row["patient"] for row in rows if row["split"] in self.splits and row["patient"]}


def open_sides(paths: Mapping[str, Path]) -> dict[str, Side]:
    """Open the datasets and choose the splits that each stands for.

    Args:
        paths: Directories by part: "dataset", "reference", "train".

    Raises:
        DatasetError: One cannot be read, or has no images for its part.
    """
    splits = {"dataset": SPLITS, "reference": SPLITS[1:], "train": SPLITS[:1]}
    sides = {name: Side(path, Dataset.open(path), splits[name]) for name, path in paths.items()}
    for name, side in sides.items():
        if not len(side):
            wanted = " and ".join(side.splits)
            hint = "Split the real images by patient when they are ingested; see `synthmammo ingest --help`."
            raise DatasetError(f"holds no images of the split {wanted}", where=f"{name} {side.path}", hint=hint)
    return sides


def check_separate(sides: Mapping[str, Side]) -> list[str]:
    """Refuse a reference whose patients were trained on.

    Args:
        sides: The datasets by part; "dataset" may be missing.

    Returns:
        Sentences on what limits the comparison.

    Raises:
        DatasetError: A patient of the reference was trained on.
    """
    reference, train = sides["reference"], sides["train"]
    theirs = reference.patients()
    if both := theirs & train.patients():
        message = f"{len(both)} of its {len(theirs)} patients, e.g. {min(both)}, are among those trained on"
        hint = "Take a reference of other patients, or ingest both with one split by patient."
        raise DatasetError(message, where=f"reference {reference.path}", hint=hint)
    return list(_origin_notes(sides))


def _origin_notes(sides: Mapping[str, Side]) -> Iterator[str]:
    """What the origins of the images mean for what is found."""
    if "dataset" in sides and sides["dataset"].dataset.origin == Origin.REAL:
        yield "The dataset that was judged holds real images; what is said of synthetic ones is said of them."
    for name in ("reference", "train"):
        if sides[name].dataset.origin == Origin.SYNTHETIC:
            yield f"The dataset of --{name} holds synthetic images; what is said of real ones is said of them."
