"""Look-up tables of DICOM: modality and values of interest (PS3.3 C.11.1 and C.11.2), as makers write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.ingesting.sources.dicom_header import as_list, value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LEAST_BITS, _MOST_BITS = 8, 16


@dataclass(frozen=True)
class Table:
    """A look-up table.

    Attributes:
        first: Input that the first entry belongs to.
        entries: `int32 (n,)` outputs.
        bits: Depth of the outputs, 8 to 16.
        notes: JSON-able facts of what was decided against its descriptor.
    """

    first: int
    entries: NDArray[np.int32]
    bits: int
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def top(self) -> int:
        """Highest output, which is the full scale of what the table gives."""
        return int(self.entries.max())

    def __call__(self, values: NDArray[Any]) -> NDArray[np.int32]:
        """Outputs for whole numbers `(H, W)`; beyond its ends a table continues with its last entries."""
        places = np.clip(values.astype(np.int32) - self.first, 0, len(self.entries) - 1)
        return self.entries[places]


def first_table(items: Sequence[Dataset], least: int, big_endian: bool = False) -> Table | None:
    """The first item of a sequence that holds a table; None where all of them are empty.

    Args:
        items: Items of ModalityLUTSequence or VOILUTSequence.
        least: Lowest value that is looked up; tells how the descriptor's first input is meant, which has no sign.
        big_endian: Whether the file stores the high byte of a word first, by default not.

    Raises:
        ValueError: A table's length is not the stated one, or all of its entries are zero.
    """
    for item in items:
        words, descriptor = _words(item, big_endian), as_list(item, "LUTDescriptor")
        if words.size and len(descriptor) == 3:
            return _table(words, [int(number) for number in descriptor], least)
    return None


def _table(words: NDArray[np.uint16], descriptor: list[int], least: int) -> Table:
    count, first, stated = descriptor[0] % (1 << 16) or 1 << 16, descriptor[1], descriptor[2]
    first -= 1 << 16 if first >= 1 << 15 and least < 0 else 0
    entries, notes = _entries(words, count, stated)
    if not entries.any():
        raise ValueError("all entries of the table are zero")
    held = min(max(int(entries.max()).bit_length(), _LEAST_BITS), _MOST_BITS)
    bits = min(max(stated, _LEAST_BITS), _MOST_BITS)
    # A table may leave the upper half of its scale to other images; one that stays below a quarter is of another depth.
    if held > bits or held < bits - 1:
        bits = notes["table_bits"] = held
    return Table(first, entries.astype(np.int32), bits, notes)


def _entries(words: NDArray[np.uint16], count: int, stated: int) -> tuple[NDArray[np.integer[Any]], dict[str, Any]]:
    if words.size in (count, count + 1):
        entries = words[:count]
        if stated == 8 and int(entries.max()) > 255 and not (entries & 0xFF).any():
            return entries >> 8, {"table_entries": "in the high byte"}
        return entries, {}
    if 2 * words.size in (count, count + 1):
        packed = np.ascontiguousarray(words.astype("<u2"))
        orders = [packed.view(np.uint8)[:count], packed.byteswap().view(np.uint8)[:count]]
        # The lower byte comes first; where the upper one does, the curve jumps back and forth.
        rough = [int(np.abs(np.diff(order.astype(np.int32))).sum()) for order in orders]
        return orders[int(rough[1] < rough[0])], {"table_entries": "two in a word"}
    raise ValueError(f"a table of {count} entries holds {words.size}")


def _words(item: Dataset, big_endian: bool) -> NDArray[np.uint16]:
    data = value(item, "LUTData")
    if isinstance(data, bytes | bytearray):
        return np.frombuffer(data[: len(data) // 2 * 2], ">u2" if big_endian else "<u2").astype(np.uint16)
    numbers = [int(number) for number in as_list(item, "LUTData")]
    return np.asarray([number % (1 << 16) for number in numbers], np.uint16)
