"""What a DICOM header says of a mammogram, wherever its maker wrote it.

Attribute names and meanings: DICOM PS3.3, Mammography Image module (C.8.11.7), DX Image module (C.8.11.3) and
Basic Pixel Spacing Calibration macro (10.7).
"""

from __future__ import annotations

import re
import warnings
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.errors import SourceError
from synthmammo.mammogram.sample import Laterality, View

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"

CBIS_ID = re.compile(r"(Mass|Calc)-(Training|Test)_(P_\d+)_(LEFT|RIGHT)_(CC|MLO)(?:_(\d+))?")
"""PatientID of CBIS-DDSM: one "patient" per view and, with a number at the end, one per lesion."""

_VIEW_CODES = {"R-10242": "CC", "399162004": "CC", "R-10226": "MLO", "399368009": "MLO"}
"""SNOMED RT and CT codes of the projections (PS3.16, context group 4014)."""

_LOSSY_SYNTAXES = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81))
"""JPEG baseline and extended, JPEG-LS near-lossless; JPEG 2000 can be either and says so in the header."""

_WORD = re.compile(r"(L|R|LEFT|RIGHT)?(CC|MLO)?")


def open_dicom(path: Path, *, with_pixels: bool) -> Dataset:
    """A parsed file.

    Args:
        path: Path of the file, whose preamble may be missing.
        with_pixels: Whether the pixel data are read; without them only a few kilobytes are.

    Raises:
        SourceError: It is not DICOM, or damaged.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with warnings.catch_warnings():
            # Real archives break minor rules in every other file; what matters here is checked below.
            warnings.simplefilter("ignore")
            parsed = dcmread(path, stop_before_pixels=not with_pixels)
            # The parser gives back nothing of a file that ends inside compressed pixel data, and says nothing.
            if with_pixels and not len(parsed) and len(dcmread(path, stop_before_pixels=True)):
                raise SourceError("the DICOM file ends before its pixel data does", where=path)
            return parsed
    except SourceError:
        raise
    except InvalidDicomError as error:
        raise SourceError("not a DICOM file", where=path) from error
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or 'the file ends early'})", where=path) from error
    except Exception as error:
        # Damaged files make the parser fail in any of its parts, with any type of error.
        raise SourceError(f"the DICOM file is damaged ({first_line(error)})", where=path) from error


def refusal(header: Dataset) -> str | None:
    """Why a file is not one grey two-dimensional mammogram, as one sentence; None when it is."""
    modality = text(header, "Modality")
    if modality != "MG":
        return f"Modality is {modality or 'missing'}, expected MG"
    if text(header, "SOPClassUID") == TOMOSYNTHESIS or (integer(header, "NumberOfFrames") or 1) > 1:
        frames = integer(header, "NumberOfFrames") or "several"
        return f"three-dimensional: a tomosynthesis or multi-frame object of {frames} frames, expected one image"
    if "Rows" not in header or "Columns" not in header:
        return "holds no image"
    if integer(header, "SamplesPerPixel") != 1 or not text(header, "PhotometricInterpretation").startswith(
        "MONOCHROME"
    ):
        found = text(header, "PhotometricInterpretation") or "missing"
        return f"coloured: PhotometricInterpretation is {found}, expected MONOCHROME1 or MONOCHROME2"
    bits = integer(header, "BitsStored")
    if bits is None or not 8 <= bits <= 16:
        return f"BitsStored is {bits}, expected 8 to 16"
    description = text(header, "SeriesDescription").lower()
    if "roi mask" in description or "cropped" in description:
        return f"SeriesDescription is '{description}': a part or a mask of a mammogram, not a mammogram"
    return None


def laterality(header: Dataset) -> Laterality | None:
    """Side of the body; None when no attribute tells, or for both breasts."""
    for name in ("ImageLaterality", "Laterality", "FrameLaterality"):
        if (value := text(header, name).upper()) in ("L", "R"):
            return Laterality(value)
        if value == "B":
            return None
    side, _ = _described(header)
    return side


def view(header: Dataset) -> View | None:
    """Craniocaudal or mediolateral oblique; None for other projections or when no attribute tells."""
    name = view_name(header)
    return View(name) if name in ("CC", "MLO") else None


def view_name(header: Dataset) -> str | None:
    """Projection as the header names it, also one that is neither CC nor MLO, e.g. "ML" or "XCCL"."""
    if value := text(header, "ViewPosition").upper():
        return value
    for code in as_list(header, "ViewCodeSequence"):
        if found := _VIEW_CODES.get(text(code, "CodeValue")):
            return found
    # Film scans of TCIA hold the projection where the directions of rows and columns belong.
    for word in as_list(header, "PatientOrientation"):
        if str(word).upper() in ("CC", "MLO"):
            return str(word).upper()
    _, found_view = _described(header)
    return str(found_view) if found_view else None


def _described(header: Dataset) -> tuple[Laterality | None, View | None]:
    if match := CBIS_ID.fullmatch(text(header, "PatientID")):
        return Laterality(match[4][0]), View(match[5])
    for name in ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"):
        words = [m for word in re.split(r"[^A-Z]+", text(header, name).upper()) if (m := _WORD.fullmatch(word))]
        side = next((match[1] for match in words if match[1]), None)
        projection = next((match[2] for match in words if match[2]), None)
        # A lone "L" in free text may be anything; beside a projection it is a side.
        if projection:
            return (Laterality(side[0]) if side else None), View(projection)
    return None, None


def spacing_mm(header: Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Millimetres per pixel as (row, column), and the attribute that gave them.

    A spacing calibrated for the breast comes first, then the one at the detector or film. The magnification factor
    is not applied: the contact views of screening have one near 1, and public tables of lesion sizes ignore it.
    """
    calibrated = text(header, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    names = ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"]
    for name in ["PixelSpacing", *names] if calibrated else names:
        values = as_list(header, name)
        try:
            row, column = (float(value) for value in values)
        except (TypeError, ValueError):
            continue
        if 0 < row < 10 and 0 < column < 10:
            return (row, column), name
    return None, None


def lossy_ratio(header: Dataset) -> float | None:
    """How many times smaller lossy compression made the image; 1 where it was lossy and nothing says how much."""
    ratios = [ratio for ratio in map(_positive, as_list(header, "LossyImageCompressionRatio")) if ratio]
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", ""))
    if text(header, "LossyImageCompression") == "01" or syntax in _LOSSY_SYNTAXES or ratios:
        return round(prod(ratios), 3)
    return None


def _positive(ratio: Any) -> float | None:
    try:
        return float(ratio) if float(ratio) > 0 else None
    except (TypeError, ValueError):
        return None


def value(header: Dataset, name: str) -> Any:
    """An attribute; None when it is absent, or damaged beyond conversion."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return header.get(name)
    except Exception:
        # pydicom converts on access, and a value that breaks its type can raise anything.
        return None


def text(header: Dataset, name: str) -> str:
    """An attribute as stripped text; empty when absent or empty."""
    found = value(header, name)
    return str(found).strip() if found is not None else ""


def integer(header: Dataset, name: str) -> int | None:
    """An attribute as a whole number; None when absent or not one."""
    try:
        return int(text(header, name))
    except ValueError:
        return None


def number(header: Dataset, name: str, default: float) -> float:
    """An attribute as a number; the default when absent or not one."""
    try:
        return float(text(header, name))
    except ValueError:
        return default


def as_list(header: Dataset, name: str) -> list[Any]:
    """An attribute's values as a list, whether it holds none, one or several."""
    found = value(header, name)
    if found is None or found == "":
        return []
    return [found] if isinstance(found, str | int | float) else list(found)


def first_line(error: Exception) -> str:
    """The first line of an error's message, without its final full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
