"""Pixels of a DICOM mammogram as bright-is-dense grey values.

Order of the steps after DICOM PS3.4 N.2 and PS3.3 C.7.6.3.1, C.11.1 and C.11.2: modality, values of interest,
polarity, padding.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.dicom_decoders import cause
from synthmammo.ingesting.sources.dicom_frames import one_frame
from synthmammo.ingesting.sources.dicom_header import (
    FOR_PROCESSING,
    MAMMOGRAMS,
    Accepted,
    as_list,
    first_line,
    integer,
    number,
    open_dicom,
    refusal,
    text,
)
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

Levels = NDArray[np.integer[Any]]
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
    frames = one_frame(dataset, path, accepted)
    stored = decode(dataset, path)
    if is_raw(dataset) and raw == "skip":
        raise SourceError("a For Processing image, and raw is 'skip'", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image, bits, notes = _grey(dataset, stored, voi, raw)
            return image, bits, notes | frames
    except Exception as error:
        # Tables and windows of the wrong size or type fail somewhere inside NumPy or pydicom.
        message = f"its tables or windows make no sense ({first_line(error)})"
        raise SourceError(message, where=path) from error


def _grey(dataset: Dataset, stored: Levels, voi: Voi, raw: Raw) -> tuple[Image, int, dict[str, Any]]:
    padding = _padding(dataset, stored)
    bits = int(dataset.BitsStored)
    if is_raw(dataset):
        levels, bits, notes = _attenuation(dataset, _from_zero(stored, bits), bits, raw)
    else:
        levels, bits, notes = _presentation(dataset, stored, bits, voi)
        if text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
            levels = (1 << bits) - 1 - levels
            notes["inverted"] = True
    if padding is not None:
        levels = np.where(padding, levels.dtype.type(0), levels)
    depth = next(depth for depth in BITS_STORED if depth >= bits)
    if depth > bits:
        notes["shifted_bits"] = depth - bits
    return (levels << (depth - bits)).astype(np.uint16, copy=False), depth, notes


def decode(dataset: Dataset, path: Path) -> Levels:
    """Stored values: `uint16 (H, W)`, or `int32` where they are signed.

    Raises:
        SourceError: There are none, they are incomplete, or no decoder reads them.
    """
    if "PixelData" not in dataset:
        raise SourceError("holds no pixel data (PixelData is missing)", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = dataset.pixel_array
    except Exception as error:
        # Decoders are plug-ins in several languages and raise what they like.
        syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
        kind = f", {syntax.name}" if syntax else ""
        raise SourceError(f"the pixel data are damaged or truncated ({cause(error)}{kind})", where=path) from error
    if pixels.ndim != 2:
        raise SourceError(f"pixels have shape {pixels.shape}, expected (rows, columns)", where=path)
    if pixels.dtype.kind == "i":
        return pixels.astype(np.int32)
    bits, high = int(dataset.BitsStored), integer(dataset, "HighBit")
    levels = pixels.astype(np.uint16, copy=False)
    # Bits above the stored ones may hold an overlay.
    return (levels >> max((bits - 1 if high is None else high) + 1 - bits, 0)) & np.uint16((1 << bits) - 1)


def _padding(dataset: Dataset, stored: Levels) -> NDArray[np.bool_] | None:
    first = integer(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = integer(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    return np.asarray((stored >= low) & (stored <= high))


def _from_zero(stored: Levels, bits: int) -> Levels:
    # Only signed values are not from zero; the unsigned ones of a large image are not copied.
    return np.clip(stored + (1 << (bits - 1)), 0, (1 << bits) - 1) if stored.dtype.kind == "i" else stored


def _attenuation(dataset: Dataset, levels: Levels, bits: int, raw: Raw) -> tuple[Levels, int, dict[str, Any]]:
    top = (1 << bits) - 1
    sign = integer(dataset, "PixelIntensityRelationshipSign")
    grows = sign == 1 if sign in (1, -1) else text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    exposure = levels if grows else top - levels
    linear = text(dataset, "PixelIntensityRelationship") in ("LIN", "")
    notes: dict[str, Any] = {"for_processing": raw if linear else "invert"}
    if raw == "invert" or not linear:
        return top - exposure, bits, notes
    share = 1 - np.log1p(exposure) / np.log1p(top)
    return np.rint(share * ((1 << RAW_BITS) - 1)).astype(np.int32), RAW_BITS, notes


def _presentation(dataset: Dataset, stored: Levels, bits: int, voi: Voi) -> tuple[Levels, int, dict[str, Any]]:
    levels, units, bits, notes = _modality(dataset, stored, bits)
    if dataset.get("VOILUTSequence") and voi != "ignore":
        from pydicom.pixels.processing import apply_voi

        shown = apply_voi(np.rint(units()).astype(np.int32), dataset)
        return np.asarray(shown, np.int32), _table_bits(dataset.VOILUTSequence[0], bits), notes | {"voi": "table"}
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    wanted = voi == "apply" or (voi == "auto" and function == "SIGMOID")
    if wanted and (window := _window(dataset)) is not None:
        levels = np.rint(_windowed(units(), *window, function) * ((1 << bits) - 1)).astype(np.int32)
        notes["voi"] = f"{function.lower()} window"
    return levels, bits, notes


def _modality(
    dataset: Dataset, stored: Levels, bits: int
) -> tuple[Levels, Callable[[], Fractions], int, dict[str, Any]]:
    """Levels after the modality step, the same in the units that windows speak of, their bits, and notes."""
    if dataset.get("ModalityLUTSequence"):
        from pydicom.pixels.processing import apply_modality_lut

        looked_up = np.asarray(apply_modality_lut(stored, dataset), np.int32)
        bits = _table_bits(dataset.ModalityLUTSequence[0], bits)
        return looked_up, lambda: looked_up.astype(np.float64), bits, {"modality": "table"}
    slope, intercept = number(dataset, "RescaleSlope", 1) or 1.0, number(dataset, "RescaleIntercept", 0)
    levels, notes = _from_zero(stored, bits), {}
    if slope < 0:
        levels, notes = (1 << bits) - 1 - levels, {"modality": "negative slope"}
    return levels, lambda: stored.astype(np.float64) * slope + intercept, bits, notes


def _table_bits(table: Dataset, bits: int) -> int:
    descriptor = as_list(table, "LUTDescriptor")
    stated = int(descriptor[2]) if len(descriptor) == 3 else bits
    return min(max(stated, 8), 16)


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
