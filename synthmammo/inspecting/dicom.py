"""DICOM objects: what SyntheticData and, in our own files, the contributing equipment say. No name of a person."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import DatasetError, SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.origins import header_origin
from synthmammo.inspecting.found import Inspection, stated

_FACTS = {
    "SyntheticData": "SyntheticData",
    "SoftwareVersions": "software version",
    "DerivationDescription": "derivation",
    "SOPInstanceUID": "SOP Instance UID",
}


def dicom(path: Path) -> Inspection:
    """What a DICOM object is; its pixels are not read.

    Raises:
        DatasetError: It is damaged.
    """
    try:
        header = head.open_dicom(path, with_pixels=False)
    except SourceError as error:
        raise DatasetError(error.message, where=path, hint=error.hint) from error
    ours = head.text(header, "Manufacturer") == "synthmammo"
    names = dict(list(_FACTS.items())[:1] if not ours else _FACTS)
    facts = {name: head.text(header, attribute) for attribute, name in names.items()}
    facts["SyntheticData"] = facts["SyntheticData"] or "absent"
    making = header_origin(header)
    return Inspection(str(path), _what(path, header), ours, facts=facts, **(stated(making) if making else {}))


def without_preamble(path: Path, start: bytes) -> Inspection | None:
    """What a DICOM object without its preamble is; None for a file that does not begin like one."""
    if start[:4] not in (b"\x08\0\0\0", b"\x08\0\x05\0", b"\x08\0\x08\0", b"\x02\0\0\0"):
        return None
    try:
        return dicom(path)
    except DatasetError:
        return None


def _what(path: Path, header: object) -> str:
    from pydicom.uid import UID

    uid = head.text(header, "SOPClassUID")  # type: ignore[arg-type]
    kind = UID(uid).name if uid else "of no stated class"
    rows, columns = (head.integer(header, name) for name in ("Rows", "Columns"))  # type: ignore[arg-type]
    size = f", {rows} x {columns} pixels" if rows and columns else ""
    return f"DICOM object, {kind}{size}"
