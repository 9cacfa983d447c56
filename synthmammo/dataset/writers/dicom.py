"""DICOM: one Digital Mammography X-Ray Image - For Presentation per sample, one folder of them per shard.

Where asked for, a Segmentation and a structured report of the sample's findings lie beside the image.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from synthmammo._version import __version__
from synthmammo.dataset.manifest import ShardRecord
from synthmammo.dataset.writers.base import Encoded, split_of_shard
from synthmammo.dataset.writers.dicom_modules import mammogram
from synthmammo.errors import OutputError, nearest, unwritable
from synthmammo.identity import dicom_uid, digest

COMPRESSIONS: dict[str, UID | None] = {
    "none": None,
    "rle": RLELossless,
    "jpegls": JPEGLSLossless,
    "jpeg2000": JPEG2000Lossless,
}
"""Transfer syntaxes of the images by name; all are lossless."""

IMAGE, SEGMENTATION, REPORT = "dcm", "seg.dcm", "sr.dcm"
"""Endings of a sample's files, after its key and a dot."""

_SYNCS = 8
"""Number of files flushed at a time: a disk commits many in the time of one."""

_IMPLEMENTATION = UID(dicom_uid("synthmammo", "implementation"))


class DicomWriter:
    """One folder of DICOM files, `folder/SHARD/KEY.dcm`, and `KEY.seg.dcm` and `KEY.sr.dcm` of samples with findings.

    The digest of a shard is that of the sorted list of its files' [name, SHA-256].

    Args:
        folder: Folder of the format in the dataset.
        shard: Name of the shard.
        dataset: Text that the UIDs are derived from, beside patient and key; it must differ between datasets whose
            pixels differ, as a build's digest does.
        compression: Name of the compression, one of `COMPRESSIONS`; "none" by default.
        findings: Objects that carry the findings, "segmentation" and "report"; none by default.

    Raises:
        OutputError: The compression is not known, or the place cannot be written.
    """

    def __init__(
        self, folder: Path, shard: str, *, dataset: str, compression: str = "none", findings: Sequence[str] = ()
    ) -> None:
        if compression not in COMPRESSIONS:
            hint = nearest(compression, COMPRESSIONS)
            raise OutputError(f"no compression is called '{compression}'", where="dicom", hint=hint)
        self._dataset, self._compression, self._findings = dataset, compression, tuple(findings)
        self._path, self._split = folder / shard, split_of_shard(shard)
        self._partial: Path | None = folder / f".partial-{shard}"
        self._digests: dict[str, str] = {}
        self._samples = self._bytes = 0
        with self._guard() as partial:
            if partial.exists():
                shutil.rmtree(partial)  # of a run that was killed
            partial.mkdir(parents=True)

    def write(self, encoded: Encoded) -> None:
        """Add one sample.

        Raises:
            OutputError: The object requires what the sample lacks (spacing, view, laterality), or the disk failed.
        """
        for ending, data in objects(encoded, self._dataset, self._compression, self._findings).items():
            name = f"{encoded.sample.key}.{ending}"
            with self._guard() as partial:
                (partial / name).write_bytes(data)
            self._digests[name] = hashlib.sha256(data).hexdigest()
            self._bytes += len(data)
        self._samples += 1

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
        return ShardRecord("dicom", self._split, name, self._samples, self._bytes, sha256)

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


def objects(
    encoded: Encoded, dataset: str, compression: str = "none", findings: Sequence[str] = ()
) -> dict[str, bytes]:
    """The files of one sample by their ending, `IMAGE` first.

    Args:
        encoded: Sample to write.
        dataset: Text that the UIDs are derived from, beside patient, key and release: the files name the release, and
            two objects that differ may not share a UID.
        compression: Name of the compression, one of `COMPRESSIONS`; "none" by default.
        findings: Objects that carry the findings, where there are any, "segmentation" and "report"; none by default.

    Raises:
        OutputError: The image object requires what the sample lacks (spacing, view, laterality).
    """
    dataset = f"{dataset} {__version__}"
    image = _with_meta(mammogram(encoded, dataset))
    made = {IMAGE: image}
    if findings:
        from synthmammo.dataset.writers.dicom_findings import segmentation, structured_report

        for name, ending, make in (("segmentation", SEGMENTATION, segmentation), ("report", REPORT, structured_report)):
            if name in findings and (found := make(image, encoded.sample, dataset)) is not None:
                made[ending] = _with_meta(found)
    if syntax := COMPRESSIONS[compression]:
        image.compress(syntax, generate_instance_uid=False)  # lossless, and the only one there is
    return {ending: _encoded(one) for ending, one in made.items()}


def _with_meta(one: Dataset) -> Dataset:
    one.file_meta = FileMetaDataset()
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.ImplementationClassUID = _IMPLEMENTATION
    one.file_meta.ImplementationVersionName = f"SYNTHMAMMO{__version__}"[:16]
    return one


def _encoded(one: Dataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, one, enforce_file_format=True)
    return buffer.getvalue()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
