"""One image file, raster or DICOM, as a picture for the screen."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.files import writing
from synthmammo.ingesting.sources.rasters import SUFFIXES, read_raster
from synthmammo.mammogram.pictures import display
from synthmammo.mammogram.sample import Image

LONGER_SIDE_PX = 1600
"""Longer side of the picture: what a screen shows whole."""


def show_file(path: Path, out: Path) -> Path:
    """Draw one image with the grey levels that a screen can show.

    Args:
        path: DICOM or raster file of a mammogram.
        out: PNG file to write.

    Returns:
        `out`.

    Raises:
        SourceError: There is no such file, or it holds no image that is understood.
        OutputError: The picture cannot be written.
    """
    from PIL import Image as Pictures

    picture = Pictures.fromarray(display(read_file(path)))
    picture.thumbnail((LONGER_SIDE_PX, LONGER_SIDE_PX), Pictures.Resampling.BOX)
    with writing(out) as partial:
        picture.save(partial, format="PNG")
    return out


def read_file(path: Path) -> Image:
    """The pixels of one image file, `uint16 (H, W)`, bright is dense.

    Raises:
        SourceError: There is no such file, or it holds no image that is understood.
    """
    if not path.is_file():
        raise SourceError("there is nothing at this path", where=path, hint="Check the spelling of the path.")
    if path.suffix.lower() in SUFFIXES:
        return read_raster(path)[0]
    from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels

    return read_dicom_pixels(path)[0]
