"""Arrays that a benchmark keeps as `.npy` files, read where the file holds what its header claims."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import DatasetError

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_array(path: Path) -> NDArray[Any]:
    """The array in a file of plain numbers; nothing in it is executed.

    Args:
        path: The `.npy` file.

    Raises:
        DatasetError: It is absent, damaged, holds objects, or claims more numbers than it has.
    """
    try:
        with path.open("rb") as file:
            shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
            size, held = prod(shape) * dtype.itemsize, path.stat().st_size - file.tell()
            if dtype.hasobject or size != held or min(shape, default=0) < 0:
                raise ValueError(f"its header claims {size:,} bytes of {dtype}, it holds {held:,}")
        found: NDArray[Any] = np.load(path, allow_pickle=False)
        return found
    except Exception as error:  # the header is parsed as an expression, and fails as one
        hint = "Remove it, and run the benchmark again: what is missing is made anew."
        raise DatasetError(f"not a whole array ({error})", where=path, hint=hint) from error
