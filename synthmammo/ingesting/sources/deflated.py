"""DICOM files that are deflated as a whole, which a parser inflates before it looks at anything."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO

from synthmammo.errors import SourceError

DEFLATED = b"1.2.840.10008.1.2.1.99"
MOST_BYTES = 512 << 20
"""Most bytes of an inflated file: twice those of the largest image that is read."""

_START, _CHUNK = 144, 1 << 20


def check_deflated(file: IO[bytes], path: Path) -> None:
    """Refuse a deflated file that would take more memory than any mammogram; others pass after a few bytes.

    Args:
        file: A DICOM file, at its start, where it is left.
        path: Path of the file, for the message.

    Raises:
        SourceError: It inflates to more than `MOST_BYTES`.
        OSError: It cannot be read.
    """
    head = file.read(_START)
    # The first element is the length of the file's meta information (PS3.10 7.1).
    meta = file.read(min(int.from_bytes(head[140:144], "little"), _CHUNK)) if head[128:132] == b"DICM" else b""
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    data = file.read(_CHUNK) if DEFLATED in meta else b""
    while data and not inflater.eof:
        size += len(inflater.decompress(data, _CHUNK))
        data = inflater.unconsumed_tail or file.read(_CHUNK)
        if size > MOST_BYTES:
            raise SourceError(f"the deflated file inflates to more than {MOST_BYTES:,} bytes", where=path)
    file.seek(0)
