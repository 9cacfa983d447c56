"""Small DICOM mammograms for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
CT = "1.2.840.10008.5.1.4.1.1.2"


def breast_like(height: int = 96, width: int = 64, top: int = 4095) -> np.ndarray:
    """A half disc of tissue on the left over air of exactly 0: `uint16 (H, W)`, values up to `top`."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot((rows - height / 2) / (height * 0.42), columns / (width * 0.75))
    texture = 0.75 + 0.2 * np.sin(rows / 3) * np.cos(columns / 4)
    return np.where(distance < 1, np.clip(texture * (1.05 - distance**4), 0.05, 1) * top, 0).astype(np.uint16)


def dataset(pixels: np.ndarray, **attributes: Any) -> Dataset:
    """A For Presentation mammogram; an attribute given as None is left out."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    defaults = {
        "SOPClassUID": FOR_PRESENTATION,
        "SOPInstanceUID": generate_uid(
            entropy_srcs=[repr(sorted(attributes.items(), key=str)), pixels.tobytes().hex()]
        ),
        "StudyInstanceUID": "1.2.3",
        "Modality": "MG",
        "PatientID": "patient-1",
        "ImageLaterality": "L",
        "ViewPosition": "CC",
        "PresentationIntentType": "FOR PRESENTATION",
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": 1,
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "BitsAllocated": 8 * pixels.dtype.itemsize,
        "BitsStored": 12 if pixels.dtype.itemsize == 2 else 8,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes(),
    }
    for name, value in (defaults | attributes).items():
        if value is not None:
            setattr(ds, name, value)
    if "HighBit" not in ds and "BitsStored" in ds:
        ds.HighBit = ds.BitsStored - 1
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if "PixelData" in ds:
        ds["PixelData"].VR = "OW" if pixels.dtype.itemsize == 2 else "OB"
    return ds


def write(path: Path, pixels: np.ndarray | None = None, *, syntax: str | None = None, **attributes: Any) -> Path:
    """Write one file, compressed where a transfer syntax is named."""
    ds = dataset(breast_like() if pixels is None else pixels, **attributes)
    if syntax is not None:
        ds.compress(syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def table(descriptor: tuple[int, int, int], data: list[int], name: str = "LUTData") -> Dataset:
    """An item of a look-up table sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", list(descriptor))
    item.add_new(name, "US", data)
    return item


def jpeg_lossless(pixels: np.ndarray, bits: int) -> bytes:
    """ITU-T T.81 process 14, selection value 1 (differences to the left neighbour), with 5-bit codes throughout."""
    values = pixels.astype(int)
    predicted = np.empty_like(values)
    predicted[:, 1:], predicted[1:, 0], predicted[0, 0] = values[:, :-1], values[:-1, 0], 1 << (bits - 1)
    coded = []
    for difference in (values - predicted).ravel().tolist():
        size = abs(difference).bit_length()
        low = difference if difference >= 0 else difference + (1 << size) - 1
        coded.append(f"{size:05b}" + (f"{low:0{size}b}" if size else ""))
    text = "".join(coded)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")
    height, width = pixels.shape
    frame = b"\xff\xc3\x00\x0b" + bytes([bits, *height.to_bytes(2, "big"), *width.to_bytes(2, "big"), 1, 1, 0x11, 0])
    codes = b"\xff\xc4" + (2 + 17 + 17).to_bytes(2, "big") + bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    scan = b"\xff\xda\x00\x08" + bytes([1, 1, 0, 1, 0, 0])
    return b"\xff\xd8" + frame + codes + scan + data + b"\xff\xd9"
