"""One image file, raster or DICOM, as a picture for the screen."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from synthmammo.errors import SourceError
from synthmammo.files import writing
from synthmammo.ingesting.sources.dicom_files import not_dicom
from synthmammo.ingesting.sources.origins import STATED, header_origin, making_of_picture
from synthmammo.ingesting.sources.rasters import SUFFIXES, is_picture, read_raster
from synthmammo.mammogram import png
from synthmammo.mammogram.limits import too_large
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import Making
from synthmammo.mammogram.pictures import display
from synthmammo.mammogram.sample import Image, Laterality, View

LONGER_SIDE_PX = 1600
"""Longer side of the picture: what a screen shows whole."""


class OneImage(NamedTuple):
    """The image of one file, and what the file says of it.

    Attributes:
        image: `uint16 (H, W)`, bright is dense.
        bits_stored: Number of bits that hold a grey value.
        making: How the image came about.
        view: View that a DICOM header states; None where nothing states one.
        laterality: Side that a DICOM header states; None where nothing states one.
        spacing_mm: Height and width of a pixel in millimetres that a DICOM header states; None where nothing does.
    """

    image: Image
    bits_stored: int
    making: Making
    view: View | None = None
    laterality: Laterality | None = None
    spacing_mm: tuple[float, float] | None = None


def draw_file(path: Path, out: Path) -> Path:
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
    found = read_image_file(path)
    picture = Pictures.fromarray(display(found.image))
    picture.thumbnail((LONGER_SIDE_PX, LONGER_SIDE_PX), Pictures.Resampling.BOX)
    with writing(out) as partial:
        png.save(picture, partial, picture_packet([found.making]))
    return out


def _is_coloured(path: Path) -> bool:
    """Whether a file is a picture in colours; what cannot be opened is left to the readers of mammograms."""
    import numpy as np
    from PIL import Image as Pictures

    if not path.is_file() or not is_picture(path):
        return False
    try:
        with Pictures.open(path) as picture:
            if picture.mode != "RGB" or too_large(picture.height, picture.width):
                return False
            pixels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError):
        return False
    return bool((pixels != pixels[..., :1]).any())


def read_image_file(path: Path) -> OneImage:
    """Read one image file, raster or DICOM, known by its content.

    Args:
        path: Path of the file.

    Returns:
        Its pixels, and what the file says of them.

    Raises:
        SourceError: There is no such file, or it holds no image that is understood.
    """
    if not path.is_file():
        raise SourceError("there is nothing at this path", where=path, hint="Check the spelling of the path.")
    if is_picture(path):
        image, bits = read_raster(path)
        return OneImage(image, bits, making_of_picture({}, path, "folder", None))
    if (reason := not_dicom(path)) is not None:
        kinds = ", ".join(suffix.removeprefix(".").upper() for suffix in SUFFIXES)
        hint = f"{reason[0].upper()}{reason[1:]}. Name an image, or a dataset."
        raise SourceError(f"is neither an image ({kinds}) nor DICOM", where=path, hint=hint)
    return _read_dicom(path)


def _read_dicom(path: Path) -> OneImage:
    from synthmammo.ingesting.sources import dicom_header as head
    from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels

    image, bits, _ = read_dicom_pixels(path)
    header = head.open_dicom(path, with_pixels=False)
    stated = header_origin(header)
    making = making_of_picture({STATED: stated} if stated else {}, path, "folder", None)
    return OneImage(image, bits, making, head.view(header), head.laterality(header), head.spacing_mm(header)[0])
