"""DICOM: one Digital Mammography X-Ray Image - For Presentation a sample, a folder of them a shard."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from synthmammo import __version__
from synthmammo.errors import OutputError, nearest, unwritable
from synthmammo.identity import dicom_uid, digest
from synthmammo.manifest import ShardRecord
from synthmammo.writers.base import Encoded, split_of
from synthmammo.writers.dicom_modules import mammogram

COMPRESSIONS: dict[str, UID | None] = {"none": None, "rle": RLELossless, "jpeg2000": JPEG2000Lossless}
"""Transfer syntaxes by name; all are lossless."""

_SYNCS = 8
"""Files flushed at a time: a disk commits many in the time of one."""

_IMPLEMENTATION = UID(dicom_uid("synthmammo", "implementation"))


class DicomWriter:
    """One folder of DICOM files, `folder/SHARD/KEY.dcm`.

    The digest of a shard is that of the sorted list of its files' [name, SHA-256].

    Args:
        folder: Folder of the format in the dataset.
        shard: Name of the shard.
        dataset: What the UIDs are derived from, beside patient and key: text that differs between datasets whose
            pixels differ, such as a build's digest.
        compression: A name of `COMPRESSIONS`.

    Raises:
        OutputError: The compression is not known, or the place cannot be written.
    """

    def __init__(self, folder: Path, shard: str, *, dataset: str, compression: str = "none") -> None:
        if compression not in COMPRESSIONS:
            hint = nearest(compression, COMPRESSIONS)
            raise OutputError(f"no compression is called '{compression}'", where="dicom", hint=hint)
        self._dataset, self._compression = dataset, COMPRESSIONS[compression]
        self._path, self._split = folder / shard, split_of(shard)
        self._partial: Path | None = folder / f".partial-{shard}"
        self._digests: dict[str, str] = {}
        self._bytes = 0
        with self._guard() as partial:
            if partial.exists():
                shutil.rmtree(partial)  # of a run that was killed
            partial.mkdir(parents=True)

    def write(self, encoded: Encoded) -> None:
        """Add one sample.

        Raises:
            OutputError: The object requires what the sample lacks (spacing, view, laterality), or the disk failed.
        """
        data = self._encode(mammogram(encoded, self._dataset))
        name = f"{encoded.sample.key}.dcm"
        with self._guard() as partial:
            (partial / name).write_bytes(data)
        self._digests[name] = hashlib.sha256(data).hexdigest()
        self._bytes += len(data)

    def _encode(self, image: Dataset) -> bytes:
        image.file_meta = FileMetaDataset()
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.ImplementationClassUID = _IMPLEMENTATION
        image.file_meta.ImplementationVersionName = f"SYNTHMAMMO{__version__}"[:16]
        if self._compression:
            image.compress(self._compression, generate_instance_uid=False)  # lossless, and the only one there is
        buffer = BytesIO()
        dcmwrite(buffer, image, enforce_file_format=True)
        return buffer.getvalue()

    def close(self) -> ShardRecord:
        """Make the files durable and give the folder its final name."""
        with self._guard() as partial:
            with ThreadPoolExecutor(_SYNCS) as pool:
                list(pool.map(_sync, (partial / name for name in self._digests)))
            _sync(partial)
            if self._path.exists():
                shutil.rmtree(self._path)  # of a run that was stopped before it recorded the shard
            partial.replace(self._path)
        self._partial = None
        name = f"{self._path.parent.name}/{self._path.name}"
        sha256 = digest(sorted(self._digests.items()))
        return ShardRecord("dicom", self._split, name, len(self._digests), self._bytes, sha256)

    def abort(self) -> None:
        """Remove what was written."""
        partial, self._partial = self._partial, None
        if partial:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def _guard(self) -> Iterator[Path]:
        assert self._partial, "the shard is closed"
        try:
            yield self._partial
        except OSError as error:
            self.abort()
            raise unwritable(self._path, error) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
