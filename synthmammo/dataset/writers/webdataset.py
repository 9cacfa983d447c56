"""WebDataset: a tar in which the members of one sample stand together under one key.

The writer uses the standard library's `tarfile`: `webdataset` itself pulls in torch, which takes two seconds of
processor time and 170 MB in every process of a build. The tests hold its bytes equal to those of
`webdataset.TarWriter` with fixed owners, modes and times; `readers.webdataset` reads with `webdataset` itself.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from synthmammo.dataset.manifest import ShardRecord
from synthmammo.dataset.writers.base import Encoded, split_of_shard
from synthmammo.files import PartialFile
from synthmammo.identity import canonical_json


class WebDatasetWriter:
    """One tar of samples, each as KEY.breast.png, KEY.image.png, KEY.json, KEY.lesions.png and KEY.preview.png.

    Args:
        folder: Folder of the format in the dataset.
        shard: Name of the shard; the file is `folder/SHARD.tar`.

    Raises:
        OutputError: The place cannot be written.
    """

    def __init__(self, folder: Path, shard: str) -> None:
        self._split = split_of_shard(shard)
        self._output = PartialFile(folder / f"{shard}.tar")
        self._samples = 0
        with self._output.guard() as file:
            self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def write(self, encoded: Encoded) -> None:
        """Add one sample; the members' owners, modes and times are fixed, so that equal samples give equal bytes."""
        members = {
            "breast.png": encoded.breast_png,
            "image.png": encoded.image_png,
            "json": canonical_json(encoded.record),
            "lesions.png": encoded.lesions_png,
            "preview.png": encoded.preview_png,
        }
        with self._output.guard():
            for name, data in members.items():
                member = tarfile.TarInfo(f"{encoded.sample.key}.{name}")  # mtime, uid and gid are 0, the mode is 0644
                member.size = len(data)
                self._tar.addfile(member, io.BytesIO(data))
        self._samples += 1

    def close(self) -> ShardRecord:
        """Make the tar durable and give it its final name."""
        with self._output.guard():
            self._tar.close()
        size, sha256 = self._output.commit()
        path = self._output.path
        return ShardRecord("webdataset", self._split, f"{path.parent.name}/{path.name}", self._samples, size, sha256)

    def abort(self) -> None:
        """Remove what was written."""
        self._output.discard()
