"""What a DICOM header says of a mammogram, wherever its maker wrote it.

Attribute names and meanings: DICOM PS3.3, Mammography Image module (C.8.11.7), DX Image module (C.8.11.3) and
Basic Pixel Spacing Calibration macro (10.7).
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import open_file, open_whole
from synthmammo.ingesting.sources.deflated import check_deflated
from synthmammo.ingesting.sources.dicom_files import has_magic, has_no_preamble
from synthmammo.ingesting.sources.dicom_values import as_list as as_list
from synthmammo.ingesting.sources.dicom_values import first_line as first_line
from synthmammo.ingesting.sources.dicom_values import integer as integer
from synthmammo.ingesting.sources.dicom_values import number_value as number_value
from synthmammo.ingesting.sources.dicom_values import positive
from synthmammo.ingesting.sources.dicom_values import text as text
from synthmammo.ingesting.sources.dicom_values import value as value
from synthmammo.mammogram.sample import Laterality, View

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
MAMMOGRAPHY = (FOR_PRESENTATION, FOR_PROCESSING) + tuple(f"1.2.840.10008.5.1.4.1.1.13.1.{n}" for n in (3, 4, 5))
"""SOP classes of mammography: digital mammograms, tomosynthesis, and its projections."""
X_RAYS = ("CR", "RG", "DX", "OT", "")
"""Modalities, or none, under which mammograms are kept that were not taken or converted as such."""

CBIS_ID = re.compile(r"(Mass|Calc)-(Training|Test)_(P_\d+)_(LEFT|RIGHT)_(CC|MLO)(?:_(\d+))?")
"""PatientID of CBIS-DDSM: one "patient" per view and, with a number at the end, one per lesion."""

_VIEW_CODES = {"R-10242": "CC", "399162004": "CC", "R-10226": "MLO", "399368009": "MLO"}
"""SNOMED RT and CT codes of the projections (PS3.16, context group 4014)."""

_LOSSY_SYNTAXES = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81))
"""JPEG baseline and extended, JPEG-LS near-lossless; JPEG 2000 can be either and says so in the header."""

_MODIFIERS = {
    "magnification": ("399163009", "R-102D6"),
    "spot compression": ("399055006", "R-102D7"),
    "implant displaced": ("399209000", "R-102D5"),
    "cleavage": ("399161006", "R-102D2"),
    "tangential": ("399110001", "R-102C2"),
    "rolled lateral": ("399197002", "R-102D3"),
    "rolled medial": ("399226006", "R-102D4"),
    "rolled superior": ("415670009", "R-102C9"),
    "rolled inferior": ("414493004", "R-102CA"),
    "axillary tail": ("399011000", "R-102D1"),
    "axillary tissue": ("442580003", "R-40AB2"),
    "nipple in profile": ("442581004", "R-40AB3"),
    "anterior compression": ("441752004", "P2-00161"),
    "infra-mammary fold": ("442593008", "R-40ABE"),
}
"""SNOMED CT and RT codes of what is special about a view (PS3.16, context group 4015)."""

_SPOKEN_MODIFIERS = {
    "magnification": r"MAG|MAGS|MAGNIFICATION|MAGNIFIED",
    "spot compression": r"SPOT|SPOTS",
    "implant displaced": r"IMPLANT DISPLACED|DISPLACED IMPLANT|PUSHBACK|PUSH BACK|EKLUND",
    "cleavage": r"CLEAVAGE",
    "tangential": r"TANGENTIAL",
    "rolled": r"ROLLED",
}
"""Words for the same in descriptions."""

SINGLE_FILE = "one slice of a tomosynthesis whose slices are single files, expected a mammogram"
"""Why a slice is refused."""

MAGNIFIED_FROM = 1.2
"""Least magnification factor of a magnification view; in contact views the breast's own thickness gives 1.0 to 1.1."""

_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription", "ViewPosition")
_START = 132
_WORD = re.compile(r"(L|R|LEFT|RIGHT)?(CC|MLO)?")


def open_dicom(path: Path, *, with_pixels: bool) -> Dataset:
    """A parsed file.

    Args:
        path: Path of the file, whose preamble may be missing.
        with_pixels: Whether the pixel data are read; without them only a few kilobytes are.

    Raises:
        SourceError: It is not DICOM, or damaged.
    """
    from pydicom.errors import InvalidDicomError

    try:
        with warnings.catch_warnings():
            # Real archives break minor rules in every other file; what matters here is checked below.
            warnings.simplefilter("ignore")
            parsed = _parsed(path, with_pixels)
            # The parser gives back nothing of a file that ends inside compressed pixel data, and says nothing.
            if with_pixels and not len(parsed) and len(_parsed(path, False)):
                raise SourceError("the DICOM file ends before its pixel data does", where=path)
            return hoisted(parsed)
    except SourceError:
        raise
    except InvalidDicomError as error:
        raise SourceError("not a DICOM file", where=path) from error
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or 'the file ends early'})", where=path) from error
    except Exception as error:
        # Damaged files make the parser fail in any of its parts, with any type of error.
        raise SourceError(f"the DICOM file is damaged ({first_line(error)})", where=path) from error


def _parsed(path: Path, with_pixels: bool) -> Dataset:
    from pydicom import dcmread

    with open_whole(path) if with_pixels else open_file(path) as file:
        check_deflated(file, path)
        start = file.read(_START)
        file.seek(0)
        # Without a preamble the parser must be told that this is DICOM all the same.
        bare = not has_magic(start) and has_no_preamble(start)
        parsed = dcmread(file, stop_before_pixels=not with_pixels, force=bare)
    if bare and "TransferSyntaxUID" not in parsed.file_meta:
        parsed.file_meta.TransferSyntaxUID = _syntax(*parsed.original_encoding)
    return parsed


def _syntax(implicit: bool | None, little: bool | None) -> UID:
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def hoisted(header: Dataset) -> Dataset:
    """The header itself, with what a multi-frame object keeps in functional groups also where other objects keep it.

    The first frame's of the groups per frame are taken; what stands at the top already stays.
    """
    groups = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "XRay3DAcquisitionSequence")
    for item in (item for name in groups for item in as_list(header, name)[:1]):
        for part in [item, *(inner for element in item if element.VR == "SQ" for inner in (element.value or ())[:1])]:
            for element in part:
                if element.VR != "SQ" and element.tag not in header:
                    header.add(element)
    return header


@dataclass(frozen=True)
class Accepted:
    """Which objects are read beside plain mammograms.

    Attributes:
        body_part: Whether X-rays of other modalities are read whose BodyPartExamined is BREAST; False by default.
        frames: Frame of multi-frame objects that is read: "central", "maximum" (of all frames), or its number from 1;
            None, the default, reads no such object.
        slices: Whether a file that holds one slice of a tomosynthesis is read; False by default.
    """

    body_part: bool = False
    frames: Literal["central", "maximum"] | int | None = None
    slices: bool = False


MAMMOGRAMS = Accepted()
"""Plain mammograms alone."""


def refusal(header: Dataset, accepted: Accepted = MAMMOGRAMS) -> str | None:
    """Why a file is not one grey two-dimensional mammogram, as one sentence; None when it is.

    Args:
        header: Header of the file, from `open_dicom`.
        accepted: What is read beside plain mammograms; by default nothing.
    """
    if reason := _other_modality(header, accepted) or _three_dimensional(header, accepted):
        return reason
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


def _other_modality(header: Dataset, accepted: Accepted) -> str | None:
    modality = text(header, "Modality").upper()
    if modality == "MG" or (modality in ("CR", "RG", "") and text(header, "SOPClassUID") in MAMMOGRAPHY):
        return None
    found = f"Modality is {modality or 'missing'}, expected MG"
    if modality in X_RAYS and text(header, "BodyPartExamined").upper() == "BREAST":
        return None if accepted.body_part else f"{found} (its BodyPartExamined is BREAST: accept=breast reads it)"
    return found


def _three_dimensional(header: Dataset, accepted: Accepted) -> str | None:
    frames = integer(header, "NumberOfFrames") or 1
    if frames > 1:
        if accepted.frames is None:
            hint = "--frames central, maximum or a number reads one image of it"
            return f"three-dimensional: a tomosynthesis or multi-frame object of {frames} frames ({hint})"
        if isinstance(accepted.frames, int) and accepted.frames > frames:
            return f"has {frames} frames, and frame {accepted.frames} is asked for"
        return None
    return SINGLE_FILE if is_slice(header) and not accepted.slices else None


def is_slice(header: Dataset) -> bool:
    """Whether the image is one slice of a tomosynthesis whose slices are single files."""
    words = [str(word).upper() for word in as_list(header, "ImageType")]
    if (integer(header, "NumberOfFrames") or 1) > 1 or any("2D" in word or "PROJ" in word for word in words):
        return False
    said = any(re.search(r"SLICE|\bTOMO(SYNTHESIS)?\b", word) for word in words)
    return said or text(header, "SOPClassUID") == TOMOSYNTHESIS


def modifiers(header: Dataset) -> list[str]:
    """What is special about the view, in the words of PS3.16, e.g. ["magnification"]: by codes, then descriptions."""
    codes = {
        text(code, "CodeValue")
        for place in (header, *as_list(header, "ViewCodeSequence"))
        for code in as_list(place, "ViewModifierCodeSequence")
    }
    found = [name for name, known in _MODIFIERS.items() if codes & set(known)]
    said = " ".join(re.findall("[A-Z]+", " ".join(text(header, name) for name in _DESCRIPTIONS).upper()))
    spoken = [name for name, words in _SPOKEN_MODIFIERS.items() if re.search(rf"\b(?:{words})\b", said)]
    return found + [name for name in spoken if not any(one.startswith(name) for one in found)]


def magnification(header: Dataset) -> float | None:
    """Factor of the radiographic magnification; None when the header does not say."""
    return positive(text(header, "EstimatedRadiographicMagnificationFactor") or None)


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
    for name in _DESCRIPTIONS[:3]:
        words = [m for word in re.split(r"[^A-Z]+", text(header, name).upper()) if (m := _WORD.fullmatch(word))]
        side = next((match[1] for match in words if match[1]), None)
        projection = next((match[2] for match in words if match[2]), None)
        # A lone "L" in free text may be anything; beside a projection it is a side.
        if projection:
            return (Laterality(side[0]) if side else None), View(projection)
    return None, None


def spacing_mm(header: Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Millimetres per pixel as (row, column), and the attribute that gave them.

    A spacing calibrated for the breast comes first, then the one at the detector or film. In contact views the
    magnification factor is not applied: it is near 1, and public tables of lesion sizes ignore it. A magnification
    view has the spacing of the magnified plane: the detector's over the factor, or none where no factor is given.
    """
    calibrated = text(header, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    factor = magnification(header)
    magnified = (factor or 1) >= MAGNIFIED_FROM or "magnification" in modifiers(header)
    names = ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"]
    for name in ["PixelSpacing", *names] if calibrated else names:
        values = as_list(header, name)
        try:
            row, column = (float(value) for value in values)
        except (TypeError, ValueError):
            continue
        if 0 < row < 10 and 0 < column < 10:
            if not magnified or (calibrated and name == "PixelSpacing"):
                return (row, column), name
            if factor is None or factor < MAGNIFIED_FROM:
                return None, None
            return (row / factor, column / factor), f"{name} / magnification"
    return None, None


def lossy_ratio(header: Dataset) -> float | None:
    """How many times smaller lossy compression made the image; 1 where it was lossy and nothing says how much."""
    ratios = [ratio for ratio in map(positive, as_list(header, "LossyImageCompressionRatio")) if ratio]
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", ""))
    if text(header, "LossyImageCompression") == "01" or syntax in _LOSSY_SYNTAXES or ratios:
        return round(prod(ratios), 3)
    return None
