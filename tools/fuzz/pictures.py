"""Readers of pixels: DICOM headers, DICOM pixels, PNG, TIFF, JPEG and PGM."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram import png
from tests.support.dicom_files import FOR_PROCESSING, TOMOSYNTHESIS, breast_like, table, write
from tests.support.tiffs import tiff
from tools.fuzz import containers
from tools.fuzz.reader import Reader

SMALL = (20, 12)
"""Height and width of the pictures that are changed: small, so that most changes hit what decides."""

COMPRESSIBLE = (40, 32)
"""The same for JPEG 2000, whose encoder takes nothing smaller than 32 pixels."""

COMPRESSED = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90")
"""RLE, JPEG-LS and JPEG 2000, which pydicom can write."""


def _variants() -> dict[str, dict[str, Any]]:
    ramp = [min(2 * level, 16383) for level in range(4096)]
    signed = breast_like(*SMALL).astype(np.int16) - 2048
    window = {"WindowCenter": 2048, "WindowWidth": 1024}
    return {
        "plain": {},
        "inverted": {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 4095},
        "signed": {"pixels": signed, "RescaleSlope": 1, "RescaleIntercept": 2048},
        "8 bits": {"pixels": breast_like(*SMALL, top=255).astype(np.uint8), "BitsStored": 8},
        "table": {"VOILUTSequence": [table((4096, 0, 14), ramp)]},
        "window": {"VOILUTFunction": "SIGMOID", **window},
        "raw": {"SOPClassUID": FOR_PROCESSING, "PresentationIntentType": "FOR PROCESSING"},
        "overlay": {"pixels": breast_like(*SMALL) | np.uint16(1 << 14), "ImagerPixelSpacing": [0.07, 0.07]},
    }


def dicom_corpus(folder: Path) -> list[bytes]:
    """Small mammograms of every kind that the reader knows apart, in five transfer syntaxes."""
    found = []
    for number, attributes in enumerate(_variants().values()):
        pixels = attributes.pop("pixels", breast_like(*SMALL))
        found.append(write(folder / f"{number}.dcm", pixels, **attributes))
    found += [write(folder / f"{end}.dcm", breast_like(*COMPRESSIBLE), syntax=end) for end in COMPRESSED]
    return [path.read_bytes() for path in found] + [_jpeg_lossless(folder)]


def _jpeg_lossless(folder: Path) -> bytes:
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLosslessSV1

    from tests.support.dicom_files import jpeg_lossless

    path = write(folder / "lossless.dcm", breast_like(*SMALL))
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([jpeg_lossless(breast_like(*SMALL), 12)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.save_as(path)
    return path.read_bytes()


def _header_corpus(folder: Path) -> list[bytes]:
    several: dict[str, Any] = {
        "SOPClassUID": TOMOSYNTHESIS,
        "NumberOfFrames": 1,
        "SeriesDescription": "R MLO",
        "ImageLaterality": None,
    }
    return [*dicom_corpus(folder), write(folder / "tomo.dcm", breast_like(*SMALL), **several).read_bytes()]


def _read_header(path: Path) -> object:
    from synthmammo.ingesting.sources.base import open_source

    return list(open_source("dicom", path.parent).records())


def _read_dicom(path: Path) -> object:
    from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels

    return _checked(read_dicom_pixels(path, "apply" if path.stat().st_size % 2 else "auto"))


def _checked(read: Any) -> object:
    """What a reader promises of its result, whatever the file was."""
    image, bits = read[0], read[1]
    if image.dtype != np.uint16 or image.ndim != 2 or not image.size or int(image.max()) >> bits:
        raise AssertionError(f"the image is {image.dtype} {image.shape} of {bits} bits with values up to {image.max()}")
    return image


def _read_raster(path: Path) -> object:
    from synthmammo.ingesting.sources.rasters import read_raster

    try:
        return _checked(read_raster(path))
    finally:
        if path.suffix == ".png":
            _decode(path.read_bytes())


def _decode(data: bytes) -> None:
    with suppress(ValueError):  # its documented error, which readers of shards turn into one of the package
        png.decode(data)


def _saved(pixels: NDArray[Any], form: str, **options: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def _greys() -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    return breast_like(*SMALL, top=255).astype(np.uint8), breast_like(*SMALL, top=65535)


def _png_corpus(folder: Path) -> list[bytes]:
    low, high = _greys()
    colours = np.repeat(low[..., None], 3, axis=2)
    own = [png.encode(low), png.encode(high), png.encode_mask(low > 0), png.encode_mask(low)]
    return [*own, _saved(colours, "PNG"), _saved(np.dstack([low, np.full_like(low, 255)]), "PNG")]


def _tiff_corpus(folder: Path) -> list[bytes]:
    low, high = _greys()
    forms = [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"compression": "packbits"}]
    white_is_zero = [tiff(65535 - high, order, 0) for order in ("II", "MM")]
    return [_saved(pixels, "TIFF", **options) for pixels in (low, high) for options in forms] + white_is_zero


def _jpeg_corpus(folder: Path) -> list[bytes]:
    low, _ = _greys()
    return [_saved(low, "JPEG"), _saved(low, "JPEG", progressive=True), _saved(np.dstack([low] * 3), "JPEG")]


def _pgm_corpus(folder: Path) -> list[bytes]:
    low, high = _greys()
    head = b"P5\n# a comment\n%d %d\n" % (SMALL[1], SMALL[0])
    plain = b"P2\n2 2\n4095\n0 1 2 4095\n"
    return [head + b"255\n" + low.tobytes(), head + b"4095\n" + (high >> 4).astype(">u2").tobytes(), plain]


def _raster(name: str, file: str, corpus: Callable[[Path], Sequence[bytes]], *changes: Any) -> Reader:
    return Reader(name, file, corpus, _read_raster, changes)


def readers() -> list[Reader]:
    """Readers of pixels."""
    return [
        Reader("dicom-header", "a.dcm", _header_corpus, _read_header, (containers.dicom_element,)),
        Reader("dicom-pixels", "a.dcm", dicom_corpus, _read_dicom, (containers.dicom_element,)),
        _raster("png", "a.png", _png_corpus, containers.png_chunk),
        _raster("tiff", "a.tif", _tiff_corpus, containers.tiff_entry),
        _raster("jpeg", "a.jpg", _jpeg_corpus),
        _raster("pgm", "a.pgm", _pgm_corpus),
    ]
