"""DICOM objects without what may differ between versions of the package that make equal pixels."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataelem import DataElement

VERSION_KEYWORDS = ("ImplementationVersionName", "SoftwareVersions", "AlgorithmVersion")
"""Attributes that hold the version of this package: in the file's header, of its equipment, of its algorithms."""

_ROOT = "2.25."


def without_identity(data: bytes) -> bytes:
    """A DICOM file whose version attributes all read "0", and whose UIDs under 2.25. are numbered as they appear.

    These UIDs may follow from the version or from the digest of a build, into which the version goes; that those which
    were equal within the file are still equal is kept.

    Args:
        data: Bytes of the file.
    """
    names: dict[str, str] = {}

    def change(_: Dataset, element: DataElement) -> None:
        if element.keyword in VERSION_KEYWORDS:
            element.value = "0"
        elif element.VR == "UI" and str(element.value).startswith(_ROOT):
            element.value = names.setdefault(str(element.value), f"{_ROOT}{len(names)}")

    one = dcmread(BytesIO(data))
    one.file_meta.walk(change)
    one.walk(change)
    out = BytesIO()
    dcmwrite(out, one, enforce_file_format=True)
    return out.getvalue()


def without_accession(data: bytes) -> bytes:
    """A DICOM file whose accession number reads "0": it follows from a digest into which the version goes.

    Args:
        data: Bytes of the file.
    """
    one = dcmread(BytesIO(data))
    if "AccessionNumber" in one:
        one.AccessionNumber = "0"
    out = BytesIO()
    dcmwrite(out, one, enforce_file_format=True)
    return out.getvalue()
