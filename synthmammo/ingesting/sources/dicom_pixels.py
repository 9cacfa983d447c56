"""Pixels of a DICOM mammogram as bright-is-dense grey values.

Order of the steps after DICOM PS3.4 N.2 and PS3.3 C.7.6.3.1, C.11.1 and C.11.2: modality, values of interest,
polarity, padding.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.codestreams import Codestream, codestream
from synthmammo.ingesting.sources.dicom_decoders import cause, is_failure
from synthmammo.ingesting.sources.dicom_frames import one_frame
from synthmammo.ingesting.sources.dicom_header import (
    FOR_PROCESSING,
    MAMMOGRAMS,
    Accepted,
    as_list,
    first_line,
    integer,
    number_value,
    open_dicom,
    refusal,
    text,
    value,
)
from synthmammo.ingesting.sources.lookup import first_table
from synthmammo.ingesting.sources.stored_bits import Levels, Stored, Undecided, stored
from synthmammo.mammogram.limits import too_large
from synthmammo.mammogram.sample import BITS_STORED, Image

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Voi = Literal["auto", "apply", "ignore"]
"""Treatment of the values of interest. A look-up table or a sigmoid window carries the contrast that the maker meant to
be seen; a linear window only stretches and clips, which a viewer can do later and which loses bits. So "auto" applies
the former and ignores the latter, "apply" applies any, "ignore" none."""

Raw = Literal["log", "invert", "skip"]
"""Treatment of For Processing images, whose values grow with exposure: "log" takes the logarithm of the attenuation,
"invert" the attenuation as it is, "skip" leaves the file out."""

VOI_CHOICES = ("auto", "apply", "ignore")
RAW_CHOICES = ("log", "invert", "skip")
RAW_BITS = 16
"""Bits of a logarithm: with 16, neighbouring levels of a 14-bit exposure below a third of full scale stay apart."""

Fractions = NDArray[np.float64]


def is_raw(header: Dataset) -> bool:
    """Whether the image is For Processing."""
    return text(header, "SOPClassUID") == FOR_PROCESSING or text(header, "PresentationIntentType") == "FOR PROCESSING"


def read_dicom_pixels(
    path: Path, voi: Voi = "auto", raw: Raw = "log", accepted: Accepted = MAMMOGRAMS
) -> tuple[Image, int, dict[str, Any]]:
    """Grey values of a DICOM mammogram of any of the transfer syntaxes that the installed decoders read.

    A linear rescale (slope and intercept) only renames the levels and is not applied, except that a negative slope
    inverts. Where 9, 10, 11, 13 or 15 bits are stored, values are shifted up to the next depth a sample can have:
    full scale stays full scale, and the shift can be undone.

    Args:
        path: Path of the file.
        voi: Treatment of the values-of-interest transformation of For Presentation images, "auto" by default.
        raw: Treatment of For Processing images, "log" by default.
        accepted: What is read beside plain mammograms; by default nothing.

    Returns:
        `uint16 (H, W)`, bright is dense; `bits_stored`; notes for the provenance.

    Raises:
        SourceError: The file is damaged, or is not one grey two-dimensional mammogram.
    """
    dataset = open_dicom(path, with_pixels=True)
    if reason := refusal(dataset, accepted):
        raise SourceError(reason, where=path)
    inside = _checked_size(dataset, path)
    frames = one_frame(dataset, path, accepted)
    values = read_stored(dataset, path, inside if frames else None)
    if is_raw(dataset) and raw == "skip":
        raise SourceError("a For Processing image, and raw is 'skip'", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image, bits, notes = _grey(dataset, values, voi, raw)
            return image, bits, notes | frames
    except Exception as error:
        # Tables and windows of the wrong size or type fail somewhere inside NumPy or pydicom.
        message = f"its tables or windows make no sense ({first_line(error)})"
        raise SourceError(message, where=path) from error


def _grey(dataset: Dataset, values: Stored, voi: Voi, raw: Raw) -> tuple[Image, int, dict[str, Any]]:
    if is_raw(dataset):
        shown = _attenuation(dataset, _from_zero(values), values.bits, raw)
    else:
        shown = _presentation(dataset, values, voi)
    levels, bits, notes = shown.levels, shown.bits, values.notes | shown.notes
    if not is_raw(dataset) and text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        top = _full_scale(shown, values.padding)
        levels, notes["inverted"] = np.maximum(top - levels.astype(np.int32), 0), True
        if top != (1 << bits) - 1:
            notes["inverted_at"] = top
    if values.padding is not None:
        levels = np.where(values.padding, levels.dtype.type(0), levels)
    depth = next(depth for depth in BITS_STORED if depth >= bits)
    if depth > bits:
        notes["shifted_bits"] = depth - bits
    levels = np.clip(levels, 0, (1 << bits) - 1) if levels.dtype.kind == "i" else levels
    return (levels << (depth - bits)).astype(np.uint16, copy=False), depth, notes


@dataclass(frozen=True)
class _Shown:
    """Levels on their way to a picture.

    Attributes:
        levels: `(H, W)` levels from 0.
        bits: Their depth.
        notes: Facts for the provenance.
        top: Full scale of what made them; None for that of the values themselves.
    """

    levels: Levels
    bits: int
    notes: dict[str, Any]
    top: int | None = None


def _full_scale(shown: _Shown, padding: NDArray[np.bool_] | None) -> int:
    """Level that becomes 0 when dark and bright change places.

    Air is the brightest there is of such an image. Where the values do not reach into the upper half of the stated
    scale, that scale is not theirs, and air would stay bright.
    """
    if shown.top is not None:
        return shown.top
    kept = shown.levels if padding is None else shown.levels[~padding]
    return (1 << min(max(int(kept.max(initial=0)).bit_length(), 1), shown.bits)) - 1


def decode_levels(dataset: Dataset, path: Path) -> Levels:
    """Stored values: `uint16 (H, W)`, or `int32` where they are signed.

    Raises:
        SourceError: There are none, they are incomplete, or no decoder reads them.
    """
    return read_stored(dataset, path).levels


def read_stored(dataset: Dataset, path: Path, was: Codestream | None = None) -> Stored:
    """Stored values with what was found out of their bits; see `stored_bits`.

    Args:
        dataset: Parsed file, with its pixel data.
        path: Path of the file, for messages.
        was: Codestream that the pixel data were decoded from already; None, the default, looks into them.

    Raises:
        SourceError: There are none, they are incomplete, larger than any mammogram, no decoder reads them, or their
            bits contradict the header in a way that cannot be decided.
    """
    if "PixelData" not in dataset:
        raise SourceError("holds no pixel data (PixelData is missing)", where=path)
    inside = was or _checked_size(dataset, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pydicom.pixels.utils import pixel_array

            pixels = pixel_array(dataset, raw=True, correct_unused_bits=False)
    except BaseException as error:
        if not is_failure(error):
            raise
        syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
        kind = f", {getattr(syntax, 'name', syntax)}" if syntax else ""
        raise SourceError(f"the pixel data are damaged or truncated ({cause(error)}{kind})", where=path) from error
    if pixels.ndim != 2:
        raise SourceError(f"pixels have shape {pixels.shape}, expected (rows, columns)", where=path)
    if pixels.dtype.kind not in "iu":
        raise SourceError(f"values are {pixels.dtype.name}, expected whole numbers", where=path)
    try:
        return stored(dataset, pixels, inside.precision if inside else None)
    except Undecided as error:
        raise SourceError(str(error), where=path) from error


def _checked_size(dataset: Dataset, path: Path) -> Codestream | None:
    """The codestream's own facts, where the image is compressed and its size is the header's.

    Raises:
        SourceError: Header or codestream state a size that no mammogram has, or they contradict each other.
    """
    rows, columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
    if reason := too_large(rows, columns):
        raise SourceError(reason, where=path)
    data = value(dataset, "PixelData")
    if not isinstance(data, bytes) or data[:4] != _ITEM:
        return None
    inside = codestream(_first_fragment(data))
    # A JPEG may state its number of lines after them, and 0 at first; what else states 0 is damaged, decoders say how.
    if inside and inside.rows and inside.columns and (inside.rows, inside.columns) != (rows, columns):
        message = f"its codestream has {inside.rows} x {inside.columns} pixels, its header states {rows} x {columns}"
        raise SourceError(message, where=path)
    return inside


_ITEM = b"\xfe\xff\x00\xe0"
"""Tag that begins encapsulated pixel data: the item of the table of offsets."""


def _first_fragment(data: bytes) -> bytes:
    """The beginning of the first frame (PS3.5 A.4): what follows the table of offsets and the tag of its item."""
    return data[16 + int.from_bytes(data[4:8], "little") :][:65_536]


def _from_zero(values: Stored) -> Levels:
    # Only signed values are not from zero; the unsigned ones of a large image are not copied.
    levels, half = values.levels, 1 << (values.bits - 1)
    if levels.dtype.kind != "i":
        return levels
    kept = levels if values.padding is None else levels[~values.padding]
    lowest = int(kept.min(initial=0))
    return np.clip(levels + (half if lowest < 0 else 0), 0, (1 << values.bits) - 1)


def _attenuation(dataset: Dataset, levels: Levels, bits: int, raw: Raw) -> _Shown:
    top = (1 << bits) - 1
    sign = integer(dataset, "PixelIntensityRelationshipSign")
    grows = sign == 1 if sign in (1, -1) else text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    exposure = levels if grows else top - levels
    linear = text(dataset, "PixelIntensityRelationship") in ("LIN", "")
    notes: dict[str, Any] = {"for_processing": raw if linear else "invert"}
    if raw == "invert" or not linear:
        return _Shown(top - exposure, bits, notes)
    share = 1 - np.log1p(exposure) / np.log1p(top)
    return _Shown(np.rint(share * ((1 << RAW_BITS) - 1)).astype(np.int32), RAW_BITS, notes)


def _presentation(dataset: Dataset, values: Stored, voi: Voi) -> _Shown:
    shown, units = _modality(dataset, values)
    bits, notes = shown.bits, shown.notes
    tables = as_list(dataset, "VOILUTSequence") if voi != "ignore" else []
    given = np.rint(units()).astype(np.int32) if tables else values.levels
    if tables and (table := first_table(tables, int(given.min()), _big_endian(dataset))):
        return _Shown(table(given), table.bits, notes | table.notes | {"voi": "table"}, table.top)
    if tables:
        notes = notes | {"voi": "an empty table, not applied"}
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    wanted = voi == "apply" or (voi == "auto" and function == "SIGMOID")
    if wanted and (window := _window(dataset)) is not None:
        levels = np.rint(_windowed(units(), *window, function) * ((1 << bits) - 1)).astype(np.int32)
        return _Shown(levels, bits, notes | {"voi": f"{function.lower()} window"}, (1 << bits) - 1)
    return _Shown(shown.levels, bits, notes, shown.top)


def _modality(dataset: Dataset, values: Stored) -> tuple[_Shown, Callable[[], Fractions]]:
    """Levels after the modality step, and the same in the units that windows speak of."""
    tables = as_list(dataset, "ModalityLUTSequence")
    if tables and (table := first_table(tables, int(values.levels.min()), _big_endian(dataset))):
        looked_up, notes = table(values.levels), table.notes | {"modality": "table"}
        return _Shown(looked_up, table.bits, notes, table.top), lambda: looked_up.astype(np.float64)
    slope, intercept = number_value(dataset, "RescaleSlope", 1) or 1.0, number_value(dataset, "RescaleIntercept", 0)
    shown = _Shown(_from_zero(values), values.bits, {"modality": "an empty table, not applied"} if tables else {})
    if slope < 0:
        top = _full_scale(shown, values.padding)
        shown = _Shown(np.maximum(top - shown.levels.astype(np.int32), 0), values.bits, {"modality": "negative slope"})
    return shown, lambda: values.levels.astype(np.float64) * slope + intercept


def _big_endian(dataset: Dataset) -> bool:
    return getattr(dataset, "original_encoding", (None, True))[1] is False


def _window(dataset: Dataset) -> tuple[float, float] | None:
    centres, widths = as_list(dataset, "WindowCenter"), as_list(dataset, "WindowWidth")
    if not centres or not widths or float(widths[0]) <= 1:
        return None
    return float(centres[0]), float(widths[0])


def _windowed(values: Fractions, centre: float, width: float, function: str) -> Fractions:
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)), np.float64)
    shares = (values - centre) / width if function == "LINEAR_EXACT" else (values - (centre - 0.5)) / (width - 1)
    return np.asarray(np.clip(shares + 0.5, 0, 1), np.float64)
