"""A writer that recipes name under `emit.formats` as `npz`: one compressed file of arrays per shard."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from pydantic import Field

from synthmammo.dataset.manifest import ShardRecord
from synthmammo.dataset.writers.base import Encoded, split_of_shard
from synthmammo.files import PartialFile
from synthmammo.recipe.draws import Strict


class NpzFormat(Strict):
    """One .npz of arrays per shard."""

    masks: bool = Field(True, description="Whether the lesion masks are written too")


class Npz:
    """One .npz file of images, and of their lesion masks, per shard."""

    protocol = 1
    section = NpzFormat

    def __init__(self, folder: Path, shard: str, masks: bool = True) -> None:
        self._split, self._masks, self._samples = split_of_shard(shard), masks, 0
        self._output = PartialFile(folder / f"{shard}.npz")
        with self._output.guard() as file:
            self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    def write(self, encoded: Encoded) -> None:
        """Add one sample; members have no time, so that equal samples give equal bytes."""
        sample = encoded.sample
        arrays = {"image": sample.image} | ({"lesions": sample.lesions} if self._masks else {})
        with self._output.guard():
            for name, array in arrays.items():
                content = io.BytesIO()
                np.save(content, array)
                self._zip.writestr(zipfile.ZipInfo(f"{sample.key}.{name}.npy"), content.getvalue())
        self._samples += 1

    def close(self) -> ShardRecord:
        """Make the file durable and give it its final name."""
        with self._output.guard():
            self._zip.close()
        size, sha256 = self._output.commit()
        path = self._output.path
        return ShardRecord("npz", self._split, f"{path.parent.name}/{path.name}", self._samples, size, sha256)

    def abort(self) -> None:
        """Remove what was written."""
        self._output.discard()
