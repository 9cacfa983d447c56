"""A dataset directory read back: samples by number or by key, in flat memory, from its Parquet files or its tars."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from synthmammo.arguments import a_function, a_number, a_path, wrong
from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.losses import lost_classes
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.parts import ShardSamples, picked
from synthmammo.dataset.readers.index import IndexReader, unread
from synthmammo.dataset.readers.parquet import ParquetReader
from synthmammo.dataset.readers.webdataset import WebDatasetReader
from synthmammo.errors import DatasetError, nearest
from synthmammo.mammogram.origin import Origin, making_of, origin_of
from synthmammo.mammogram.sample import SPLITS, Sample

if TYPE_CHECKING:
    import torch.utils.data


class Dataset:
    """What `build`, `ingest` and `patches` wrote; Parquet is read where there is any, else WebDataset.

    Opening reads the manifest only; keys are read from the shards when first asked for. `dataset[3]`, `dataset[-1]` and
    `dataset["balanced_mass-0000003"]` are samples, of which one row group is read; `dataset[:10]` and
    `dataset.split("train")` are datasets of which nothing is read yet. Samples are in the order of the files: split by
    split, and by number within each.

    Attributes:
        path: Directory of the dataset.
        manifest: Manifest of the dataset; None for a directory that only holds Parquet files of this package.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> sm.build("balanced_mass", "masses", size=4, settings=small)
        Dataset(balanced_mass: 4 samples, 3 train, 1 validation)
        >>> dataset = sm.Dataset.open("masses")
        >>> len(dataset), dataset.label_names
        (4, ('normal', 'benign', 'malignant'))
        >>> dataset["balanced_mass-0000001"].image.shape
        (115, 115)
        >>> [sample.split for sample in dataset.split("train")]
        ['train', 'train', 'train']
    """

    def __init__(
        self,
        path: Path,
        parts: Sequence[ShardSamples],
        manifest: Manifest | None,
        whole: tuple[Dataset, str] | None = None,
    ) -> None:
        self.path, self.manifest = path, manifest
        self._parts = tuple(parts)
        self._whole = whole
        """What this is a selection of, and what was selected; None for all of a directory."""

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Open a dataset directory.

        Args:
            path: Path of the directory.

        Raises:
            DatasetError: It is not one, or it has neither Parquet files nor tars.
        """
        path = a_path(path, "path", DatasetError)
        if not path.is_dir():
            raise DatasetError("no such directory", where=path, hint="Give the directory of a dataset.")
        manifest = Manifest.read(path) if (path / MANIFEST).exists() else None
        parts = _loose(path) if manifest is None else listed_shards(path, manifest)
        if not parts:
            raise unread(path)
        return Dataset(path, parts, manifest)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all samples, in the order of the files."""
        return tuple(self._places)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Classes in the order of their numbers; tars do not number them, so there they are sorted."""
        if self._whole:
            return self._whole[0].label_names
        if self._parts and isinstance(self._parts[0].shard, ParquetReader):
            return self._parts[0].shard.label_names
        counts = self.manifest.counts if self.manifest else {}
        return tuple(sorted({label for labels in counts.values() for label in labels}))

    def __len__(self) -> int:
        """Number of samples."""
        return sum(len(part) for part in self._parts)

    def __iter__(self) -> Iterator[Sample]:
        """All samples, in the order of the files; what a reader needs at a time is in memory."""
        for part in self._parts:
            yield from part.samples()

    def __contains__(self, key: object) -> bool:
        """Whether a sample has this key."""
        return key in self._places

    @overload
    def __getitem__(self, which: int | str) -> Sample: ...
    @overload
    def __getitem__(self, which: slice) -> Dataset: ...
    def __getitem__(self, which: int | str | slice) -> Sample | Dataset:
        """A sample by number or by key, or the dataset of a slice.

        Raises:
            DatasetError: There is no such sample, or its file cannot be read.
        """
        if isinstance(which, str):
            return self.sample(which)
        if isinstance(which, slice):
            return self._selected(which)
        place = a_number(which, "sample", DatasetError)
        last = len(self) - 1
        if not -last - 1 <= place <= last:
            hint = f"Samples are numbered from 0 to {last}." if last >= 0 else "It has no samples."
            raise DatasetError(f"has no sample {place}", where=self.path, hint=hint)
        part, row = self._at(place % len(self))
        return part.shard.sample(row)

    def sample(self, key: str) -> Sample:
        """Read one sample; only its row group, or its members, are read.

        Args:
            key: Key of the sample.

        Raises:
            DatasetError: The key is not in the dataset, or its file cannot be read.
        """
        part, row = self._place(key)
        return part.shard.sample(row)

    def preview(self, key: str) -> bytes:
        """The 8-bit preview of one sample as a PNG file, without decoding its pixels.

        Args:
            key: Key of the sample.

        Raises:
            DatasetError: The key is not in the dataset, or its file cannot be read.
        """
        part, row = self._place(key)
        return part.shard.preview(row)

    def split(self, name: str) -> Dataset:
        """The samples of one split, as a dataset of which nothing is read yet.

        Args:
            name: "train", "validation" or "test".

        Raises:
            DatasetError: The name is another.
        """
        if name not in SPLITS:
            hint = nearest(name, SPLITS) if isinstance(name, str) else None
            raise wrong("split", "train, validation or test", name, DatasetError, hint)
        parts = [chosen for part in self._parts for chosen in part.in_split(name)]
        return Dataset(self.path, parts, self.manifest, (self._origin, f"{self._selection}.split({name!r})"))

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """Samples in the order of the files; only what a reader needs at a time is in memory.

        Args:
            split: Name of the only split to read; None, the default, for all.

        Raises:
            DatasetError: A file is absent, cut short, or no file of this package.
        """
        yield from self if split is None else self.split(split)

    def provenances(self) -> Iterator[dict[str, Any]]:
        """How each sample was made or read, in the order of the files, without reading pixels.

        Raises:
            DatasetError: A file is absent or cut short.
        """
        for part in self._parts:
            yield from part.provenances()

    @property
    def origin(self) -> Origin:
        """Whether the images are "real", "synthetic", or "mixed"; all provenances are read where no manifest says."""
        if self.manifest is not None:
            return Origin(self.manifest.origin)
        return origin_of(making_of(provenance).origin for provenance in self.provenances())

    def scaled_to_fit(self) -> int:
        """Number of samples that a reader scaled down to go onto a canvas, so that their spacing is coarser."""
        return sum("scaled_to_fit" in provenance for provenance in self.provenances())

    def to_torch(self, transform: Callable[[dict[str, Any]], Any] | None = None) -> torch.utils.data.Dataset[Any]:
        """The samples as PyTorch takes them: by number, also from the worker processes of a `DataLoader`.

        An item is a dict, H and W being the image's height and width and n the number of its findings:

        * `image`: `float32 (1, H, W)` in [0, 1]; grey level over the highest that the bit depth allows.
        * `label`: number of the class in `label_names`.
        * `boxes`: `float32 (n, 4)`, (x0, y0, x1, y1) in pixels, half-open, as detectors of torchvision take them.
        * `labels`: `int64 (n,)`, what each finding is: 1 mass, 2 calcification, 3 architectural distortion,
          4 asymmetry, 5 other; 0 is left to the background.
        * `malignant`: `bool (n,)`.
        * `breast`: `bool (1, H, W)`; `lesions`: `uint8 (1, H, W)`, k on the k-th finding that has a mask.
        * `key`: name of the sample.

        Images may differ in size and in the number of findings: give the loader `collate_fn=list`, or a transform that
        leaves what can be stacked. A sample is read with its row group (at most 100 samples): shuffling costs time.

        Args:
            transform: Function from an item to what is returned in its place; of a module, so that it travels to
                workers. None returns the items.

        Raises:
            DatasetError: From an item, when its file cannot be read.

        Example:
            >>> import synthmammo as sm
            >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
            >>> items = sm.build("balanced_mass", "items", size=3, settings=small).to_torch()
            >>> len(items), items[0]["image"].shape
            (3, torch.Size([1, 115, 115]))
        """
        from synthmammo.dataset.torch_items import TorchItems

        if transform is not None:
            a_function(transform, "transform", DatasetError)
        return TorchItems(self, transform)

    def __repr__(self) -> str:
        name = self.manifest.name if self.manifest else self.path.name
        if self.manifest is None or self._whole:
            return f"Dataset({name}{self._selection})"
        counts = {split: sum(labels.values()) for split, labels in self.manifest.counts.items()}
        splits = "".join(f", {counts[split]:,} {split}" for split in SPLITS if counts.get(split))
        return f"Dataset({name}: {self.manifest.samples:,} samples{splits})"

    def _place(self, key: str) -> tuple[ShardSamples, int]:
        place = self._places.get(key)
        if place is None:
            raise DatasetError(f"no sample is called '{key}'", where=self.path, hint=nearest(key, self._nearby(key)))
        return place

    @cached_property
    def _places(self) -> dict[str, tuple[ShardSamples, int]]:
        return {key: (part, row) for part in self._parts for row, key in zip(part.rows, part.keys(), strict=True)}

    @cached_property
    def _ends(self) -> list[int]:
        """Number after the last of each part."""
        return list(accumulate(map(len, self._parts)))

    def _at(self, place: int) -> tuple[ShardSamples, int]:
        number = bisect_right(self._ends, place)
        part = self._parts[number]
        return part, part.row(place - (self._ends[number - 1] if number else 0))

    def _selected(self, which: slice) -> Dataset:
        try:
            places = range(len(self))[which]
        except (TypeError, ValueError) as error:
            raise DatasetError(f"expected whole numbers in a slice ({error})", where="sample") from None
        bounds = ":".join("" if end is None else str(end) for end in (which.start, which.stop, which.step))
        selection = f"{self._selection}[{bounds if which.step is not None else bounds.removesuffix(':')}]"
        return Dataset(self.path, picked(map(self._at, places)), self.manifest, (self._origin, selection))

    @property
    def _origin(self) -> Dataset:
        return self._whole[0] if self._whole else self

    @property
    def _selection(self) -> str:
        return self._whole[1] if self._whole else ""

    def _nearby(self, key: str) -> list[str]:
        # A hint that lists every key of a large dataset helps nobody.
        alike = [known for known in self.keys if known[:4] == key[:4]][:10_000]
        return alike if len(alike) > 10 else list(self.keys[:10])


class MadeDataset(Dataset):
    """A dataset that was just made, with what the run did; whatever its formats are.

    Attributes:
        manifest: Manifest of the dataset; `manifest.failed` lists what could not be made, with the reasons.
        made: Number of samples that this run made; fewer than the dataset's where it was resumed.
        seconds: Processor time by activity, in seconds, summed over workers and runs; empty where none is measured.
        notes: Sentences on what the run found; none by default.
        unmet: What the audit that the recipe demands did not let pass, as sentences; none by default.
    """

    manifest: Manifest

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        made: int,
        seconds: Mapping[str, float] = MappingProxyType({}),
        notes: Sequence[str] = (),
    ) -> None:
        # Of DICOM alone no samples can be read, which whoever tries is told; the dataset was made all the same.
        unread_parts = [ShardSamples(IndexReader(path))] if manifest.samples else []
        super().__init__(path, listed_shards(path, manifest) or unread_parts, manifest)
        self.made, self.seconds, self.notes = made, dict(seconds), tuple(notes)
        self.unmet: tuple[str, ...] = ()

    @property
    def lost_classes(self) -> tuple[str, ...]:
        """Names of the planned classes of which no sample could be made."""
        assert self.manifest
        return lost_classes(self.path, self.manifest)


def _loose(path: Path) -> list[ShardSamples]:
    """Parquet files that no manifest lists."""
    files = sorted(file for file in (path / "parquet").glob("*.parquet") if not file.name.startswith("."))
    return [ShardSamples(ParquetReader(file)) for file in files]


def listed_shards(path: Path, manifest: Manifest) -> list[ShardSamples]:
    """The shards that a manifest lists: Parquet where there is any, else WebDataset."""
    parquet = [ShardSamples(ParquetReader(path / s.name), s.split) for s in manifest.shards if s.format == "parquet"]
    tars = [s for s in manifest.shards if s.format == "webdataset"]
    return parquet or [ShardSamples(WebDatasetReader(path / shard.name, shard.samples), shard.split) for shard in tars]
