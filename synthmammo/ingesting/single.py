"""One image file, raster or DICOM, as a picture for the screen."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.files import writing
from synthmammo.ingesting.sources.origins import STATED, header_origin, making_of_picture
from synthmammo.ingesting.sources.rasters import SUFFIXES, read_raster
from synthmammo.mammogram import png
from synthmammo.mammogram.limits import too_large
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import Making
from synthmammo.mammogram.pictures import display
from synthmammo.mammogram.sample import Image

LONGER_SIDE_PX = 1600
"""Longer side of the picture: what a screen shows whole."""


def show_file(path: Path, out: Path) -> Path:
    """Draw one image with the grey levels that a screen can show.

    The picture bears the origin that the file states. A coloured picture, such as a contact sheet, is for the screen
    already: nothing is written.

    Args:
        path: DICOM or raster file of a mammogram, or a coloured picture.
        out: PNG file to write.

    Returns:
        `out`; of a coloured picture `path`.

    Raises:
        SourceError: There is no such file, or it holds no image that is understood.
        OutputError: The picture cannot be written.
    """
    from PIL import Image as Pictures

    if _is_coloured(path):
        return path
    picture = Pictures.fromarray(display(read_file(path)))
    picture.thumbnail((LONGER_SIDE_PX, LONGER_SIDE_PX), Pictures.Resampling.BOX)
    with writing(out) as partial:
        png.save(picture, partial, picture_packet([_making(path)]))
    return out


def _is_coloured(path: Path) -> bool:
    """Whether a file is a picture in colours; what cannot be opened is left to the readers of mammograms."""
    import numpy as np
    from PIL import Image as Pictures

    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        with Pictures.open(path) as picture:
            if picture.mode != "RGB" or too_large(picture.height, picture.width):
                return False
            pixels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError):
        return False
    return bool((pixels != pixels[..., :1]).any())


def _making(path: Path) -> Making:
    """How the image of a file came about, as the file says."""
    facts: dict[str, Making] = {}
    if path.suffix.lower() not in SUFFIXES:
        from synthmammo.ingesting.sources.dicom_header import open_dicom

        if (stated := header_origin(open_dicom(path, with_pixels=False))) is not None:
            facts[STATED] = stated
    return making_of_picture(facts, path, "folder", None)


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
