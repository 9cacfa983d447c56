"""What all formats share: the encoded sample, its preview, and the protocol of the writers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthmammo.dataset.manifest import ShardRecord
from synthmammo.errors import OutputError, nearest
from synthmammo.extending import WRITERS as PLUGINS
from synthmammo.extending import find, plugins
from synthmammo.identity import canonical_json
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import Mark
from synthmammo.mammogram.sample import Box, Finding, Image, Mask, Sample

WINDOW_PERCENTILES = (1.0, 99.9)
"""Percentiles of the pixels inside the breast that become black and white: skin line, brightest calcifications."""

_WINDOW_PIXELS = 250_000


@dataclass(frozen=True)
class Encoded:
    """A sample as it goes into files; each part is made once, when a format first asks for it.

    Attributes:
        sample: Sample to write.
        index: Place of the sample in the dataset, from 0.
        preview_px: Longer side of the preview in pixels, 512 by default; smaller images are not enlarged.
    """

    sample: Sample
    index: int
    preview_px: int = 512

    @cached_property
    def image_png(self) -> bytes:
        """The image: 16-bit greyscale PNG, 8-bit where `bits_stored` is 8.

        Raises:
            ValueError: A pixel needs more than `bits_stored` bits.
        """
        image, bits = self.sample.image, self.sample.bits_stored
        highest = int(image.max())
        if highest >> bits:
            raise ValueError(f"{self.sample.key}: pixel value {highest} does not fit bits_stored {bits}")
        return png.encode(image.astype(np.uint8) if bits == 8 else image, self._packet("image"))

    @cached_property
    def breast_png(self) -> bytes:
        """The breast mask: 1-bit PNG."""
        return png.encode_mask(self.sample.breast, self._packet("breast"))

    @cached_property
    def lesions_png(self) -> bytes:
        """The instance labels: 8-bit PNG, 0 where there is no lesion."""
        return png.encode_mask(self.sample.lesions, self._packet("lesions"))

    @cached_property
    def preview_png(self) -> bytes:
        """The image for looking: 8-bit PNG in the display window, area-averaged to `preview_px`."""
        return png.encode(preview(self.sample.image, self.window, self.preview_px), self._packet("preview"))

    def _packet(self, part: str) -> str:
        """The mark of one of the pictures; masks bear that of their image."""
        return mark_of(self.sample, part).packet()

    @cached_property
    def window(self) -> tuple[int, int]:
        """Display window (low, high) in pixel values."""
        return display_window(self.sample.image, self.sample.breast)

    @cached_property
    def record(self) -> dict[str, Any]:
        """Everything but the pixels, JSON-able: the same members with the same types in every sample, nothing null.

        Readers such as the Hub's infer a schema from the first samples of a tar. So an unknown view is "", an unknown
        spacing [0.0, 0.0], and the lists of `regions` always begin with the breast itself.
        """
        sample = self.sample
        spacing_mm = sample.spacing_mm or (0.0, 0.0)
        return {
            "key": sample.key,
            "index": self.index,
            "label": sample.label,
            "split": sample.split,
            "patient": sample.patient,
            "view": str(sample.view or ""),
            "laterality": str(sample.laterality or ""),
            "bits_stored": sample.bits_stored,
            "height": sample.shape[0],
            "width": sample.shape[1],
            "spacing_mm": [float(side) for side in spacing_mm],
            "spacing_origin": str(sample.spacing_origin),
            "origin": str(sample.origin),
            "regions": _regions(sample),
            "unlocated": "; ".join(sample.unlocated),
            "provenance": canonical_json(sample.provenance).decode(),
        }


def mark_of(sample: Sample, part: str = "image") -> Mark:
    """What a picture of a sample says of itself.

    Args:
        sample: Sample that the picture is of.
        part: What it shows of it, see `Mark.part`.
    """
    return Mark(sample.making, sample.key, part, sample.history.background.source or "")


def _regions(sample: Sample) -> dict[str, list[Any]]:
    findings, breast = sample.findings, Box.around(sample.breast) or Box(0, 0, 0, 0)
    return {
        "kind": ["breast", *(str(finding.kind) for finding in findings)],
        "pathology": ["none", *(str(finding.pathology) for finding in findings)],
        "synthetic": [False, *(finding.synthetic for finding in findings)],
        "label": [0, *(finding.label for finding in findings)],
        "box": [list(breast), *(list(finding.box) for finding in findings)],
        "descriptors": ["", *(descriptor_text(finding) for finding in findings)],
    }


def descriptor_text(finding: Finding) -> str:
    """The BI-RADS terms of a finding as one string, e.g. "shape=oval;margin=circumscribed".

    Raises:
        OutputError: A term holds one of the separators `=` and `;`.
    """
    for word in (*finding.descriptors, *finding.descriptors.values()):
        if "=" in word or ";" in word:
            hint = "Descriptors are joined as 'name=term;name=term'."
            raise OutputError(f"descriptor '{word}' contains '=' or ';'", where=finding.kind, hint=hint)
    return ";".join(f"{name}={term}" for name, term in finding.descriptors.items())


def finding_classes(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(kind, pathology) of all findings in a dataset's index rows, sorted: the classes of label files."""
    return sorted({(finding["kind"], finding["pathology"]) for row in rows for finding in row["findings"]})


def display_window(image: Image, breast: Mask) -> tuple[int, int]:
    """The pixel values to show as black and white: percentiles inside the breast, on an even grid of its pixels.

    Args:
        image: `uint16 (H, W)`.
        breast: `bool (H, W)` mask; an empty one stands for the whole image.

    Returns:
        Pixel values (low, high), with low < high.
    """
    step = max(1, round((image.size / _WINDOW_PIXELS) ** 0.5))
    grid = (slice(None, None, step), slice(None, None, step))
    inside = image[grid][breast[grid]]
    cumulative = np.bincount(inside if inside.size else image[grid].ravel()).cumsum()
    low, high = np.searchsorted(cumulative, np.array(WINDOW_PERCENTILES) / 100 * cumulative[-1])
    return int(low), max(int(high), int(low) + 1)


def preview(image: Image, window: tuple[int, int], longer_side_px: int) -> NDArray[np.uint8]:
    """An 8-bit picture of an image, reduced by averaging areas.

    Args:
        image: `uint16 (H, W)`.
        window: Pixel values (low, high) that become 0 and 255.
        longer_side_px: Longer side of the picture in pixels; smaller images keep theirs.

    Returns:
        `uint8 (h, w)` of the same aspect, the longer side at most `longer_side_px`.
    """
    from PIL import Image as Picture

    low, high = window
    table = np.arange(int(image.max()) + 1, dtype=np.float32)
    table = np.rint(np.clip((table - low) / (high - low), 0, 1) * 255)
    shown = table.astype(np.uint8)[image]
    share = min(1.0, longer_side_px / max(image.shape))
    height, width = (max(1, round(side * share)) for side in image.shape)
    return np.asarray(Picture.fromarray(shown).resize((width, height), Picture.Resampling.BOX))


class Writer(Protocol):
    """Writes one shard; it is made from the folder of its format in the dataset, the shard's name, and options.

    Raises:
        OutputError: From every method, when the place cannot be written; the unfinished shard is removed.
    """

    def write(self, encoded: Encoded) -> None:
        """Add one sample."""
        ...

    def close(self) -> ShardRecord:
        """Make the shard durable and give it its final name."""
        ...

    def abort(self) -> None:
        """Remove what was written; does nothing after `close` or another `abort`."""
        ...


WRITERS = {
    "webdataset": "synthmammo.dataset.writers.webdataset:WebDatasetWriter",
    "parquet": "synthmammo.dataset.writers.parquet:ParquetWriter",
    "dicom": "synthmammo.dataset.writers.dicom:DicomWriter",
}


def formats() -> list[str]:
    """Names of the formats that can be written, those of plug-ins last."""
    return [*WRITERS, *(name for name in plugins(PLUGINS) if name not in WRITERS)]


def open_writer(name: str, folder: Path, shard: str, **options: Any) -> Writer:
    """Open the writer of one shard; its module is imported only now.

    Args:
        name: Name of the format, one of `WRITERS` or that of a plug-in.
        folder: Folder of the format in the dataset, e.g. `DIR/webdataset`; made when absent.
        shard: Name of the shard, e.g. "train-00003".
        options: Options of the format; see its class.

    Raises:
        OutputError: The name is not known, or the folder cannot be written.
    """
    writer: Writer = _kind(name)(folder, shard, **options)
    return writer


def _kind(name: str) -> Any:
    """The class of a writer, this package's or a plug-in's."""
    if (found := find(PLUGINS, name, WRITERS, OutputError)) is not None:
        return found
    raise OutputError(f"no format is called '{name}'", hint=nearest(name, formats()))


def split_of_shard(shard: str) -> str:
    """The split in a shard's name, e.g. "train" in "train-00003"."""
    return shard.rpartition("-")[0] or shard
