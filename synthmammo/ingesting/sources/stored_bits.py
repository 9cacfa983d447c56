"""Which of the bits of a DICOM image are its values: they are looked at before the header is believed.

BitsStored, HighBit and PixelRepresentation (PS3.3 C.7.6.3.1, PS3.5 8.1) are wrong often enough: values use more bits
than stated, lie at the other end of the word, or are not signed. Where bits beyond the stated ones hold something,
neighbouring pixels tell what: a step between two neighbours that is small with these bits and large without them is one
of a value that was cut, the reverse is one of something drawn over the image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.ingesting.sources.dicom_header import integer

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Levels = NDArray[np.integer[Any]]
Words = NDArray[np.uint16]

_CLEAR = 4
"""How many times more steps must speak for one reading than for the other."""

_OVERSHOOT = 64
"""Values above full scale by less than a 64th of it come from a resampling that overshot; they are clipped."""

_MOST_STEPS = 2_000_000
"""Steps between neighbours that are looked at."""


class Undecided(ValueError):
    """The bits do not tell what they are; the message says what was found."""


@dataclass(frozen=True)
class Stored:
    """The stored values of an image.

    Attributes:
        levels: `uint16 (H, W)`, or `int32` where they are signed, with the lowest bit at the right end.
        bits: Number of bits that they have.
        padding: `bool (H, W)`, True on pixels that the header calls padding; None where there are none.
        notes: JSON-able facts of what was decided against the header.
    """

    levels: Levels
    bits: int
    padding: NDArray[np.bool_] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


def stored(dataset: Dataset, decoded: NDArray[Any], precision: int | None = None) -> Stored:
    """The values among the bits that a decoder gave.

    Args:
        dataset: Header of the image.
        decoded: `(H, W)` words of 8, 16 or 32 bits, with all of their bits.
        precision: Bits per value that the codestream of a compressed image states; None for a native one.

    Raises:
        Undecided: The bits do not tell.
    """
    signed, width = decoded.dtype.kind == "i", 8 * decoded.dtype.itemsize
    words = _words(decoded)
    padding = _padding(dataset, words, signed, min(width, 16))
    words = words & np.uint16(~_overlays(dataset) & 0xFFFF)
    bits, high = int(dataset.BitsStored), integer(dataset, "HighBit")
    shift = 0 if high is None or not bits - 1 <= high < width else high + 1 - bits
    kept = words if padding is None else words[~padding]
    notes: dict[str, Any] = {}
    if precision is not None and precision < bits:
        bits, shift, notes = precision, 0, {"bits_from": "codestream", "bits_found": precision}
    read = _signed if signed else _unsigned
    frame = _Frame(bits, shift, min(width, 16), precision)
    found = read(words, kept, padding, frame)
    if padding is not None and padding.any() and _outside(words[padding], signed, bits, shift):
        notes["padding_outside_bits"] = True
    return Stored(found.levels, found.bits, padding, notes | found.notes)


def _words(decoded: NDArray[Any]) -> Words:
    if decoded.dtype.itemsize == 1:
        return decoded.view(np.uint8).astype(np.uint16)
    if decoded.dtype.itemsize == 2:
        native = decoded.astype(decoded.dtype.newbyteorder("="), copy=False)
        return np.ascontiguousarray(native).view(np.uint16)
    low, high = int(decoded.min(initial=0)), int(decoded.max(initial=0))
    if low < -(1 << 15) or high >= 1 << 16 or (low < 0 and high >= 1 << 15):
        raise Undecided(f"values from {low} to {high} need more than 16 bits")
    return decoded.astype(np.int64).astype(np.uint16)


def _overlays(dataset: Dataset) -> int:
    """The bits that hold overlays by the header's own word (PS3.3 C.9.2, retired: no OverlayData beside)."""
    mask = 0
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x0102) in dataset and (group, 0x3000) not in dataset:
            try:
                place = int(dataset[group, 0x0102].value)
            except (TypeError, ValueError):
                continue
            mask |= 1 << place if int(dataset.BitsStored) <= place < 16 else 0
    return mask


def _padding(dataset: Dataset, words: Words, signed: bool, width: int) -> NDArray[np.bool_] | None:
    first, last = integer(dataset, "PixelPaddingValue"), integer(dataset, "PixelPaddingRangeLimit")
    if first is None:
        return None
    # Its VR says US or SS and is often the other one; the bits are the same.
    low, high = first % (1 << width), (first if last is None else last) % (1 << width)
    if not signed:
        return np.asarray((words >= min(low, high)) & (words <= max(low, high)))
    half, values = 1 << (width - 1), _extended(words, width)
    ends = sorted(end - (1 << width) if end >= half else end for end in (low, high))
    return np.asarray((values >= ends[0]) & (values <= ends[1]))


def _outside(words: Words, signed: bool, bits: int, shift: int) -> bool:
    window = ((1 << bits) - 1) << shift
    values = _extended(words, 16) if signed else words
    return bool(
        (np.abs(values.astype(np.int32)) >> (bits - 1)).any() if signed else (words & np.uint16(~window & 0xFFFF)).any()
    )


@dataclass(frozen=True)
class _Frame:
    """Where the header says that values are.

    Attributes:
        bits: Number of bits.
        shift: Number of bits below them.
        width: Bits of a whole word, 8 or 16.
        precision: Bits per value of a codestream; None for a native image.
    """

    bits: int
    shift: int
    width: int
    precision: int | None

    @property
    def mask(self) -> int:
        """The bits, at the right end."""
        return (1 << self.bits) - 1

    @property
    def whole(self) -> bool:
        """Whether a codestream says itself that its values have more bits than stated, but are not all of the word."""
        return self.precision is not None and self.bits < self.precision < self.width


def _unsigned(words: Words, kept: Words, padding: NDArray[np.bool_] | None, frame: _Frame) -> Stored:
    bits, mask = frame.bits, frame.mask
    used = int(np.bitwise_or.reduce(kept, axis=None)) if kept.size else 0
    if not used & ~(mask << frame.shift):
        return Stored(_cut(words, frame.shift, mask), bits)
    if frame.shift:
        return _misaligned(words, used, bits)
    free = frame.width - bits
    if not used & ((1 << free) - 1):
        return Stored(_cut(words, free, mask), bits, notes={"alignment": "left, the header says right"})
    if int(kept.max()) <= mask + max(mask // _OVERSHOOT, 1):
        notes = {"clipped_pixels": int(np.count_nonzero(kept > mask))}
        return Stored(np.minimum(words, np.uint16(mask)), bits, notes=notes)
    # Bits that are the same everywhere say nothing, whatever they are.
    same = int(np.bitwise_and.reduce(kept, axis=None)) & ~mask
    beyond, inside = words & np.uint16(~same & 0xFFFF), words & np.uint16(mask)
    if used & ~mask != same and (frame.whole or _belong(beyond, inside, padding, bits)):
        found = max((used & ~same).bit_length(), frame.precision or 0 if frame.whole else 0)
        return Stored(beyond, found, notes={"bits_from": "values", "bits_found": found})
    return Stored(inside, bits, notes={"bits_ignored": hex(used & ~mask)})


def _cut(words: Words, shift: int, mask: int) -> Words:
    return np.asarray((words >> np.uint16(shift)) & np.uint16(mask), np.uint16) if shift or mask < 0xFFFF else words


def _misaligned(words: Words, used: int, bits: int) -> Stored:
    """Values that the header puts at the left end of the word, and that are not there."""
    if used < 1 << bits:
        return Stored(words, bits, notes={"alignment": "right, the header says left"})
    # Below the stated bits there is more; as part of the value it can neither harm nor be lost.
    found = used.bit_length()
    return Stored(words, found, notes={"bits_from": "values", "bits_found": found})


def _signed(words: Words, kept: Words, padding: NDArray[np.bool_] | None, frame: _Frame) -> Stored:
    bits, half = frame.bits, 1 << (frame.bits - 1)
    values, inside = _extended(words, frame.width), _extended(kept, frame.width)
    low, high = int(inside.min(initial=0)), int(inside.max(initial=0))
    if frame.shift and not int(np.bitwise_or.reduce(kept, axis=None)) & ((1 << frame.shift) - 1):
        return Stored(values >> frame.shift, bits)
    if -half <= low and high < half:
        return Stored(values, bits)
    extended = _extended(words & np.uint16(frame.mask), bits)
    if low >= 0 and high < 1 << bits:
        # No sign bit was carried on to the left: either they are cut off, or the values are not signed.
        if _belong(values, extended, padding, bits):
            return Stored(values.astype(np.uint16), bits, notes={"signed": "no, the header says so"})
        return Stored(extended, bits)
    if _belong(values, extended, padding, bits):
        found = max(high.bit_length(), (~low).bit_length()) + 1
        return Stored(values, found, notes={"bits_from": "values", "bits_found": found})
    return Stored(extended, bits, notes={"bits_ignored": hex(((1 << frame.width) - 1) & ~frame.mask)})


def _extended(words: Words, bits: int) -> NDArray[np.int32]:
    """Two's complement of a number of bits, as signed values."""
    values = words.astype(np.int32) & ((1 << bits) - 1)
    return np.where(values >= 1 << (bits - 1), values - (1 << bits), values).astype(np.int32)


def _belong(whole: Levels, cut: Levels, padding: NDArray[np.bool_] | None, bits: int) -> bool:
    """Whether the bits that `whole` has and `cut` lacks are part of the values, by the steps between neighbours.

    Raises:
        Undecided: The steps speak for both, or for neither.
    """
    step = max(1, round(whole.size / _MOST_STEPS))
    rows = slice(None, None, step)
    large = 1 << (bits - 1)
    far_whole, far_cut = (np.abs(np.diff(x[rows].astype(np.int32), axis=1)) >= large for x in (whole, cut))
    counted = np.ones(far_whole.shape, np.bool_)
    if padding is not None:
        counted = ~(padding[rows][:, 1:] | padding[rows][:, :-1])
    for_values = int(np.count_nonzero(far_cut & ~far_whole & counted))
    against = int(np.count_nonzero(far_whole & ~far_cut & counted))
    if for_values >= _CLEAR * against and for_values:
        return True
    if against >= _CLEAR * for_values and against:
        return False
    found = f"{for_values} steps between neighbours say that they belong to the values, {against} that they do not"
    raise Undecided(f"bits beyond the {bits} that BitsStored states hold something: {found}")
