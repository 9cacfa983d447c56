"""DICOM objects without what may differ between versions of the package that make equal pixels."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataelem import DataElement

VERSION_KEYWORDS = ("ImplementationVersionName", "SoftwareVersions", "AlgorithmVersion")
"""Attributes that hold the version of this package: in the file's header, of its equipment, of its algorithms."""

_ROOT = "2.25."


def without_versions(data: bytes) -> bytes:
    """A DICOM file whose version attributes all read "0"; nothing else is changed.

    Args:
        data: Bytes of the file.
    """
    return _rewritten(data, _no_version)


def without_identity(data: bytes) -> bytes:
    """The same, with every UID under 2.25. replaced by its number among those of the file, in order of appearance.

    The UIDs follow from the digest of the build, into which the version goes.

    Args:
        data: Bytes of the file.
    """
    names: dict[str, str] = {}

    def change(one: Dataset, element: DataElement) -> None:
        _no_version(one, element)
        if element.VR == "UI" and str(element.value).startswith(_ROOT):
            element.value = names.setdefault(str(element.value), f"{_ROOT}{len(names)}")

    return _rewritten(data, change)


def _no_version(_: Dataset, element: DataElement) -> None:
    if element.keyword in VERSION_KEYWORDS:
        element.value = "0"


def _rewritten(data: bytes, change: Callable[[Dataset, DataElement], None]) -> bytes:
    one = dcmread(BytesIO(data))
    one.file_meta.walk(change)
    one.walk(change)
    out = BytesIO()
    dcmwrite(out, one, enforce_file_format=True)
    return out.getvalue()
