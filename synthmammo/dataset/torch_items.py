"""A dataset as PyTorch takes it; the only module here that imports torch, and only when `to_torch` is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from synthmammo.mammogram.sample import Kind, Pathology, Sample

TorchItem = dict[str, Any]
_KINDS = {kind: number for number, kind in enumerate(Kind, 1)}


class ReadableSamples(Protocol):
    """What is needed of a `Dataset`."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Classes in the order of their numbers."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, which: int, /) -> Sample: ...


class TorchItems(TorchDataset[Any]):
    """Items by number; see `Dataset.to_torch`.

    Args:
        dataset: Dataset to read from; only its place travels to the workers of a loader.
        transform: Function from an item to what is returned in its place; None returns the item.
    """

    def __init__(self, dataset: ReadableSamples, transform: Callable[[TorchItem], Any] | None) -> None:
        self.dataset, self.transform = dataset, transform
        self._classes = {name: number for number, name in enumerate(dataset.label_names)}

    def __repr__(self) -> str:
        return f"TorchItems({self.dataset!r})"

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> Any:
        sample = self.dataset[number]
        found = item(sample, self._classes[sample.label])
        return found if self.transform is None else self.transform(found)


def item(sample: Sample, label: int) -> TorchItem:
    """Tensors of one sample.

    Args:
        sample: The sample.
        label: Number of its class.
    """
    white = 2**sample.bits_stored - 1
    boxes = np.array([(f.box.col0, f.box.row0, f.box.col1, f.box.row1) for f in sample.findings], np.float32)
    return {
        "image": torch.from_numpy(sample.image.astype(np.float32) / np.float32(white))[None],
        "label": label,
        "boxes": torch.from_numpy(boxes.reshape(-1, 4)),
        "labels": torch.tensor([_KINDS[f.kind] for f in sample.findings], dtype=torch.int64),
        "malignant": torch.tensor([f.pathology == Pathology.MALIGNANT for f in sample.findings], dtype=torch.bool),
        "breast": torch.from_numpy(sample.breast.copy())[None],
        "lesions": torch.from_numpy(sample.lesions.copy())[None],
        "key": sample.key,
    }
