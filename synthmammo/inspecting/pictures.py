"""Pictures: what the XMP packet in a PNG, JPEG, TIFF or WebP says, and the comment of a GIF."""

from __future__ import annotations

import warnings
from pathlib import Path

from synthmammo.errors import DatasetError
from synthmammo.ingesting.sources.origins import file_mark
from synthmammo.inspecting.found import Inspection, stated


def picture(path: Path) -> Inspection:
    """What a picture is; its pixels are not decoded.

    Raises:
        DatasetError: It is damaged.
    """
    what, mark = _what(path), file_mark(path)
    if mark is None:
        return Inspection(str(path), what)
    facts = {"part": mark.part if mark.by_us else "", "read or cut from": mark.source}
    facts = {name: value for name, value in facts.items() if value}
    return Inspection(str(path), what, mark.by_us, key=mark.key, facts=facts, **stated(mark.making))


def _what(path: Path) -> str:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures, which are not decoded here
            with Image.open(path) as opened:
                width, height = opened.size
                return f"{opened.format} picture, {height} x {width} pixels"
    except Exception as error:  # damaged files make Pillow fail with any type of error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"the picture is damaged ({reason})", where=path) from error
