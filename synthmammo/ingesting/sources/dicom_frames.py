"""One image of a multi-frame DICOM object, such as a tomosynthesis."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.dicom_decoders import cause, is_failure
from synthmammo.ingesting.sources.dicom_header import Accepted, integer, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAXIMUM = "maximum"
FRAME_CHOICES = ("refuse", "central", MAXIMUM)
"""Treatments of multi-frame objects; a whole number from 1 chooses a frame."""


def frames_of(where: str | Path, frames: str | int) -> Any:
    """`Accepted.frames` of what a user asks for.

    Args:
        where: Path of the archive, for the message.
        frames: One of `FRAME_CHOICES`, or the number of a frame, from 1.

    Raises:
        SourceError: It is something else.
    """
    if str(frames).isdecimal() and int(frames) >= 1:
        return int(frames)
    if frames not in FRAME_CHOICES:
        hint = f"Expected {', '.join(FRAME_CHOICES)}, or the number of a frame from 1."
        raise SourceError(f"frames: '{frames}' is not understood", where=where, hint=hint)
    return None if frames == FRAME_CHOICES[0] else frames


def one_frame(dataset: Dataset, path: Path, accepted: Accepted) -> dict[str, Any]:
    """Leave one frame of a multi-frame object in its dataset, uncompressed; other objects stay as they are.

    Args:
        dataset: Parsed file with its pixel data; changed in place.
        path: Path of the file, for messages.
        accepted: Says which frame: the central one, a numbered one, or the brightest value of all frames.

    Returns:
        What is to be noted: `frame` and `frames`; nothing for an object of one frame.

    Raises:
        SourceError: The frames cannot be decoded.
    """
    count = integer(dataset, "NumberOfFrames") or 1
    if count == 1 or accepted.frames is None:
        return {}
    chosen = count // 2 + 1 if accepted.frames == "central" else accepted.frames
    from pydicom.uid import ExplicitVRLittleEndian

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = _brightest(dataset) if isinstance(chosen, str) else _decoded(dataset, chosen)
    except BaseException as error:
        if not is_failure(error):
            raise
        raise SourceError(f"its frames cannot be decoded ({cause(error)})", where=path) from error
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        dataset.pop(name, None)
    dataset.NumberOfFrames = 1
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # All bits of each word, so that they are looked at as those of other objects are; see `stored_bits`.
    pixels = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].is_undefined_length = False
    return {"frame": str(chosen), "frames": count}


def _decoded(dataset: Dataset, number: int) -> np.ndarray[Any, Any]:
    from pydicom.pixels.utils import pixel_array

    return pixel_array(dataset, index=number - 1, raw=True, correct_unused_bits=False)


def _brightest(dataset: Dataset) -> np.ndarray[Any, Any]:
    """The value of all frames that is shown brightest, frame by frame in flat memory."""
    from pydicom.pixels.utils import iter_pixels

    choose = np.minimum if text(dataset, "PhotometricInterpretation") == "MONOCHROME1" else np.maximum
    # Signs reach all of the word first: compared as they lie, negative values might come out on top.
    signed = integer(dataset, "PixelRepresentation") == 1
    frames = iter_pixels(dataset, raw=True, correct_unused_bits=signed)
    result = next(frames).copy()
    for frame in frames:
        choose(result, frame, out=result)
    return result
